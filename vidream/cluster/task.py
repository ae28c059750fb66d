"""FilmTask: a film as its workers are told of it, and `UnitMaker`, which makes a unit of it in a folder of its own."""

from __future__ import annotations

import tempfile
from collections.abc import Generator, Iterator, Mapping
from contextlib import closing, nullcontext
from dataclasses import asdict, dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from vidream.cluster.cut_search import Look, Message, look_for_cuts
from vidream.cluster.joint import JointFrames
from vidream.cluster.units import Unit
from vidream.engine.dreamer import Dreamer
from vidream.errors import SourceError
from vidream.looks.preset import Preset
from vidream.media import FrameReader, FrameWriter
from vidream.media.delivery import Colours, Delivery
from vidream.media.disk import disk_trouble
from vidream.media.numbered import NumberedName
from vidream.media.writers.segments import is_finished_segment
from vidream.rendering.dreamed_frames import DreamedFrames
from vidream.rendering.flash_states import restore_limiter
from vidream.rendering.frame_loop import FrameLoop
from vidream.rendering.progress import Progress
from vidream.rendering.report import COLUMNS
from vidream.rendering.saved_state import State, load_state, save_state
from vidream.sound import SoundCurves
from vidream.temporal.flashes import FlashLimiter
from vidream.temporal.stream import StreamFigures

__all__ = ["FileFact", "FilmTask", "UnitMaker"]

PREVIEW_SIDE_PX = 480


@dataclass(frozen=True)
class FileFact:
    """A file that workers read.

    Attributes:
        path: as the task names it.
        place: where it lies, on the driver's machine or in a folder that all see.
        known: its `file_print`.
        name: its place in a worker's own folder, where it had to be sent.
    """

    path: Path
    place: Path
    known: str
    name: str


@dataclass(frozen=True)
class FilmTask:
    """All that a worker must know of a film. Paths are the driver's; a worker has its own for each.

    Attributes:
        source, mask: what is dreamed, and where.
        target_name: of the film.
        preset, seed, weights: the look.
        size, fps, start_seconds, duration_seconds, delivery: as in `vidream.dream`.
        colours, wrap: as in `FrameReader`.
        device, precision, tile: as in `Dreamer`.
        comment: the line that the film carries inside.
        flash_limit: as in `vidream.dream`.
        wants_pictures: a small one of the newest frame goes to the driver.
        sound: what the look hears.
    """

    source: Path
    target_name: str
    preset: Preset
    seed: int
    weights: Path | None
    mask: Path | None
    size: int | None
    fps: float | Fraction | None
    start_seconds: float
    duration_seconds: float | None
    delivery: Delivery = field(default_factory=Delivery)
    colours: Colours = "sdr"
    wrap: str = "none"
    device: str = "auto"
    precision: str = "auto"
    tile: int | None = None
    comment: str = ""
    flash_limit: bool = True
    wants_pictures: bool = False
    sound: SoundCurves | None = None

    @property
    def files(self) -> list[Path]:
        """Every file that a worker reads: of numbered pictures, each."""
        named = [self.source, *map(Path, self.preset.guide), *filter(None, (self.mask, self.weights))]
        found: list[Path] = []
        for path in named:
            is_pattern = not path.exists() and NumberedName.matches(path)
            found += [file for _, file in NumberedName(path).existing()] if is_pattern else [path]
        return list(dict.fromkeys(found))

    def at(self, folders: Mapping[Path, Path]) -> FilmTask:
        """The same with the files where they lie here. folders: the driver's folder of a file -> the one here."""

        def here(path: Path) -> Path:
            return folders[path.parent] / path.name

        preset = self.preset
        if preset.guide:
            preset = preset.replace(guide=[str(here(Path(path))) for path in preset.guide])
        return replace(
            self, source=here(self.source), preset=preset, mask=self.mask and here(self.mask),
            weights=self.weights and here(self.weights),
        )  # fmt: skip

    def reader(self) -> FrameReader:
        """The source. Raises SourceError."""
        return FrameReader(
            self.source, size=self.size, fps=self.fps, start_seconds=self.start_seconds,
            duration_seconds=self.duration_seconds, colours=self.colours, wrap=self.wrap,
        )  # fmt: skip

    def dreamer(self) -> Dreamer:
        """On the device that the task names. Raises PresetError, NetError, DeviceError."""
        return Dreamer(
            self.preset, weights=self.weights, device=self.device, precision=self.precision, tile=self.tile,
            seed=self.seed,
        )  # fmt: skip


