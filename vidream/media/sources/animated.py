"""Animated pictures (GIF, APNG, animated WebP and AVIF) as a source: each frame for as long as browsers show it."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import numpy as np
from PIL import Image, ImageFile

from vidream.errors import SourceError
from vidream.media.arrays import compose_over_black, from_array
from vidream.media.decode import as_array, turned
from vidream.media.frame import Frame
from vidream.media.picture_files import PictureFacts, open_image, quiet_pillow, read_facts
from vidream.media.sources.source import Source
from vidream.media.span import Span, fit_size
from vidream.media.timing import Timing, find_timing, nearest_standard_rate
from vidream.media.wrapping import resize_round
from vidream.motion.wrap import Wrap
from vidream.runtime.memory import is_out_of_memory

__all__ = ["AnimatedSource"]

# Firefox, Chrome and Safari show a frame of 10 ms or less for 100 ms, in every format: such delays were written when
# no browser was faster.
_SHORTEST_MS, _SHORTEST_INSTEAD_MS = 10, 100
# Times are read in these units. WebP and AVIF round theirs to a millisecond, as Pillow gives them.
_TICKS_A_MS = {"GIF": 1000, "PNG": 1000, "WEBP": 1, "AVIF": 1}
# Times in a file are rounded to a millisecond: a frame is on show by this much sooner.
_GRACE_SECONDS = Fraction(1, 1000)
# Between the length by the rate and the length by the delays.
_LARGEST_DRIFT_FRAMES = Fraction(1, 4)


@dataclass(frozen=True)
class _Animation:
    """What one pass over the file tells.

    Attributes:
        ticks: when each frame is first shown, and when the last one ends, in units of `time_base` seconds.
        has_alpha: some pixel of some frame is not opaque.
        damage: what went wrong after the last frame that can be read, or None.
    """

    ticks: tuple[int, ...]
    time_base: Fraction
    has_alpha: bool
    damage: str | None

    @property
    def duration_seconds(self) -> Fraction:
        return self.ticks[-1] * self.time_base


class AnimatedSource(Source):
    """An animated picture as a stream of frames; see `Source` and FrameReader for what the attributes mean.

    Frames of different delays come out at a constant rate, by time: each output frame is the one on show then.
    """

    def __init__(
        self, source: Path, *, size: int | None, rate: Fraction | None, span: Span, wrap: Wrap = Wrap.NONE
    ) -> None:
        self._source, self._wrap = source, wrap
        self._facts = _check(source)
        self.width, self.height = fit_size(source.name, *self._facts.upright_size, size)
        status = source.stat()
        animation = _scan(source, self._facts.format, status.st_mtime_ns, status.st_size)
        self.has_alpha = animation.has_alpha
        self.warnings = []
        count = len(animation.ticks) - 1
        if animation.damage is not None:
            self.warnings.append(
                f"{source.name} is damaged: {count} frames could be read, then it ends ({animation.damage})"
            )
        timing = _timing(animation)
        self.rate = rate or timing.rate
        start, length = span.cut(source.name, timing.duration_seconds)
        if timing.is_constant:
            # Cut between frames.
            first = min(round(start * timing.rate), count - 1)
            start = first / timing.rate
            length = max(1, min(round(length * timing.rate), count - first)) / timing.rate
        self.start_seconds = start
        self.frame_count = max(1, round(length * self.rate))
        self.duration_seconds = self.frame_count / self.rate
        self._shown = _shown_frames(animation, timing, start, self.rate, self.frame_count)

    def frames(self, first: int = 0, *, seek: bool = True) -> Iterator[Frame]:
        """Yield frames, as `Source.frames` says. Each is drawn over those before it, so all of them are decoded."""
        if not self._source.exists():
            raise SourceError(f'"{self._source}" is gone; bring it back, then go on')
        number, facts = first, self._facts
        for index, image in enumerate(_composed(self._source, facts.format)):
            if index != self._shown[number]:
                continue
            # A frame of a GIF may reach beyond the picture.
            array = as_array(image, self._source.name, [])[: facts.height, : facts.width]
            array = resize_round(turned(array, facts.orientation), self.width, self.height, self._wrap)
            while number < self.frame_count and self._shown[number] == index:
                picture, alpha = compose_over_black(array) if array.shape[2] == 4 else (from_array(array), None)
                if alpha is None and self.has_alpha:
                    alpha = picture.new_ones(1, 1, self.height, self.width)
                yield Frame(picture, alpha if self.has_alpha else None, number / self.rate)
                number += 1
            if number == self.frame_count:
                return
        raise SourceError(f"{self._source.name} gives fewer frames than before; begin again with the whole file")


def _check(source: Path) -> PictureFacts:
    """What the animated picture at `source` says of itself. SourceError where it is none that can be read."""
    facts = read_facts(source)
    if facts is None:
        raise SourceError(f"{source.name} cannot be read as a picture: it is damaged; save or download it again")
    return facts


@functools.lru_cache(maxsize=16)
def _scan(source: Path, format_: str, changed_ns: int, size_bytes: int) -> _Animation:
    """Read every frame once, for its time and for what is transparent.

    Args:
        source, format_: the file.
        changed_ns, size_bytes: a file that has changed is read again.

    Raises:
        SourceError: no frame can be read.
    """
    scale = _TICKS_A_MS[format_]
    ticks, has_alpha, damage = [0], False, None
    try:
        for image in _composed(source, format_):
            delay_ms = image.info.get("duration") or 0
            if delay_ms <= _SHORTEST_MS:
                delay_ms = _SHORTEST_INSTEAD_MS
            ticks.append(ticks[-1] + max(1, round(delay_ms * scale)))
            if not has_alpha and image.has_transparency_data:
                has_alpha = bool(np.asarray(image.convert("RGBA").getchannel("A")).min() < 255)
    except Exception as error:  # Pillow raises whatever it meets in a broken file
        if is_out_of_memory(error):
            raise
        damage = " ".join(str(error).split()) or type(error).__name__
    if len(ticks) == 1:
        raise SourceError(
            f"{source.name}: no frame could be decoded ({damage or 'it holds none'}); save or download it again"
        )
    return _Animation(tuple(ticks), Fraction(1, 1000 * scale), has_alpha, damage)


def _composed(source: Path, format_: str) -> Iterator[Image.Image]:
    """Every frame, drawn over those before it by Pillow; one at a time in memory. Raises whatever Pillow raises."""
    with open_image(source, format_) as image:
        first = 1 if getattr(image, "default_image", False) else 0
        number = first
        while _shows(image, number):
            yield image
            number += 1


def _shows(image: ImageFile.ImageFile, number: int) -> bool:
    """Go to frame `number` of `image` and draw it; False behind the last one."""
    with quiet_pillow():
        try:
            image.seek(number)
        except EOFError:
            if number < int(getattr(image, "n_frames", 1)):
                raise
            return False
        image.load()
    return True


def _timing(animation: _Animation) -> Timing:
    """The rate, and the length with the last frame's own delay."""
    ticks, time_base = animation.ticks, animation.time_base
    starts, last = ticks[:-1], ticks[-1] - ticks[-2]
    # The end counts as one more frame, so that a last frame that is held makes the source an irregular one.
    whole = find_timing(ticks, time_base, 0, None, prefers_usual=True)
    if len(starts) == 1 or whole.is_constant:
        timing = find_timing(starts, time_base, last, None, prefers_usual=True)
        total_frames = animation.duration_seconds * timing.rate
        if not timing.is_constant or abs(total_frames - len(starts)) <= _LARGEST_DRIFT_FRAMES:
            return timing
        # A short one of rounded delays, as 30, 40, 30, 30 ms: its length says the rate better than its usual delay.
        rate = len(starts) / animation.duration_seconds
        rate = nearest_standard_rate(rate, float(rate) * 0.01) or rate.limit_denominator(1001)
        return replace(timing, rate=rate, duration_seconds=len(starts) / rate)
    return Timing(whole.rate, False, animation.duration_seconds, Fraction(0), starts, time_base, 0.0, len(starts))


def _shown_frames(animation: _Animation, timing: Timing, start: Fraction, rate: Fraction, count: int) -> np.ndarray:
    """Which frame of the file is on show at each of `count` output frames from `start` seconds on: [count] int."""
    output = np.arange(count)  # A frame may be held for hours: no Python object for each.
    if timing.is_constant:
        # By the ideal times: those in the file are rounded.
        places = output * float(timing.rate / rate) + float(start * timing.rate) + 0.001
        return np.minimum(places.astype(np.int64), len(animation.ticks) - 2)
    times = output * float(1 / (rate * animation.time_base)) + float((start + _GRACE_SECONDS) / animation.time_base)
    return np.maximum(np.searchsorted(np.asarray(animation.ticks[:-1]), times, "right") - 1, 0)
