"""The fast CPU engine gives what autograd gives, for every operation that it knows, and says why it is not used."""

from __future__ import annotations

import gc
import weakref

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from vidream.networks import Net, NotUsed, load_net
from vidream.networks import network as network_room

needs_onednn = pytest.mark.skipif(not torch.backends.mkldnn.is_available(), reason="torch without oneDNN")


class Block(nn.Module):
    """What an inception block is made of: three convolutions of one pixel on one value, a pool, a concatenation."""

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.a = nn.Conv2d(inputs, 8, 1)
        self.b1, self.b2 = nn.Conv2d(inputs, 6, 1), nn.Conv2d(6, 10, 3, padding=1)
        self.c1, self.c2 = nn.Conv2d(inputs, 5, 1), nn.Conv2d(5, 7, (1, 5), padding=(0, 2))
        self.pool, self.d = nn.MaxPool2d(3, 1, 1, ceil_mode=True), nn.Conv2d(inputs, 4, 1)

    def forward(self, x):
        b = F.relu(self.b2(F.relu(self.b1(x))))
        c = F.relu(self.c2(F.relu(self.c1(x))))
        return torch.cat([F.relu(self.a(x)), b, c, F.relu(self.d(self.pool(x)))], 1)


class Residual(nn.Module):
    """A residual block of a width, with the activation that is asked for; `act` reads the sum."""

    def __init__(self, width: int, act: nn.Module) -> None:
        super().__init__()
        self.a, self.norm = nn.Conv2d(width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width)
        self.b, self.act = nn.Conv2d(width, width, 3, padding=1), act

    def forward(self, x):
        found = self.b(self.act(self.norm(self.a(x))))
        found += x
        return self.act(found)


