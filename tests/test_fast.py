"""The processor's own way through a network gives what autograd gives, for every part that it knows."""

from __future__ import annotations

import gc
import sys
import weakref

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from vidream.networks import Net, load_net
from vidream.networks import network as net_room
from vidream.networks.cpu import pools
from vidream.networks.cpu.fast_network import FastNet
from vidream.networks.cpu.pools import MaxPool
from vidream.networks.cpu.steps import Tape
from vidream.runtime.threads import has_team

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
    assert isinstance(fast._cuts[tuple(layers)], FastNet)
    monkeypatch.setattr(net_room, "fast_net", lambda *_: None)
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


@pytest.fixture(params=["compiled", "by bits"])
def way(request, monkeypatch):
    """How pools behind a ReLU are done."""
    monkeypatch.setattr(pools, "WIDE_THREADS", 1)
    if request.param == "compiled":
        pytest.importorskip("numba")
        if not has_team():
            pytest.skip("torch without GNU OpenMP")
    else:
        monkeypatch.setattr(pools, "compiled_passes", lambda dtype: None)
    return request.param


POOLS = [
    nn.MaxPool2d(3, 2, ceil_mode=True),
    nn.MaxPool2d(3, 2, 1),
    nn.MaxPool2d(3, 1, 1),
    nn.MaxPool2d(2),
    nn.MaxPool2d(1, 2),
    nn.MaxPool2d((4, 3), (1, 3), (2, 0)),
    nn.MaxPool2d(3, 1, 1, dilation=2),
]


@needs_onednn
@pytest.mark.parametrize("is_positive", [True, False], ids=["behind a ReLU", "of any value"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16], ids=lambda dtype: str(dtype)[6:])
@pytest.mark.parametrize("size", [(40, 50), (41, 37), (5, 6)], ids=["even", "odd", "small"])
@pytest.mark.parametrize("pool", POOLS, ids=lambda pool: f"{pool.kernel_size} by {pool.stride}")
def test_a_pool_is_torchs_pool(way, pool, size, dtype, is_positive):
    """No two values of a picture and channel are the same but zeros, which want no gradient."""
    order = torch.Generator().manual_seed(size[0])
    count = size[0] * size[1]
    x = torch.stack([torch.randperm(count, generator=order) for _ in range(32)]).reshape(2, 16, *size) - count // 2
    # As numbers that bfloat16 keeps apart: whole ones alone would not be.
    bits = torch.int32 if dtype == torch.float32 else torch.int16
    x = (x.abs().to(bits) + 9000).view(dtype) * x.sign()
    x = (x.relu() if is_positive else x).contiguous(memory_format=torch.channels_last).requires_grad_()
    wanted = pool(x)
    grad = torch.randint(1, 9, wanted.shape).to(dtype).contiguous(memory_format=torch.channels_last)
    step, tape = MaxPool(0, 1, pool), Tape(keeps=True)
    step.is_positive = is_positive
    with torch.no_grad():
        tape.values[0] = x.detach()
        step.forward(tape)
        assert torch.equal(tape.values[1], wanted)
        tape.give(1, grad, own=False)
        step.backward(tape)
    asked = x != 0 if is_positive else torch.ones_like(x, dtype=torch.bool)
    torch.testing.assert_close(tape.grads[0][asked], torch.autograd.grad(wanted, x, grad)[0][asked])


@needs_onednn
def test_where_all_of_a_window_is_the_same_one_place_has_its_gradient(way):
    step, tape = MaxPool(0, 1, nn.MaxPool2d(3, 1, 1)), Tape(keeps=True)
    step.is_positive = True
    tape.values[0] = torch.full((1, 4, 9, 9), 0.5).contiguous(memory_format=torch.channels_last)
    step.forward(tape)
    tape.give(1, torch.ones(1, 4, 9, 9).contiguous(memory_format=torch.channels_last), own=False)
    step.backward(tape)
    assert float(tape.grads[0].sum()) == 4 * 81


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=lambda dtype: str(dtype)[6:])
def test_compiled_passes_share_the_rows_out_and_say_so_where_they_can_not_be_had(dtype, threads, monkeypatch):
    compiled = pytest.importorskip("vidream.networks.cpu.compiled")
    if not has_team():
        pytest.skip("torch without GNU OpenMP")
    x = torch.rand(2, 5, 7, 6).to(dtype).contiguous(memory_format=torch.channels_last)
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        assert compiled.can_pool(dtype) and not compiled.can_pool(torch.float16)
        found, places = compiled.pool(x, (7, 6), (3, 3, 1, 1, 1, 1))
        back = compiled.pool_back(torch.ones_like(found), places, (7, 6), (3, 3, 1, 1, 1, 1))
    finally:
        torch.set_num_threads(before)
    assert torch.equal(found, F.max_pool2d(x, 3, 1, 1)) and float(back.sum()) == found.numel()
    # Zero everywhere: no place has it, and nothing goes back.
    _, places = compiled.pool(torch.zeros_like(x), (7, 6), (3, 3, 1, 1, 1, 1))
    assert int(places.max()) == -1
    monkeypatch.setattr(compiled, "_pool", lambda kind: (_ for _ in ()).throw(RuntimeError("no compiler")))
    assert not compiled.can_pool(dtype)


@needs_onednn
def test_without_numba_pools_go_by_bits(monkeypatch):
    pools.compiled_passes.cache_clear()
    monkeypatch.setitem(sys.modules, "numba", None)
    monkeypatch.delitem(sys.modules, "vidream.networks.cpu.compiled", raising=False)
    monkeypatch.delattr("vidream.networks.cpu.compiled", raising=False)
    try:
        assert pools.compiled_passes(torch.bfloat16) is None
    finally:
        pools.compiled_passes.cache_clear()


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


def test_a_network_with_parts_unknown_goes_torchs_way():
    class Odd(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 4, 3)

        def forward(self, x):
            return self.conv(x).roll(1, 2)

    net = Net(seeded(Odd()), name="odd")
    assert gradient(net, ["roll"], torch.rand(1, 3, 16, 16)).abs().sum() > 0
    assert not isinstance(net._cuts[("roll",)], FastNet)


def test_a_torch_without_these_operations_goes_its_own_way(monkeypatch):
    def missing(*_):
        raise AttributeError("no such operation")

    monkeypatch.setattr("vidream.networks.cpu.conv._repacked", missing)
    net = Net(seeded(Everything()), name="made")
    assert gradient(net, ["down"], torch.rand(1, 3, 64, 64)).abs().sum() > 0
    assert not isinstance(net._cuts[("down",)], FastNet)


@needs_onednn
def test_a_way_that_disagrees_with_torchs_own_is_not_taken(monkeypatch):
    monkeypatch.setattr("vidream.networks.cpu.fast_network._agrees", lambda *_: False)
    net = Net(seeded(Everything()), name="made")
    gradient(net, ["down"], torch.rand(1, 3, 64, 64))
    assert not isinstance(net._cuts[("down",)], FastNet)
