from __future__ import annotations

import dataclasses
import subprocess
import sys

import pytest
import torch
from conftest import make_tiny_net, textured
from safetensors.torch import save_file
from torch import nn
from torch.testing import assert_close
from torchvision.models import feature_extraction

from vidream.errors import NetError
from vidream.networks import (
    Net,
    WeightsPlace,
    describe_net,
    dreamnet,
    has_weights,
    load_net,
    net_names,
    network_entry,
    registry,
    weights_state,
)
from vidream.networks.entry import LoadedNetwork
from vidream.networks.layer_graph import cut_after, layer_names
from vidream.networks.torchvision_models import untrained_module


@pytest.fixture(scope="module")
def googlenet_file(tmp_path_factory):
    """Seeded GoogLeNet weights with the training heads that published files carry."""
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("weights") / "googlenet.pth"
    state = untrained_module("googlenet").state_dict()
    torch.save({**state, "aux1.fc1.bias": torch.zeros(1024)}, path)
    return path


def test_folding_batch_norm_changes_no_feature(tiny_net):
    picture = textured(32, 48).to(tiny_net.device)
    plain = make_tiny_net()._module.to(tiny_net.device)
    with torch.no_grad():
        expected = plain((picture - tiny_net._mean) * tiny_net._scale)
    found = tiny_net.features(picture, ["block3"])["block3"]
    assert torch.allclose(found, expected, atol=1e-4)
    cut = tiny_net.folded_extractor(["block3"])
    assert not any(isinstance(module, nn.BatchNorm2d) for name, module in cut.named_modules() if "norm" in name)
    assert "batch_norm" not in cut.code and ".1(" not in cut.code


def test_nothing_past_the_deepest_layer_is_kept(tiny_net):
    names = dict(tiny_net.folded_extractor(["block2"]).named_modules())
    assert "block2" in names and "block3" not in names


def test_a_net_asks_for_no_gradient_of_its_own(tiny_net):
    picture = textured(16, 16).to(tiny_net.device).requires_grad_()
    tiny_net.features(picture, ["block2"])["block2"].mean().backward()
    assert picture.grad is not None
    assert not any(value.requires_grad for value in tiny_net.folded_extractor(["block2"]).parameters())


def test_layers_are_described_with_channels_and_stride(tiny_net):
    described = {info.name: (info.channels, info.stride) for info in tiny_net.describe_layers()}
    assert described["block1"] == (8, 1) and described["block2"] == (12, 2) and described["block3"] == (7, 4)
    sizes = {info.name: (info.size_at_224, info.view_px) for info in tiny_net.describe_layers()}
    assert sizes["block1"] == ((224, 224), 3) and sizes["block3"] == ((56, 56), 9)
    assert tiny_net.layers[:2] == ("block2", "block3")


def test_unknown_layers_subjects_and_nets_are_answered_by_the_close_ones(tiny_net):
    with pytest.raises(NetError, match='no layer "blok2" in tiny; close: "block2"'):
        tiny_net.features(torch.zeros(1, 3, 16, 16), ["blok2"])
    with pytest.raises(NetError, match='no subject "clas1" in tiny; close: "class1"'):
        tiny_net.class_weights({"clas1": 1.0})
    with pytest.raises(NetError, match='no network "googlnet"; close: "googlenet"'):
        load_net("googlnet")


def test_a_group_shares_its_weight_out(tiny_net):
    assert tiny_net.class_weights({"low": 1.0, "class1": 0.25}) == {0: 0.5, 1: 0.75}


def test_the_embedded_net_comes_with_weights_subjects_and_good_layers():
    net = load_net("dreamnet")
    assert net_names()[0] == "dreamnet" and weights_state("dreamnet").place is WeightsPlace.EMBEDDED
    strides = {info.name: info.stride for info in net.describe_layers(net.good_layers)}
    assert sorted(set(strides.values())) == [2, 4, 8, 16]
    assert all(name in net.classes for names in net.groups.values() for name in names)
    assert net.features(textured(64, 64), ["head"])["head"].shape == (1, len(net.classes) + 1, 4, 4)


