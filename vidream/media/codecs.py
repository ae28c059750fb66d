"""Video codecs, as arguments for ffmpeg, and the arguments that store every frame at exactly its time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

__all__ = ["FFV1", "H264", "VP9", "Codec", "exact_times", "storable_rate"]

# Of x264's CRF: what its preset "superfast" takes to look as "medium" does.
FINER = 3
# A second; players are used to some thousands.
FEWEST_TICKS = 10_000
# ffmpeg keeps the terms of a rate below this.
LARGEST_RATE_TERM = 1_001_000


@dataclass(frozen=True)
class Codec:
    """How frames become video.

    Attributes:
        name: ffmpeg's name of the encoder.
        options: (quality 1..100, is_live) -> arguments. is_live: as little work as can be.
        reorder_frames: by how many frames a frame may be stored before those that are shown before it.
    """

    name: str
    options: Callable[[int, bool], list[str]]
    reorder_frames: int = 0

    def arguments(self, quality: int = 85, *, is_live: bool = False) -> list[str]:
        """All arguments of the encoder."""
        return ["-c:v", self.name, *self.options(quality, is_live)]


def _bt709() -> list[str]:
    """4:2:0, bt709, limited range, and tags that say so: what every player takes."""
    colour = "range=limited:color_primaries=bt709:color_trc=bt709:colorspace=bt709"
    scale = "scale=in_range=pc:out_range=tv:out_color_matrix=bt709:flags=lanczos+accurate_rnd+full_chroma_int"
    tags = ["-color_range", "tv", "-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709"]
    return ["-vf", f"{scale},format=yuv420p,setparams={colour}", "-pix_fmt", "yuv420p", *tags]


def _crf(quality: int) -> int:
    """x264's constant-quality number: 17 at 85, where no loss is seen."""
    return round(51 - 0.4 * quality)


def _h264(quality: int, is_live: bool) -> list[str]:
    # Two cores spend an eighth of a film's time on "medium". "superfast", 3 steps finer, looks the same (PSNR and
    # SSIM, docs/LOG.md) for a quarter of the time and a quarter more bytes. Live there is no time for the finer steps.
    crf = _crf(quality) if is_live else max(0, _crf(quality) - FINER)
    return [*_bt709(), "-preset", "superfast", "-crf", str(crf)]


def _vp9(quality: int, is_live: bool) -> list[str]:
    speed = ["-deadline", "realtime" if is_live else "good", "-cpu-used", "8" if is_live else "4", "-row-mt", "1"]
    return [*_bt709(), "-crf", str(_crf(quality) + 8), "-b:v", "0", *speed]


def _ffv1(quality: int, is_live: bool) -> list[str]:
    return ["-level", "3", "-slices", "4", "-pix_fmt", "bgr0"]


H264 = Codec("libx264", _h264, reorder_frames=2)
VP9 = Codec("libvpx-vp9", _vp9)
# RGB without loss, for frames that are encoded again.
FFV1 = Codec("ffv1", _ffv1)


def storable_rate(rate: Fraction) -> Fraction:
    """`rate`, or the nearest one that ffmpeg can hold: terms up to a million."""
    largest = max(rate.numerator, rate.denominator)
    if largest <= LARGEST_RATE_TERM:
        return rate
    return rate.limit_denominator(max(1, min(LARGEST_RATE_TERM, int(LARGEST_RATE_TERM / rate))))


def exact_times(codec: Codec, rate: Fraction, *, has_ticks: bool) -> list[str]:
    """Arguments by which frame n of a file is stored at n / rate, lasting 1 / rate, also where files are joined.

    Left to itself, ffmpeg takes other ticks for a short file than for a long one, guesses how long the last frame
    lasts, and stores a single frame with another delay than many; files joined by copy then drift apart.

    Args:
        codec: of the frames, encoded or copied.
        rate: frames a second.
        has_ticks: the container stores times in ticks that can be chosen: MP4 and MOV.
    """
    seconds = f"{rate.denominator}/{rate.numerator}"
    frame = f"({seconds}/TB)"
    times = f"pts=round(PTS/{frame})*{frame}:dts=(N-{codec.reorder_frames})*{frame}:duration={frame}"
    ticks = rate.numerator
    while ticks < FEWEST_TICKS:
        ticks *= 2
    return ["-bsf:v", f"setts={times}", *(["-video_track_timescale", str(ticks)] if has_ticks else [])]