class Everything(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem, self.relu = nn.Conv2d(3, 12, 7, stride=2, padding=3), nn.ReLU(inplace=True)
        self.pool = nn.MaxPool2d(3, 2, ceil_mode=True)
        self.block = Block(12)
        self.wide = nn.Conv2d(29, 66, 3, stride=2, padding=1)
        self.residual = Residual(66, nn.ReLU(inplace=True))
        self.smooth = Residual(66, nn.SiLU())
        self.drop, self.depth = nn.Dropout(), nn.Conv2d(66, 66, 3, padding=1, groups=66)
        self.down = nn.Conv2d(66, 9, 4, stride=2, padding=1)

    def forward(self, x):
        x = self.block(self.pool(self.relu(self.stem(x))))
        x = self.smooth(self.residual(self.wide(x)))
        return self.down(F.avg_pool2d(torch.add(self.drop(x), self.depth(x)), 2))


def seeded(module: nn.Module) -> nn.Module:
    torch.manual_seed(3)
    for part in module.modules():
        if isinstance(part, nn.Conv2d):
            nn.init.kaiming_normal_(part.weight)
            if part.bias is not None:
                nn.init.normal_(part.bias, std=0.2)
        if isinstance(part, nn.BatchNorm2d):
            part.running_mean.normal_(), part.running_var.uniform_(0.5, 2)
    return module


def gradient(net: Net, layers: list[str], picture: torch.Tensor) -> torch.Tensor:
    x = picture.clone().requires_grad_()
    found = net.features(x, layers)
    assert all(value.dtype == torch.float32 for value in found.values())
    score = sum((number + 1) * value.square().mean() for number, value in enumerate(found.values()))
    return torch.autograd.grad(score, x)[0].flatten()


@needs_onednn
@pytest.mark.parametrize("size", [(64, 64), (57, 83)], ids=["even", "odd"])
@pytest.mark.parametrize("layers", [["down"], ["block.b2", "residual", "wide", "down"], ["stem"], ["block"]])
def test_every_known_part_gives_the_gradient_of_autograd(monkeypatch, size, layers):
    module = seeded(Everything())
    picture = torch.rand(2, 3, *size)
    fast = Net(module, name="made")
    found = gradient(fast, layers, picture)
    assert fast.engine_use(layers).is_used
    monkeypatch.setattr(network_room, "fast_network", lambda *_: (None, NotUsed.DISAGREED, ""))
    plain = Net(module, name="made")
    wanted = gradient(plain, layers, picture)
    torch.testing.assert_close(found, wanted, rtol=1e-3, atol=1e-4 * float(wanted.abs().max()))
    with torch.no_grad():
        for name, value in plain.features(picture, layers).items():
            torch.testing.assert_close(fast.features(picture, layers)[name], value, rtol=1e-4, atol=1e-4)


@needs_onednn
def test_bfloat16_goes_the_same_way_as_autograd_does(monkeypatch):
    picture = torch.rand(1, 3, 96, 96)
    found = gradient(load_net("dreamnet", dtype=torch.bfloat16), ["s3b"], picture)
    wanted = gradient(load_net("dreamnet"), ["s3b"], picture)
    assert torch.cosine_similarity(found, wanted, dim=0) > 0.999


@needs_onednn
def test_a_layer_that_the_score_leaves_out_is_no_trouble():
    net = Net(seeded(Everything()), name="made")
    x = torch.rand(1, 3, 64, 64, requires_grad=True)
    found = net.features(x, ["block", "down"])
    (first,) = torch.autograd.grad(found["block"].mean(), x)
    assert first.abs().sum() > 0


@needs_onednn
def test_what_a_pass_held_goes_with_its_results():
    net = Net(seeded(Everything()), name="made")
    x = torch.rand(1, 3, 64, 64, requires_grad=True)
    gc.disable()
    try:
        kept = net.features(x, ["down"])["down"]
        tape = weakref.ref(kept.grad_fn.tape)
        assert tape() is not None
        del kept
        assert tape() is None, "a pass without a way back is kept by a cycle"
    finally:
        gc.enable()


def plain_use(net: Net, layer: str):
    """How `net` is used, after a check that it dreams all the same."""
    assert gradient(net, [layer], torch.rand(1, 3, 64, 64)).abs().sum() > 0
    return net.engine_use([layer])


@needs_onednn
def test_an_operation_that_is_not_known_is_named():
    class Odd(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 4, 3)

        def forward(self, x):
            return torch.roll(self.conv(x), 1, 2)

    use = plain_use(Net(seeded(Odd()), name="odd"), "roll")
    assert use.reason is NotUsed.UNSUPPORTED_OPERATION and use.detail == "roll at roll"
    assert use.describe().startswith("not in use for odd:")


@needs_onednn
def test_a_torch_without_these_operations_runs_the_plain_network(monkeypatch):
    def missing(*_):
        raise AttributeError("no such operation")

    monkeypatch.setattr("vidream.networks.cpu.conv._packed", missing)
    use = plain_use(Net(seeded(Everything()), name="made"), "down")
    assert use.reason is NotUsed.OPERATION_FAILED and use.detail == "no such operation"


@needs_onednn
def test_an_engine_that_disagrees_with_torch_is_not_used(monkeypatch):
    monkeypatch.setattr("vidream.networks.cpu.fast._agrees", lambda *_: False)
    assert plain_use(Net(seeded(Everything()), name="made"), "down").reason is NotUsed.DISAGREED


def test_a_torch_without_onednn_says_so(monkeypatch):
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: False)
    assert plain_use(Net(seeded(Everything()), name="made"), "down").reason is NotUsed.NO_ONEDNN


def test_batch_norm_of_the_picture_runs_the_plain_network():
    net = Net(seeded(Everything()), name="made").with_batch_norm("train")
    assert plain_use(net, "down").reason is NotUsed.BATCH_NORM


def test_another_device_needs_no_engine():
    use = Net(seeded(Everything()).to("meta"), name="made", device="meta").engine_use(["down"])
    assert (use.reason, use.detail) == (NotUsed.GPU, "meta")
