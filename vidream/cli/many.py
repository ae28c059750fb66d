"""What the commands for many clips have in common: how one is made, and what is said at the end."""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from vidream.cli import options
from vidream.cli.failures import spelled_for
from vidream.cli.streams import printable, shown_path

if TYPE_CHECKING:
    from vidream.many import Clips
    from vidream.rendering.progress import Made

__all__ = ["clips_for", "ended", "say_failures"]


@contextmanager
def clips_for(arguments: argparse.Namespace) -> Iterator[Clips]:
    """The clips in --out-dir, made as the options say; the networks are loaded once for all of them. VidreamError."""
    options.take_like(arguments)
    preset = options.chosen_preset(arguments)
    from vidream.api import dream
    from vidream.cli.terminal import Screen
    from vidream.engine.dreamer import Dreamer
    from vidream.many import Clips
    from vidream.rendering.recipe import preset_fields

    loaded: list[Dreamer] = []

    def dreamer() -> Dreamer:
        if not loaded:
            loaded.append(options.dreamer_for(arguments, preset))
        return loaded[0]

    with options.cluster_for(arguments) as shared:

        def make(source: Path, target: Path, overwrite: bool) -> Made:
            with Screen(
                quiet=arguments.quiet,
                preview=arguments.preview,
                preset_name=str(arguments.preset),
                cluster=arguments.cluster,
            ) as screen:
                made = dream(
                    source,
                    target,
                    preset=preset,
                    size=arguments.size,
                    fps=arguments.fps,
                    start_seconds=arguments.start,
                    duration_seconds=arguments.duration,
                    audio=not arguments.no_audio,
                    overwrite=overwrite,
                    resume=not overwrite,
                    max_bytes=arguments.max_size if target.suffix in (".gif", ".webp", ".apng") else None,
                    mask=arguments.mask,
                    sidecar=arguments.sidecar,
                    loop=arguments.loop,
                    progress=screen,
                    make_dreamer=lambda _: dreamer(),
                    **shared,
                )
                screen.finished(made)
            if not arguments.quiet:
                print(shown_path(made.path), flush=True)
            return made

        named = {name: str(getattr(arguments, name)) for name in ("size", "fps", "start", "duration", "mask", "loop")}
        text = json.dumps({**preset_fields(preset), **named, "seed": arguments.seed}, sort_keys=True)
        look = hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
        with Clips(arguments.out_dir, make, look=look, overwrite=arguments.overwrite) as clips:
            yield clips


def say(words: str) -> None:
    """One line on standard error."""
    print(printable(f"vidream: {words}"), file=sys.stderr)


def say_failures(clips: Clips, arguments: argparse.Namespace, *, only: Path | None = None) -> None:
    """A line for each clip that failed, or for one of them."""
    for source, error in clips.failed.items():
        if only is None or source == only:
            say(f"{source.name}: {spelled_for(error, arguments.parser)}")


def ended(clips: Clips, arguments: argparse.Namespace) -> int:
    """Say what was made and what failed; returns the exit code."""
    if not arguments.quiet:
        counts = [f"{len(clips.made)} made", f"{len(clips.there)} were there" if clips.there else ""]
        counts.append(f"{len(clips.failed)} failed" if clips.failed else "")
        say(", ".join(filter(None, counts)))
    if clips.failed:
        say(f"not made: {', '.join(source.name for source in clips.failed)}")
    return 1 if clips.failed else 0
