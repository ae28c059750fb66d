"""Adaptive resolution: how large and how deep a live dream may be on this machine, found while it runs."""

from __future__ import annotations

import collections
import statistics
from dataclasses import dataclass

from vidream.engine.octaves import octave_sizes
from vidream.looks.preset import Preset

__all__ = ["AdaptiveResolution", "Decision", "Level"]

# Dream updates a second to aim for; fewer than about 12 look like steps, not like growth.
DREAMS_PER_SECOND = 14.0
SMALLEST_PX = 128
LEAST_RELIEF_PX = 150
# From one level to the next a side grows by this factor, and the work by about its square.
SIDE_STEP = 1.19
# A level is chosen only where it is expected to need at most this share of the time ...
RAISE_BELOW = 0.8
# ... and left where it needs more than this share.
LOWER_ABOVE = 1.1
# It is lowered one level at a time, but above this share straight to one that fits.
FAR_ABOVE = 1.5
FEWEST_DREAMS = 6
WARM_UPS = 2
DROPPED_SHARE = 0.08
SETTLE_SECONDS = 1.0
PATIENCE_SECONDS = 3.0
# A level that was too slow is not tried again for this long, then twice as long, and so on.
BACK_OFF_SECONDS = 6.0
# A step costs as much as this many more pixels, whatever its size (two CPU cores: 5 ms against 0.35 us a px).
OVERHEAD_PX = 15_000


@dataclass(frozen=True)
class Level:
    """How much is dreamed in one update.

    Attributes:
        side_px: longer side.
        octaves: how many.
        steps: gradient steps in each octave.
    """

    side_px: int
    octaves: int
    steps: int


@dataclass(frozen=True)
class Decision:
    """A change of level.

    Attributes:
        at_seconds: when, on the clock of `AdaptiveResolution.decide`.
        level: the new one.
        why: the reason, in a few words.
    """

    at_seconds: float
    level: Level
    why: str


