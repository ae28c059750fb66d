"""inception5h: graph files made here by a writer of the wire format, against a plain reference in float64."""

from __future__ import annotations

import math
import struct
import time

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from conftest import textured
from safetensors.torch import save_file

from vidream.errors import NetError
from vidream.networks import Net, inception5h
from vidream.networks import tensorflow_layers as tflayers
from vidream.networks.inception5h import WIDTHS, Inception5h, conv_shapes, untrained_inception5h
from vidream.networks.inception5h_weights import load_inception5h

BLOCKS = ("mixed3a", "mixed3b", "mixed4a", "mixed4b", "mixed4c", "mixed4d", "mixed4e", "mixed5a", "mixed5b")
POOLS = {"mixed4a": "maxpool4", "mixed5a": "maxpool10"}
NORM = {"depth_radius": 5, "bias": 2.0, "alpha": 1e-4, "beta": 0.5}
THIN = {
    name: 14 if name in ("conv2d0", "conv2d2") else 2 + index * 7 % 5  # wider than the window of the norms
    for index, name in enumerate(WIDTHS)
}


# ---- a writer of GraphDef -------------------------------------------------------------------------------------


def varint(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def field(number: int, value: int | float | bytes | str) -> bytes:
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    if isinstance(value, float):
        return varint(number << 3 | 5) + struct.pack("<f", value)
    value = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(value)) + value


def attribute(key: str, value: bytes) -> bytes:
    return field(5, field(1, key) + field(2, value))


def node(name: str, op: str, inputs: tuple[str, ...] = (), attributes: bytes = b"") -> bytes:
    return field(1, field(1, name) + field(2, op) + b"".join(field(3, i) for i in inputs) + attributes)


def tensor(array: np.ndarray, *, way: str = "content", kind: int = 1, shape: tuple[int, ...] | None = None) -> bytes:
    sizes = b"".join(field(2, field(1, size)) for size in (array.shape if shape is None else shape))
    raw = array.astype("<f4").tobytes()
    held = {
        "content": lambda: field(4, raw),
        "packed": lambda: field(5, raw),
        "single": lambda: b"".join(field(5, float(number)) for number in array.ravel()),
    }[way]()
    return field(1, kind) + field(2, sizes) + held


def const(name: str, array: np.ndarray, **how) -> bytes:
    return node(name, "Const", (), attribute("dtype", field(6, 1)) + attribute("value", field(8, tensor(array, **how))))


def norm_node(name: str, source: str, norm: dict[str, float]) -> bytes:
    held = [attribute(key, field(3 if isinstance(value, int) else 4, value)) for key, value in norm.items()]
    return node(name, "LRN", (source,), b"".join(held))


def op_nodes(norm: dict[str, float]) -> dict[str, bytes]:
    """Every operation of the graph, in its order."""
    made = {"input": node("input", "Placeholder")}

    def add(name: str, op: str, *inputs: str) -> str:
        made[name] = node(name, op, inputs)
        return name

    def weighted(name: str, source: str, op: str = "Conv2D", last: str = "Relu") -> str:
        before = name + ("_pre_activation" if last == "Softmax" else "_pre_relu")
        add(before + ("/conv" if op == "Conv2D" else "/matmul"), op, source, f"{name}_w")
        add(before, "BiasAdd", before + "/conv", f"{name}_b")
        return add(name, last, before)

    last = add("maxpool0", "MaxPool", weighted("conv2d0", "input"))
    made["localresponsenorm0"] = norm_node("localresponsenorm0", last, norm)
    last = weighted("conv2d2", weighted("conv2d1", "localresponsenorm0"))
    made["localresponsenorm1"] = norm_node("localresponsenorm1", last, norm)
    last = add("maxpool1", "MaxPool", "localresponsenorm1")
    for block in BLOCKS:
        last = add(POOLS[block], "MaxPool", last) if block in POOLS else last
        parts = [weighted(f"{block}_1x1", last)]
        parts += [weighted(f"{block}_{k}", weighted(f"{block}_{k}_bottleneck", last)) for k in ("3x3", "5x5")]
        parts.append(weighted(f"{block}_pool_reduce", add(f"{block}_pool", "MaxPool", last)))
        last = add(block, "Concat", *parts)
    add("avgpool0", "AvgPool", last)
    for head, block in (("0", "mixed4a"), ("1", "mixed4d")):
        bottleneck = weighted(f"head{head}_bottleneck", add(f"head{head}_pool", "AvgPool", block))
        weighted(f"softmax{head}", weighted(f"nn{head}", bottleneck, "MatMul"), "MatMul", "Softmax")
    weighted("softmax2", "avgpool0", "MatMul", "Softmax")
    return made


