"""Messages, progress and figures. All of them go to standard error; lists that were asked for go to standard output."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text
from torch import Tensor

from vidream import api as files
from vidream.cli.streams import printable
from vidream.engine.dreamer import Dreamer
from vidream.media.disk import write_json
from vidream.networks import describe_net, graph_convolutions, net_names, weights_state

if TYPE_CHECKING:
    from vidream.live.live_dream import LiveDream
    from vidream.live.live_report import LiveReport
    from vidream.media import Camera, FrameReader
    from vidream.outputs import Preview
    from vidream.rendering.progress import FilmPlan

# Where --preview shows the newest frame on a machine without a screen.
PREVIEW_FILE = "vidream-preview.jpg"
__all__ = ["LiveScreen", "Screen", "counted", "show_layers", "show_nets"]

# A render that will take longer than this gets an early note, with a size that would take less.
LONG_SECONDS = 15 * 60
# The first frame of a shot costs several times the others; the estimate waits for these.
ESTIMATE_AFTER_FRAMES = 8
# Warp errors under these read as "very steady", "steady"; the sources themselves are near 0.0003.
STEADINESS = ((0.001, "very steady"), (0.003, "steady"), (0.01, "restless"))


class _Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        if not speed:
            return Text("")
        return Text(f"{speed:.1f} frames/s" if speed >= 1 else f"{1 / speed:.1f} s/frame", style="cyan")


class Messages:
    """Lines on standard error. Names of files may hold anything: they are printed as plain text, on one line."""

    def __init__(self, *, quiet: bool) -> None:
        self._console = Console(stderr=True, quiet=quiet, highlight=False)

    def say(self, words: str) -> None:
        """One line for the user."""
        self._console.print(printable(words), soft_wrap=True, markup=False)

    def note(self, words: str, *, label: str = "note:") -> None:
        """One line that is easily seen."""
        self._console.print(Text.assemble((label, "yellow"), " ", printable(words)), soft_wrap=True)


class Screen(Messages, files.Progress):
    """Device and network, a bar with frames, rate and time left, and figures of what was made."""

    def __init__(
        self,
        *,
        quiet: bool = False,
        preview: bool = False,
        preset_name: str = "",
        head: str = "",
        names_look: bool = True,
        way_on: str = "the same command with --resume goes on",
        cluster: str | None = None,
    ) -> None:
        """head: before the source's name.  names_look: say what dreams.  way_on: what to do after Ctrl-C.

        cluster: its address, where workers dream.
        """
        super().__init__(quiet=quiet)
        self._head, self._names_look, self._way_on = head, names_look, way_on
        self._preset_name, self._cluster = preset_name, cluster
        self.wants_pictures = preview
        self._preview: Preview | None = None
        self._bar: Progress | None = None
        self._reader: FrameReader | FilmPlan | None = None
        self._second_frame_at = 0.0
        self._resumed_after = 0

    def __enter__(self) -> Screen:
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def started(self, reader: FrameReader, dreamer: Dreamer) -> None:
        self._begin(reader, reader.source.name, dreamer)

    def planned(self, plan: FilmPlan, dreamer: Dreamer) -> None:
        self._begin(plan, plan.name, dreamer)

    def _begin(self, reader: FrameReader | FilmPlan, name: str, dreamer: Dreamer) -> None:
        self._reader = reader
        rate = f", {float(reader.rate):g} fps" if reader.frame_count != 1 else ""
        self.say(f"{self._head}{name}  {reader.width}x{reader.height}{rate}")
        if (why := getattr(reader, "wrap_note", None)) is not None:
            self.say(why)
        if self._names_look:
            place = f"{' and '.join(dreamer.preset.networks)} on the cluster {self._cluster}"
            self.say(f"dreaming {self._preset_name} with {place if self._cluster else dreamer.describe()}")
        if self.wants_pictures:
            from vidream.outputs import Preview

            self._preview = Preview(Path(PREVIEW_FILE))
            self.say(f"preview: {self._preview.where}")
        self._bar = Progress(
            BarColumn(), MofNCompleteColumn(), TextColumn("frames"), TextColumn("{task.description}"), _Rate(),
            TimeRemainingColumn(), console=self._console, transient=True, disable=not self._console.is_terminal,
        )  # fmt: skip
        self._bar.add_task("", total=reader.frame_count)
        self._bar.start()

    def resumed(self, frames: int, machine_changes: str | None) -> None:
        assert self._bar is not None
        self._resumed_after = frames
        self._bar.update(self._bar.task_ids[0], completed=frames)
        self.say(f"resuming after frame {frames}")
        if machine_changes:
            self.note(f"the film was started on another machine: {machine_changes}")

    def share(self, first: int, frames: int) -> None:
        assert self._bar is not None
        self._bar.update(self._bar.task_ids[0], total=frames)
        self.say(f"a share of the shots: frames {first + 1} to {first + frames}")

    def heard(self, words: str) -> None:
        self.say(words)

    def said(self, words: str) -> None:
        self.note(words, label="cluster:")

    def frames_of_workers(self, frames: int, total: int, workers: int, picture: Tensor | None) -> None:
        assert self._bar is not None
        many = "worker" if workers == 1 else "workers"
        self._bar.update(self._bar.task_ids[0], completed=frames, total=total, description=f"{workers} {many}")
        if self._preview is not None and picture is not None:
            self._preview.show(picture.float() / 255)

    def frame(self, picture: Tensor, frames: int) -> None:
        assert self._bar is not None
        self._bar.update(self._bar.task_ids[0], completed=frames)
        if self._preview is not None:
            self._preview.show(picture)
        frames -= self._resumed_after
        if frames == 2:
            self._second_frame_at = time.monotonic()
        elif frames == ESTIMATE_AFTER_FRAMES:
            self._warn_of_long_render((time.monotonic() - self._second_frame_at) / (frames - 2))

    def finished(self, made: files.Made) -> None:
        """Print what was made, and how steady it is."""
        self._close()
        for warning in made.warnings:
            # Warnings speak Python.
            self.note(warning.replace("flash_limit=False", "--allow-flashes"))
        if not made.finished:
            self.note(
                f"the file is finished with the {made.frames} frames made so far, and {self._way_on}",
                label="stopped;",
            )
        if made.shares_left and made.finished:
            left = ", ".join(map(str, made.shares_left))
            self.say(f"this share is done; shares still to be made before the film is joined: {left}")
        many = made.frames > 1
        length = f"{made.duration_seconds:.2f} s, {made.frames} frames" if many else "1 picture"
        said = [length, f"made in {_clock(made.seconds)}"]
        if not math.isnan(made.strength):
            said.append(f"strength {made.strength:.3f}")
        if made.warp_error is not None:
            word = next((word for limit, word in STEADINESS if made.warp_error < limit), "flickering")
            said.append(f"warp error {made.warp_error:.5f} ({word})")
        if made.cuts:
            said.append(f"{made.cuts} cut{'s' * (made.cuts > 1)}")
        self.say(" · ".join(said))
        for line in filter(None, (made.note, *made.workers)):
            self.say(line)

    def _warn_of_long_render(self, seconds_a_frame: float) -> None:
        assert self._reader is not None
        total = seconds_a_frame * (self._reader.frame_count or 0)
        if total > LONG_SECONDS:
            longer = max(self._reader.width, self._reader.height)
            # Time goes with the area.
            size = max(160, int(longer * (LONG_SECONDS / 3 / total) ** 0.5) // 16 * 16)
            self.note(
                f"this will take about {_clock(total)}; "
                f"--size {size} would take about {_clock(total * (size / longer) ** 2)}"
            )

    def _close(self) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None
        if self._preview is not None:
            self._preview.close()
            self._preview = None


class LiveScreen(Messages):
    """Messages of a live dream beside its window: source, device and network, and figures at the end."""

    def __init__(self, *, quiet: bool = False) -> None:
        super().__init__(quiet=quiet)

    def __enter__(self) -> LiveScreen:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is held open."""

    def started(self, camera: Camera, live: LiveDream) -> None:
        self.say(f"{camera.name}  {camera.width}x{camera.height}, {camera.rate:g} fps")
        self.say(f"dreaming with {live.describe()}")

    def finished(self, report: LiveReport) -> None:
        """Print rates, latency and sizes."""
        dreamed = f"dreamed {report.dreamed_width}x{report.dreamed_height}, {report.octaves} octaves"
        said = [
            _clock(report.seconds),
            f"{report.picture_fps:.1f} pictures and {report.dream_fps:.1f} dreams a second",
            f"{report.latency_p95_ms:.0f} ms from camera to picture (95 of 100)",
            f"{report.dropped_frames} dropped",
            f"{report.width}x{report.height}, {dreamed}",
        ]
        self.say(" · ".join(said))