def test_googlenet_reads_a_weights_file_as_published(googlenet_file):
    net = load_net("googlenet", weights=googlenet_file)
    reference = untrained_module("googlenet").eval()
    reference.load_state_dict(torch.load(googlenet_file, weights_only=True), strict=False)
    kept = {}
    reference.inception4c.register_forward_hook(lambda module, given, made: kept.update(made=made))
    picture = textured(96, 128)
    with torch.no_grad():
        reference(picture * 2 - 1)
    found = net.features(picture, ["inception4c"])["inception4c"]
    assert found.shape[1] == 512
    assert torch.allclose(found, kept["made"], rtol=1e-3, atol=1e-4 * float(kept["made"].abs().max()))


def test_weights_load_from_safetensors_and_from_a_wrapped_state_dict(googlenet_file, tmp_path):
    state = torch.load(googlenet_file, weights_only=True)
    save_file(state, tmp_path / "net.safetensors")
    torch.save({"state_dict": {f"module.{key}": value for key, value in state.items()}}, tmp_path / "net.pth")
    picture = textured(64, 64)
    found = [
        load_net("googlenet", weights=path).features(picture, ["conv2"])["conv2"]
        for path in (googlenet_file, tmp_path / "net.safetensors", tmp_path / "net.pth")
    ]
    assert torch.equal(found[0], found[1]) and torch.equal(found[0], found[2])


class Boom:
    def __reduce__(self):
        return (exec, ("raise SystemExit('code in a weights file was run')",))


def test_bad_weights_are_each_one_clear_line(tmp_path):
    torch.save({"conv1.conv.weight": torch.zeros(3)}, tmp_path / "foreign.pth")
    torch.save(torch.zeros(3), tmp_path / "tensor.pth")
    torch.save({"weight": Boom()}, tmp_path / "code.pth")
    (tmp_path / "text.pth").write_text("hello")
    (tmp_path / "text.safetensors").write_text("hello")
    for name, words in [
        ("absent.pth", "no weights file"),
        ("foreign.pth", "do not fit googlenet"),
        ("tensor.pth", "holds no state dict"),
        ("code.pth", "cannot read weights"),
        ("text.pth", "cannot read weights"),
        ("text.safetensors", "cannot read weights"),
    ]:
        with pytest.raises(NetError, match=words) as caught:
            load_net("googlenet", weights=tmp_path / name)
        assert "\n" not in str(caught.value)
    with pytest.raises(NetError, match="dreamnet"):
        load_net("dreamnet", weights=tmp_path / "text.safetensors")


def test_a_download_that_fails_says_what_to_do(monkeypatch):
    def unreachable(*_: object, **__: object) -> None:
        raise OSError("<urlopen error no route to host>")

    monkeypatch.setattr(torch.hub, "download_url_to_file", unreachable)
    monkeypatch.setattr(torch.hub, "get_dir", lambda: "/nonexistent-cache")
    monkeypatch.setattr("torchvision._internally_replaced_utils.load_state_dict_from_url", unreachable, raising=False)
    monkeypatch.setattr("torchvision.models._api.load_state_dict_from_url", unreachable)
    with pytest.raises(NetError, match="use net=") as caught:
        load_net("googlenet")
    assert "\n" not in str(caught.value)


def test_layers_of_a_net_can_be_listed_without_its_weights():
    net = describe_net("googlenet")
    info = {layer.name: layer for layer in net.describe_layers(["inception4c", "conv2"])}
    assert (info["inception4c"].channels, info["inception4c"].stride) == (512, 16)
    assert info["inception4c"].size_at_224 == (14, 14)


@pytest.mark.parametrize("layer", ["conv1", "conv3", "inception3a"])
def test_the_view_of_a_layer_is_what_its_gradient_reaches(layer):
    net = describe_net("googlenet")
    (info,) = net.describe_layers([layer])
    picture = torch.rand(1, 3, 224, 224, generator=torch.Generator().manual_seed(0)).requires_grad_()
    found = net.features(picture, [layer])[layer]
    middle = found.shape[-1] // 2
    found[0, :, middle, middle].square().sum().backward()
    rows = picture.grad.abs().sum(dim=(0, 1, 3)).nonzero()
    reached = int(rows.max() - rows.min()) + 1
    assert info.view_px is not None and info.view_px - 8 <= reached <= info.view_px


