"""zoo: the networks by name. `load_net("googlenet")` gives a `Net` ready to dream."""

from __future__ import annotations

from pathlib import Path

import torch
import torchvision
from torch import Tensor, nn
from torchvision.models import WeightsEnum

from vidream.errors import NetError, close_names
from vidream.networks import dreamnet, inception5h
from vidream.networks.network import Net
from vidream.networks.weights import read_state

__all__ = ["describe_net", "graph_convolutions", "has_weights", "load_net", "net_names", "weights_state"]

# Where dreams are best, shallow to deep, and the one to take when a preset names none.
GOOD_LAYERS: dict[str, tuple[tuple[str, ...], str]] = {
    "googlenet": (
        ("conv2", "conv3", "inception3a", "inception3b", "inception4a", "inception4b", "inception4c",
         "inception4d", "inception4e", "inception5a", "inception5b"),
        "inception4c",
    ),
    "resnet50": (("layer1", "layer2", "layer3", "layer4"), "layer3"),
    "vgg16": (("features.15", "features.22", "features.25", "features.27", "features.29"), "features.22"),
    "vgg19": (("features.17", "features.26", "features.29", "features.31", "features.35"), "features.26"),
    "inception_v3": (("Mixed_5b", "Mixed_5d", "Mixed_6a", "Mixed_6c", "Mixed_6e", "Mixed_7a"), "Mixed_5d"),
    "alexnet": (("features.4", "features.7", "features.9", "features.11"), "features.9"),
    "squeezenet1_1": (("features.4", "features.7", "features.9", "features.10", "features.12"), "features.10"),
    "densenet121": (("features.denseblock2", "features.denseblock3", "features.denseblock4"), "features.denseblock3"),
    "mobilenet_v3_large": (("features.6", "features.10", "features.12", "features.15"), "features.12"),
    "efficientnet_b0": (("features.3", "features.4", "features.5", "features.6"), "features.5"),
    "convnext_tiny": (("features.1", "features.3", "features.5", "features.7"), "features.5"),
}  # fmt: skip

INCEPTIONS = ("googlenet", "inception_v3")


def net_names() -> list[str]:
    """Every network that `load_net` knows: the embedded one, then torchvision's classifiers."""
    known = torchvision.models.list_models(module=torchvision.models)
    first = ["dreamnet", "inception5h", *GOOD_LAYERS]
    return first + [name for name in known if name not in first]


def load_net(
    name: str = "dreamnet",
    *,
    weights: Path | None = None,
    device: torch.device | str = "cpu",
    dtype: torch.dtype = torch.float32,
    batch_norm: str = "eval",
) -> Net:
    """The network `name`, frozen, on `device`, computing in `dtype`. batch_norm: as in `Net`.

    weights: a file to take in place of the network's own (.safetensors, or a .pth state dict;
    never one that can run code).  Raises NetError for an unknown name, a file that does not fit,
    and a download that fails.
    """
    if weights is not None and not weights.is_file():
        raise NetError(f"no weights file {weights}; give a .safetensors, .pth or .pb file, or leave --weights out")
    if name == "dreamnet":
        found = dreamnet.load_dreamnet(weights)
        return Net(
            found.module, name=name, mean=dreamnet.MEAN, std=dreamnet.STD, good_layers=dreamnet.GOOD_LAYERS,
            default_layers={"s3b": 1.0}, class_layer="head", classes=found.classes, groups=found.groups,
            channel_energy=found.energy, device=device, dtype=dtype, batch_norm=batch_norm,
        )  # fmt: skip
    if name == "inception5h":
        if weights is None:
            raise NetError(
                "inception5h needs a file of yours: --weights tensorflow_inception_graph.pb (or a .pth of it)"
            )
        return _as_inception5h(inception5h.load_inception5h(weights), device, dtype)
    _check_name(name)
    module = _untrained(name)
    state = read_state(weights) if weights else _download(name)
    _fill(module, state, name, weights)
    return _as_net(name, module, device, dtype, batch_norm)


