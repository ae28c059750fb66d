"""`Stream`: the only state over time: the last frame, the last dream, and how far each place is warmed up."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass, replace
from fractions import Fraction
from functools import partial
from typing import Any, Literal, TypeVar, overload

import torch
from torch import Tensor

from vidream.engine.dreamer import Dreamer
from vidream.engine.postprocess import finish
from vidream.errors import TargetError
from vidream.looks import Heard, Moment, Preset
from vidream.media import FrameReader
from vidream.media.frame import Frame
from vidream.motion.estimators import FlowFunction, estimator
from vidream.motion.warp import resize_motion, warp_error
from vidream.motion.wrap import Wrap
from vidream.temporal.carry import Motion, carry, motions
from vidream.temporal.prefetch import made_ahead

__all__ = ["FrameFigures", "Stream", "StreamFigures", "dream_frames"]

Item = TypeVar("Item", Tensor, Frame)
DEFAULT_RATE = 25
# Halves of two dreams with nothing in common have 0.71 of their strength.
MOST_LEANING_GAIN = 1.5


@dataclass(frozen=True)
class FrameFigures:
    """One frame.

    Attributes:
        strength: mean |dream - frame|, 0..1.
        brightness, source_brightness: mean of dream and frame, 0..1.
        warp_error: Lai et al. 2018; None for a shot's first frame.
        is_cut: a new shot begins here.
    """

    strength: float
    brightness: float
    source_brightness: float
    warp_error: float | None
    is_cut: bool


@dataclass
class StreamFigures:
    """What was made so far.

    Attributes:
        frames, cuts: how many.
        strength: mean |dream - frame|, 0..1.
        warp_error: mean over the pairs of frames within a shot (Lai et al. 2018); None where there is none.
    """

    frames: int = 0
    cuts: int = 0
    strength_sum: float = 0.0
    warp_error_sum: float = 0.0
    pairs: int = 0

    @property
    def strength(self) -> float:
        return self.strength_sum / max(self.frames, 1)

    @property
    def warp_error(self) -> float | None:
        return self.warp_error_sum / self.pairs if self.pairs else None


class Stream:
    """Dreams frames in their order, each from the dream of the one before.

    next = dream(frame + keep * mask * warp(last_dream - last_frame, flow)): the dream's residual is carried, not the
    dream, so the source stays sharp and nothing drifts.

    Args:
        dreamer: dreams each frame.
        flow: finds optical flow, in place of the preset's estimator.
        rate: frames a second, for the preset's schedules.
        sound: what its expressions hear; without one, silence.
    """

    def __init__(
        self,
        dreamer: Dreamer,
        *,
        flow: FlowFunction | None = None,
        rate: float | Fraction = DEFAULT_RATE,
        sound: Heard | None = None,
    ) -> None:
        self.dreamer = dreamer
        self.figures = StreamFigures()
        self.latest: FrameFigures | None = None
        self._number = 0
        self._rate, self._sound = rate, sound
        self._estimate: FlowFunction | None = flow or estimator(dreamer.preset.flow)
        self._frame: Tensor | None = None
        self._dream: Tensor | None = None
        self._shown: Tensor | None = None
        self._warm_up: Tensor | None = None

    @property
    def began_shot(self) -> bool:
        """True where the last frame was the first of a shot, as the film's very first is."""
        return self.latest is not None and (self.latest.is_cut or self._number == 1)

    def state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """All that the next frame depends on, besides the preset and the seed; `restore` takes it.

        The tensors are those in use, which are never changed in place: reading them costs nothing.
        """
        held = {"frame": self._frame, "dream": self._dream, "warm_up": self._warm_up}
        if self._shown is not self._dream:
            held["shown"] = self._shown
        tensors = {name: value for name, value in held.items() if value is not None}
        return tensors, {"number": self._number, **asdict(self.figures)}

    def restore(self, tensors: dict[str, Tensor], numbers: dict[str, Any]) -> None:
        """Continue from a `state`, to the bit as if there had been no break.

        Raises:
            TargetError: the state is not one that this version writes.
        """
        if "number" not in numbers or ("frame" in tensors and not {"dream", "warm_up"} <= set(tensors)):
            raise TargetError("the unfinished film was saved by another version of vidream", use={"overwrite": True})
        place = {name: value.to(self.dreamer.device) for name, value in tensors.items()}
        self._frame, self._dream, self._warm_up = (place.get(name) for name in ("frame", "dream", "warm_up"))
        self._shown = place.get("shown", self._dream)
        self._number = int(numbers["number"])
        self.figures = StreamFigures(**{key: value for key, value in numbers.items() if key != "number"})
        self.latest = None

    def begin_shot_at(self, number: int) -> None:
        """Forget the frames before: the next one is frame `number` of the film, counted from 0, and begins a shot."""
        self._frame = self._dream = self._warm_up = self._shown = None
        self._number = number

    @torch.no_grad()
    def lean(self, other: Stream, share: float) -> None:
        """Have the next frame start from a mixture: this dream, by `share` 0..1 that of `other`, of the same frame.

        Two dreams that have nothing in common cancel each other in part: the mixture is brought to their strength.
        """
        assert self._frame is not None and self._dream is not None and other._dream is not None
        assert self._warm_up is not None and other._warm_up is not None
        own, others = self._dream - self._frame, other._dream - self._frame
        mixed = torch.lerp(own, others, share)
        if share < 1:
            strength = torch.lerp(own.abs().mean(), others.abs().mean(), share)
            mixed = mixed * (strength / mixed.abs().mean().clamp(min=1e-6)).clamp(max=MOST_LEANING_GAIN)
        self._dream = self._frame + mixed
        self._warm_up = torch.lerp(self._warm_up, other._warm_up, share)

    @torch.no_grad()
    def next(
        self,
        frame: Tensor,
        *,
        mask: Tensor | None = None,
        guides: Sequence[Tensor] | None = None,
        watch: Callable[[Tensor], None] | None = None,
        motion: Motion | Literal["unknown"] = "unknown",
        done: Callable[[str], None] | None = None,
    ) -> Tensor:
        """The dream of the next frame.

        Args:
            frame: [1,3,H,W], RGB, 0..1.
            mask: [1,1,H,W], 0..1, where to dream; elsewhere the frame comes back to the bit.
            guides: [1,3,h,w] each, this frame's, in place of the preset's files.
            watch: as in `Dreamer`, where this frame is the first of a shot.
            motion: what `followed` found for this frame.
            done: called after each part of the work with its name, for measurements: "carry", after every gradient step
                "octave 320x180", "enlarge", "finish, figures".

        Returns:
            [1,3,H,W], RGB, 0..1, on the dreamer's device.
        """
        done = done or _ignore
        dreamer = self.dreamer.at(Moment(float(self._number / self._rate), float(self._rate), self._sound))
        preset = dreamer.preset
        frame = frame.to(dreamer.device, torch.float32)
        mask = None if mask is None else mask.to(dreamer.device, torch.float32)
        with dreamer.sharing_cores(frame):
            found = next(self.followed([frame]))[1] if isinstance(motion, str) else motion
            moved = None if found is None else _resized(found, frame, self.dreamer.wrap)
            dream_it = partial(dreamer, guides=guides, generator=dreamer.generator(self._number))
            with torch.enable_grad():
                if moved is None or preset.keep == 0 or self._dream is None:
                    dream, warm_up = dream_it(frame, pace=mask, watch=watch), torch.ones_like(frame[:, :1])
                else:
                    dream, warm_up = self._carried(preset, frame, mask, moved, dream_it, done)
            done("enlarge")
            shown = finish(dream, frame, keep_colour=preset.keep_colour, blend=preset.blend, mask=mask)
            self._count(shown, frame, moved)
        done("finish, figures")
        self._frame, self._dream, self._shown, self._warm_up = frame, dream, shown, warm_up
        self._number += 1
        return shown

    def _carried(
        self,
        preset: Preset,
        frame: Tensor,
        mask: Tensor | None,
        moved: tuple[Tensor, Tensor],
        dream_it: Callable[..., Tensor],
        done: Callable[[str], None],
    ) -> tuple[Tensor, Tensor]:
        """The dream of a frame from the last one, and the new warm-up."""
        assert self._dream is not None and self._frame is not None and self._warm_up is not None
        residual = self._dream - self._frame
        start, step_scale, warm_up = carry(preset, frame, residual, self._warm_up, *moved, wrap=self.dreamer.wrap)
        done("carry")
        dream = dream_it(
            start,
            steps=preset.steps,
            step_size=preset.step_size,
            turn=self._number,
            pace=step_scale if mask is None else step_scale * mask,
            source=frame,
            watch=None if done is _ignore else lambda each: done(f"octave {each.shape[-1]}x{each.shape[-2]}"),
        )
        return dream, warm_up

    def followed(self, frames: Iterable[Item]) -> Iterator[tuple[Item, Motion]]:
        """The frames that come next, each with its motion, for `next`. A thread may run ahead with this."""
        dreamer = self.dreamer
        resets = dreamer.preset.reset_on_cut
        return motions(frames, self._estimate, resets=resets, last=self._frame, wrap=dreamer.wrap)

    def _count(self, shown: Tensor, frame: Tensor, motion: tuple[Tensor, Tensor] | None) -> None:
        measured = [(shown - frame).abs().mean(), shown.mean(), frame.mean()]
        if motion is not None and self._shown is not None:
            # Every n-th pixel: at 1080p the whole figure would cost a twentieth of the frame.
            every_px = max(1, max(frame.shape[-2:]) // 160)
            measured.append(warp_error(shown, self._shown, *motion, every_px=every_px, wrap=self.dreamer.wrap))
        # All at once: the host waits for a GPU here, once a frame, and nowhere else.
        strength, brightness, source_brightness, *rest = torch.stack(measured).tolist()
        error = rest[0] if rest and not math.isnan(rest[0]) else None
        is_cut = motion is None and self._number > 0
        self.latest = FrameFigures(strength, brightness, source_brightness, error, is_cut)
        figures = self.figures
        figures.frames += 1
        figures.cuts += is_cut
        figures.strength_sum += strength
        if error is not None:
            figures.warp_error_sum += error
            figures.pairs += 1


@overload
def dream_frames(
    frames: Iterable[Tensor], dreamer: Dreamer, *, flow: FlowFunction | None = None
) -> Iterator[Tensor]: ...
@overload
def dream_frames(frames: Iterable[Frame], dreamer: Dreamer, *, flow: FlowFunction | None = None) -> Iterator[Frame]: ...
def dream_frames(
    frames: Iterable[Tensor] | Iterable[Frame], dreamer: Dreamer, *, flow: FlowFunction | None = None
) -> Iterator[Tensor] | Iterator[Frame]:
    """Dream frames one by one and in order; memory stays flat.

    A FrameReader is read, and its motion found, by a thread that runs ahead by two frames, where cores are free.

    Args:
        frames: pictures [1,3,H,W], RGB, 0..1, or `Frame`s.
        dreamer: dreams each frame.
        flow: finds optical flow, in place of the preset's estimator. Schedules of the preset run at the rate of
            `frames`, where it has one as a FrameReader does, else at 25 frames a second.

    Yields:
        The dream of each: pictures for pictures; for Frames, Frames with their own alpha and time.
    """
    stream = Stream(dreamer, flow=flow, rate=getattr(frames, "rate", DEFAULT_RATE))
    followed: Iterator[tuple[Any, Motion]] = stream.followed(frames)
    # Frames of anybody's own are taken when they are asked for, by the thread that asks. So is a reader whose alpha is
    # read beside its pictures; as Frames they bring it along.
    if isinstance(frames, FrameReader) and not frames.has_alpha:
        made = made_ahead(followed, dreamer, frames.width * frames.height)
    else:
        made = nullcontext(followed)
    with made as ready:
        for item, motion in ready:
            if isinstance(item, Frame):
                yield replace(item, picture=stream.next(item.picture, motion=motion))
            else:
                yield stream.next(item, motion=motion)


def _resized(motion: tuple[Tensor, Tensor], frame: Tensor, wrap: Wrap) -> tuple[Tensor, Tensor]:
    """Motion at the size of `frame`, on its device: enlarged there, only the small one is copied."""
    flow, mask = (each.to(frame.device) for each in motion)
    return resize_motion(flow, mask, *frame.shape[-2:], wrap=wrap)


def _ignore(part: str) -> None:
    """Nobody measures."""
