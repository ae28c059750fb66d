"""Still pictures of every kind: read by content, upright, in sRGB, with their bits and alpha."""

from __future__ import annotations

import io
import sys
import zlib
from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from frames_helpers import index_of, numbered_frame, psnr, smooth_picture
from PIL import Image, ImageCms

from vidream.errors import SourceError
from vidream.media import FrameReader, FrameWriter, default_target, from_array, read_picture, to_array
from vidream.media.metadata import read_comment
from vidream.rendering.side_inputs import mask_frames
from vidream.web.clips import sniff

# Display P3's primaries and white in D50 (SMPTE EG 432-1, by Bradford), and sRGB's curve: what phones embed.
P3_TO_XYZ = np.array([[0.51512, 0.29198, 0.15710], [0.24120, 0.69225, 0.06657], [-0.00105, 0.04189, 0.78407]])


def fixed(values: Iterable[float]) -> bytes:
    """ICC's s15Fixed16Number."""
    return b"".join(round(float(value) * 65536).to_bytes(4, "big", signed=True) for value in values)


def profile_of(matrix: np.ndarray, gamma: float | None = None) -> bytes:
    """An ICC profile of these primaries (columns) and sRGB's curve or a gamma."""
    curve = (
        b"curv" + bytes(4) + (1).to_bytes(4, "big") + int(gamma * 256).to_bytes(2, "big") + bytes(2)
        if gamma
        else b"para" + bytes(4) + b"\0\3\0\0" + fixed((2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045))
    )
    tags = {b"wtpt": b"XYZ " + bytes(4) + fixed((0.9642, 1.0, 0.8249))}
    for column, name in enumerate(b"rgb"):
        tags[bytes([name]) + b"XYZ"] = b"XYZ " + bytes(4) + fixed(matrix[:, column])
        tags[bytes([name]) + b"TRC"] = curve
    table, body, at = len(tags).to_bytes(4, "big"), b"", 128 + 4 + 12 * len(tags)
    for name, data in tags.items():
        table += name + (at + len(body)).to_bytes(4, "big") + len(data).to_bytes(4, "big")
        body += data
    header = bytearray(128)
    header[:4] = (at + len(body)).to_bytes(4, "big")
    header[8:12], header[12:24], header[36:40] = b"\2\x40\0\0", b"mntrRGB XYZ ", b"acsp"
    header[68:80] = fixed((0.9642, 1.0, 0.8249))
    return bytes(header) + table + body


P3 = profile_of(P3_TO_XYZ)
# One that leaves sRGB, one that stays in it, and a gray.
P3_COLOURS = [(60, 180, 90), (200, 100, 50), (128, 128, 128)]


def p3_to_srgb(colour: tuple[int, int, int]) -> np.ndarray:
    """By the formulas of IEC 61966-2-1, 0..255."""
    value = np.array(colour) / 255
    linear = np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)
    srgb = np.array([[0.43607, 0.38515, 0.14307], [0.22249, 0.71687, 0.06061], [0.01392, 0.09708, 0.71410]])
    linear = np.clip(np.linalg.inv(srgb) @ P3_TO_XYZ @ linear, 0, 1)
    return 255 * np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)


def image_of(picture: torch.Tensor) -> Image.Image:
    return Image.fromarray(to_array(picture))


def save_heic(image: Image.Image, path: Path, **options: object) -> None:
    pytest.importorskip("pillow_heif").from_pillow(image).save(path, quality=95, **options)


@pytest.mark.parametrize("name", ["a.jfif", "a.jpe", "photo", "a.png", "a.gif", "a.mp4", "a.heic"])
def test_a_jpeg_is_read_whatever_it_is_called(tmp_path: Path, name: str) -> None:
    Image.fromarray(numbered_frame(37)).save(tmp_path / name, "JPEG", quality=95)
    with FrameReader(tmp_path / name) as reader:
        assert (reader.kind, reader.frame_count, reader.warning) == ("picture", 1, None)
        assert [index_of(picture) for picture in reader] == [37]
        assert default_target(reader.source, reader.kind).suffix == (".jpg" if name in ("a.jfif", "a.jpe") else ".png")