class AdaptiveResolution:
    """Chooses the level of a live dream: quick to lower it, slow to raise it, stable once it fits.

    Args:
        sides: (height, width) of the picture, px.
        octaves, octave_scale, finest, steps: the preset's, which are the most.
        target_fps: pictures a second to be kept.
        max_latency_seconds: from camera to picture.
        start: the level to begin with; None estimates it from the first updates.

    Attributes:
        levels: all of them, from the least work to the most.
        changed_at: when the present level was chosen; None before the first decision.
        decisions: the last changes, newest last.
    """

    def __init__(
        self,
        sides: tuple[int, int],
        *,
        octaves: int,
        octave_scale: float,
        finest: float,
        steps: int,
        target_fps: float,
        max_latency_seconds: float,
        start: Level | None = None,
    ) -> None:
        self._sides = sides
        self.levels = _ladder(sides, octaves, octave_scale, finest, max(1, steps))
        self._costs = [_cost(sides, level, octave_scale) for level in self.levels]
        self.target_fps = target_fps
        self.max_latency_seconds = max_latency_seconds
        self._budget_seconds = 1.0 / min(DREAMS_PER_SECOND, target_fps)
        self._dreams: collections.deque[float] = collections.deque(maxlen=15)
        self.changed_at: float | None = None
        self._too_slow: dict[int, tuple[float, int]] = {}
        self._measured = start is not None
        self._index = self._first(start)
        self._warm_ups = WARM_UPS
        self.decisions: collections.deque[Decision] = collections.deque(maxlen=64)

    @classmethod
    def for_preset(
        cls,
        preset: Preset,
        sides: tuple[int, int],
        *,
        target_fps: float,
        max_latency_seconds: float,
        start: Level | None = None,
    ) -> AdaptiveResolution:
        """The levels up to what a preset without schedules asks for."""
        return cls(
            sides,
            octaves=preset.octaves,
            octave_scale=preset.octave_scale,
            finest=preset.finest,
            steps=preset.steps,
            target_fps=target_fps,
            max_latency_seconds=max_latency_seconds,
            start=start,
        )

    @property
    def level(self) -> Level:
        """The present level."""
        return self.levels[self._index]

    def note_dream(self, seconds: float) -> None:
        """Note how long an update took."""
        # The first ones cut the network and fill caches, and take longer than those that follow.
        if self._warm_ups:
            self._warm_ups -= 1
        else:
            self._dreams.append(seconds)

    def decide(
        self, now_seconds: float, *, picture_fps: float, dropped_share: float, latency_seconds: float | None
    ) -> Level:
        """Choose the level for the next update.

        Args:
            now_seconds: `time.monotonic`.
            picture_fps: pictures a second, of late. A camera that gives few frames in a dark room lowers nothing.
            dropped_share: of the frames, 0..1.
            latency_seconds: from camera to picture, of late; None where it is not known yet.
        """
        if self.changed_at is None:
            self.changed_at = now_seconds
        since = now_seconds - self.changed_at
        enough = 3 if not self._measured else FEWEST_DREAMS
        if len(self._dreams) < enough:
            return self.level
        took = statistics.median(self._dreams)
        if not self._measured:
            # The first estimate is the only jump upwards: later ones would show as a pumping picture.
            self._measured = True
            return self._go(self._fitting(took, len(self.levels) - 1), now_seconds, f"an update takes {_ms(took)}")
        if since < SETTLE_SECONDS:
            return self.level
        if took > LOWER_ABOVE * self._budget_seconds:
            far = took > FAR_ABOVE * self._budget_seconds
            index = self._fitting(took, self._index - 1) if far else self._index - 1
            return self._lower(index, now_seconds, f"an update takes {_ms(took)}")
        if since > PATIENCE_SECONDS and latency_seconds is not None and latency_seconds > self.max_latency_seconds:
            return self._relieve(now_seconds, f"the picture is {_ms(latency_seconds)} late")
        if since > PATIENCE_SECONDS and dropped_share > DROPPED_SHARE and picture_fps < 0.95 * self.target_fps:
            return self._relieve(now_seconds, f"{dropped_share:.0%} of the frames are dropped")
        return self._raise(took, since, now_seconds, latency_seconds)

    def _raise(self, took: float, since: float, now: float, latency_seconds: float | None) -> Level:
        above = self._index + 1
        late = latency_seconds is not None and latency_seconds > 0.7 * self.max_latency_seconds
        if above >= len(self.levels) or since < PATIENCE_SECONDS or late:
            return self.level
        expected = took * self._costs[above] / self._costs[self._index]
        # A level above one that was too slow is too slow as well.
        found = [entry for index, entry in self._too_slow.items() if index <= above]
        too_slow_at, times = max(found, default=(float("-inf"), 0))
        if expected > RAISE_BELOW * self._budget_seconds or now - too_slow_at < BACK_OFF_SECONDS * 2**times:
            return self.level
        return self._go(above, now, f"an update takes {_ms(took)} only")

    def _relieve(self, now: float, why: str) -> Level:
        """Lower it by one, so that pictures come in time; not below the size where the dream cannot be the cause."""
        if self.levels[self._index - 1].side_px < LEAST_RELIEF_PX or not self._index:
            return self.level
        return self._lower(self._index - 1, now, why)

    def _lower(self, index: int, now: float, why: str) -> Level:
        _, times = self._too_slow.get(self._index, (0.0, 0))
        self._too_slow[self._index] = (now, times + 1)
        return self._go(index, now, why)

    def _fitting(self, took: float, most: int) -> int:
        """The highest level up to `most` that is expected to fit the time."""
        unit = took / self._costs[self._index]
        fitting = [i for i in range(most + 1) if unit * self._costs[i] <= RAISE_BELOW * self._budget_seconds]
        return fitting[-1] if fitting else 0

    def _go(self, index: int, now: float, why: str) -> Level:
        index = max(0, index)
        self.changed_at = now
        if index != self._index:
            self._index = index
            self._dreams.clear()
            self.decisions.append(Decision(now, self.level, why))
        return self.level

    def _first(self, start: Level | None) -> int:
        if start is None:
            return min(2, len(self.levels) - 1)
        return max((i for i, each in enumerate(self.levels) if each.side_px <= start.side_px), default=0)


def _ladder(sides: tuple[int, int], octaves: int, octave_scale: float, finest: float, steps: int) -> list[Level]:
    """Levels from the least work to the most: sizes first, then more steps at the full size."""
    longest = max(16, round(max(sides) * finest))
    count = 0
    found: list[Level] = []
    while (side_px := round(SMALLEST_PX * SIDE_STEP**count)) < longest / SIDE_STEP**0.5:
        found.append(Level(side_px, _octave_count(sides, side_px, octaves, octave_scale), 1))
        count += 1
    most = _octave_count(sides, longest, octaves, octave_scale)
    return found + [Level(longest, most, more) for more in range(1, steps + 1)]


def _octave_count(sides: tuple[int, int], side_px: int, octaves: int, octave_scale: float) -> int:
    return len(octave_sizes(*_scaled(sides, side_px), octaves, octave_scale))


def _scaled(sides: tuple[int, int], side_px: int) -> tuple[int, int]:
    share = side_px / max(sides)
    return max(1, round(sides[0] * share)), max(1, round(sides[1] * share))


def _cost(sides: tuple[int, int], level: Level, octave_scale: float) -> float:
    """The work of one update, in pixels of a step."""
    sizes = octave_sizes(*_scaled(sides, level.side_px), level.octaves, octave_scale)
    return level.steps * sum(height * width + OVERHEAD_PX for height, width in sizes)


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms"
