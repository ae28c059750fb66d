"""Films for editors: codecs, bit depths, alpha and colours, read back from the files."""

from __future__ import annotations

import re
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
import torch
from frames_helpers import ffmpeg, make_clip, packet_times, report, smooth_picture
from PIL import Image, ImageSequence

from vidream import Preset, Progress, TargetError, dream
from vidream.cli import main
from vidream.media import Delivery, FrameReader, FrameWriter
from vidream.media.codecs import CODECS
from vidream.media.colour_tags import ColourTags
from vidream.media.delivery import Encoding
from vidream.media.formats import suffixes_of
from vidream.media.frame import Frame

WIDE, HIGH = 256, 128
STILL = "steps=0"
NO_STEPS = ["--set", STILL, "--set", "first_steps=0"]
MASTERING = "G(8500,39850)B(6550,2300)R(35400,14600)WP(15635,16450)L(10000000,1)"


def copied(source: Path, target: Path, **wishes: object) -> FrameWriter:
    """`source` read and written again, as a dream without steps is."""
    delivery = Delivery(**wishes)
    colours = delivery.colours(target, None)
    with FrameReader(source, colours=colours) as reader, FrameWriter(target, like=reader, delivery=delivery) as writer:
        for frame in reader.frames():
            writer.write(frame)
    return writer


def written(target: Path, frames: list[torch.Tensor | Frame], **wishes: object) -> Path:
    with FrameWriter(target, rate=Fraction(25), delivery=Delivery(**wishes), total_frames=len(frames)) as writer:
        for frame in frames:
            writer.write(frame)
    return target


def pictures(path: Path, colours: str = "source") -> list[torch.Tensor]:
    with FrameReader(path, colours=colours) as reader:
        return list(reader)


def ramp() -> torch.Tensor:
    """From black to white in 1024 steps, two columns each."""
    return torch.linspace(0, 1, 2 * 1024).view(1, 1, 1, -1).expand(1, 3, HIGH, 2 * 1024).contiguous()


def grey(number: int) -> np.ndarray:
    return np.full((HIGH, WIDE, 3), 40 + 10 * number, np.uint8)


READ_BACK = [
    ("h264", 8, ".mp4", r"h264 \(High\).*yuv420p\("),
    ("h264", 10, ".mov", r"h264 \(High 10\).*yuv420p10le\("),
    ("h265", 8, ".mp4", r"hevc \(Main\) \(hvc1.*yuv420p\("),
    ("h265", 10, ".mp4", r"hevc \(Main 10\) \(hvc1.*yuv420p10le\("),
    ("h265", 12, ".mkv", r"hevc .*yuv420p12le\("),
    ("av1", 8, ".mp4", r"av1 .*yuv420p\("),
    ("av1", 10, ".webm", r"av1 .*yuv420p10le\("),
    ("vp9", 8, ".webm", r"vp9 \(Profile 0\).*yuv420p\("),
    ("vp9", 12, ".webm", r"vp9 \(Profile 2\).*yuv420p12le\("),
    ("prores", 10, ".mov", r"prores \(HQ\) \(apch.*yuv422p10le\("),
    ("prores4444", 10, ".mov", r"prores \(4444\) \(ap4h.*yuv444p1[02]le\("),
    ("dnxhr", 8, ".mov", r"dnxhd \(DNXHR HQ\).*yuv422p\("),
    ("dnxhr", 10, ".mov", r"dnxhd \(DNXHR HQX\).*yuv422p10le\("),
    ("hap", 8, ".mov", r"hap \(Hap1"),
    ("hapq", 8, ".mov", r"hap \(HapY"),
    ("ffv1", 8, ".mkv", r"ffv1.* bgr0\("),
    ("ffv1", 10, ".mkv", r"ffv1.* gbrp10le\("),
    ("ffv1", 16, ".mkv", r"ffv1.* gbrp16le\("),
]


