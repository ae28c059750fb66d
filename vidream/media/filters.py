"""The ffmpeg filters between a decoded frame and the RGB bytes that leave the pipe."""

from __future__ import annotations

import re
from fractions import Fraction

from vidream.media.ffmpeg import has_filter
from vidream.media.probe import ClipInfo

__all__ = ["output_format", "picture_filters"]

SCALE_FLAGS = "lanczos+accurate_rnd+full_chroma_int+full_chroma_inp"
_MATRICES = re.compile(r"\b(bt709|smpte170m|bt470bg|bt2020nc|bt2020c|fcc|smpte240m|gbr|ycgco)\b")
_HDR_TRANSFERS = ("smpte2084", "arib-std-b67")


def output_format(info: ClipInfo) -> tuple[str, int, int]:
    """(ffmpeg pixel format, channels, bytes a channel) of the RGB that `info` is read as.

    Sources above 8 bits come as 16, so that the conversion adds no banding. GIFs come with alpha: what
    lies under their transparent pixels is no colour.
    """
    is_deep = bool(re.search(r"(le|be)$", info.pixel_format)) and not re.match(r"(rgb|bgr)[45]", info.pixel_format)
    has_alpha = info.has_alpha or info.codec == "gif"
    names = {
        (False, False): "rgb24",
        (False, True): "rgb48le",
        (True, False): "rgba",
        (True, True): "rgba64le",
    }
    return names[has_alpha, is_deep], 4 if has_alpha else 3, 2 if is_deep else 1


def picture_filters(info: ClipInfo, width: int, height: int) -> list[str]:
    """Filters that make `width` x `height` px RGB, full range, of the frames of `info`.

    Matrix and range are those the clip names; unnamed: bt601 below 720 lines, bt709 from there, limited
    range. HDR (PQ, HLG) is tone-mapped where this ffmpeg can, else read as it stands.
    """
    filters = []
    if info.is_interlaced:
        filters.append("bwdif=mode=send_frame:deint=interlaced")
    if any(name in info.colours for name in _HDR_TRANSFERS) and has_filter("zscale") and has_filter("tonemap"):
        # npl=203: the white of HDR programmes (ITU-R BT.2408) becomes the white of ours.
        filters += [
            f"scale={width}:{height}:flags={SCALE_FLAGS}",
            f"zscale=t=linear:npl=203{_missing_hdr_tags(info)}",
            "format=gbrpf32le,zscale=p=bt709,tonemap=hable:desat=0",
            "zscale=t=bt709:m=gbr:r=full",
        ]
        return filters
    options = [f"scale={width}:{height}", f"flags={SCALE_FLAGS}", "out_range=pc"]
    is_rgb = re.search(r"rgb|bgr|gbr|pal8|gray|^ya\d|argb", info.pixel_format)
    if not is_rgb and not _MATRICES.search(info.colours):
        is_small = info.height < 720 and info.width < 1280
        options.append(f"in_color_matrix={'bt601' if is_small else 'bt709'}")
    filters.append(":".join(options))
    return filters


def _missing_hdr_tags(info: ClipInfo) -> str:
    """zscale refuses frames without matrix or primaries; HDR without them means bt2020."""
    tags = re.findall(r"bt2020nc|bt2020c|bt709|bt2020", info.colours)
    return "" if len(tags) > 1 or "/" not in info.colours else ":min=2020_ncl:pin=2020"


def resample_filter(rate: Fraction, start_seconds: Fraction | float) -> str:
    """Constant `rate` by time, beginning `start_seconds` after zero with the frame on show then."""
    return f"fps={rate}:start_time={float(start_seconds):.9f}:round=near"
