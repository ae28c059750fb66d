"""flashes: pictures that flash more than three times a second are tempered before they are shown.

The limits are those of WCAG 2.2, success criterion 2.3.1 (https://www.w3.org/TR/WCAG22/#three-flashes-or-below-threshold)
and of ITU-R BT.1702, which have the same numbers:

- a general flash is a pair of opposing changes of the relative luminance, each of a tenth of white or more, whose
  darker picture is below 0.80;
- a red flash is a pair of opposing changes of R - G - B (linear, each a share of white) of 20/320 or more, to or from
  a saturated red: R of 0.8 (R + G + B) or more;
- more than three of either within a second are too many where they fill more than a quarter of a field of 10 degrees:
  341x256 px of 1024x768, a third of the frame's sides.

A picture is measured in cells, some 64 along its longer side: groups of px are averaged as they are coded, made linear,
and averaged again. Each cell keeps when its last seven changes came. Three flashes are six changes; a cell in which a
seventh comes within a second flashes too often.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from fractions import Fraction
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from vidream.runtime.threads import is_gnu_openmp, use_threads

__all__ = ["FlashLimiter", "begins_afresh"]

CELLS = 64
# Groups of px in each direction that are made linear on their own: linear light of every px costs too much at 1080p.
GROUPS_EACH = 4
# The limits are 0.1, 20/320, 0.8, 0.8 and a quarter. These leave room for what 8 bits and an encoder change.
LUMINANCE_CHANGE, RED_CHANGE = 0.09, 0.9 * 20 / 320
MOST_AREA = 0.2
BRIGHT, SATURATED = 0.83, 0.77
MOST_CHANGES = 6
FIELD_SHARE = 1 / 3
# Halvings of the least blend that is enough: to a hundredth.
HALVINGS = 7
# After a shot of so long a cut begins the count afresh: no cut before it is in the same second.
STEADY_SECONDS = 1.0
_NEVER = -(2**30)


def begins_afresh(frames: int, rate: float | Fraction) -> bool:
    """True where a cut after a shot of so many `frames`, at `rate` a second, begins the count of flashes afresh."""
    return frames >= STEADY_SECONDS * rate


@dataclass(frozen=True)
class _Cells:
    """What is known of each cell. The first dimension of two is the luminance, and the redness.

    Attributes:
        low, high: [2,h,w], least and largest value since its last change.
        low_red, high_red: [h,w], bool, whether the redness there was a saturated red's.
        way: [2,h,w], int8, of its last change: 1 up, -1 down, 0 before the first.
        times: [7,2,h,w], int32, frame numbers of its last changes, the newest first.
    """

    low: Tensor
    high: Tensor
    low_red: Tensor
    high_red: Tensor
    way: Tensor
    times: Tensor

    @classmethod
    def first(cls, light: Tensor) -> _Cells:
        """Of a first picture. light: [3,h,w], linear RGB of each cell, 0..1."""
        values, red = _measured(light)
        way = torch.zeros_like(values, dtype=torch.int8)
        times = torch.full((MOST_CHANGES + 1, *values.shape), _NEVER, dtype=torch.int32, device=light.device)
        return cls(values, values.clone(), red, red.clone(), way, times)

    def after(self, light: Tensor, number: int) -> _Cells:
        """The same after the picture `number`. light: as for `first`."""
        values, red = _measured(light)
        low, high = torch.minimum(self.low, values), torch.maximum(self.high, values)
        low_red = torch.where(values[1] < self.low[1], red, self.low_red)
        high_red = torch.where(values[1] > self.high[1], red, self.high_red)
        least = values.new_tensor([LUMINANCE_CHANGE, RED_CHANGE]).view(2, 1, 1)
        counts_up = torch.stack([low[0] < BRIGHT, low_red | red])
        counts_down = torch.stack([values[0] < BRIGHT, high_red | red])
        up = (self.way <= 0) & (values - low >= least) & counts_up
        down = (self.way >= 0) & (high - values >= least) & counts_down & ~up
        turned = up | down
        pushed = torch.cat([torch.full_like(self.times[:1], number), self.times[:-1]])
        return _Cells(
            low=torch.where(turned, values, low),
            high=torch.where(turned, values, high),
            low_red=torch.where(turned[1], red, low_red),
            high_red=torch.where(turned[1], red, high_red),
            way=torch.where(up, 1, torch.where(down, -1, self.way)).to(torch.int8),
            times=torch.where(turned, pushed, self.times),
        )

    def flashing(self, number: int, rate: float) -> Tensor:
        """[h,w], bool: which cells have flashed too often in the second that ends with frame `number`."""
        return (number - self.times[-1] < rate).any(0)

    def to(self, device: torch.device) -> _Cells:
        return _Cells(**{each.name: getattr(self, each.name).to(device) for each in fields(self)})


class FlashLimiter:
    """Tempers the pictures of a film that flash more than three times a second.

    The count goes over all that is shown, cuts within it too: a film that is cut every few frames flashes. It begins
    afresh at a cut after a shot of STEADY_SECONDS or more, so shares of a film that begin at such cuts
    (`begins_afresh`) come out as they do within it. Within a second about such a cut, flashes at the end of the shot
    before it and those after it are counted apart.

    Args:
        rate: frames a second.

    Attributes:
        tempered: how many pictures were changed so far.
    """

    def __init__(self, rate: float | Fraction) -> None:
        self.tempered = 0
        self._rate = float(rate)
        self._number = self._shot_frames = 0
        self._cells: _Cells | None = None
        self._last: Tensor | None = None

    @torch.no_grad()
    def limit(self, shown: Tensor, *, begins_shot: bool = False) -> Tensor:
        """The next picture as it may be shown.

        Where it would be one change too many, the cells that change are blended towards the picture before, as little
        as is enough.

        Args:
            shown: [1,3,H,W], RGB, 0..1, measured as sRGB.
            begins_shot: it is the first of a shot.

        Returns:
            [1,3,H,W], RGB, 0..1: `shown` itself where nothing is to be done.
        """
        if begins_shot and begins_afresh(self._shot_frames, self._rate):
            self._cells = None
            self._number = 0
        self._shot_frames = 1 if begins_shot else self._shot_frames + 1
        self._number += 1
        with _one_thread(shown):
            return self._next(shown)

    def _next(self, shown: Tensor) -> Tensor:
        groups = _groups(shown)
        if self._cells is None or self._last is None or self._last.shape != shown.shape:
            self._cells, self._last = _Cells.first(_light(groups, shown)), shown
            return shown
        before = self._cells.to(shown.device)
        cells = before.after(_light(groups, shown), self._number)
        # The host waits for a GPU here.
        if self._is_too_much(cells):
            self.tempered += 1
            shown, cells = self._tempered(shown, groups, before, cells)
        self._cells, self._last = cells, shown
        return shown

    def _is_too_much(self, cells: _Cells) -> Tensor:
        """[], bool: whether the cells that flash too often fill too much of any field."""
        too_often = self._number - cells.times[-1] < self._rate
        # What moves brightens one place and darkens another; what flashes does the same everywhere.
        flashing = torch.stack([(too_often & (cells.way == way)).any(0) for way in (1, -1)])
        field = [max(1, round(side * FIELD_SHARE)) for side in flashing.shape[1:]]
        shares = F.avg_pool2d(flashing.float()[None], field, stride=1)
        return shares.amax() > MOST_AREA

    def _tempered(self, shown: Tensor, groups: Tensor, before: _Cells, cells: _Cells) -> tuple[Tensor, _Cells]:
        """`shown` [1,3,H,W], blended, and what is known of its cells. groups: of `shown`."""
        assert self._last is not None
        last = self._last.to(shown.device)
        over = (cells.flashing(self._number, self._rate) & (cells.times[0] == self._number).any(0)).float()[None, None]
        # Whole cells and the ring around them, with soft edges beyond.
        where = F.avg_pool2d(F.max_pool2d(over, 5, 1, 2), 3, 1, 1, count_include_pad=False)
        within = F.interpolate(where, groups.shape[-2:], mode="bilinear", align_corners=False)
        last_groups = _groups(last)
        too_little, enough = shown.new_zeros(()), shown.new_ones(())
        for _ in range(HALVINGS):
            middle = (too_little + enough) / 2
            light = _light(torch.lerp(groups, last_groups, middle * within), shown)
            fails = self._is_too_much(before.after(light, self._number))
            too_little, enough = torch.where(fails, middle, too_little), torch.where(fails, enough, middle)
        share = F.interpolate(where, shown.shape[-2:], mode="bilinear", align_corners=False)
        # The groups are measured with edges of their own: all of the way where that was not exact.
        for amount in (enough, torch.ones_like(enough)):
            blended = torch.lerp(shown, last, amount * share).clamp(0, 1)
            cells = before.after(_light(_groups(blended), shown), self._number)
            if not self._is_too_much(cells):
                break
        return blended, cells

    def state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """All that the next picture depends on, as `restore` takes it: the last picture is `last`.

        The tensors are those in use, which are never changed in place.
        """
        numbers = {"tempered": self.tempered, "number": self._number, "shot_frames": self._shot_frames}
        if self._cells is None or self._last is None:
            return {}, numbers
        cells = {each.name: getattr(self._cells, each.name) for each in fields(_Cells)}
        return {**cells, "last": self._last}, numbers

    def restore(self, tensors: dict[str, Tensor], numbers: dict[str, Any]) -> None:
        """Continue from a `state`, to the bit as if there had been no break. Without tensors it begins afresh."""
        self.tempered = int(numbers["tempered"])
        self._number, self._shot_frames = int(numbers["number"]), int(numbers["shot_frames"])
        self._cells = _Cells(**{each.name: tensors[each.name] for each in fields(_Cells)}) if tensors else None
        self._last = tensors.get("last")

    def go_on_elsewhere(self) -> None:
        """Go on after pictures that were like those seen, but not the same: the lead of a piece is not what is shown.

        Cells that have flashed within the last second are taken to have flashed as often as they may, just now. So a
        second about this place holds three flashes at most where both flash alike. Tempered pictures are counted anew.
        """
        self.count_from_here()
        if self._cells is not None:
            times = self._cells.times
            just_now = torch.cat([torch.full_like(times[:-1], self._number), times[-1:]])
            flashed = self._number - times[1] < self._rate
            self._cells = replace(self._cells, times=torch.where(flashed, just_now, times))

    def count_from_here(self) -> None:
        """Begin to count tempered pictures; what is known of those before stays."""
        self.tempered = 0


@contextmanager
def _one_thread(picture: Tensor) -> Iterator[None]:
    """On the processor the work is small: threads that share it wait for one another longer than it takes."""
    before = torch.get_num_threads()
    if picture.device.type != "cpu" or before == 1 or not is_gnu_openmp():
        yield
        return
    use_threads(1)
    try:
        yield
    finally:
        use_threads(before)


def _grid(picture: Tensor) -> tuple[int, int, int]:
    """(rows, columns, groups in each direction of a cell) of the cells of a picture [1,3,H,W]."""
    height, width = picture.shape[-2:]
    scale = min(1.0, CELLS / max(height, width))
    rows, columns = (max(1, round(side * scale)) for side in (height, width))
    return rows, columns, max(1, min(GROUPS_EACH, height // rows, width // columns))


def _groups(picture: Tensor) -> Tensor:
    """Means of small groups of px [1,3,h,w], as they are coded: a blend of pictures is one of their groups."""
    rows, columns, each = _grid(picture)
    return F.interpolate(picture.float(), (rows * each, columns * each), mode="area")


def _light(groups: Tensor, picture: Tensor) -> Tensor:
    """[3,h,w]: linear RGB of each cell, 0..1, from the groups of `picture`."""
    coded = groups.clamp(0, 1)
    linear = torch.where(coded <= 0.04045, coded / 12.92, ((coded + 0.055) / 1.055) ** 2.4)
    return F.avg_pool2d(linear, _grid(picture)[2])[0]


def _measured(light: Tensor) -> tuple[Tensor, Tensor]:
    """([2,h,w] luminance and redness, [h,w] whether it is a saturated red) of linear RGB [3,h,w]."""
    red, green, blue = light
    values = torch.stack([0.2126 * red + 0.7152 * green + 0.0722 * blue, (red - green - blue).clamp(min=0)])
    return values, (red >= SATURATED * (red + green + blue)) & (red > 0)