@pytest.mark.parametrize(("codec", "bits", "suffix", "says"), READ_BACK)
def test_a_clip_becomes_a_film_of_that_codec_and_depth_with_its_sound(tmp_path, codec, bits, suffix, says):
    tone = ["-f", "lavfi", "-i", "sine=d=0.4"]
    source = make_clip(
        tmp_path / "a.mp4", 10, draw=lambda n: np.full((HIGH, WIDE, 3), 40 + 10 * n, np.uint8), before=tone
    )
    out = tmp_path / f"out{suffix}"
    depth = ["--bit-depth", str(bits)] if bits != next(iter(CODECS[codec].formats)) else []
    assert main(["dream", str(source), str(out), "--codec", codec, *depth, *NO_STEPS, "-q"]) == 0
    said = report(out)
    assert re.search(rf"Video: {says}", said), said
    assert "bt709" in said and said.count("Audio:") == 1
    assert packet_times(out)[:-1] == [pytest.approx(number / 25, abs=0.001) for number in range(10)]
    with FrameReader(out) as back:
        found = list(back)
    assert len(found) == 10
    for number, picture in enumerate(found):
        assert float(picture.mean()) == pytest.approx((40 + 10 * number) / 255, abs=0.012)


DEEP = [("h265", 10, ".mp4"), ("h265", 12, ".mp4"), ("av1", 10, ".mp4"), ("vp9", 10, ".webm"), ("vp9", 12, ".webm"),
        ("prores", 10, ".mov"), ("prores4444", 10, ".mov"), ("dnxhr", 10, ".mov"), ("ffv1", 10, ".mkv"),
        ("ffv1", 12, ".mkv"), ("ffv1", 16, ".mkv"), ("h264", 10, ".mp4")]  # fmt: skip


