"""A still picture, or a row of numbered ones, as a stream of pictures."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np

from vidream.errors import SourceError
from vidream.media.arrays import compose_over_black, from_array
from vidream.media.decode import decode_picture, still_size
from vidream.media.frame import Frame
from vidream.media.numbered import NumberedName
from vidream.media.sources.source import Source
from vidream.media.span import Span, fit_size
from vidream.media.wrapping import resize_round
from vidream.motion.wrap import Wrap

__all__ = ["DEFAULT_RATE", "PictureSource"]

DEFAULT_RATE = Fraction(25)


class PictureSource(Source):
    """Pictures from picture files; see FrameReader for what the attributes mean.

    One file: one frame, or as many copies as the span's duration asks for. Numbered files: one frame each,
    in order of their numbers, `rate` a second; numbers that are missing are passed over, with a warning.
    """

    has_audio = False

    def __init__(
        self,
        source: Path,
        *,
        size: int | None,
        rate: Fraction | None,
        span: Span,
        numbered: bool,
        wrap: Wrap = Wrap.NONE,
    ) -> None:
        self._wrap = wrap
        self.rate = rate or DEFAULT_RATE
        self.warnings: list[str] = []
        # Of numbered pictures: the number in each one's name.
        self.numbers: list[int] | None = None
        if numbered:
            self._files = self._cut(source, NumberedName(source).existing(), span)
        else:
            length = span.duration_seconds
            copies = 1 if length is None else max(1, round(Fraction(length) * self.rate))
            span.cut(source.name, max(1, copies) / self.rate + Fraction(span.start_seconds))
            self._files = [source] * copies
            self.start_seconds = Fraction(0)
        stored = still_size(self._files[0])
        self._check_sizes(stored)
        self.width, self.height = fit_size(self._files[0].name, *stored, size)
        self.frame_count = len(self._files)
        self.duration_seconds = self.frame_count / self.rate
        self.has_alpha = decode_picture(self._files[0], self.warnings).shape[2] == 4

    def _cut(self, source: Path, numbered: list[tuple[int, Path]], span: Span) -> list[Path]:
        if not numbered:
            raise SourceError(f'no file matches "{source}"; the numbers may have another width, or the folder is wrong')
        start, length = span.cut(source.name, len(numbered) / self.rate)
        first = min(round(start * self.rate), len(numbered) - 1)
        kept = numbered[first : first + max(1, round(length * self.rate))]
        self.start_seconds = first / self.rate
        missing = kept[-1][0] - kept[0][0] + 1 - len(kept)
        if missing:
            gap = next(sooner for (sooner, _), (later, _) in itertools.pairwise(kept) if later > sooner + 1)
            self.warnings.append(f"{source.name}: {missing} numbers are missing, the first after {gap}; passed over")
        self.numbers = [number for number, _ in kept]
        return [path for _, path in kept]

    def _check_sizes(self, stored: tuple[int, int]) -> None:
        """Every header is read now: a picture of another size would otherwise end a long render."""
        for path in dict.fromkeys(self._files[1:]):
            if still_size(path) != stored:
                width, height = still_size(path)
                raise SourceError(
                    f"{path.name} has {width}x{height} px, {self._files[0].name} {stored[0]}x{stored[1]}; "
                    "numbered pictures must all have one size"
                )

    def frames(self, first: int = 0, *, seek: bool = True) -> Iterator[Frame]:
        """Yield frames from number `first` on, counted from 0.

        SourceError where a file is unreadable.  seek: makes no difference here.
        """
        array = np.empty((0, 0, 0))
        last: Path | None = None
        for number, path in enumerate(self._files[first:], first):
            if path != last:
                decoded, last = decode_picture(path, self.warnings), path
                array = resize_round(decoded, self.width, self.height, self._wrap)
            picture, alpha = compose_over_black(array) if array.shape[2] == 4 else (from_array(array), None)
            yield Frame(picture, alpha, number / self.rate)
