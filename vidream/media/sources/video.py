"""Video and GIF: frames streamed from one ffmpeg child, cut, turned, scaled and timed there."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np

from vidream.errors import SourceError
from vidream.media.arrays import compose_over_black, from_array
from vidream.media.ffmpeg import Child, source_options
from vidream.media.filters import output_format, picture_filters, resample_filter
from vidream.media.frame import Frame
from vidream.media.probe import probe_clip
from vidream.media.sources.base import Source
from vidream.media.span import Span, fit_size

__all__ = ["MovingSource"]


class MovingSource(Source):
    """A video or GIF as a stream of pictures; see FrameReader for what the attributes mean."""

    def __init__(self, source: Path, *, size: int | None, rate: Fraction | None, span: Span) -> None:
        self._source = source
        self.info = probe_clip(source)
        timing = self.info.timing
        self.width, self.height = fit_size(source.name, *self.info.upright_size, size)
        self.rate = rate or timing.rate
        self.has_audio = self.info.audio is not None
        # A GIF is drawn in layers; what is transparent in them says nothing about the frame.
        self.has_alpha = self.info.has_alpha and self.info.codec != "gif"
        self.warnings: list[str] = []
        self._child: Child | None = None
        self._is_resampled = not timing.is_constant or self.rate != timing.rate
        start, length = span.cut(source.name, timing.duration_seconds)
        if timing.is_constant:
            # Cut between whole frames; the sound is then cut at exactly the same instant.
            total = len(self.info.ticks)
            self._first = min(round(start * timing.rate), total - 1)
            count = max(1, min(round(length * timing.rate), total - self._first))
            start, length = self._first / timing.rate, count / timing.rate
        else:
            origin = self.info.time_seconds(0)
            on_show = np.asarray(self.info.ticks) * float(self.info.time_base) <= float(origin + start) + 1e-6
            self._first = max(0, int(np.count_nonzero(on_show)) - 1)
        self.start_seconds = start
        self.frame_count = max(1, round(length * self.rate))
        self.duration_seconds = self.frame_count / self.rate

    @property
    def sound_start_seconds(self) -> Fraction:
        """When the first frame is shown, counted from the start of the file: there the sound begins too."""
        return self.info.time_seconds(0) + self.start_seconds

    def frames(self, first: int = 0, *, seek: bool = True) -> Iterator[Frame]:
        """Yield frames. One child runs while this is iterated.

        first: begin with this one, counted from 0.  seek: jump there by the file's index where that can be
        done; else all before it are decoded, and dropped.
        Ends early, with a warning, where the file is broken; SourceError if no frame could be read.
        """
        _, channels, depth_bytes = output_format(self.info)
        dtype = np.dtype(np.uint8 if depth_bytes == 1 else "<u2")
        buffer = np.empty((self.height, self.width, channels), dtype)
        count = 0
        with Child(self._arguments(first, seek=seek), read=True) as self._child:
            child = self._child
            while _fill(child, buffer.reshape(-1).view(np.uint8).data):
                picture, alpha = compose_over_black(buffer) if channels == 4 else (from_array(buffer), None)
                yield Frame(picture, alpha, (first + count) / self.rate)
                count += 1
            self._judge_end(first + count, child.last_words, child.wait())

    def _arguments(self, first: int, *, seek: bool) -> list[str]:
        info, timing = self.info, self.info.timing
        # A resampled clip is counted from its beginning, and a deinterlacer looks back.
        jumps = seek and not self._is_resampled and not info.is_interlaced and info.codec != "gif"
        seek_seconds = self._seek_seconds(self._first + (first if jumps else 0))
        filters: list[str] = []
        if info.codec == "gif" and self._first:
            filters.append(f"trim=start_frame={self._first}")
        if self._is_resampled and timing.is_constant:
            # Ideal times instead of stored ones: 33, 67, 100 ms would be rounded unevenly.
            filters.append(f"settb={1 / timing.rate},setpts=N,{resample_filter(self.rate, 0)}")
        elif self._is_resampled:
            filters.append(resample_filter(self.rate, self.sound_start_seconds - seek_seconds))
        dropping = [f"trim=start_frame={first}"] if first and not jumps else []
        shaping = picture_filters(info, self.width, self.height)
        filters += [*shaping, *dropping] if info.is_interlaced else [*dropping, *shaping]
        # ffmpeg's own VP8 and VP9 decoders drop the alpha.
        decoder = {"vp8": "libvpx", "vp9": "libvpx-vp9"}.get(info.codec) if info.has_alpha else None
        return [
            *("-loglevel", "error"),
            *(["-c:v", decoder] if decoder else []),
            *(["-ss", f"{float(seek_seconds):.6f}"] if seek_seconds else []),
            *source_options(self._source),
            *("-map", "0:V:0", "-an", "-sn", "-dn"),
            *("-vf", ",".join(filters)),
            *("-fps_mode", "passthrough"),
            *("-frames:v", str(self.frame_count - first)),
            *("-f", "rawvideo", "-pix_fmt", output_format(info)[0], "pipe:1"),
        ]

    def _seek_seconds(self, first: int) -> Fraction:
        """Where to jump to: halfway before the first frame wanted; 0 to decode from the start."""
        if first == 0 or self.info.codec == "gif":  # GIFs have no index to seek by
            return Fraction(0)
        return (self.info.time_seconds(first - 1) + self.info.time_seconds(first)) / 2

    def _judge_end(self, count: int, last_words: str, code: int) -> None:
        reason = f" ({last_words})" if last_words else ""
        if not self._source.exists():
            # A drive pulled out in the middle: not the end of the film, and its frames are kept for a while.
            raise SourceError(f'"{self._source}" is gone after {count} frames; bring it back, then go on')
        if code < 0:
            raise SourceError(
                f"ffmpeg was stopped by signal {-code} after {count} frames of {self._source.name}; go on"
            )
        if count == 0:
            raise SourceError(
                f"{self._source.name}: no frame could be decoded{reason}; convert it to mp4 and try again"
            )
        # Resampling may round one frame away at the end; that is not damage.
        missing = self.frame_count - count - (1 if self._is_resampled else 0)
        if missing > 0 or self.info.is_damaged:
            self.warnings.append(f"{self._source.name} is damaged: {count} frames could be read, then it ends{reason}")


def _fill(child: Child, view: memoryview) -> bool:
    """Read one whole frame from the child into `view`; False at the end of the stream."""
    filled = 0
    while filled < len(view):
        got = child.stdout.readinto(view[filled:])  # type: ignore[attr-defined]
        if not got:
            return False
        filled += got
    return True