@pytest.mark.parametrize(("codec", "bits", "suffix"), DEEP)
def test_a_gradient_keeps_more_than_256_levels(tmp_path, codec, bits, suffix):
    (picture,) = pictures(written(tmp_path / f"a{suffix}", [ramp()], codec=codec, bit_depth=bits))
    row = picture[0, 1].mean(0)
    assert len(picture[0, 1, HIGH // 2].unique()) > (800 if suffix != ".webm" else 400)
    assert (row - ramp()[0, 1, 0]).abs().max() < 0.006


def test_a_source_of_ten_bits_comes_out_with_ten(tmp_path):
    source = written(tmp_path / "a.mov", [ramp()] * 3)
    assert main(["dream", str(source), str(tmp_path / "b.mov"), *NO_STEPS, "-q"]) == 0
    assert len(pictures(tmp_path / "b.mov")[2][0, 1, HIGH // 2].unique()) > 800


def test_lossless_is_to_the_bit(tmp_path):
    noise = torch.rand(1, 3, 37, 51, generator=torch.Generator().manual_seed(1))
    for bits in (8, 10, 12, 16):
        (back,) = pictures(written(tmp_path / f"{bits}.mkv", [noise], bit_depth=bits))
        most = 2**bits - 1
        levels = (back * most).round()
        if bits > 8:
            assert torch.equal(levels, (noise * most + 0.5).floor()), bits
        (again,) = pictures(written(tmp_path / f"{bits}-again.mkv", [back], bit_depth=bits))
        assert torch.equal((again * most).round(), levels), bits


@pytest.mark.parametrize("suffix", [".mp4", ".png", ".mkv"])
def test_a_dark_sky_does_not_band_on_the_way_down_to_eight_bits(tmp_path, suffix):
    across, down = torch.linspace(0, 1, 256).view(1, -1), torch.linspace(0, 1, 128).view(-1, 1)
    share = 0.3 * across + 0.7 * down
    sky = torch.stack([0.10 + 0.02 * share, 0.12 + 0.02 * share, 0.20 + 0.03 * share])[None]
    paths = [written(tmp_path / f"sky{suffix}", [sky], bit_depth=8), tmp_path / f"rounded{suffix}"]
    with FrameWriter(paths[1], delivery=Delivery(bit_depth=8), is_live=True) as writer:  # live frames are not dithered
        writer.write((sky * 255).round() / 255)
    off = [torch.nn.functional.avg_pool2d(pictures(path)[0] - sky, 16) * 255 for path in paths]
    assert off[1].abs().max() > 0.24
    assert off[0].abs().mean() < 0.6 * off[1].abs().mean() and off[0].abs().max() < off[1].abs().max()


def test_eight_bits_come_back_as_they_were_though_frames_are_dithered(tmp_path):
    eight = torch.randint(0, 256, (1, 3, 40, 56), generator=torch.Generator().manual_seed(2)) / 255
    for suffix in (".png", ".tif", ".bmp", ".mkv"):
        (back,) = pictures(written(tmp_path / f"a{suffix}", [eight], bit_depth=8))
        assert torch.equal((back * 255).round(), (eight * 255).round()), suffix


def masked(number: int) -> Frame:
    """Every level of alpha, under colours."""
    alpha = (torch.arange(256).view(1, 1, 1, -1).expand(1, 1, 64, 256).roll(8 * number, 3) / 255).contiguous()
    return Frame(smooth_picture(number, width=256, height=64) * alpha, alpha)


@pytest.mark.parametrize(
    ("name", "wishes"),
    [
        ("a.mov", {}), ("a.mov", {"codec": "prores4444"}), ("a.mkv", {}), ("a.mkv", {"bit_depth": 8}),
        ("a.mkv", {"bit_depth": 16}), ("%02d.png", {}), ("%02d.png", {"bit_depth": 16}), ("%02d.webp", {}),
        ("%02d.tif", {"bit_depth": 16}), ("a.webp", {}), ("a.apng", {}),
    ],
)  # fmt: skip
def test_alpha_is_kept_to_the_bit(tmp_path, name, wishes):
    frames = [masked(number) for number in range(3)]
    written(tmp_path / name, frames, **wishes)
    if name == "a.webp":
        with Image.open(tmp_path / name) as image:
            found = [np.array(frame.convert("RGBA"))[:, :, 3] for frame in ImageSequence.Iterator(image)]
    else:
        with FrameReader(tmp_path / name) as reader:
            assert reader.has_alpha
            found = [(frame.alpha[0, 0] * 255).round().numpy() for frame in reader.frames()]
    for frame, alpha in zip(frames, found, strict=True):
        assert np.array_equal((frame.alpha[0, 0] * 255).round().numpy(), alpha)


def test_an_alpha_clip_stays_one_through_a_dream_and_a_stop(tmp_path):
    source = written(tmp_path / "a.mov", [masked(number) for number in range(6)])
    assert main(["dream", str(source), "--alpha", "keep", *NO_STEPS, "-q"]) == 0
    for path in (source, tmp_path / "a-dream.mov"):
        assert re.search(r"prores \(4444\).*yuva444p", report(path))
    with FrameReader(tmp_path / "a-dream.mov") as made, FrameReader(source) as before:
        for one, other in zip(made.frames(), before.frames(), strict=True):
            assert torch.equal((one.alpha * 255).round(), (other.alpha * 255).round())
            assert (one.picture - other.picture).abs().mean() < 0.004
    assert main(["dream", str(source), str(tmp_path / "b.mov"), "--alpha", "drop", *NO_STEPS, "-q"]) == 0
    assert "yuva" not in report(tmp_path / "b.mov") and "apch" in report(tmp_path / "b.mov")


def test_vp9_and_hap_keep_alpha_too(tmp_path):
    for name, wishes in (("a.webm", {}), ("b.mov", {"codec": "hap"})):
        written(tmp_path / name, [masked(number) for number in range(3)], **wishes)
        with FrameReader(tmp_path / name) as reader:
            frames = list(reader.frames())
        assert reader.has_alpha and len(frames) == 3
        assert (frames[1].alpha - masked(1).alpha).abs().mean() < 0.01


CHART = torch.tensor([
    [115, 82, 68], [194, 150, 130], [98, 122, 157], [87, 108, 67], [133, 128, 177], [103, 189, 170], [214, 126, 44],
    [80, 91, 166], [193, 90, 99], [94, 60, 108], [157, 188, 64], [224, 163, 46], [56, 61, 150], [70, 148, 73],
    [175, 54, 60], [231, 199, 31], [187, 86, 149], [8, 133, 161], [243, 243, 242], [200, 200, 200], [160, 160, 160],
    [122, 122, 121], [85, 85, 85], [52, 52, 52],
])  # fmt: skip
SIDE = 64
TAGGED = {
    "bt709": ("bt709", "bt709", "bt709"),
    "bt601": ("smpte170m", "smpte170m", "smpte170m"),
    "pal": ("bt470bg", "bt709", "bt470bg"),
    "bt2020": ("bt2020", "bt2020-10", "bt2020nc"),
}


def chart(size: int = SIDE) -> torch.Tensor:
    """The 24 colours of a chart, in 4 rows of 6."""
    rows = CHART.view(4, 6, 3).permute(2, 0, 1).float() / 255
    return rows.repeat_interleave(size, 1).repeat_interleave(size, 2)[None]


def lab(picture: torch.Tensor, size: int = SIDE) -> np.ndarray:
    """[24,3]: the mean colour of each patch, without its edges, in CIE Lab."""
    patches = picture[0].permute(1, 2, 0).numpy().reshape(4, size, 6, size, 3)
    inner = patches[:, size // 4 : -size // 4, :, size // 4 : -size // 4].mean((1, 3)).reshape(1, 24, 3)
    return cv2.cvtColor(inner.astype(np.float32), cv2.COLOR_RGB2Lab)[0]


@pytest.mark.parametrize("tags", TAGGED)
@pytest.mark.parametrize(("wishes", "suffix", "most"), [([], ".mkv", 1), (["--codec", "h264"], ".mp4", 2)])
def test_eight_generations_keep_the_colours_of_a_chart(tmp_path, tags, wishes, suffix, most):
    primaries, transfer, matrix = TAGGED[tags]
    cv2.imwrite(str(tmp_path / "chart.png"), (chart()[0].permute(1, 2, 0).numpy() * 255).round()[:, :, ::-1])
    scale = f"scale=out_color_matrix={matrix.removesuffix('nc')}:flags=accurate_rnd,format=yuv420p10le"
    params = f"setparams=color_primaries={primaries}:color_trc={transfer}:colorspace={matrix}:range=tv"
    path = tmp_path / "0.mkv"
    loop = ["-loop", 1, "-t", 0.12, "-i", tmp_path / "chart.png", "-vf", f"{scale},{params}"]
    ffmpeg(*loop, "-c:v", "ffv1", path)
    with FrameReader(path) as reader:
        first = next(iter(reader))
    assert np.linalg.norm(lab(first) - lab(chart()), axis=1).max() < 1
    for generation in range(1, 9):
        made = tmp_path / f"{generation}{suffix}"
        assert main(["dream", str(path), str(made), *wishes, *NO_STEPS, "-q"]) == 0
        path = made
    said = report(path)
    named = ["gbr" if suffix == ".mkv" else matrix, primaries, transfer]
    assert f"{'/'.join(named) if len(set(named)) > 1 else matrix}" in said, said
    with FrameReader(path) as reader:
        last = list(reader)[-1]
    assert np.linalg.norm(lab(last) - lab(first), axis=1).max() < most


def hdr_clip(path: Path, transfer: str, *, frames: int = 3) -> Path:
    params = f"setparams=color_trc={transfer}:color_primaries=bt2020:colorspace=bt2020nc:range=tv"
    source = f"testsrc2=s=256x144:r=25:d={frames / 25},format=yuv420p10le,{params}"
    light = f":master-display={MASTERING}:max-cll=1000,400" if transfer == "smpte2084" else ""
    ffmpeg("-f", "lavfi", "-i", source, "-c:v", "libx265", "-x265-params", f"log-level=none{light}", path)
    return path


@pytest.mark.parametrize("transfer", ["smpte2084", "arib-std-b67"])
@pytest.mark.parametrize(
    ("codec", "suffix"), [("h265", ".mp4"), ("av1", ".mp4"), ("prores", ".mov"), ("ffv1", ".mkv"), ("vp9", ".webm")]
)
def test_hdr_stays_hdr_in_ten_bits_with_its_metadata(tmp_path, transfer, codec, suffix):
    from vidream.media.ffmpeg import has_option

    source = hdr_clip(tmp_path / "a.mp4", transfer)
    wishes = [*NO_STEPS, "--codec", codec, "--bit-depth", "10", "-q"]
    assert main(["dream", str(source), str(tmp_path / f"b{suffix}"), *wishes]) == 0
    said = report(tmp_path / f"b{suffix}")
    assert f"{'gbr' if codec == 'ffv1' else 'bt2020nc'}/bt2020/{transfer}" in said
    if transfer == "smpte2084" and (codec == "h265" or has_option("mastering_display")):
        assert "MaxCLL=1000, MaxFALL=400" in said
        assert re.search(r"r\(0.7080,0.2920\).*max_luminance=1000", said)
    before, after = (pictures(path)[1] for path in (source, tmp_path / f"b{suffix}"))
    assert (before - after).abs().mean() < 0.012


def test_hdr_is_tone_mapped_for_eight_bits_alone_and_for_pictures_that_cannot_say_so(tmp_path):
    source = hdr_clip(tmp_path / "a.mp4", "smpte2084")
    copied(source, tmp_path / "b.mp4")
    assert "bt709" in report(tmp_path / "b.mp4") and "bt2020" not in report(tmp_path / "b.mp4")
    for name in ("%d.png", "%d.jpg", "%d.tif"):
        copied(source, tmp_path / name)
    copied(source, tmp_path / "deep-%d.png", bit_depth=16)
    mapped, deep = ((tmp_path / name).read_bytes() for name in ("1.png", "deep-1.png"))
    assert b"cICP" not in mapped
    assert deep[deep.index(b"cICP") + 4 :][:4] == bytes([9, 16, 0, 1])
    assert "bt2020/smpte2084" in report(tmp_path / "deep-1.png")


def test_wide_colours_are_kept_where_a_file_can_say_so_and_converted_where_not(tmp_path):
    params = "setparams=color_primaries=smpte432:color_trc=bt709:colorspace=bt709:range=tv"
    source = tmp_path / "p3.mov"
    ffmpeg(
        "-f", "lavfi", "-i", f"color=c=0x00c040:s=64x64:d=0.08,format=yuv444p10le,{params}", "-c:v", "prores_ks", source
    )
    copied(source, tmp_path / "b.mp4")
    assert "bt709/smpte432/bt709" in report(tmp_path / "b.mp4")
    copied(source, tmp_path / "%d.png")
    copied(source, tmp_path / "%d.jpg")
    kept, converted = (pictures(tmp_path / name)[0][0, :, 32, 32] for name in ("1.png", "1.jpg"))
    assert (kept - pictures(source)[0][0, :, 32, 32]).abs().max() < 0.005
    # A green of Display P3 lies outside bt709: more green, and less of the others.
    assert (
        converted[1] > kept[1] + 0.003
        and converted[2] < kept[2] - 0.05
        and b"cICP" in (tmp_path / "1.png").read_bytes()
    )


def test_numbered_pictures_have_sixteen_bits(tmp_path):
    for suffix in (".png", ".tif"):
        written(tmp_path / f"%02d{suffix}", [ramp(), ramp()], bit_depth=16)
        with FrameReader(tmp_path / f"02{suffix}") as reader:
            picture = next(iter(reader))
        assert len(picture[0, 0, 0].unique()) == 2048
        assert (picture - ramp()).abs().max() < 1 / 65535
    image = cv2.imread(str(tmp_path / "01.png"), cv2.IMREAD_UNCHANGED)
    assert image.dtype == np.uint16


def read_exr(path: Path) -> np.ndarray:
    """[H,W,3|4] RGB(A)."""
    with av.open(str(path)) as opened:
        frame = next(opened.decode(video=0))
        assert frame.format.name in ("gbrpf32le", "gbrapf32le", "gbrpf16le", "gbrapf16le")
        rows = [np.frombuffer(plane, np.uint8).reshape(plane.height, plane.line_size) for plane in frame.planes]
    itemsize = 2 if "16" in frame.format.name else 4
    planes = [row[:, : itemsize * frame.width].copy().view(f"<f{itemsize}").astype(np.float32) for row in rows]
    # Stored as G, B, R, A.
    return np.stack([planes[at] for at in (2, 0, 1, 3)[: len(planes)]], -1)


def test_exr_holds_linear_light_in_half_floats(tmp_path):
    grey = torch.full((1, 3, 8, 8), 0.5)
    written(tmp_path / "%02d.exr", [grey, grey])
    assert read_exr(tmp_path / "02.exr")[4, 4, :3] == pytest.approx([0.5**2.4] * 3, rel=2e-3)
    data = (tmp_path / "01.exr").read_bytes()
    # Of each channel: its name, and 1 for half floats.
    assert data[:4] == b"\x76\x2f\x31\x01" and b"G\0\x01\0\0\0" in data


def test_exr_of_hdr_goes_beyond_white_and_alpha_is_associated(tmp_path):
    source = tmp_path / "white.mp4"
    params = "setparams=color_trc=smpte2084:color_primaries=bt2020:colorspace=bt2020nc:range=tv"
    # 0.7518 of the signal of PQ is 1000 cd/m2.
    white = f"geq=lum={64 + round(876 * 0.7518)}:cb=512:cr=512"
    ffmpeg(
        *("-f", "lavfi", "-i", f"color=c=gray:s=64x64:d=0.08,format=yuv420p10le,{white},{params}"),
        *("-c:v", "libx265", "-x265-params", "log-level=none:lossless=1", source),
    )
    copied(source, tmp_path / "%d.exr")
    assert read_exr(tmp_path / "1.exr")[32, 32, :3] == pytest.approx([1000 / 203] * 3, rel=0.02)
    half = torch.full((1, 1, 8, 8), 0.5)
    written(tmp_path / "a%d.exr", [Frame(torch.full((1, 3, 8, 8), 0.4), half)] * 2)
    assert read_exr(tmp_path / "a1.exr")[4, 4] == pytest.approx([0.5 * 0.8**2.4] * 3 + [0.5], rel=2e-3)


REFUSED = [
    (
        ["a.mp4", "--codec", "prores"],
        '--codec: prores cannot go into "a.mp4"; it goes into .mov or .mkv, and .mp4 takes h264',
    ),
    (["a.webm", "--codec", "h265"], "h265 cannot go into"),
    (["a.gif", "--codec", "h264"], "has no codec to choose; h264 goes into .mp4"),
    (["a.png", "--codec", "ffv1"], "has no codec to choose"),
    (["a.mp4", "--codec", "divx"], 'cannot be "divx"; give h264, h265, av1'),
    (["a.mp4", "--bit-depth", "16"], "h265 has 8, 10 or 12 bits, not 16; 16 bits: ffv1"),
    (["a.mp4", "--bit-depth", "9"], "--bit-depth: cannot be 9; give 8, 10, 12 or 16"),
    (["a.mov", "--bit-depth", "8"], "prores has 10 bits, not 8"),
    (["a.gif", "--bit-depth", "10"], ".gif has 8 bits, not 10"),
    (["a%d.jpg", "--bit-depth", "16"], ".jpg has 8 bits, not 16; 16 bits go into .png"),
    (["a.mp4", "--alpha", "keep"], "h264 cannot keep it; these do: vp9, prores4444"),
    (["a.webm", "--bit-depth", "10", "--alpha", "keep"], "vp9 cannot keep it with 10 bits"),
    (["a%d.jpg", "--alpha", "keep"], ".jpg cannot keep it"),
    (["a.mp4", "--alpha", "yes"], '--alpha: cannot be "yes"; give keep or drop'),
    (["a.mkv", "--quality", "50"], "ffv1 has none to choose"),
    (["a.mp4", "--quality", "0"], "--quality: cannot be 0; give 1 to 100"),
]


@pytest.mark.parametrize(("words", "said"), REFUSED, ids=[" ".join(words) for words, _ in REFUSED])
def test_pairs_that_do_not_go_are_refused_in_one_line(tmp_path, monkeypatch, capsys, words, said):
    monkeypatch.chdir(tmp_path)
    make_clip(tmp_path / "in.mp4", 4)
    assert main(["dream", "in.mp4", *words]) == 1
    error = capsys.readouterr().err.strip()
    assert said in error and "\n" not in error
    assert [path.name for path in tmp_path.iterdir()] == ["in.mp4"]


def test_small_frames_for_a_large_codec_are_refused_in_one_line(tmp_path, capsys):
    clip = make_clip(tmp_path / "in.mp4", 4)
    assert main(["dream", str(clip), str(tmp_path / "a.mov"), "--codec", "dnxhr", *NO_STEPS, "-q"]) == 1
    error = capsys.readouterr().err.strip()
    assert "dnxhr takes frames of 256x120 px and more; 64x48 came" in error and "\n" not in error


def test_less_quality_is_smaller(tmp_path):
    film = [torch.rand(1, 3, 128, 256, generator=torch.Generator().manual_seed(n)) for n in range(4)]
    for codec in (name for name, row in CODECS.items() if row.has_quality and name != "prores4444"):
        suffix, wishes = suffixes_of(codec)[0], {"codec": codec, "bit_depth": 8 if codec == "dnxhr" else None}
        sizes = [
            written(tmp_path / f"{codec}-{quality}{suffix}", film, **wishes, quality=quality).stat().st_size
            for quality in (20, 85)
        ]
        assert sizes[0] < 0.8 * sizes[1], codec


class StopError(Exception):
    """Ends a film."""


class Stopper(Progress):
    def frame(self, picture: torch.Tensor, frames: int) -> None:
        if frames == 55:
            raise StopError


def test_a_film_that_goes_on_keeps_its_codec(tmp_path):
    clip, target = make_clip(tmp_path / "in.mp4", 60), tmp_path / "a.mov"
    look = Preset(steps=0, first_steps=0)
    with pytest.raises(StopError):
        dream(clip, target, preset=look, delivery=Delivery("prores"), progress=Stopper())
    with pytest.raises(TargetError, match="codec was prores, is now"):
        dream(clip, target, preset=look, delivery=Delivery("h264"), resume=True)
    made = dream(clip, target, preset=look, delivery=Delivery("prores"), resume=True)
    assert made.frames == 60 and "apch" in report(target) and len(packet_times(target)) - 1 == 60


def test_an_encoding_says_what_it_is():
    tags = ColourTags(9, 16, 9)
    assert Encoding(10, codec=CODECS["h265"], tags=tags).describe() == "h265, 10 bits, HDR (PQ), bt2020, quality 85"


def test_interlaced_sources_are_said_and_made_whole(tmp_path):
    source = tmp_path / "dv.mkv"
    moving = "testsrc2=s=256x128:r=50:d=0.4,interlace=scan=tff,setparams=field_mode=tff"
    ffmpeg("-f", "lavfi", "-i", moving, "-c:v", "libx264", "-flags", "+ildct+ilme", "-x264-params", "tff=1", source)
    writer = copied(source, tmp_path / "out.mp4")
    with FrameReader(source) as reader:
        assert any("dv.mkv is interlaced: whole frames are made of its fields" in line for line in reader.warnings)
    assert writer.frames_written == 10 and "progressive" in report(tmp_path / "out.mp4")


def test_a_codec_that_this_ffmpeg_lacks_is_refused_before_any_work(tmp_path, monkeypatch, capsys):
    clip = make_clip(tmp_path / "in.mp4", 4)
    monkeypatch.setattr("vidream.media.delivery.has_encoder", lambda name: name != "libsvtav1")
    assert main(["dream", str(clip), str(tmp_path / "a.mp4"), "--codec", "av1"]) == 1
    assert "--codec: this ffmpeg cannot make av1 (no libsvtav1); choose another" in capsys.readouterr().err
