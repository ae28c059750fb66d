"""vidream dream: a video, GIF, picture or numbered pictures."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from vidream.cli import options, values
from vidream.cli.streams import shown_path
from vidream.errors import SourceError
from vidream.media.formats import suffixes

__all__ = ["add", "run"]

LARGEST_NOISE_PX = 16384


def add(commands: argparse._SubParsersAction, common: argparse.ArgumentParser) -> None:
    """Add the command to `vidream`. common: options that every command has."""
    parser = commands.add_parser(
        "dream", parents=[common], help="dream a video, GIF, picture or numbered pictures",
        description="Dream IN into OUT. Without OUT, clip.mp4 becomes clip-dream.mp4 beside it. "
        "With --out-dir any number of sources are dreamed into a folder.",
    )  # fmt: skip
    parser.add_argument(
        "source",
        metavar="IN",
        nargs="?",
        type=values.path_text,
        help="video, GIF, picture, or numbered pictures: 'shots/%%04d.png'",
    )
    parser.add_argument(
        "target",
        metavar="OUT",
        nargs="?",
        type=values.path_text,
        help=f"{' '.join(suffixes())}, or 'shots/%%04d.png'",
    )
    parser.add_argument("more", metavar="IN", nargs="*", type=values.path_text, help="with --out-dir: more sources")
    options.add_look(parser)
    options.add_like(parser)
    span = options.add_span(parser)
    span.add_argument("--noise", type=values.picture_size, metavar="WxH", help="start from grey noise in place of IN")
    options.add_mask(span)
    options.add_wrap(span)
    options.add_listen(span)
    options.add_machine(parser)
    options.add_cluster(parser)
    _add_output(parser)
    parser.set_defaults(run=run, check=partial(_check, parser))


def _add_output(parser: argparse.ArgumentParser) -> None:
    """Add the options of what is written."""
    output = options.add_output(parser)
    output.add_argument(
        "--out-dir",
        metavar="DIR",
        type=values.path_text,
        help="dream any number of sources and patterns ('clips/*.mp4') into DIR; what is there already is skipped",
    )
    options.add_film_output(output)
    output.add_argument(
        "--record-steps",
        metavar="FILE",
        type=values.path_text,
        help="also a GIF or film of the first dream as it grows",
    )
    output.add_argument(
        "--report",
        metavar="FILE",
        type=values.path_text,
        help="also a page of strength and steadiness over time: .html .json",
    )
    output.add_argument(
        "--shots",
        type=values.share,
        metavar="N/OF",
        help="make one share of the film's shots; the last joins",
    )


def _check(parser: argparse.ArgumentParser, arguments: argparse.Namespace) -> None:
    if arguments.noise is None and arguments.source is None:
        parser.error("dream needs IN, or --noise WxH")
    if arguments.like and "preset" in arguments.given:
        parser.error("--like brings a preset of its own: change it with --set")
    if arguments.noise and arguments.target:
        parser.error("dream takes --noise in place of IN: give OUT alone")
    if arguments.shots and arguments.cluster:
        parser.error("--shots shares a film by hand, and --cluster by itself: give one of them")
    options.check_cluster(parser, arguments)
    if arguments.out_dir is None and arguments.more:
        parser.error("dream takes IN and OUT; to dream several sources give --out-dir DIR")
    one_file = [name for name in ("report", "record_steps", "shots", "noise") if getattr(arguments, name) is not None]
    if arguments.out_dir is not None and one_file:
        parser.error(f"--{one_file[0].replace('_', '-')} is for one film: leave it or --out-dir out")


def run(arguments: argparse.Namespace) -> int:
    """Make the film, or with --out-dir all of them; returns the exit code. Raises VidreamError."""
    options.take_like(arguments)
    if arguments.out_dir is not None:
        return _run_many(arguments)
    preset = options.chosen_preset(arguments)
    from vidream.api import dream
    from vidream.cli.terminal import Screen

    with (
        Screen(
            quiet=arguments.quiet,
            preview=arguments.preview,
            preset_name=str(arguments.preset),
            cluster=arguments.cluster,
        ) as screen,
        _source_and_target(arguments) as (source, target),
        options.cluster_for(arguments) as shared,
    ):
        made = dream(
            source,
            target,
            preset=preset,
            size=arguments.size,
            fps=arguments.fps,
            start_seconds=arguments.start,
            duration_seconds=arguments.duration,
            audio=arguments.audio,
            listen=arguments.listen,
            delivery=options.delivery_of(arguments),
            overwrite=arguments.overwrite,
            resume=arguments.resume,
            max_bytes=arguments.max_size,
            flash_limit=not arguments.allow_flashes,
            mask=arguments.mask,
            wrap=arguments.wrap,
            record_steps=arguments.record_steps,
            report=arguments.report,
            sidecar=arguments.sidecar,
            shots=arguments.shots,
            loop=arguments.loop,
            progress=screen,
            make_dreamer=partial(options.dreamer_for, arguments),
            **shared,
        )
        screen.finished(made)
    if not arguments.quiet and not made.shares_left:
        print(shown_path(made.path))
    return 0 if made.finished else 1


def _run_many(arguments: argparse.Namespace) -> int:
    from vidream.cli.clips_screen import ClipsScreen
    from vidream.many import dream_many

    sources = [each for each in (arguments.source, arguments.target, *arguments.more) if each is not None]
    with options.cluster_for(arguments) as shared:
        screen = ClipsScreen(arguments, **shared)
        result = dream_many(
            sources,
            arguments.out_dir,
            make=screen.make,
            overwrite=arguments.overwrite,
            resume=arguments.resume,
            holds_stills=arguments.duration is not None,
            video_suffix=options.delivery_of(arguments).for_suffix(".mp4"),
            progress=screen,
        )
    screen.finished(result)
    return 1 if result.failed or result.stopped else 0


@contextmanager
def _source_and_target(arguments: argparse.Namespace) -> Iterator[tuple[str, str | None]]:
    """IN and OUT; with --noise, IN is a temporary picture of noise."""
    if not arguments.noise:
        yield arguments.source, arguments.target
        return
    from vidream.media import write_picture
    from vidream.media.arrays import noise

    width, height = arguments.noise
    if not 16 <= min(width, height) <= max(width, height) <= LARGEST_NOISE_PX:
        raise SourceError(
            f"cannot be {width}x{height}; give sides of 16 to {LARGEST_NOISE_PX} px, such as 512x512", argument="noise"
        )
    with tempfile.TemporaryDirectory(prefix="vidream-") as folder:
        picture = Path(folder, "noise.png")
        write_picture(picture, noise(width, height, seed=arguments.seed))
        film = arguments.duration is not None
        yield str(picture), arguments.source or ("noise-dream.mp4" if film else "noise-dream.png")