def arrays_of(widths: dict[str, int], seed: int = 0) -> dict[str, np.ndarray]:
    """Seeded weights as the graph has them: "X_w" [k,k,in,out] or, for matrices, [in,out]; "X_b" [out]."""
    random = np.random.default_rng(seed)
    arrays: dict[str, np.ndarray] = {}

    def add(name: str, inputs: int, window: int = 1, matrix: bool = False) -> int:
        rows = window * window * inputs
        weight = random.standard_normal((rows, widths[name]), dtype=np.float32) * np.float32(math.sqrt(2 / rows))
        arrays[f"{name}_w"] = weight if matrix else weight.reshape(window, window, inputs, widths[name])
        arrays[f"{name}_b"] = random.standard_normal(widths[name], dtype=np.float32)
        return widths[name]

    last = add("conv2d2", add("conv2d1", add("conv2d0", 3, 7)), 3)
    wide = {}
    for block in BLOCKS:
        parts = [add(f"{block}_1x1", last)]
        parts += [add(f"{block}_{k}x{k}", add(f"{block}_{k}x{k}_bottleneck", last), k) for k in (3, 5)]
        wide[block] = last = sum(parts) + add(f"{block}_pool_reduce", last)
    for head, block in (("0", "mixed4a"), ("1", "mixed4d")):
        hidden = add(f"nn{head}", add(f"head{head}_bottleneck", wide[block]), 4, matrix=True)
        add(f"softmax{head}", hidden, matrix=True)
    add("softmax2", last, matrix=True)
    return arrays


def graph_of(arrays: dict[str, np.ndarray], norm: dict[str, float] = NORM) -> dict[str, bytes]:
    """Name -> encoded node, constants first, as in the published file."""
    return {name: const(name, array) for name, array in arrays.items()} | op_nodes(norm)


@pytest.fixture(scope="module")
def arrays():
    return arrays_of(THIN)


@pytest.fixture(scope="module")
def nodes(arrays):
    return graph_of(arrays)


@pytest.fixture(scope="module")
def graph_file(nodes, tmp_path_factory):
    path = tmp_path_factory.mktemp("graph") / "thin.pb"
    path.write_bytes(b"".join(nodes.values()))
    return path


# ---- the plain reference ---------------------------------------------------------------------------------------