def test_where_weights_are_is_a_value(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    away = weights_state("googlenet")
    assert away.place is WeightsPlace.DOWNLOADABLE and not has_weights("googlenet") and away.path is None
    assert away.url.startswith("https://") and away.size_bytes > 2**20
    file = tmp_path / "checkpoints" / away.url.rpartition("/")[2]
    file.parent.mkdir()
    file.write_bytes(b"12345")
    here = weights_state("googlenet")
    assert here.place is WeightsPlace.CACHED and has_weights("googlenet") and (here.path, here.size_bytes) == (file, 5)
    asked = weights_state("inception5h")
    assert asked.place is WeightsPlace.FILE_NEEDED and not asked.is_here
    assert "tensorflow_inception_graph.pb" in asked.describe()
    with pytest.raises(NetError, match='no network "googlnet"'):
        weights_state("googlnet")


def test_a_network_is_added_by_one_entry(monkeypatch):
    tiny = dataclasses.replace(
        network_entry("dreamnet"), name="tiny", load=lambda path: LoadedNetwork(make_tiny_net()._module),
        good_layers=("block2",), default_layers={"block3": 1.0},
    )  # fmt: skip
    bare = dataclasses.replace(tiny, name="bare", good_layers=())
    entries = [bare, tiny, network_entry("dreamnet")]
    monkeypatch.setattr(dreamnet, "network_entries", lambda: entries)
    registry._entries.cache_clear()
    try:
        assert has_weights("tiny")
        # The default comes first, and the many that nobody chose layers for last, whatever their files are called.
        names = net_names()
        assert names[0] == "dreamnet" and names.index("tiny") < names.index("googlenet") < names.index("bare")
        net = load_net("tiny")
        assert (net.name, net.good_layers, net.default_layers) == ("tiny", ("block2",), {"block3": 1.0})
    finally:
        registry._entries.cache_clear()


def test_statistics_of_the_picture_need_a_network_with_batch_norm(tiny_net):
    own = tiny_net.with_batch_norm("train")
    picture = 0.2 * textured(32, 48).to(tiny_net.device)
    learned, measured = (net.features(picture, ["block2"])["block2"] for net in (tiny_net, own))
    assert not torch.allclose(learned, measured, atol=1e-2)
    assert torch.equal(own.with_batch_norm("eval").features(picture, ["block2"])["block2"], learned)
    bare = Net(nn.Sequential(nn.Conv2d(3, 4, 3)), name="bare")
    with pytest.raises(NetError, match="bare has no batch norm, so batch_norm must be eval"):
        bare.with_batch_norm("train")


@pytest.mark.parametrize("name", ["googlenet", "efficientnet_b0", "swin_t", "regnet_y_400mf"])
def test_layers_have_the_names_and_values_of_torchvisions_feature_extraction(name):
    module = describe_net(name)._module
    names = feature_extraction.get_graph_node_names(module)[1]
    module.eval()
    assert [layer for layer in names if layer not in layer_names(module)] == ["x"]
    wanted = [names[len(names) // 2], names[-1]]
    expected = feature_extraction.create_feature_extractor(module, {layer: layer for layer in wanted}).eval()
    picture = torch.rand(1, 3, 96, 96)
    with torch.no_grad():
        assert_close(cut_after(module.eval(), wanted)(picture), expected(picture), rtol=0, atol=0)


class InPlace(nn.Module):
    """Three ways of changing a value in place behind a convolution."""

    def __init__(self):
        super().__init__()
        self.a, self.b, self.c = (nn.Conv2d(3, 3, 1) for _ in range(3))
        self.act = nn.SiLU(inplace=True)

    def forward(self, x):
        y = self.act(self.a(x))
        y = nn.functional.relu(self.b(y), inplace=True)
        z = self.c(y)
        z += y
        return z


def test_what_works_in_place_changes_no_layer_before_it():
    torch.manual_seed(0)
    net = Net(InPlace(), name="in place", mean=(0, 0, 0), std=(1, 1, 1))
    picture = torch.rand(1, 3, 8, 8)
    together = net.features(picture, ["a", "b", "c", "add"])
    assert float(together["b"].min()) < 0
    for layer in ("a", "b", "c"):
        assert_close(together[layer], net.features(picture, [layer])[layer])


def test_a_dream_with_the_embedded_network_does_not_wait_for_torchvision():
    script = (
        "import sys, torch, vidream\n"
        "vidream.Dreamer(vidream.Preset(steps=1, octaves=1))(torch.rand(1, 3, 32, 32))\n"
        "sys.exit(' '.join(name for name in ('torchvision', 'torch._dynamo') if name in sys.modules))"
    )
    child = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert child.stderr.strip() == ""