@pytest.mark.parametrize("kind", ["AVIF", "WEBP", "TIFF", "BMP", "PNG", "HEIC"])
def test_a_photograph_of_every_kind_is_a_picture(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "p"
    picture = smooth_picture(width=75, height=51)
    if kind == "HEIC":
        save_heic(image_of(picture), path)
    else:
        image_of(picture).save(path, kind, quality=95)
    with FrameReader(path) as reader:
        assert (reader.kind, reader.width, reader.height, reader.frame_count) == ("picture", 75, 51, 1)
        assert psnr(next(iter(reader)), picture) > 32
        assert default_target(path, reader.kind).name == "p-dream.png"


def test_heic_without_its_reader_is_one_line_that_names_the_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "p.heic").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(100))
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    with pytest.raises(SourceError, match=r'^p\.heic is a HEIC picture; .*"vidream\[heic\]"[^\n]*$'):
        FrameReader(tmp_path / "p.heic")


def in_quarters() -> np.ndarray:
    """[32,48,3]: each quarter has a colour of its own."""
    array = np.zeros((32, 48, 3), np.uint8)
    array[:16, :24], array[16:, :24], array[16:, 24:] = (255, 0, 0), (0, 255, 0), (0, 0, 255)
    return array


# Where the first stored row and column are seen (EXIF 2.3, tag 274): what numpy must do to stand it upright.
UPRIGHT = {
    1: lambda a: a, 2: lambda a: a[:, ::-1], 3: lambda a: a[::-1, ::-1], 4: lambda a: a[::-1],
    5: lambda a: a.transpose(1, 0, 2), 6: lambda a: a.transpose(1, 0, 2)[:, ::-1],
    7: lambda a: a.transpose(1, 0, 2)[::-1, ::-1], 8: lambda a: a.transpose(1, 0, 2)[::-1],
}  # fmt: skip


@pytest.mark.parametrize(
    "tags", [{262: 1, 338: 2}, {262: 1, 338: 1}, {262: 0, 338: 2}, {262: 1, 338: 2, 274: 6}], ids=str
)
def test_a_gray_tiff_of_16_bits_keeps_its_alpha(tmp_path: Path, tags: dict[int, int]) -> None:
    wanted = np.zeros((32, 48, 2), np.uint16)
    wanted[:, :, 0], wanted[:, :, 1] = np.arange(48) * 1000, 3000 + np.arange(32)[:, None] * 2000
    stored = wanted.astype(np.int64)
    if tags[338] == 1:  # the colour is stored multiplied by its alpha
        stored[:, :, 0] = stored[:, :, 0] * stored[:, :, 1] // 65535
    elif tags[262] == 0:  # white is 0
        stored[:, :, 0] = 65535 - stored[:, :, 0]
    path = save_tiff(tmp_path / "a.tif", stored.astype(np.uint16), tags)
    upright = np.rot90(wanted, -1) if 274 in tags else wanted
    with FrameReader(path) as reader:
        assert reader.has_alpha and reader.warning is None
        frame = next(iter(reader.frames()))
    alpha = upright[:, :, 1].astype(np.float32) / 65535
    assert frame.alpha is not None and np.allclose(frame.alpha[0, 0].numpy(), alpha, atol=1e-4)
    assert np.allclose(frame.picture[0, 2].numpy(), upright[:, :, 0] / 65535 * alpha, atol=1e-3)


@pytest.mark.parametrize("orientation", UPRIGHT)
@pytest.mark.parametrize("kind", ["TIFF", "TIFF 16", "PNG 16", "AVIF", "HEIC"])
def test_a_turned_picture_stands_upright_after_one_turn(tmp_path: Path, kind: str, orientation: int) -> None:
    path, wanted = tmp_path / "a", UPRIGHT[orientation](in_quarters())
    image = Image.fromarray(in_quarters())
    exif = image.getexif()
    exif[274] = orientation
    if kind == "TIFF 16":
        save_deep_tiff(path, in_quarters().astype(np.uint16) * 257, orientation)
    elif kind == "PNG 16":
        image.save(path, "PNG", exif=exif)
        turned = path.read_bytes()
        at = turned.index(b"eXIf") - 4
        chunk = turned[at : at + 12 + int.from_bytes(turned[at : at + 4], "big")]
        deep = cv2.imencode(".png", in_quarters()[:, :, ::-1].astype(np.uint16) * 257)[1].tobytes()
        path.write_bytes(deep[:33] + chunk + deep[33:])
    elif kind == "HEIC":
        pytest.importorskip("pillow_heif").register_heif_opener()
        image.save(path, "HEIF", exif=exif.tobytes(), quality=95)
    else:
        image.save(path, kind, exif=exif, quality=95)
    with FrameReader(path) as reader:
        assert (reader.height, reader.width) == wanted.shape[:2]
        assert psnr(next(iter(reader)), from_array(np.ascontiguousarray(wanted))) > 20