def same(x, window, stride, fill):
    pads = []
    for size in (x.shape[3], x.shape[2]):
        total = max((math.ceil(size / stride) - 1) * stride + window - size, 0)
        pads += [total // 2, total - total // 2]
    return F.pad(x, pads, value=fill)


def windows_of(x, high, wide, stride):
    return x.unfold(2, high, stride).unfold(3, wide, stride)


def local_norm(x, depth_radius, bias, alpha, beta):
    out = torch.empty_like(x)
    for index in range(x.shape[1]):
        around = x[:, max(index - depth_radius, 0) : index + depth_radius + 1]
        out[:, index] = x[:, index] / (bias + alpha * (around**2).sum(1)) ** beta
    return out


def reference(arrays, picture, norm=NORM):
    """Every tensor of the graph by name, in float64, with TensorFlow's paddings written out."""
    made = {}

    def conv(name, x, stride=1):
        weight = torch.from_numpy(arrays[f"{name}_w"]).double().permute(3, 2, 0, 1)
        bias = torch.from_numpy(arrays[f"{name}_b"]).double()
        made[f"{name}_pre_relu"] = F.conv2d(same(x, weight.shape[2], stride, 0.0), weight, bias, stride)
        made[name] = made[f"{name}_pre_relu"].clamp(min=0)
        return made[name]

    def pool(name, x, stride):
        made[name] = windows_of(same(x, 3, stride, -torch.inf), 3, 3, stride).amax((-1, -2))
        return made[name]

    def matrix(name, flat):
        return flat @ torch.from_numpy(arrays[f"{name}_w"]).double() + torch.from_numpy(arrays[f"{name}_b"]).double()

    x = pool("maxpool0", conv("conv2d0", picture.double() * 255 - 117, 2), 2)
    x = made["localresponsenorm0"] = local_norm(x, **norm)
    x = made["localresponsenorm1"] = local_norm(conv("conv2d2", conv("conv2d1", x)), **norm)
    x = pool("maxpool1", x, 2)
    for block in BLOCKS:
        x = pool(POOLS[block], x, 2) if block in POOLS else x
        parts = [conv(f"{block}_1x1", x)]
        parts += [conv(f"{block}_{k}", conv(f"{block}_{k}_bottleneck", x)) for k in ("3x3", "5x5")]
        parts.append(conv(f"{block}_pool_reduce", pool(f"{block}_pool", x, 1)))
        x = made[block] = torch.cat(parts, 1)
    if min(made["mixed4a"].shape[-2:]) < 14:
        return made  # below 224 px the graph has no classifiers
    for head, block in (("0", "mixed4a"), ("1", "mixed4d")):
        made[f"head{head}_pool"] = windows_of(made[block], 5, 5, 3).mean((-1, -2))
        x = conv(f"head{head}_bottleneck", made[f"head{head}_pool"])
        made[f"nn{head}_pre_relu"] = matrix(f"nn{head}", x.permute(0, 2, 3, 1).flatten(1))  # from NHWC
        made[f"nn{head}"] = made[f"nn{head}_pre_relu"].clamp(min=0)
        made[f"softmax{head}_pre_activation"] = matrix(f"softmax{head}", made[f"nn{head}"])
        made[f"softmax{head}"] = made[f"softmax{head}_pre_activation"].softmax(1)
    made["avgpool0"] = windows_of(made["mixed5b"], 7, 7, 1).mean((-1, -2))
    made["softmax2_pre_activation"] = matrix("softmax2", made["avgpool0"].flatten(1))
    made["softmax2"] = made["softmax2_pre_activation"].softmax(1)
    return made


def net_of(module: Inception5h, dtype: torch.dtype = torch.float32) -> Net:
    return Net(module, name="inception5h", mean=inception5h.MEAN, std=inception5h.STD, dtype=dtype)


def check_against(module, arrays, picture, norm=NORM, tolerance=2e-5):
    expected = reference(arrays, picture, norm)
    with torch.no_grad():
        found = net_of(module).features(picture, list(expected))
    for name, value in expected.items():
        value = value.reshape(found[name].shape)
        worst = float((found[name].double() - value).abs().max())
        assert worst <= tolerance * float(value.abs().max()), (name, worst)
    return expected


# ---- the network -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("height", "width"), [(64, 64), (61, 83), (50, 97)])
def test_every_layer_computes_as_tensorflow_does(graph_file, arrays, height, width):
    expected = check_against(load_inception5h(graph_file), arrays, textured(height, width))
    assert expected["conv2d0"].shape[-2:] == (math.ceil(height / 2), math.ceil(width / 2))
    assert expected["mixed5b"].shape[-2:] == (math.ceil(height / 32), math.ceil(width / 32))


def test_the_classifiers_compute_as_tensorflow_does_at_their_size(graph_file, arrays):
    module = load_inception5h(graph_file)
    expected = check_against(module, arrays, textured(224, 224))
    assert set(expected) == set(module.layer_names)


def test_the_classifiers_slide_over_large_pictures_and_fit_small_ones(graph_file):
    net = net_of(load_inception5h(graph_file))
    layers = ["head0_bottleneck_pre_relu", "softmax1", "softmax2_pre_activation"]
    for size, sizes in ((320, (6, 3, 4)), (224, (4, 1, 1)), (40, (1, 1, 1)), (16, (1, 1, 1))):
        found = net.features(textured(size, size), layers)
        assert tuple(found[name].shape[-1] for name in layers) == sizes


def test_the_layers_have_the_names_of_the_graph_and_no_others(graph_file, nodes):
    module = load_inception5h(graph_file)
    inner = ("_w", "_b", "/conv", "/matmul", "input")
    assert list(module.layer_names) == [name for name in nodes if not name.endswith(inner)]
    net = net_of(module)
    assert net.layers == module.layer_names
    strides = {info.name: (info.channels, info.stride) for info in net.describe_layers(["conv2d2", "mixed4c"])}
    assert strides["conv2d2"] == (14, 4) and strides["mixed4c"][1] == 16
    assert set(inception5h.GOOD_LAYERS) <= set(net.layers) and inception5h.DEFAULT_LAYER in net.layers


def test_a_layer_before_its_relu_has_negative_numbers_and_a_gradient(graph_file):
    net = net_of(load_inception5h(graph_file))
    picture = textured(48, 64).requires_grad_()
    names = ["mixed4d_3x3_bottleneck_pre_relu", "mixed4d_3x3_bottleneck", "mixed4c"]
    found = net.features(picture, names)
    assert found[names[0]].min() < 0 and torch.equal(found[names[0]].clamp(min=0), found[names[1]])
    found["mixed4c"].square().mean().backward()
    assert picture.grad is not None and picture.grad.abs().max() > 0 and picture.grad.isfinite().all()


def test_bfloat16_gives_nearly_the_same(graph_file):
    module, picture = load_inception5h(graph_file), textured(64, 80)
    exact = net_of(module).features(picture, ["mixed3b"])["mixed3b"]
    rough = net_of(module, torch.bfloat16).features(picture, ["mixed3b"])["mixed3b"]
    assert (rough - exact).norm() < 0.05 * exact.norm()


def test_the_59_convolutions_are_listed_as_write_ups_print_them():
    module = untrained_inception5h()
    listed = conv_shapes(module)
    # "Number of layers 59. Total number of feature channels: 7548", says TensorFlow's own notebook.
    assert len(listed) == 59 and sum(conv.kernel[3] for conv in listed) == 7548
    shapes = dict(listed)
    assert shapes["conv2d0_pre_relu/conv"] == (7, 7, 3, 64)
    assert shapes["mixed4d_3x3_bottleneck_pre_relu/conv"] == (1, 1, 512, 144)
    assert shapes["mixed5b_5x5_pre_relu/conv"] == (5, 5, 48, 128)
    assert shapes["head1_bottleneck_pre_relu/conv"] == (1, 1, 528, 128)
    names = list(shapes)
    assert names[3:6] == [f"mixed3a_{part}_pre_relu/conv" for part in ("1x1", "3x3_bottleneck", "3x3")]
    assert names[-1] == "head1_bottleneck_pre_relu/conv"
    assert listed[names.index("mixed4d_3x3_bottleneck_pre_relu/conv")].shape == "(?, ?, ?, 144)"
    channels = {info.name: info.channels for info in net_of(module).describe_layers(BLOCKS)}
    assert list(channels.values()) == [256, 480, 508, 512, 512, 528, 832, 832, 1024]


def test_untrained_weights_are_the_same_each_time_and_draw_from_nobody_elses_seed():
    state = torch.get_rng_state()
    one, two = untrained_inception5h(THIN), untrained_inception5h(THIN)
    assert torch.equal(torch.get_rng_state(), state)
    picture = textured(32, 32)
    assert torch.equal(*(net_of(module).features(picture, ["mixed4c"])["mixed4c"] for module in (one, two)))


# ---- its parts by hand ------------------------------------------------------------------------------------------


def test_local_norm_by_hand():
    x = torch.tensor([1.0, 2.0, 2.0]).view(1, 3, 1, 1)
    alone = tflayers.local_norm(tflayers.LocalNorm(radius=0, bias=3.0, alpha=1.0, beta=0.5), 3)(x)
    assert torch.allclose(alone.flatten(), torch.tensor([1 / 2, 2 / 7**0.5, 2 / 7**0.5]))
    # alpha times the SUM of the squares of a channel and its neighbours, beside 7: 7+5, 7+9, 7+8.
    near = tflayers.local_norm(tflayers.LocalNorm(radius=1, bias=7.0, alpha=1.0, beta=0.5), 3)(x)
    assert torch.allclose(near.flatten(), torch.tensor([1 / 12**0.5, 2 / 4, 2 / 15**0.5]))
    with pytest.raises(ValueError, match="no norm"):
        tflayers.LocalNorm(alpha=math.nan)


def test_same_max_pool_by_hand():
    pool = tflayers.max_pool(2)
    even, odd = torch.arange(16.0).view(1, 1, 4, 4), torch.arange(9.0).view(1, 1, 3, 3)
    assert pool(even).tolist() == [[[[10, 11], [14, 15]]]]  # from 0: the last windows hang over the end
    assert pool(odd).tolist() == [[[[4, 5], [7, 8]]]]  # from -1
    assert pool(-odd).tolist() == [[[[0, -1], [-3, -4]]]]  # what is outside is never the maximum
    assert tflayers.max_pool(1)(-odd).tolist() == [[[[0, 0, -1], [0, 0, -1], [-3, -3, -4]]]]


def test_same_convolution_by_hand():
    """Ones under a 7x7 window of ones: how many places of the picture each window covers."""
    conv = tflayers.convolution(torch.ones(1, 1, 7, 7), torch.zeros(1), stride=2)
    for size, covered in ((4, [4, 4]), (5, [4, 5, 4]), (10, [5, 7, 7, 6, 4])):  # pads (2,3), (3,3), (2,3)
        found = conv(torch.ones(1, 1, size, size))[0, 0]
        assert torch.equal(found, torch.tensor(covered, dtype=torch.float32).outer(torch.tensor(covered).float()))


# ---- the reader ------------------------------------------------------------------------------------------------


def state_of(path):
    return load_inception5h(path).state_dict()


def equal(one, two):
    return list(one) == list(two) and all(torch.equal(one[key], two[key]) for key in one)


def test_nodes_in_any_order_with_numbers_in_any_form_and_unknown_fields_read_the_same(
    graph_file, nodes, arrays, tmp_path
):
    unknown = field(99, b"new") + field(98, 2**63) + field(97, 1.5) + varint(96 << 3 | 1) + b"8 bytes!"
    mixed = dict(nodes)
    for index, (name, array) in enumerate(arrays.items()):
        way = ("content", "packed", "single")[index % 3]
        held = attribute("_output_shapes", field(1, field(7, b""))) + attribute("later", field(42, b"?"))
        held += attribute("value", unknown + field(8, unknown + tensor(array, way=way) + unknown)) + unknown
        mixed[name] = node("import/" + name, "Const", (), held)
    order = np.random.default_rng(3).permutation(list(mixed))
    path = tmp_path / "mixed.pb"
    versions = field(4, field(1, 21) + field(2, 0))
    path.write_bytes(versions + unknown + b"".join(mixed[name] for name in order) + field(2, b"") + unknown)
    assert equal(state_of(path), state_of(graph_file))


def test_a_list_shorter_than_its_shape_is_filled_with_its_last_number(nodes, arrays, graph_file, tmp_path):
    short = np.array([0.5, 0.25], np.float32)
    bias = const("mixed4c_1x1_b", short, way="packed", shape=arrays["mixed4c_1x1_b"].shape)
    zero = const("mixed4d_1x1_b", short[:0], way="packed", shape=arrays["mixed4d_1x1_b"].shape)
    path = tmp_path / "short.pb"
    path.write_bytes(b"".join({**nodes, "mixed4c_1x1_b": bias, "mixed4d_1x1_b": zero}.values()))
    state = state_of(path)
    assert state["mixed4c_1x1_pre_relu.bias"].tolist() == [0.5] + [0.25] * (THIN["mixed4c_1x1"] - 1)
    assert not state["mixed4d_1x1_pre_relu.bias"].any()


def test_the_norms_are_read_from_the_graph(arrays, tmp_path):
    norm = {"depth_radius": 2, "bias": 1.5, "alpha": 0.01, "beta": 0.75}
    path = tmp_path / "norms.pb"
    path.write_bytes(b"".join(graph_of(arrays, norm).values()))
    check_against(load_inception5h(path), arrays, textured(40, 52), norm)
    # An attribute that is not written has TensorFlow's default.
    path.write_bytes(b"".join(graph_of(arrays, {}).values()))
    check_against(
        load_inception5h(path), arrays, textured(40, 52), {"depth_radius": 5, "bias": 1.0, "alpha": 1.0, "beta": 0.5}
    )
    path.write_bytes(b"".join(graph_of(arrays, {**NORM, "alpha": -1.0}).values()))
    with pytest.raises(NetError, match="no norm"):
        load_inception5h(path)


def test_a_graph_without_side_heads_or_classifier_is_read_without_them(nodes, tmp_path):
    cut = {key: value for key, value in nodes.items() if not key.startswith(("head", "nn", "softmax", "avgpool"))}
    path = tmp_path / "trunk.pb"
    pools = {name: nodes[name] for name in ("avgpool0", "head0_pool", "head1_pool")}
    path.write_bytes(b"".join({**cut, **pools}.values()))
    module = load_inception5h(path)
    assert len(conv_shapes(module)) == 57 and "head0_bottleneck" not in module.layer_names
    path.write_bytes(b"".join({**cut, **pools, "head0_bottleneck_w": nodes["head0_bottleneck_w"]}.values()))
    with pytest.raises(NetError, match="misses node head0_bottleneck_b"):
        load_inception5h(path)


def test_a_graph_of_the_published_size_loads_in_no_time(tmp_path):
    path = tmp_path / "full.pb"
    path.write_bytes(b"".join(graph_of(arrays_of(WIDTHS)).values()))
    assert 50e6 < path.stat().st_size < 60e6
    start = time.process_time()
    module = load_inception5h(path)
    assert time.process_time() - start < 4
    assert conv_shapes(module) == conv_shapes(untrained_inception5h())


# ---- state dicts ------------------------------------------------------------------------------------------------


def ported_keys(module: Inception5h) -> dict[str, torch.Tensor]:
    """The keys of torch ports: "..._conv.weight", and "softmax2_pre_activation_matmul.weight" [out,in]."""
    ported = {}
    for key, value in module.state_dict().items():
        stem, part = key.rsplit(".", 1)
        if not stem.startswith(("head", "nn", "softmax0", "softmax1")):
            matrix = stem.startswith("softmax")
            value = value.flatten(1) if matrix and part == "weight" else value
            ported[f"{stem}_{'matmul' if matrix else 'conv'}.{part}"] = value
    return ported


def test_state_dicts_by_the_usual_keys_give_the_same_network(graph_file, arrays, tmp_path):
    module = load_inception5h(graph_file)
    torch.save(ported_keys(module), tmp_path / "ported.pth")
    torch.save({"state_dict": {f"module.{k}": v for k, v in module.state_dict().items()}}, tmp_path / "own.PT")
    save_file(module.state_dict(), tmp_path / "own.safetensors")
    save_file({name: torch.from_numpy(array) for name, array in arrays.items()}, tmp_path / "graph.safetensors")
    picture = textured(64, 64)
    expected = net_of(module).features(picture, ["mixed4c", "softmax2"])
    for name, count in (("ported.pth", 57), ("own.PT", 59), ("own.safetensors", 59), ("graph.safetensors", 59)):
        read = load_inception5h(tmp_path / name)
        found = net_of(read).features(picture, ["mixed4c", "softmax2"])
        assert len(conv_shapes(read)) == count
        assert all(torch.equal(found[layer], expected[layer]) for layer in found), name
        assert count == 57 or equal(read.state_dict(), module.state_dict())


class Boom:
    def __reduce__(self):
        return (exec, ("raise SystemExit('code in a weights file was run')",))


@pytest.mark.filterwarnings("ignore:Validating sparse")
def test_bad_state_dicts_are_each_one_clear_line(graph_file, tmp_path):
    good = ported_keys(load_inception5h(graph_file))
    key = "mixed4b_3x3_pre_relu_conv."
    files = {
        "misses.pth": ({k: v for k, v in good.items() if k != key + "weight"}, f"misses {key}weight"),
        "no_bias.pth": ({k: v for k, v in good.items() if k != key + "bias"}, f"misses {key}bias"),
        "shape.pth": ({**good, key + "weight": torch.zeros(4, 9, 3, 3)}, "mixed4b_3x3 has weights of 4x9x3x3"),
        "nan.pth": ({**good, key + "bias": good[key + "bias"] * math.nan}, "mixed4b_3x3 has .* no finite"),
        "foreign.pth": ({"conv1.weight": torch.zeros(3)}, "misses conv2d0_pre_relu_conv.weight"),
        "sparse.pth": ({**good, key + "bias": good[key + "bias"].to_sparse()}, f"misses {key}bias"),
        "whole.pth": ({**good, key + "bias": good[key + "bias"].int()}, f"misses {key}bias"),
        "list.pth": ([torch.zeros(3)], "holds no state dict"),
        "code.pth": ({"conv2d0_pre_relu_conv.weight": Boom()}, "cannot read weights"),
    }
    for name, (state, words) in files.items():
        torch.save(state, tmp_path / name)
        refused(tmp_path / name, words)
    for name in ("text.pth", "text.safetensors"):
        (tmp_path / name).write_text("hello")
        refused(tmp_path / name, "cannot read weights")


# ---- files that are something else -------------------------------------------------------------------------------


def refused(path, words):
    with pytest.raises(NetError, match=words) as caught:
        load_inception5h(path)
    assert "\n" not in str(caught.value) and path.name in str(caught.value)


FOREIGN = {
    "empty": (b"", "it is empty"),
    "web page": (b"<!DOCTYPE html>\n<html>", "it is text"),
    "pointer": (b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\n", "it is text: .*Git LFS"),
    "text graph": (b'node {\n  name: "input"\n}\n', "written as text"),
    "zip": (b"PK\x03\x04\x14\x00\x00\x00", "zip archive: unpack it"),
    "pickle": (b"\x80\x02}q\x00.", "call it .pth"),
    "picture": (b"\xff\xd8\xff\xe0\x00\x10JFIF\x00", "no TensorFlow GraphDef"),
    "zeros": (bytes(1000), "no TensorFlow GraphDef"),
    "onnx": (field(1, 7) + field(2, "pytorch") + field(7, b"graph"), "another protobuf, as SavedModel and ONNX"),
    "unknown fields only": (field(4, field(1, 21)), "it has no nodes"),
    "nameless": (field(1, field(2, "Const")), "without name or operation"),
    "other net": (node("input", "Placeholder") + node("conv1/weights", "Const"), 'misses node conv2d0_w .*"conv1/wei'),
    "long length": (b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\x7f", "ends in the middle"),
    "endless number": (b"\x08" + b"\xff" * 30, "breaks the protobuf format"),
    "group": (b"\x0b\x0c" * 20, "breaks the protobuf format"),
    "odd names": (node("a\nb\x1b[0m", "Const"), 'begins with "a.b.'),
}


@pytest.mark.parametrize("kind", FOREIGN)
def test_a_foreign_file_is_one_clear_line(kind, tmp_path):
    data, words = FOREIGN[kind]
    path = tmp_path / "graph.pb"
    path.write_bytes(data)
    refused(path, words)


def test_a_file_that_cannot_be_read_is_one_clear_line(tmp_path):
    refused(tmp_path / "absent.pb", "cannot read .*absent.pb")
    refused(tmp_path, "cannot read")
    with (tmp_path / "film.mp4").open("wb") as film:
        film.truncate(2**32)  # sparse: takes no room, and must not be read
    refused(tmp_path / "film.mp4", "4295 MB, too many")


def test_a_graph_that_does_not_fit_is_one_clear_line(nodes, arrays, tmp_path):
    name = "mixed4c_3x3_w"
    array, length = arrays[name], arrays[name].nbytes
    giant = np.ones(1, np.float32)
    changed = {
        f"misses node {name} ": {name: b""},
        "misses node mixed4b: is it truncated": {"mixed4b": b""},
        "misses node softmax2_b ": {"softmax2_b": b""},
        r"mixed4c_3x3 has weights of \d+x\d+x5x5 ": {name: const(name, np.zeros((5, 5, *array.shape[2:])))},
        r"mixed4c_3x3 has weights of .* not \d+x\d+x3x3": {name: const(name, array[:, :, :-1])},
        "mixed4c_3x3 has .* no finite numbers": {name: const(name, array * np.inf)},
        "type 3, not float32": {name: const(name, array, kind=3)},
        f"holds {length - 4} bytes, not the {length}": {
            name: const(name, array.ravel()[:-1], shape=array.shape),
        },
        f"holds {array.size} numbers, not the 4 of": {name: const(name, array, way="packed", shape=(4,))},
        "claims the shape 1152921504606846976,": {name: const(name, array, shape=(2**60, 4))},
        "claims the shape 18446744073709551615": {name: const(name, array, shape=(2**64 - 1,))},
        "claims the shape 1x1x1x1x1x1x1x1x1, ": {name: const(name, array, shape=(1,) * 2000)},
        "holds 1 numbers, not the 8388608": {name: const(name, giant, way="packed", shape=(2**23,))},
        "holds no numbers: is the graph frozen": {name: node(name, "VariableV2")},
        "mixed4c_1x1 has .* bias of 0": {"mixed4c_1x1_b": const("mixed4c_1x1_b", giant[:0])},
        "mixed4c_1x1 has .* bias of ,": {"mixed4c_1x1_b": const("mixed4c_1x1_b", giant[0])},
        "nn0 has weights of 0x0x4x4 ": {"nn0_w": const("nn0_w", np.zeros((0, 0)))},
        "nn1 has weights of 7x3 ": {"nn1_w": const("nn1_w", np.zeros((7, 3)))},
    }
    path = tmp_path / "changed.pb"
    for words, change in changed.items():
        path.write_bytes(b"".join({**nodes, **change}.values()))
        refused(path, words)


def test_a_truncated_graph_is_one_clear_line_wherever_it_is_cut(graph_file, tmp_path):
    data = graph_file.read_bytes()
    places = {*range(0, 250), *range(len(data) - 120, len(data)), *range(250, len(data), len(data) // 250)}
    path = tmp_path / "cut.pb"
    start = time.process_time()
    for place in sorted(places):
        path.write_bytes(data[:place])
        refused(path, "no inception5h" if place < 200 else "truncated")
    assert time.process_time() - start < 10


def test_a_damaged_graph_loads_or_is_refused_and_nothing_else(graph_file, tmp_path):
    data, random = graph_file.read_bytes(), np.random.default_rng(5)
    path = tmp_path / "damaged.pb"
    refusals = 0
    for _ in range(100):
        damaged = bytearray(data)
        for place in random.integers(0, len(data), 3):
            damaged[place] = random.integers(256)
        path.write_bytes(damaged)
        try:
            load_inception5h(path)
        except NetError as error:
            refusals += 1
            assert "\n" not in str(error)
    assert 0 < refusals < 100


def test_a_graph_of_too_many_nodes_is_refused_early(tmp_path):
    path = tmp_path / "many.pb"
    path.write_bytes(b"".join(node(f"n{index}", "NoOp") for index in range(2**16 + 1)))
    refused(path, "too many nodes")


def test_weights_that_are_missing_in_a_call_are_a_callers_bug():
    with pytest.raises(ValueError, match="misses the weights of conv2d0"):
        Inception5h({})
    with pytest.raises(ValueError, match="misses the weights of conv2d2"):
        untrained_inception5h({name: 4 for name in WIDTHS if name != "conv2d2"})
