"""animation: a film as GIF, animated WebP or APNG, as large as it was made, or small enough for a limit."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np

from vidream.errors import TargetError
from vidream.media.disk import full_disk
from vidream.media.ffmpeg import Child, Finished, local_url, run
from vidream.media.palette import Painter, best_colours

__all__ = ["Plan", "make_animation"]

# A GIF's delays are whole hundredths, a WebP's whole thousandths; browsers show what has 10 ms or less for 100 ms.
_FASTEST_GIF, _FASTEST = Fraction(50), Fraction(1000, 11)
_LEAST_SIDE_PX = 32
# Mean difference of two frames at 16 x 16 px above which another scene begins, with a palette of its own.
_CUT, _SMALL_PX = 0.12, 16
_MOST_SCENES = 32
_SAMPLES_A_FRAME = 4000
# By the quality asked for: colours and tolerance of a GIF. At 85, a quarter smaller than a plain writer's, and truer.
_QUALITIES, _COLOURS, _TOLERANCES = (1, 50, 85, 100), (16, 64, 160, 255), (1000, 400, 100, 0)
# What is given up to become smaller, in this order: (share of the sides, most frames a second, colours, tolerance,
# quality of WebP).
_LADDER = (
    (1.0, 50, 128, 160, 80), (1.0, 25, 112, 220, 72), (1.0, 20, 96, 280, 65), (0.9, 20, 96, 320, 62),
    (0.8, 17, 96, 360, 60), (0.7, 15, 96, 360, 58), (0.62, 15, 80, 400, 55), (0.54, 13, 80, 400, 52),
    (0.47, 12, 72, 450, 50), (0.4, 12, 64, 500, 46), (0.34, 10, 64, 550, 42), (0.28, 10, 56, 600, 38),
    (0.23, 8, 48, 700, 34), (0.18, 8, 40, 800, 30), (0.14, 6, 32, 900, 25), (0.1, 5, 24, 1000, 20),
    (0.08, 4, 16, 1200, 15),
)  # fmt: skip


@dataclass(frozen=True)
class Plan:
    """How an animation is encoded. rate: frames a second.  colours, tolerance: see `Painter`; None: all colours.
    quality: of WebP, 0..100."""

    width: int
    height: int
    rate: Fraction
    colours: int | None
    tolerance: float
    quality: int

    def says(self, suffix: str, size_bytes: int) -> str:
        """Say what was chosen, in a line."""
        kind = f", quality {self.quality}" if suffix == ".webp" else f", {self.colours or 'all'} colours"
        return f"{_bytes(size_bytes)}: {self.width}x{self.height}, {float(self.rate):g} fps{kind}"


def make_animation(
    frames: Path,
    made: Path,
    target: Path,
    *,
    width: int,
    height: int,
    rate: Fraction,
    quality: int = 85,
    max_bytes: int | None = None,
    reserved_bytes: int = 0,
    has_alpha: bool = False,
) -> str | None:
    """Encode the lossless `frames` [width x height px] into `made`, endless, by its suffix.

    Args:
        frames: the film.
        made: the file that is written.
        target: the name shown in errors.
        width, height: of the frames, px.
        rate: frames a second.
        quality: 1..100; of an APNG without a limit nothing is lost.
        max_bytes: the file is no larger; sides, rate and colours are reduced for it, as little as will do.
        reserved_bytes: of max_bytes, for what is added to the file afterwards.
        has_alpha: frames have alpha, which a WebP or APNG keeps; it has all colours then.

    Returns:
        with `max_bytes`, a line that says which size, rate and colours were chosen.

    Raises:
        TargetError: nothing fits, the disk is full, or ffmpeg fails.
    """
    encode = _Encoder(frames, made, target, (width, height), rate, has_alpha=has_alpha)
    plans = _plans(made.suffix, width, height, rate, quality)
    if max_bytes is None:
        encode(plans[0])
        return None
    # The best rung that fits, by halving: each trial is a whole encoding, so that the limit is kept for certain.
    low, high, best = 0, len(plans), -1
    while low < high:
        rung = (low + high) // 2
        size = encode(plans[rung])
        fits = size <= max_bytes - reserved_bytes
        low, high, best = (low, rung, rung) if fits else (rung + 1, high, best)
    if best < 0:
        raise TargetError(
            f'"{target.name}" cannot be made to fit into {_bytes(max_bytes)}: at its smallest it has {_bytes(size)}; '
            "allow more, or make a shorter film"
        )
    return f"fits into {_bytes(max_bytes)}: {plans[best].says(made.suffix, encode(plans[best]))}"


def _bytes(count: int) -> str:
    """A file's size in words."""
    return f"{count / 1e6:.2f} MB" if count >= 1e6 else f"{count / 1e3:.3g} kB"


