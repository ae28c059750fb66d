"""graphdef: the little of TensorFlow's GraphDef that a frozen network needs, read without TensorFlow.

A GraphDef is a protobuf message: fields of (number, value), where a value may be a message again.
Only known depths are entered, nothing recurses, and nothing large is allocated on the word of the file:
a hostile or broken one costs time in proportion to its size, and ends in GraphError.
Sources: protobuf.dev/programming-guides/encoding and the field numbers in tensorflow's
graph.proto, node_def.proto, attr_value.proto, tensor.proto and tensor_shape.proto.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

__all__ = ["GraphError", "Node", "read_graph"]

# inception5h has 5.4e7 bytes, about 370 nodes, and 2.1e6 numbers in its largest tensor. The limits keep a
# film named by mistake, or a file made to harm, from filling the memory.
LARGEST_FILE = 2**27
MOST_NODES = 2**16
LARGEST_TENSOR = 2**24
LARGEST_FILLED = 2**20  # numbers that one number in the file may stand for
READ_ATTRIBUTES = ("value", "depth_radius", "bias", "alpha", "beta")

VARINT, EIGHT_BYTES, MEASURED, FOUR_BYTES = 0, 1, 2, 5  # wire types; 3 and 4 (groups) no GraphDef has
FLOAT32 = 1  # DataType.DT_FLOAT

Value = int | memoryview


class GraphError(ValueError):
    """What is wrong with a graph file, as the end of a sentence: 'it is ...'. Never leaves vidream.networks."""


@dataclass(frozen=True)
class Node:
    """One operation of a graph: its name, its kind, and its attributes, still encoded."""

    name: str
    op: str
    attributes: dict[str, memoryview]

    def number(self, attribute: str, default: float) -> float:
        """The int or float held by `attribute`, or `default` where the node has none. Raises GraphError."""
        for field, value in _fields(self.attributes.get(attribute, memoryview(b""))):
            if field == 3 and isinstance(value, int):
                return value - 2**64 if value >= 2**63 else value
            if field == 4 and isinstance(value, memoryview) and len(value) == 4:
                return float(struct.unpack("<f", value)[0])
        return default

    def tensor(self) -> np.ndarray:
        """The float32 array of a Const node, in the shape that the graph gives it. Raises GraphError."""
        found = [value for field, value in _fields(self.attributes.get("value", memoryview(b""))) if field == 8]
        if not found or not isinstance(found[-1], memoryview):
            raise GraphError(f"its node {self.name} ({self.op}) holds no numbers: is the graph frozen?")
        kind, content, listed = FLOAT32, None, bytearray()
        shape: tuple[int, ...] = ()
        for field, value in _fields(found[-1]):
            if field == 1 and isinstance(value, int):
                kind = value
            elif isinstance(value, memoryview):
                if field == 2:
                    shape = _shape(value, self.name)
                elif field == 4:
                    content = value
                elif field == 5:  # packed or one by one: the bytes are the same
                    listed += value
        if kind != FLOAT32:
            raise GraphError(f"its node {self.name} holds numbers of type {kind}, not float32: was it quantised?")
        numbers = _full(content, shape, self.name) if content is not None else _listed(listed, shape, self.name)
        return numbers.reshape(shape)


def read_graph(path: Path) -> dict[str, Node]:
    """The nodes of a binary GraphDef file by name, without the "import/" of a graph saved again.

    Raises GraphError for any other file, and for one that ends too early; OSError where it cannot be read.
    """
    size = path.stat().st_size
    if size > LARGEST_FILE:
        raise GraphError(f"it has {size / 1e6:.0f} MB, too many for a frozen graph")
    data = path.read_bytes()
    _check_magic(data)
    nodes: dict[str, Node] = {}
    try:
        for field, value in _fields(memoryview(data)):
            if field == 1:
                node = _node(value)
                nodes[node.name] = node
                if len(nodes) > MOST_NODES:
                    raise GraphError("it has too many nodes")
    except GraphError as error:
        if not nodes:
            raise GraphError(f"it is no TensorFlow GraphDef ({error})") from None
        raise GraphError(f'{error} after node {len(nodes)}, "{list(nodes)[-1]}": is it truncated or damaged?') from None
    if not nodes:
        raise GraphError("it is no TensorFlow GraphDef (it has no nodes)")
    return nodes


def _check_magic(data: bytes) -> None:
    """Raises GraphError, with what to do, for the files that are often given in place of a graph."""
    start = data[:512]
    if not data:
        raise GraphError("it is empty")
    if start.startswith(b"PK\x03\x04"):
        raise GraphError("it is a zip archive: unpack it and give the .pb inside, or call it .pth if it is PyTorch's")
    if start.startswith((b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")):
        raise GraphError("it is a Python pickle: call it .pth if it is PyTorch's")
    # A binary GraphDef has control characters, its field tags; the last letter of `start` may be cut in two.
    text = start.decode("utf-8", "replace")[:-1]
    if "\ufffd" not in text and all(letter >= " " or letter in "\t\n\r\f" for letter in text):
        if b"node {" in start:
            raise GraphError("it is a graph written as text (.pbtxt); give the binary .pb")
        raise GraphError("it is text: a web page or a Git LFS pointer saved in its place?")


def _fields(message: memoryview) -> Iterator[tuple[int, Value]]:
    """The fields of a message: (number, an int or its bytes). Raises GraphError where it breaks off."""
    at, end = 0, len(message)
    while at < end:
        key, at = _varint(message, at)
        number, wire = key >> 3, key & 7
        if number == 0 or wire not in (VARINT, EIGHT_BYTES, MEASURED, FOUR_BYTES):
            raise GraphError("it breaks the protobuf format")
        if wire == VARINT:
            value, at = _varint(message, at)
            yield number, value
            continue
        size = 8 if wire == EIGHT_BYTES else 4
        if wire == MEASURED:
            size, at = _varint(message, at)
        if size > end - at:
            raise GraphError("it ends in the middle of a field")
        yield number, message[at : at + size]
        at += size


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    """The number at `at`, seven bits a byte, low bits first; and where the next field begins."""
    value = 0
    for place, byte in enumerate(message[at : at + 10]):
        value |= (byte & 0x7F) << (7 * place)
        if byte < 0x80:
            return value & (2**64 - 1), at + place + 1
    raise GraphError("it ends in the middle of a field" if len(message) - at < 10 else "it breaks the protobuf format")


def _node(message: Value) -> Node:
    if isinstance(message, int):
        # SavedModel and ONNX both begin with a version number where a GraphDef has its nodes.
        raise GraphError("another protobuf, as SavedModel and ONNX files are; a frozen graph is needed")
    name = op = ""
    attributes: dict[str, memoryview] = {}
    for field, value in _fields(message):
        if not isinstance(value, memoryview):
            continue
        if field == 1:
            name = _text(value)
        elif field == 2:
            op = _text(value)
        elif field == 5:
            key, held = _entry(value)
            if key in READ_ATTRIBUTES:
                attributes[key] = held
    if not name or not op:
        raise GraphError("it has a node without name or operation")
    return Node(name.removeprefix("import/"), op, attributes)


def _entry(message: memoryview) -> tuple[str, memoryview]:
    """Key and value of a map's entry."""
    key, held = "", memoryview(b"")
    for field, value in _fields(message):
        if isinstance(value, memoryview):
            key, held = (_text(value), held) if field == 1 else (key, value if field == 2 else held)
    return key, held