def describe_net(name: str) -> Net:
    """The network `name` for looking at its layers only: nothing is downloaded. Raises NetError."""
    if name == "dreamnet":
        return load_net(name)
    if name == "inception5h":
        return _as_inception5h(inception5h.untrained_inception5h(), "cpu", torch.float32)
    _check_name(name)
    return _as_net(name, _untrained(name), "cpu", torch.float32)


def graph_convolutions(name: str) -> list[str]:
    """The convolutions of a network that came as a graph, with their shapes as TensorFlow prints them; else none."""
    if name != "inception5h":
        return []
    shapes = inception5h.conv_shapes(inception5h.untrained_inception5h())
    return [f"{shape.name}  {shape.shape}" for shape in shapes]


def weights_state(name: str) -> str:
    """Where the weights of `name` are, in words for people."""
    if name == "dreamnet":
        return "comes with vidream"
    if name == "inception5h":
        return "a file of yours: --weights tensorflow_inception_graph.pb"
    file = Path(torch.hub.get_dir()) / "checkpoints" / Path(_published(name).url).name
    return f"downloaded: {file}" if file.is_file() else "downloaded at first use"


def has_weights(name: str) -> bool:
    """True where the weights of `name` are on this machine already."""
    return weights_state(name).startswith(("comes", "downloaded:"))


def _check_name(name: str) -> None:
    if name not in net_names():
        raise NetError(f'no network "{name}"; {close_names(name, net_names())}. List all: vidream nets')


def _published(name: str) -> WeightsEnum:
    return torchvision.models.get_model_weights(name)["DEFAULT"]


def _untrained(name: str) -> nn.Module:
    # The Inceptions would add heads for training and a slow random start; neither is used here.
    spare = ("aux_logits", "init_weights", "transform_input") if name in INCEPTIONS else ()
    return torchvision.models.get_model(name, weights=None, **dict.fromkeys(spare, False))


def _as_inception5h(module: nn.Module, device: torch.device | str, dtype: torch.dtype) -> Net:
    return Net(
        module, name="inception5h", mean=inception5h.MEAN, std=inception5h.STD, good_layers=inception5h.GOOD_LAYERS,
        default_layers={inception5h.DEFAULT_LAYER: 1.0}, device=device, dtype=dtype,
    )  # fmt: skip


def _as_net(
    name: str, module: nn.Module, device: torch.device | str, dtype: torch.dtype, batch_norm: str = "eval"
) -> Net:
    published = _published(name)
    recipe = published.transforms()
    # The Inceptions' weights expect -1..1: torchvision's transform_input, done here in one step.
    mean, std = ((0.5,) * 3, (0.5,) * 3) if name in INCEPTIONS else (recipe.mean, recipe.std)
    good, default = GOOD_LAYERS.get(name, ((), ""))
    return Net(
        module, name=name, mean=mean, std=std, good_layers=good,
        default_layers={default: 1.0} if default else {}, classes=published.meta["categories"],
        device=device, dtype=dtype, batch_norm=batch_norm,
    )  # fmt: skip


def _download(name: str) -> dict[str, Tensor]:
    try:
        return dict(_published(name).get_state_dict(progress=True, check_hash=True))
    except OSError as error:  # urllib's URLError and HTTPError are OSErrors
        raise NetError(
            f"{name} downloads its weights at first use, and that failed ({error}); "
            "try again when connected, give a file with --weights, or use the embedded one: --net dreamnet"
        ) from None


def _fill(module: nn.Module, state: dict[str, Tensor], name: str, path: Path | None) -> None:
    state = {key: value for key, value in state.items() if not key.startswith(("aux1.", "aux2.", "AuxLogits."))}
    try:
        module.load_state_dict(state)
    except RuntimeError:
        own = module.state_dict()
        missing = [key for key in own if key not in state]
        wrong = [key for key in own if key in state and own[key].shape != state[key].shape]
        extra = [key for key in state if key not in own]
        said = "; ".join(
            f"{what} {keys[0]}" + (f" and {len(keys) - 1} more" if len(keys) > 1 else "")
            for what, keys in (("misses", missing), ("another shape at", wrong), ("does not know", extra))
            if keys
        )
        raise NetError(
            f"the weights in {path or name} do not fit {name}: {said}. Is it another network's file?"
        ) from None