def save_deep_tiff(path: Path, array: np.ndarray, orientation: int, profile: bytes = b"") -> None:
    """An RGB TIFF of 16 bits by hand: Pillow writes none."""
    height, width = array.shape[:2]
    pixels = array.astype("<u2").tobytes()
    rows = [
        (256, 3, 1, width), (257, 3, 1, height), (258, 3, 3, None), (259, 3, 1, 1), (262, 3, 1, 2), (273, 4, 1, None),
        (274, 3, 1, orientation), (277, 3, 1, 3), (278, 3, 1, height), (279, 4, 1, len(pixels)), (284, 3, 1, 1),
        *([(34675, 7, len(profile), None)] if profile else []),
    ]  # fmt: skip
    after = 8 + 2 + 12 * len(rows) + 4
    places = {258: after, 34675: after + 6, 273: after + 6 + len(profile) + len(profile) % 2}
    body = len(rows).to_bytes(2, "little")
    for tag, kind, count, value in rows:
        value = places[tag] if value is None else value
        body += b"".join(n.to_bytes(size, "little") for n, size in ((tag, 2), (kind, 2), (count, 4), (value, 4)))
    extra = b"\x10\0" * 3 + profile + bytes(len(profile) % 2)
    path.write_bytes(b"II*\0\x08\0\0\0" + body + bytes(4) + extra + pixels)


def save_tiff(path: Path, array: np.ndarray, tags: dict[int, int]) -> Path:
    """[H,W,C] of any bits as a TIFF of one strip, or of one a plane, with these further tags."""
    height, width, channels = array.shape
    planes = [array] if tags.get(284, 1) == 1 else [array[:, :, k] for k in range(channels)]
    data = [plane.astype(array.dtype.newbyteorder("<")).tobytes() for plane in planes]
    bits = 8 * array.dtype.itemsize
    lists = {
        256: [width], 257: [height], 258: [bits] * channels, 259: [1], 262: [2], 273: [0] * len(data),
        277: [channels], 278: [height], 279: [len(part) for part in data], 284: [1],
        **{tag: [value] for tag, value in tags.items()},
    }  # fmt: skip
    after = 8 + 2 + 12 * len(lists) + 4
    pixels_at = after + sum(4 * len(values) for values in lists.values() if len(values) > 1)
    lists[273] = [pixels_at + k * len(data[0]) for k in range(len(data))]
    body, extra = len(lists).to_bytes(2, "little"), b""
    for tag, values in sorted(lists.items()):
        long = b"".join(value.to_bytes(4, "little") for value in values)
        body += tag.to_bytes(2, "little") + (4).to_bytes(2, "little") + len(values).to_bytes(4, "little")
        if len(values) > 1:
            body += (after + len(extra)).to_bytes(4, "little")
            extra += long
        else:
            body += long
    path.write_bytes(b"II*\0\x08\0\0\0" + body + bytes(4) + extra + b"".join(data))
    return path


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize(
    ("stored", "tags", "seen"),
    [
        ((200, 100, 50), {284: 2}, (200, 100, 50)),  # each channel apart
        ((100, 50, 25, 128), {338: 1}, (100, 50, 25)),  # colours multiplied by their alpha
        ((100, 50, 25, 128), {338: 2}, (50.2, 25.1, 12.5)),  # colours beside it
        ((200,), {262: 0}, (55, 55, 55)),  # white is zero
        ((200,), {262: 1}, (200, 200, 200)),
        ((0, 255, 255, 0), {262: 5}, (255, 0, 0)),  # cyan, magenta, yellow, black
    ],
    ids=["planes", "premultiplied", "straight", "white-is-zero", "black-is-zero", "cmyk"],
)
def test_every_layout_of_a_tiff_gives_its_own_colours(
    tmp_path: Path, bits: int, stored: tuple[int, ...], tags: dict[int, int], seen: tuple[float, ...]
) -> None:
    array = np.empty((48, 64, len(stored)), np.uint8 if bits == 8 else np.uint16)
    array[:] = np.array(stored) * (1 if bits == 8 else 257)
    picture = read_picture(save_tiff(tmp_path / "a.tif", array, tags))
    assert 255 * picture[0, :, 20, 20].numpy() == pytest.approx(np.array(seen), abs=0.6)