@contextmanager
def counted(what: str, *, quiet: bool = False) -> Iterator[Callable[[int, int], None]]:
    """A bar of so many `what`; yields a function to call with (done, all)."""
    with Progress(
        TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
        console=Console(stderr=True, quiet=quiet), transient=True, disable=quiet,
    ) as bar:  # fmt: skip
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def show_nets(json_path: Path | None) -> None:
    """Print every network by name and where its weights are."""
    rows = [{"name": name, "weights": weights_state(name).describe()} for name in net_names()]
    table = Table("net", "weights", box=None)
    for row in rows:
        table.add_row(row["name"], row["weights"])
    Console().print(table)
    if json_path:
        write_json(json_path, rows)


def show_layers(net_name: str, json_path: Path | None) -> None:
    """Print the layers of a network, the ones worth dreaming first."""
    net = describe_net(net_name)
    rows: list[dict[str, Any]] = [
        {**asdict(info), "good": info.name in net.good_layers} for info in net.describe_layers()
    ]
    table = Table("layer", "channels", "stride", "at 224", "sees", "", box=None)
    for row in rows:
        table.add_row(
            row["name"],
            str(row["channels"]),
            str(row["stride"]),
            "{}x{}".format(*row["size_at_224"]),
            f"{row['view_px']} px" if row["view_px"] else "all",
            "good to dream" if row["good"] else "",
        )
    Console().print(table)
    convolutions = graph_convolutions(net_name)
    if convolutions:
        Console(highlight=False).print(f"\n{len(convolutions)} convolutions of the graph:")
        Console(highlight=False).print("\n".join(convolutions), soft_wrap=True)
    if net.groups:
        Console().print("subjects: " + ", ".join(net.groups) + "; " + ", ".join(net.classes), style="dim")
    if json_path:
        write_json(json_path, rows)


def _clock(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"
