"""Video: frames streamed from one ffmpeg child, cut, turned, scaled and timed there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np

from vidream.errors import SourceError
from vidream.media.arrays import compose_over_black, from_array
from vidream.media.colour_tags import ColourTags, is_hdr, light_metadata, tags_of
from vidream.media.companions import Companions, chapters_of, moved_timecode
from vidream.media.delivery import Colours
from vidream.media.ffmpeg import Child, source_options
from vidream.media.filters import (
    changes_colours,
    deinterlace_filters,
    output_format,
    picture_filters,
    rate_filters,
)
from vidream.media.frame import Frame
from vidream.media.probe import probe_clip
from vidream.media.sources.source import Source
from vidream.media.span import Span, fit_size
from vidream.media.wrapping import round_filters
from vidream.motion.wrap import Wrap

__all__ = ["MovingSource"]

# Times are in microseconds: by this a frame halfway between two places always goes to the same side.
TIE_SECONDS = Fraction(1, 100_000)
# Containers round times to a millisecond; a frame that lies farther off its place was meant to.
LARGEST_ROUNDING_SECONDS = 0.002

# What a decoder says where a frame is lost or spoilt; it says much else that is no harm.
_SPOILT = re.compile(r"error while decoding|invalid data|corrupt|concealing|decode_slice|missing picture", re.I)


class MovingSource(Source):
    """A video as a stream of frames; see `Source` and FrameReader for what the attributes mean.

    Frames come by time, on a grid of `rate` that every frame of a constant clip has its own place on. A frame that
    cannot be decoded is replaced by the one before, so that nothing after it comes too soon.
    """

    def __init__(
        self,
        source: Path,
        *,
        size: int | None,
        rate: Fraction | None,
        span: Span,
        wrap: Wrap = Wrap.NONE,
        colours: Colours = "sdr",
    ) -> None:
        self._source, self._wrap = source, wrap
        self._colours: Colours = colours
        self.info = probe_clip(source)
        self.tags = ColourTags() if changes_colours(self.info, colours) else tags_of(self.info)
        if self.tags.is_hdr:
            self.tags = replace(self.tags, light=light_metadata(source, self.info.index))
        timing = self.info.timing
        self.width, self.height = fit_size(source.name, *self.info.upright_size, size)
        self.rate = rate or timing.rate
        self.has_audio = bool(self.info.tracks)
        self.has_alpha = self.info.has_alpha
        self._pipe = output_format(self.info)
        self.warnings = list(self.info.notes)
        if is_hdr(self.info.transfer) and not self.tags.is_hdr:
            self.warnings.append(f"{source.name} is HDR, and is brought to SDR; films of 10 bits and more keep it")
        if self.info.is_interlaced:
            self.warnings.append(f"{source.name} is interlaced: whole frames are made of its fields")
        self._is_resampled = not timing.is_constant or self.rate != timing.rate
        start, length = span.cut(source.name, timing.duration_seconds)
        if timing.is_constant:
            # Cut between frames; the sound is then cut at exactly the same instant.
            first = min(round(start * timing.rate), timing.frame_count - 1)
            count = max(1, min(round(length * timing.rate), timing.frame_count - first))
            start, length = first / timing.rate, count / timing.rate
        self.start_seconds = start
        self._grid_start_seconds = timing.grid_start_seconds + start
        self.frame_count = max(1, round(length * self.rate))
        self.duration_seconds = self.frame_count / self.rate

    @property
    def sound_start_seconds(self) -> Fraction:
        """When the first frame is shown, on the file's clock: there the sound begins too."""
        return self.info.timing.first_seconds + self.start_seconds

    @property
    def companions(self) -> Companions:
        """What goes with the pictures."""
        info, timing = self.info, self.info.timing
        starts = self.sound_start_seconds
        moved = moved_timecode(info.timecode, timing.rate, round(self.start_seconds * timing.rate), self.rate)
        return Companions(
            self._source,
            info.tracks,
            starts,
            info.starts_seconds,
            chapters=chapters_of(info.chapters, starts, self.duration_seconds),
            timecode=moved,
            subtitles=info.subtitles,
        )

    def frames(self, first: int = 0, *, seek: bool = True) -> Iterator[Frame]:
        """Yield frames, as `Source.frames` says. One child runs while this is iterated.

        A file that ends early gives the frames that it has, with a warning.
        """
        pipe, sides = self._pipe, (self.height, self.width)
        shape = (pipe.channels, *sides) if pipe.is_planar else (*sides, pipe.channels)
        buffer = np.empty(shape, "<u2" if pipe.is_deep else np.uint8)
        number = first
        with Child(self._arguments(first, seek=seek), read=True) as child:
            while _fill(child, buffer.reshape(-1).view(np.uint8).data):
                yield self._frame(buffer, number)
                number += 1
            code = child.wait()
            self._check_end(number, child.last_words, code)
        # Packets tell of more than the decoder gave: the last one stays for as long as those would have been shown.
        while number < self.frame_count and self.info.timing.is_whole and not self.info.is_damaged:
            yield self._frame(buffer, number)
            number += 1

    def _frame(self, buffer: np.ndarray, number: int) -> Frame:
        if self._pipe.is_planar:
            buffer = np.moveaxis(buffer[[2, 0, 1, 3][: len(buffer)]], 0, 2)
        picture, alpha = compose_over_black(buffer) if buffer.shape[2] == 4 else (from_array(buffer), None)
        return Frame(picture, alpha, number / self.rate)

    def _arguments(self, first: int, *, seek: bool) -> list[str]:
        info = self.info
        # A deinterlacer looks back, and a file without times cannot say where it jumped to.
        jumps = seek and not info.is_interlaced and info.has_times
        wanted_seconds = self._grid_start_seconds + first / self.rate
        seek_seconds = self._seek_seconds(wanted_seconds) if jumps else Fraction(0)
        # ffmpeg's own VP8 and VP9 decoders drop the alpha.
        decoder = {"vp8": "libvpx", "vp9": "libvpx-vp9"}.get(info.codec) if info.has_alpha else None
        # The rate comes last: ffmpeg makes all repetitions of a frame at once, which cost nothing while they share its
        # picture, and filtered one by one would fill the memory in a long pause.
        filters = [
            *deinterlace_filters(info),
            *self._size_filters(),
            f"format={self._pipe.name}",
            *self._time_filters(wanted_seconds, first),
        ]
        return [
            *("-loglevel", "error"),
            *(["-c:v", decoder] if decoder else []),
            # The times that are stored in the file, unchanged: those that the probe has read.
            "-copyts",
            *(["-ss", f"{float(seek_seconds):.6f}"] if seek_seconds > 0 else []),
            *source_options(self._source),
            *("-map", f"0:{info.index}", "-an", "-sn", "-dn"),
            *("-vf", ",".join(filters)),
            *("-fps_mode", "passthrough"),
            *("-frames:v", str(self.frame_count - first)),
            *("-f", "rawvideo", "-pix_fmt", self._pipe.name, "pipe:1"),
        ]

    def _size_filters(self) -> list[str]:
        """To the size that comes out, in RGB; frames that go round are sampled across their sides."""
        around, (left, top) = round_filters(self.info.upright_size, (self.width, self.height), self._wrap)
        scaling = picture_filters(self.info, self.width + 2 * left, self.height + 2 * top, self._colours)
        return [*around, *scaling, f"crop={self.width}:{self.height}:{left}:{top}"] if around else scaling

    def _time_filters(self, wanted_seconds: Fraction, first: int) -> list[str]:
        timing = self.info.timing
        if not self.info.has_times:
            # Frames are counted.
            counted = [f"settb={1 / timing.rate}", "setpts=N"]
            return [*counted, *rate_filters(self.rate, self.start_seconds + first / self.rate - TIE_SECONDS)]
        if not (self._is_resampled and timing.is_constant and timing.deviation_seconds < LARGEST_ROUNDING_SECONDS):
            return rate_filters(self.rate, wanted_seconds)
        # First each frame to its ideal time: 33, 67, 100 ms would be rounded unevenly to another rate.
        before = int((wanted_seconds - timing.grid_start_seconds) * timing.rate)
        ideal_seconds = timing.grid_start_seconds + before / timing.rate
        return [*rate_filters(timing.rate, ideal_seconds), *rate_filters(self.rate, wanted_seconds - TIE_SECONDS)]

    def _seek_seconds(self, wanted_seconds: Fraction) -> Fraction:
        """Where to jump to, as ffmpeg counts it: a little before the frame on show at `wanted_seconds`."""
        timing = self.info.timing
        # A frame is taken half a place of the grid before its time.
        index = timing.frame_at(wanted_seconds + Fraction(1, 2) / timing.rate)
        index = max(0, index - 1)
        if index == 0:
            return Fraction(0)
        halfway = (timing.frame_seconds(index - 1) + timing.frame_seconds(index)) / 2
        return halfway - self.info.starts_seconds

    def _check_end(self, count: int, last_words: str, code: int) -> None:
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
        missing = self.frame_count - count
        if self.info.is_damaged:
            self.warnings.append(f"{self._source.name} is damaged: {count} frames could be read, then it ends{reason}")
        elif missing > 1 and self.info.timing.is_whole:
            self.warnings.append(
                f"{self._source.name} is damaged: its last {missing} frames could not be decoded{reason}; "
                "the one before them is held"
            )
        elif _SPOILT.search(last_words):
            self.warnings.append(
                f"{self._source.name} is damaged in places{reason}; where a frame is lost, the one before it is held"
            )


def _fill(child: Child, view: memoryview) -> bool:
    """Read one frame from the child into `view`; False at the end of the stream."""
    filled = 0
    while filled < len(view):
        got = child.stdout.readinto(view[filled:])  # type: ignore[attr-defined]
        if not got:
            return False
        filled += got
    return True
