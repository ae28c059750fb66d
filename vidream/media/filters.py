"""The ffmpeg filters between a decoded frame and the RGB bytes that leave the pipe."""

from __future__ import annotations

import re
from fractions import Fraction

from vidream.media.ffmpeg import has_filter
from vidream.media.probe import ClipInfo

__all__ = ["deinterlace_filters", "output_format", "picture_filters", "rate_filters"]

SCALE_FLAGS = "lanczos+accurate_rnd+full_chroma_int+full_chroma_inp"
# ITU-T H.273.
_UNSPECIFIED = (0, 2, 3)
_PQ, _HLG = 16, 18


def output_format(info: ClipInfo) -> tuple[str, int, int]:
    """(ffmpeg pixel format, channels, bytes a channel) of the RGB that `info` is read as.

    Sources above 8 bits come as 16, so that the conversion adds no banding.
    """
    names = {
        (False, False): "rgb24",
        (False, True): "rgb48le",
        (True, False): "rgba",
        (True, True): "rgba64le",
    }
    return names[info.has_alpha, info.is_deep], 4 if info.has_alpha else 3, 2 if info.is_deep else 1


def deinterlace_filters(info: ClipInfo) -> list[str]:
    """Filters that make frames of interlaced fields; they look at neighbours, so they come before all others."""
    return ["bwdif=mode=send_frame:deint=interlaced"] if info.is_interlaced else []


def picture_filters(info: ClipInfo, width: int, height: int) -> list[str]:
    """Filters that make `width` x `height` px RGB, full range, of the frames of `info`.

    Matrix and range are those the clip names; unnamed: bt601 below 720 lines, bt709 from there, limited
    range. HDR (PQ, HLG) is tone-mapped where this ffmpeg can, else read as it stands.
    """
    if info.transfer in (_PQ, _HLG) and has_filter("zscale") and has_filter("tonemap"):
        # npl=203: the white of HDR programmes (ITU-R BT.2408) becomes the white of ours.
        return [
            *_missing_hdr_tags(info),
            f"scale={width}:{height}:flags={SCALE_FLAGS}",
            "zscale=t=linear:npl=203",
            "format=gbrpf32le,zscale=p=bt709,tonemap=hable:desat=0",
            "zscale=t=bt709:m=gbr:r=full",
        ]
    options = [f"scale={width}:{height}", f"flags={SCALE_FLAGS}", "out_range=pc"]
    is_rgb = re.search(r"rgb|bgr|gbr|pal8|gray|^ya\d|argb", info.pixel_format)
    if not is_rgb and info.matrix in (2, 3):
        across, down = info.upright_size
        is_small = min(across, down) < 720 and max(across, down) < 1280
        options.append(f"in_color_matrix={'bt601' if is_small else 'bt709'}")
    return [":".join(options)]


def _missing_hdr_tags(info: ClipInfo) -> list[str]:
    """zscale refuses frames without matrix or primaries; those of PQ and HLG are of BT.2020 (ITU-R BT.2100)."""
    tags = ["colorspace=bt2020nc"] if info.matrix in _UNSPECIFIED and "rgb" not in info.pixel_format else []
    tags += ["color_primaries=bt2020"] if info.primaries in _UNSPECIFIED else []
    return [f"setparams={':'.join(tags)}"] if tags else []


def rate_filters(rate: Fraction, start_seconds: Fraction) -> list[str]:
    """Frames at a constant `rate` by time, the first at `start_seconds` of the file's clock.

    A place without a frame of its own repeats the one on show; frames before the start are dropped.
    """
    # In microseconds: with the container's own ticks, of a millisecond or so, the start would be rounded.
    return ["settb=1/1000000", f"fps={rate}:start_time={float(start_seconds):.9f}:round=near"]