def _plans(suffix: str, width: int, height: int, rate: Fraction, quality: int) -> list[Plan]:
    """The best one at this quality, and what is smaller and smaller."""
    colours, tolerance = (round(float(np.interp(quality, _QUALITIES, of))) for of in (_COLOURS, _TOLERANCES))
    # Of a faster film, every second frame: an even motion is better than a few frames more.
    fastest = min(rate, _FASTEST_GIF) if suffix == ".gif" else rate / math.ceil(rate / _FASTEST)
    plans = [Plan(width, height, fastest, None if suffix == ".apng" else colours, tolerance, quality)]
    for share, most, fewer, worse, webp in _LADDER:
        share = min(1.0, max(share, _LEAST_SIDE_PX / min(width, height)))
        sides = max(1, round(width * share)), max(1, round(height * share))
        slower = min(fastest, Fraction(most))
        plans.append(Plan(*sides, slower, min(fewer, colours), max(worse, tolerance), min(webp, quality)))
    return plans


_APNG = ["-c:v", "apng", "-f", "apng", "-plays", "0", "-pred", "mixed"]


class _Encoder:
    """Encodes one film by any plan; returns the size of the file in bytes."""

    def __init__(
        self, frames: Path, made: Path, target: Path, own: tuple[int, int], rate: Fraction, *, has_alpha: bool
    ) -> None:
        self._has_alpha = has_alpha
        self._frames, self._made, self._target, self._own, self._rate = frames, made, target, own, rate
        self._latest: Plan | None = None

    def __call__(self, plan: Plan) -> int:
        if plan != self._latest:
            self._latest = None
            if self._made.suffix == ".webp":
                self._in_all_colours(
                    plan, "bgra", ["-c:v", "libwebp_anim", "-quality", str(plan.quality), "-loop", "0"]
                )
            elif plan.colours is None or self._has_alpha:
                self._in_all_colours(plan, "rgba" if self._has_alpha else "rgb24", _APNG)
            else:
                self._in_palettes(plan)
            self._latest = plan
        return self._made.stat().st_size

    def _in_all_colours(self, plan: Plan, pixels: str, codec: list[str]) -> None:
        shape = ["-vf", f"{self._shape(plan)},format={pixels}"]
        self._check(run(["-loglevel", "warning", "-y", "-i", local_url(self._frames), *shape, *codec, self._url]))

    def _in_palettes(self, plan: Plan) -> None:
        scenes = self._scenes(plan)
        size = f"{plan.width}x{plan.height}"
        source = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", size, "-framerate", str(plan.rate), "-i", "pipe:0"]
        codec = ["-loop", "0"] if self._made.suffix == ".gif" else _APNG
        palettes = self._made.with_suffix(".palettes")
        try:
            palettes.write_bytes(b"".join(_as_bgra(colours) * count for count, colours in scenes))
            second = ["-f", "rawvideo", "-pix_fmt", "bgra", "-s", "16x16", "-framerate", str(plan.rate)]
            paint = f"[0][1]paletteuse=dither=none:diff_mode=rectangle:new={int(len(scenes) > 1)}"
            self._feed(
                [*source, *second, "-i", local_url(palettes), "-filter_complex", paint, *codec, self._url],
                self._painted(plan, scenes),
            )
        finally:
            palettes.unlink(missing_ok=True)

    def _painted(self, plan: Plan, scenes: list[tuple[int, np.ndarray]]) -> Iterator[np.ndarray]:
        painter, frames = Painter(plan.tolerance), self._read(plan)
        for count, colours in scenes:
            painter.take(colours)
            for _ in range(count):
                yield painter.paint(next(frames))

    def _scenes(self, plan: Plan) -> list[tuple[int, np.ndarray]]:
        """(frames, colours) of each scene."""
        assert plan.colours is not None
        chance, before = np.random.default_rng(0), None
        counts: list[int] = []
        drawn: list[list[np.ndarray]] = []
        for frame in self._read(plan):
            small = cv2.resize(frame, (_SMALL_PX, _SMALL_PX), interpolation=cv2.INTER_AREA) / 255
            # An APNG has one palette.
            is_full = len(counts) == (_MOST_SCENES if self._made.suffix == ".gif" else 1)
            if before is None or (np.abs(small - before).mean() > _CUT and not is_full):
                counts.append(0)
                drawn.append([])
            counts[-1] += 1
            drawn[-1].append(frame.reshape(-1, 3)[chance.integers(0, plan.width * plan.height, _SAMPLES_A_FRAME)])
            before = small
        return [
            (count, best_colours(np.concatenate(pixels), plan.colours))
            for count, pixels in zip(counts, drawn, strict=True)
        ]

    def _read(self, plan: Plan) -> Iterator[np.ndarray]:
        """The film's frames [H,W,3] uint8 RGB at the plan's size and rate."""
        options = ["-f", "rawvideo", "-pix_fmt", "rgb24", "pipe:1"]
        count = plan.width * plan.height * 3
        source = ["-loglevel", "warning", "-i", local_url(self._frames), "-vf", self._shape(plan)]
        child = Child([*source, *options], read=True)
        try:
            while len(data := _whole_read(child, count)) == count:
                yield np.frombuffer(data, np.uint8).reshape(plan.height, plan.width, 3)
        finally:
            child.close()

    def _feed(self, arguments: list[str], frames: Iterator[np.ndarray]) -> None:
        child = Child(["-loglevel", "warning", "-y", *arguments], feed=True)
        try:
            for frame in frames:
                view = np.ascontiguousarray(frame).reshape(-1).data
                while view:
                    view = view[child.stdin.write(view) :]
            child.stdin.close()
        except OSError:  # a broken pipe: the child's own words say why
            child.process.kill()
        code = child.wait()
        child.close()
        if child.disk_is_full:
            raise full_disk(self._target)
        if code != 0:
            raise self._failure(child.last_words or f"exit code {code}")

    def _check(self, finished: Finished) -> None:
        if finished.disk_is_full:
            raise full_disk(self._target)
        if finished.code != 0:
            raise self._failure(finished.last_words or f"exit code {finished.code}")

    def _failure(self, reason: str) -> TargetError:
        return TargetError(f'ffmpeg could not finish "{self._target.name}" ({reason}); try another format')

    def _shape(self, plan: Plan) -> str:
        scale = "" if (plan.width, plan.height) == self._own else f",scale={plan.width}:{plan.height}:flags=lanczos"
        # Counted: the times in the file are rounded to a millisecond, and another rate would take frames unevenly.
        return f"settb={1 / self._rate},setpts=N,fps={plan.rate}{scale}"

    @property
    def _url(self) -> str:
        return local_url(self._made)


def _as_bgra(colours: np.ndarray) -> bytes:
    """A palette as ffmpeg takes it: 16x16 px, the last one clear, for what is as in the frame before."""
    cells = np.zeros((256, 4), np.uint8)
    cells[:255, :3], cells[:255, 3] = np.resize(colours[:, ::-1], (255, 3)), 255
    return cells.tobytes()


def _whole_read(child: Child, count: int) -> bytes:
    data = bytearray()
    while len(data) < count and (more := child.stdout.read(count - len(data))):
        data += more
    return bytes(data)