def _text(value: memoryview) -> str:
    # Names go into one-line messages, so what cannot be printed must not reach them.
    return "".join(letter if letter.isprintable() else "?" for letter in bytes(value[:256]).decode("utf-8", "replace"))


def _shape(message: memoryview, name: str) -> tuple[int, ...]:
    sizes = []
    for field, value in _fields(message):
        if field == 2 and isinstance(value, memoryview):
            sizes.append(next((size for part, size in _fields(value) if part == 1 and isinstance(size, int)), 0))
            if len(sizes) > 8 or math.prod(sizes) > LARGEST_TENSOR:
                raise GraphError(f"its node {name} claims the shape {'x'.join(map(str, sizes))}, which cannot be")
    return tuple(sizes)


def _full(data: memoryview, shape: tuple[int, ...], name: str) -> np.ndarray:
    """`tensor_content`: little-endian float32, as many as the shape has."""
    if len(data) != 4 * math.prod(shape):
        raise GraphError(f"its node {name} holds {len(data)} bytes, not the {4 * math.prod(shape)} of its shape")
    return np.frombuffer(data, "<f4").astype(np.float32)


def _listed(data: bytearray, shape: tuple[int, ...], name: str) -> np.ndarray:
    """`float_val`: may be fewer than the shape has; the last one then stands for the rest, or 0 where none is."""
    count = math.prod(shape)
    if len(data) % 4 or len(data) > 4 * count or (len(data) < 4 * count and count > LARGEST_FILLED):
        raise GraphError(f"its node {name} holds {len(data) // 4} numbers, not the {count} of its shape")
    values = np.frombuffer(data, "<f4")
    filled = np.full(count, values[-1] if len(values) else 0, np.float32)
    filled[: len(values)] = values
    return filled
