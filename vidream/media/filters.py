"""The ffmpeg filters between a decoded frame and the RGB bytes that leave the pipe."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import NamedTuple

from vidream.media.colour_tags import BT601, BT709, BT2020, UNSPECIFIED, is_bt2020, is_hdr
from vidream.media.delivery import Colours
from vidream.media.ffmpeg import has_filter
from vidream.media.probe import ClipInfo

__all__ = [
    "PipeFormat",
    "changes_colours",
    "deinterlace_filters",
    "output_format",
    "picture_filters",
    "rate_filters",
]

_SCALE_FLAGS = "lanczos+accurate_rnd+full_chroma_int+full_chroma_inp"
# Matrices that zscale takes whatever else a file says.
_USUAL_MATRICES = (1, 4, 5, 6, 7, 9)


class PipeFormat(NamedTuple):
    """The bytes that leave the pipe.

    Attributes:
        name: ffmpeg's pixel format.
        channels: 3, or 4 with alpha.
        is_deep: 16 bits a channel, else 8.
        is_planar: [C,H,W] in the order G, B, R, A, else [H,W,C] in the order R, G, B, A.
    """

    name: str
    channels: int
    is_deep: bool
    is_planar: bool


def output_format(info: ClipInfo) -> PipeFormat:
    """The RGB that `info` is read as: with 16 bits, but for RGB of 8, so that rounding adds up over no generation."""
    channels = 4 if info.has_alpha else 3
    if _by_zscale(info):
        return PipeFormat("gbrap16le" if info.has_alpha else "gbrp16le", channels, is_deep=True, is_planar=True)
    names = {
        (False, False): "rgb24",
        (False, True): "rgb48le",
        (True, False): "rgba",
        (True, True): "rgba64le",
    }
    return PipeFormat(names[info.has_alpha, info.is_deep], channels, is_deep=info.is_deep, is_planar=False)


def deinterlace_filters(info: ClipInfo) -> list[str]:
    """Filters that make frames of interlaced fields; they look at neighbours, so they come before all others."""
    return ["bwdif=mode=send_frame:deint=interlaced"] if info.is_interlaced else []


def changes_colours(info: ClipInfo, colours: Colours) -> bool:
    """True where `picture_filters` brings the frames of `info` to bt709, and does not leave them as they are."""
    if colours == "source" or not has_filter("zscale"):
        return False
    if is_hdr(info.transfer):
        return has_filter("tonemap")
    return colours == "bt709" and info.primaries not in (*UNSPECIFIED, BT709)


def picture_filters(info: ClipInfo, width: int, height: int, colours: Colours = "sdr") -> list[str]:
    """Filters that make `width` x `height` px RGB, full range, of the frames of `info`.

    Matrix and range are those the clip names; unnamed: that of bt2020 primaries, else bt601 below 720 lines and bt709
    from there, limited range. HDR (PQ, HLG) is tone-mapped where that is asked for and this ffmpeg can, else read as
    it stands.
    """
    if changes_colours(info, colours):
        resized = [*_tags(info, whole=True), f"scale={width}:{height}:flags={_SCALE_FLAGS}"]
        if not is_hdr(info.transfer):
            return [*resized, "zscale=p=bt709:t=bt709:m=gbr:r=full,format=gbrp16le"]
        # npl=203: the white of HDR programmes (ITU-R BT.2408) becomes the white of ours.
        return [
            *resized,
            "zscale=t=linear:npl=203",
            "format=gbrpf32le,zscale=p=bt709,tonemap=hable:desat=0",
            "zscale=t=bt709:m=gbr:r=full",
        ]
    if _by_zscale(info):
        # Exact, where ffmpeg's own scaler makes 65280 of white. Lanczos is sharper; where colours alone are resampled,
        # bicubic gives them back after many generations.
        kernel = "bicubic" if (width, height) == info.upright_size else "lanczos"
        return [*_tags(info), f"zscale=w={width}:h={height}:f={kernel}:m=gbr:r=full"]
    options = [f"scale={width}:{height}", f"flags={_SCALE_FLAGS}", "out_range=pc"]
    if not _is_rgb(info) and info.matrix in UNSPECIFIED:
        names = {BT601: "bt601", BT709: "bt709", BT2020: "bt2020"}
        options.append(f"in_color_matrix={names[_likely_matrix(info)]}")
    return [":".join(options)]


def _is_rgb(info: ClipInfo) -> bool:
    """True where frames are stored as red, green and blue, or as gray."""
    return re.search(r"rgb|bgr|gbr|pal8|gray|^ya\d|argb", info.pixel_format) is not None


def _by_zscale(info: ClipInfo) -> bool:
    """True where zscale reads the frames: brightness and colour differences, of even sides, with a usual matrix."""
    is_usual = info.matrix in (*_USUAL_MATRICES, *UNSPECIFIED)
    is_even = not any(side % 2 for side in info.coded_size)
    return has_filter("zscale") and bool(info.pixel_format) and not _is_rgb(info) and is_usual and is_even


def _likely_matrix(info: ClipInfo) -> int:
    """That of a clip that names none."""
    if is_bt2020(info):
        return BT2020
    across, down = info.upright_size
    return BT601 if min(across, down) < 720 and max(across, down) < 1280 else BT709


def _tags(info: ClipInfo, *, whole: bool = False) -> list[str]:
    """What zscale must be told where the clip does not say it: the matrix; with `whole`, primaries and transfer too."""
    tags = [] if _is_rgb(info) or info.matrix not in UNSPECIFIED else [f"colorspace={_likely_matrix(info)}"]
    if whole and info.primaries in UNSPECIFIED:
        tags.append(f"color_primaries={BT2020 if is_bt2020(info) else BT709}")
    if whole and info.transfer in UNSPECIFIED:
        tags.append(f"color_trc={BT709}")
    return [f"setparams={':'.join(tags)}"] if tags else []


def rate_filters(rate: Fraction, start_seconds: Fraction) -> list[str]:
    """Frames at a constant `rate` by time, the first at `start_seconds` of the file's clock.

    A place without a frame of its own repeats the one on show; frames before the start are dropped.
    """
    # In microseconds: with the container's own ticks, of a millisecond or so, the start would be rounded.
    return ["settb=1/1000000", f"fps={rate}:start_time={float(start_seconds):.9f}:round=near"]