def test_what_a_deep_gray_png_names_as_transparent_is_clear(tmp_path: Path) -> None:
    gray = np.full((48, 64), 40000, np.uint16)
    gray[:, :32] = 30000
    plain = cv2.imencode(".png", gray)[1].tobytes()
    body = b"tRNS" + (30000).to_bytes(2, "big")
    chunk = (2).to_bytes(4, "big") + body + zlib.crc32(body).to_bytes(4, "big")
    (tmp_path / "a.png").write_bytes(plain[:33] + chunk + plain[33:])
    picture = read_picture(tmp_path / "a.png")
    assert picture[..., :32].max() == 0
    assert picture[..., 32:].min() == pytest.approx(40000 / 65535)


def test_a_jpeg_that_is_cut_off_in_its_header_says_so(tmp_path: Path) -> None:
    image_of(smooth_picture()).save(tmp_path / "a.jpg")
    (tmp_path / "a.jpg").write_bytes((tmp_path / "a.jpg").read_bytes()[:200])
    with pytest.raises(SourceError, match=r"^a\.jpg cannot be read: it is cut off[^\n]*$"):
        FrameReader(tmp_path / "a.jpg")


def test_sixteen_bits_stay_in_png_and_tiff(tmp_path: Path) -> None:
    deep = np.linspace(0, 65535, 64 * 48 * 3).reshape(48, 64, 3).astype(np.uint16)
    cv2.imwrite(str(tmp_path / "a.png"), deep[:, :, ::-1])
    cv2.imwrite(str(tmp_path / "a.tif"), deep[:, :, ::-1])
    for name in ("a.png", "a.tif"):
        assert (read_picture(tmp_path / name) - from_array(deep)).abs().max() < 1e-6
    cv2.imwrite(str(tmp_path / "gray.png"), deep[:, :, 0])
    assert (read_picture(tmp_path / "gray.png") - from_array(deep[:, :, :1].repeat(3, 2))).abs().max() < 1e-6


@pytest.mark.parametrize("colour", P3_COLOURS)
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "PNG alpha", "PNG 16", "TIFF 16", "WEBP", "AVIF", "HEIC"])
def test_a_display_p3_picture_is_converted_to_srgb(tmp_path: Path, kind: str, colour: tuple[int, int, int]) -> None:
    path = tmp_path / "a"
    image = Image.new("RGB", (64, 48), colour)
    if kind == "HEIC":
        heif = pytest.importorskip("pillow_heif")
        image.info["icc_profile"] = P3
        heif.from_pillow(image).save(path, quality=100, chroma=444)
    elif kind.endswith("16"):
        deep = np.full((48, 64, 3), colour, np.uint16) * 257
        if kind == "TIFF 16":
            save_deep_tiff(path, deep, 1, P3)
        else:
            image.save(path, "PNG", icc_profile=P3)
            data = path.read_bytes()
            at = data.index(b"iCCP") - 4
            chunk = data[at : at + 12 + int.from_bytes(data[at : at + 4], "big")]
            plain = cv2.imencode(".png", deep[:, :, ::-1])[1].tobytes()
            path.write_bytes(plain[:33] + chunk + plain[33:])
    elif kind == "PNG alpha":
        image.putalpha(255)
        image.save(path, "PNG", icc_profile=P3)
    else:
        image.save(path, kind, icc_profile=P3, **({"lossless": True} if kind == "WEBP" else {"quality": 100}))
    got = 255 * read_picture(path)[0, :, 20, 20].numpy()
    near = 0.6 if kind.startswith(("PNG", "WEBP", "TIFF")) else 4
    near = 0.05 if kind.endswith("16") else near
    assert np.abs(got - p3_to_srgb(colour)).max() < near


