"""What is said of many clips: each as if it were alone, the paths on standard output, at the end what failed."""

from __future__ import annotations

import argparse
import sys
import traceback
from functools import partial
from pathlib import Path
from typing import Any

from vidream.cli import options
from vidream.cli.failures import line_of
from vidream.cli.streams import printable, shown_path
from vidream.cli.terminal import Messages, Screen
from vidream.many import ClipMaker, ManyMade, ManyProgress
from vidream.rendering.progress import Made

__all__ = ["ClipsScreen"]


class ClipsScreen(Messages, ManyProgress):
    """Makes clips as a command's options say, and tells of them. Raises PresetError where they name no look."""

    def __init__(self, arguments: argparse.Namespace, **shared: Any) -> None:
        """shared: what `dream` takes for a cluster."""
        super().__init__(quiet=arguments.quiet)
        self._arguments = arguments
        self._count: int | None = None
        self._number = 0
        self._begun: Path | None = None
        self._reasons: dict[Path, str] = {}
        self.maker = ClipMaker(
            options.chosen_preset(arguments),
            make_dreamer=partial(options.dreamer_for, arguments),
            size=arguments.size,
            fps=arguments.fps,
            start_seconds=arguments.start,
            duration_seconds=arguments.duration,
            audio=arguments.audio,
            listen=arguments.listen,
            delivery=options.delivery_of(arguments),
            max_bytes=arguments.max_size,
            flash_limit=not arguments.allow_flashes,
            mask=arguments.mask,
            wrap=arguments.wrap,
            sidecar=arguments.sidecar,
            loop=arguments.loop,
            **shared,
        )

    def make(self, source: Path, target: Path, *, resume: bool = False, overwrite: bool = False) -> Made:
        """Make one clip under a bar of its own. Raises VidreamError."""
        has_resume = hasattr(self._arguments, "resume")
        with Screen(
            quiet=self._arguments.quiet,
            preview=self._arguments.preview,
            preset_name=str(self._arguments.preset),
            head=f"{self._number}/{self._count} " if self._count else "",
            names_look=not self.maker.loads,
            cluster=self._arguments.cluster,
            way_on=f"the same command{' with --resume' if has_resume else ''} goes on",
        ) as screen:
            made = self.maker(source, target, resume=resume, overwrite=overwrite, progress=screen)
            screen.finished(made)
        return made

    def planned(self, count: int) -> None:
        self._count = count

    def begun(self, source: Path, target: Path) -> None:
        self._number += 1
        self._begun = source

    def made(self, source: Path, made: Made) -> None:
        self._reasons.pop(source, None)
        if not self._arguments.quiet:
            print(shown_path(made.path), flush=True)

    def skipped(self, source: Path, why: str) -> None:
        self._number += 1
        self.note(f"{source}: {why}", label="skipped:")

    def noted(self, words: str) -> None:
        self.note(words)

    def failed(self, source: Path, error: Exception) -> None:
        """One line, also with --quiet; with --debug the traceback too."""
        if source != self._begun:  # it could not even be opened
            self._number += 1
        if self._arguments.debug:
            traceback.print_exception(type(error), error, error.__traceback__)
        self._reasons[source] = reason = line_of(error, self._arguments.words, self._arguments)
        _print_error(f"vidream: {source}: {reason}")

    def finished(self, result: ManyMade) -> None:
        """How many were made, and what failed, a line each."""
        counts = {"made": result.made, "skipped": result.skipped, "failed": result.failed}
        self.say(", ".join(f"{len(found)} {what}" for what, found in counts.items() if found) or "nothing to do")
        for source, why in result.failed.items():
            _print_error(f"failed: {source}: {self._reasons.get(source, why)}")


def _print_error(line: str) -> None:
    print(printable(line), file=sys.stderr, flush=True)