class _LocalWork:
    """Where a worker keeps segments while it makes them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def made(self, path: Path) -> None:
        """Nothing is joined here."""


class UnitMaker:
    """Makes units of one film, or looks for its cuts; each is a generator of messages.

    Args:
        task: the film, with the paths of this machine.
        dreamer: as `task.dreamer` gives it.
        folder: an existing one, to work in.
    """

    def __init__(self, task: FilmTask, dreamer: Dreamer, folder: Path) -> None:
        self._task, self._dreamer, self._folder = task, dreamer.wrapped(task.wrap), folder
        # Opened once: to look into a clip takes as long as some frames.
        self._reader = task.reader()

    def look(self, look: Look) -> Generator[Message, None, None]:
        """Find the cuts of a stretch, as `look_for_cuts` does."""
        return look_for_cuts(self._reader, self._dreamer.preset, look)

    def make(self, unit: Unit, marks: Mapping[int, str], states: Mapping[str, bytes]) -> Generator[Message, None, None]:
        """Make the frames of `unit`.

        Args:
            unit: which.
            marks: number -> mark of the frames that reading begins with.
            states: of a joint, "before" and "after": both dreams as they are before its first frame.

        Raises:
            VidreamError: the source, a network or the disk failed.
        """
        try:
            with tempfile.TemporaryDirectory(prefix="unit-", dir=self._folder) as folder:
                yield from self._make(unit, marks, states, Path(folder))
        except OSError as error:
            raise disk_trouble(self._folder / "unit", error) from None

    def _make(
        self, unit: Unit, marks: Mapping[int, str], states: Mapping[str, bytes], folder: Path
    ) -> Generator[Message, None, None]:
        task, segments = self._task, _LocalWork(folder / "segments")
        segments.folder.mkdir()
        target = folder / "film" / task.target_name
        target.parent.mkdir()
        maker: DreamedFrames | JointFrames
        limiter = FlashLimiter(self._reader.rate) if task.flash_limit else None
        with self._reader as reader, task.reader() if unit.kind != "shots" else nullcontext(reader) as beside:
            if unit.kind == "joint":
                maker = self._joint(unit, states, reader, beside, folder, limiter)
            else:
                maker = self._frames(reader, (unit.first, unit.end), marks.get(unit.first))
                if unit.kind == "piece":
                    yield from self._lead(unit, beside, maker, marks.get(unit.early), folder, limiter)
            writer = FrameWriter(
                target, like=reader, delivery=task.delivery, overwrite=True, work=segments, first=unit.first
            )
            writer.comment = task.comment
            sent: set[str] = set()
            latest = _Latest()
            try:
                film = FrameLoop(maker, writer, progress=latest, limiter=limiter)
                for _ in film.steps():
                    yield "frames", 1, _small(latest.picture) if task.wants_pictures else None
                    yield from _new_files(segments.folder, target.parent, sent)
            finally:
                writer.pause()
            yield from _new_files(segments.folder, target.parent, sent)
            position = writer.secure(writer.frames_written)
            if writer.frames_written != unit.frames or position is None:
                raise SourceError(
                    f"{task.source.name} gave {writer.frames_written} of frames {unit.first + 1} to {unit.end}; "
                    "check the file"
                )
            yield "end", unit.frames, _packed(film.state(), position, folder, whole=unit.keeps_end)

    def _frames(self, reader: FrameReader, part: tuple[int, int], mark: str | None = None) -> DreamedFrames:
        mask, sound = self._task.mask, self._task.sound
        return DreamedFrames(reader, self._dreamer, mask=mask, part=part, first_mark=mark, sound=sound)

    def _joint(
        self, unit: Unit, states: Mapping[str, bytes], reader: FrameReader, beside: FrameReader, folder: Path,
        limiter: FlashLimiter | None,
    ) -> JointFrames:  # fmt: skip
        """Both dreams of a joint, as they are before its first frame; `limiter` goes on from what is shown there."""
        both = []
        for each, name in ((reader, "before"), (beside, "after")):
            frames = self._frames(each, (unit.first, unit.end))
            path = folder / name
            path.write_bytes(states[name])
            tensors, numbers, _ = load_state(path)
            restore_limiter(limiter if name == "before" else None, tensors, numbers)
            frames.restore(*_begun(tensors, numbers))
            both.append(frames)
        if limiter is not None:
            limiter.count_from_here()
        return JointFrames(both[0], both[1], unit.frames)

    def _lead(
        self, unit: Unit, reader: FrameReader, maker: DreamedFrames, mark: str | None, folder: Path,
        limiter: FlashLimiter | None,
    ) -> Generator[Message, None, None]:  # fmt: skip
        """Dream from before a piece up to its first frame, and have `maker` and `limiter` go on from there."""
        lead = self._frames(reader, (unit.early, unit.first), mark)
        lead.begin(Progress())
        with closing(lead.frames()) as frames:
            for number, (frame, begins_shot) in enumerate(frames, unit.early + 1):
                if limiter is not None:
                    limiter.limit(frame.picture, begins_shot=begins_shot)
                yield "frames", 0, None
                if number == unit.at:
                    yield "at", unit.at, _packed(lead.state(), {"frames": 0}, folder)
        if limiter is not None:
            limiter.go_on_elsewhere()
        maker.restore(*_begun(*lead.state()))


class _Latest(Progress):
    """Holds the newest picture."""

    picture: Tensor | None = None

    def frame(self, picture: Tensor, frames: int) -> None:
        self.picture = picture


def _new_files(segments: Path, pictures: Path, sent: set[str]) -> Iterator[Message]:
    """The content of what has come into being: a film's segments, or numbered pictures."""
    for kind, folder in (("segment", segments), ("picture", pictures)):
        for path in sorted(folder.iterdir()):
            if path.name not in sent and (kind == "picture" or is_finished_segment(path.name)):
                sent.add(path.name)
                yield kind, path.name, path.read_bytes()
                if kind == "segment":  # pictures are still to be secured by their writer
                    path.unlink()


def _small(picture: Tensor | None) -> Tensor | None:
    """[1,3,h,w] uint8, for a preview."""
    if picture is None:
        return None
    scale = min(1.0, PREVIEW_SIDE_PX / max(picture.shape[-2:]))
    if scale < 1:
        picture = F.interpolate(picture, scale_factor=scale, mode="area")
    return (picture * 255).round().to(torch.uint8).cpu()


def _begun(tensors: Mapping[str, Any], numbers: Mapping[str, Any]) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """A state to go on from as the first frame of a unit: nothing is counted yet."""
    dream = {name: tensor for name, tensor in tensors.items() if name != "track"}
    counted = {**asdict(StreamFigures()), "number": numbers["number"], "dreamed": 0}
    return {**dream, "track": torch.zeros(0, len(COLUMNS))}, counted


def _packed(state: State, position: Mapping[str, Any], folder: Path, *, whole: bool = True) -> bytes:
    """The bytes of a state; without `whole`, its figures alone."""
    tensors, numbers = state
    kept = tensors if whole else {name: tensor for name, tensor in tensors.items() if name == "track"}
    path = folder / "state"
    save_state(path, (kept, numbers), position)
    return path.read_bytes()