def test_a_profile_that_is_srgb_changes_no_bit(tmp_path: Path) -> None:
    array = np.random.default_rng(0).integers(0, 256, (48, 64, 3), np.uint8)
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    Image.fromarray(array).save(tmp_path / "a.png", icc_profile=srgb)
    assert torch.equal(read_picture(tmp_path / "a.png"), from_array(array))


def test_a_broken_profile_is_said_and_the_colours_are_those_in_the_file(tmp_path: Path) -> None:
    Image.new("RGB", (64, 48), (200, 100, 50)).save(tmp_path / "a.png", icc_profile=P3[:150])
    with FrameReader(tmp_path / "a.png") as reader:
        assert to_array(next(iter(reader)))[0, 0].tolist() == [200, 100, 50]
        assert "profile" in reader.warning and "\n" not in reader.warning


def test_cmyk_gray_one_bit_and_gray_with_alpha_are_read(tmp_path: Path) -> None:
    Image.new("CMYK", (64, 48), (0, 255, 255, 0)).save(tmp_path / "cmyk.jpg", quality=95)
    red = read_picture(tmp_path / "cmyk.jpg")[0, :, 10, 10]
    assert red[0] > 0.8 and red[1:].max() < 0.25
    Image.fromarray(numbered_frame(9)).convert("1", dither=Image.Dither.NONE).save(tmp_path / "one.png")
    assert index_of(read_picture(tmp_path / "one.png")) == 9
    Image.new("LA", (64, 48), (200, 51)).save(tmp_path / "la.png")
    with FrameReader(tmp_path / "la.png") as reader:
        assert next(iter(reader)).max() == pytest.approx(200 / 255 * 0.2, abs=1e-3)
        assert reader.alpha is not None and reader.alpha.max() == pytest.approx(0.2)


def test_a_transparent_palette_and_a_transparent_colour_are_clear(tmp_path: Path) -> None:
    palette = Image.new("P", (64, 48), 1)
    palette.putpalette([255, 0, 0, 0, 255, 0])
    palette.paste(0, (0, 0, 32, 48))
    palette.save(tmp_path / "palette.png", transparency=0)
    colours = Image.new("RGB", (64, 48), (0, 255, 0))
    colours.paste((255, 0, 0), (0, 0, 32, 48))
    colours.save(tmp_path / "colour.png", transparency=(255, 0, 0))
    for name in ("palette.png", "colour.png"):
        with FrameReader(tmp_path / name) as reader:
            picture = next(iter(reader))
            assert reader.has_alpha and reader.alpha is not None
            assert (reader.alpha[0, 0, 5, 5], reader.alpha[0, 0, 5, 40]) == (0, 1)
            assert picture[0, :, 5, 5].tolist() == [0, 0, 0] and picture[0, :, 5, 40].tolist() == [0, 1, 0]


@pytest.mark.parametrize("progressive", [False, True])
def test_a_jpeg_that_is_cut_off_is_read_as_far_as_it_goes_with_a_warning(tmp_path: Path, progressive: bool) -> None:
    picture = smooth_picture(width=160, height=96)
    file = io.BytesIO()
    image_of(picture).save(file, "JPEG", quality=90, progressive=progressive)
    whole = file.getvalue()
    (tmp_path / "a.jpg").write_bytes(whole)
    (tmp_path / "end.jpg").write_bytes(whole[:-2])
    (tmp_path / "half.jpg").write_bytes(whole[: len(whole) * 3 // 4])
    assert torch.equal(read_picture(tmp_path / "end.jpg"), read_picture(tmp_path / "a.jpg"))
    for name in ("end.jpg", "half.jpg"):
        with FrameReader(tmp_path / name) as reader:
            assert psnr(next(iter(reader))[:, :, :16], picture[:, :, :16]) > 20
            assert reader.warning.count("is cut off") == 1


def test_a_png_that_is_cut_off_is_refused_in_one_line(tmp_path: Path) -> None:
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (96, 160, 3), np.uint8)).save(tmp_path / "a.png")
    data = (tmp_path / "a.png").read_bytes()
    (tmp_path / "a.png").write_bytes(data[: len(data) // 2])
    with pytest.raises(SourceError, match=r"^a\.png is cut off[^\n]*$"):
        FrameReader(tmp_path / "a.png")


def test_of_a_tiff_with_pages_the_first_is_read_and_it_is_said(tmp_path: Path) -> None:
    pages = [Image.fromarray(numbered_frame(number)) for number in (3, 4, 5)]
    pages[0].save(tmp_path / "a.tif", save_all=True, append_images=pages[1:])
    with FrameReader(tmp_path / "a.tif") as reader:
        assert [index_of(picture) for picture in reader] == [3]
        assert reader.warning == "a.tif holds 3 pages; only the first is used"


def test_numbered_pictures_keep_their_numbers(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    numbers = [1001, 1002, 1004, 1005, 1008]
    for number in numbers:
        Image.fromarray(numbered_frame(number % 256)).save(tmp_path / f"s{number}.png")
    with (
        FrameReader(tmp_path / "s%04d.png") as reader,
        FrameWriter(tmp_path / "out" / "%04d.png", like=reader) as writer,
    ):
        assert reader.numbers == numbers
        for picture in reader:
            writer.write(picture)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [f"{number}.png" for number in numbers]
    assert index_of(read_picture(tmp_path / "out" / "1004.png")) == 1004 % 256


@pytest.mark.parametrize("ink", [0, 255])
def test_a_mask_painted_on_clear_has_the_shape_that_was_painted(tmp_path: Path, ink: int) -> None:
    mask = Image.new("RGBA", (64, 48), (0, 0, 0, 0))
    mask.paste((ink, ink, ink, 255), (0, 0, 32, 48))
    mask.save(tmp_path / "mask.png")
    Image.new("RGB", (64, 48), (90, 90, 90)).save(tmp_path / "a.png")
    with FrameReader(tmp_path / "a.png") as reader:
        shape = next(mask_frames(tmp_path / "mask.png", like=reader))
        assert shape[..., :30].min() == 1 and shape[..., 34:].max() == 0
        assert reader.warnings == []


def test_a_mask_that_is_black_all_over_is_said(tmp_path: Path) -> None:
    for name in ("mask.png", "a.png"):
        Image.new("RGB", (64, 48)).save(tmp_path / name)
    with FrameReader(tmp_path / "a.png") as reader:
        assert next(mask_frames(tmp_path / "mask.png", like=reader)).max() == 0
        assert "mask.png is black all over" in reader.warning


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_a_comment_is_read_whatever_the_file_is_called(tmp_path: Path, kind: str) -> None:
    with FrameWriter(tmp_path / f"a.{kind.lower()}", comment='{"a": 1}', overwrite=True) as out:
        out.write(smooth_picture())
    assert read_comment((tmp_path / f"a.{kind.lower()}").rename(tmp_path / "b")) == '{"a": 1}'


def test_an_upload_is_known_by_its_first_bytes() -> None:
    packet = b"\x47" + bytes(187)
    heads = {
        b"II*\0" + bytes(252): ".tif",
        b"MM\0*" + bytes(252): ".tif",
        (packet * 2)[:256]: ".ts",
        (bytes(4) + packet + bytes(4) + packet)[:256]: ".m2ts",
        b"\0\0\0\x1cftypavif\0\0\0\0avifmif1" + bytes(230): ".avif",
        b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(230): ".heic",
        b"\0\0\0\x18ftypisom\0\0\0\0isomavc1" + bytes(230): ".mp4",
        b"GIF89a" + bytes(40): ".gif",
    }
    assert {head: sniff(head) for head in heads} == heads
    assert sniff(b"II*\0" + bytes(252), pictures_only=True) == ".tif"
    for head in (packet + bytes(68), (packet * 2)[:256], b"GIF89a" + bytes(40)):
        with pytest.raises(SourceError, match="a guide is a picture"):
            sniff(head, pictures_only=True)
