"""The command line: arguments in, exit code out. Heavy rooms are imported where a command needs them."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from vidream import __version__
from vidream.errors import SourceError, VidreamError
from vidream.preset import DEFAULT_NAME, Preset, preset_names

if TYPE_CHECKING:
    from vidream.dreamer import Dreamer

__all__ = ["main"]

LARGEST_NOISE_PX = 16384


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command. Returns the exit code: 0 done, 1 failed; a usage error exits with 2."""
    parser = _parser()
    arguments = parser.parse_args(argv)
    if getattr(arguments, "noise", False) is None and arguments.source is None:
        parser.error("dream needs IN, or --noise WxH")
    if getattr(arguments, "noise", None) and arguments.target:
        parser.error("dream takes --noise in place of IN: give OUT alone")
    # A polite kill ends a render like Ctrl-C does: the frames made so far are kept.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        return int(arguments.run(arguments) or 0)
    except VidreamError as error:
        if arguments.debug:
            raise
        print(f"vidream: {error}", file=sys.stderr)
    except (MemoryError, RuntimeError) as error:
        # torch has a class for GPUs alone; the CPU's allocator says it in words.
        if arguments.debug or (not isinstance(error, MemoryError) and "memory" not in str(error)):
            raise
        print("vidream: out of memory; give smaller tiles, such as --tile 512, or a smaller --size", file=sys.stderr)
    except KeyboardInterrupt:
        print("vidream: stopped; nothing was written", file=sys.stderr)
    except BrokenPipeError:
        # Whoever read the list has seen enough (`vidream nets | head`); Python must not try to flush it again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="vidream", description="DeepDream for moving pictures.")
    parser.add_argument("--version", action="version", version=f"vidream {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    debug = argparse.ArgumentParser(add_help=False)
    debug.add_argument("--debug", action="store_true", help="show the traceback of an error")

    dream = commands.add_parser(
        "dream", parents=[debug], help="dream a video, GIF, picture or numbered pictures",
        description="Dream IN into OUT. Without OUT, clip.mp4 becomes clip-dream.mp4 beside it.",
    )  # fmt: skip
    dream.add_argument(
        "source", metavar="IN", nargs="?", help="video, GIF, picture, or numbered pictures: 'shots/%%04d.png'"
    )
    dream.add_argument("target", metavar="OUT", nargs="?", help=".mp4 .mov .mkv .gif, 'shots/%%04d.png', or a picture")
    _add_look(dream)
    _add_span(dream)
    _add_machine(dream)
    _add_output(dream)
    dream.set_defaults(run=_dream)

    presets = commands.add_parser("presets", parents=[debug], help="list the looks, or print one as TOML")
    presets.add_argument("name", nargs="?", help="print this one; a start for a .toml file of your own")
    presets.set_defaults(run=_presets)
    nets = commands.add_parser("nets", parents=[debug], help="networks to dream with")
    layers = commands.add_parser("layers", parents=[debug], help="layers of a network")
    layers.add_argument("--net", default="dreamnet", help="default: %(default)s")
    doctor = commands.add_parser("doctor", parents=[debug], help="what was found on this machine, and what to do")
    for command, run in ((nets, _nets), (layers, _layers), (doctor, _doctor)):
        command.add_argument("--json", metavar="FILE", type=Path, help="write it as JSON as well")
        command.set_defaults(run=run)
    return parser


def _add_look(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("look")
    group.add_argument("-p", "--preset", default=DEFAULT_NAME, metavar="NAME|FILE", help="default: %(default)s")
    group.add_argument(
        "--set", action="append", default=[], metavar="FIELD=VALUE", help="change a preset field; repeatable"
    )
    group.add_argument("--net", metavar="NAME", help="network in place of the preset's")
    group.add_argument("--weights", metavar="FILE", help="weights for the network: .safetensors or .pth")
    group.add_argument("--seed", type=int, default=0, metavar="N", help="same seed, same frames (default 0)")


def _add_span(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("what is dreamed")
    group.add_argument("--noise", type=_picture_size, metavar="WxH", help="in place of IN: begin from grey noise")
    group.add_argument("--size", type=int, metavar="N", help="longer side in px (default: as the source)")
    group.add_argument("--start", type=_seconds, default=0.0, metavar="S", help="begin here: seconds, or 1:30")
    group.add_argument("--duration", type=_seconds, metavar="S", help="this long; a still picture is held for it")
    group.add_argument(
        "--mask", metavar="FILE", help="picture or video, bright where to dream; the rest stays as it is"
    )
    group.add_argument("--fps", type=_rate, metavar="F", help="frames a second, such as 24 or 30000/1001")


def _add_machine(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("machine")
    group.add_argument("--device", default="auto", metavar="auto|cpu|cuda|mps", help="default: %(default)s")
    group.add_argument("--precision", default="auto", metavar="auto|fp32|bf16|fp16", help="default: %(default)s")
    group.add_argument(
        "--tile", type=int, metavar="N", help="largest side in px worked on at once; smaller needs less memory"
    )


def _add_output(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("output")
    group.add_argument("--no-audio", action="store_true", help="leave the sound out")
    group.add_argument("--overwrite", action="store_true", help="replace OUT where it exists")
    group.add_argument("--record-steps", metavar="FILE", help="also a GIF or film of the first dream as it grows")
    group.add_argument("--preview", action="store_true", help="show the frames as they are made")
    group.add_argument("-q", "--quiet", action="store_true", help="print nothing but errors")


def _seconds(text: str) -> float:
    """Seconds from "12.5", "1:30" or "1:02:03". Raises ValueError, which argparse reports."""
    total = 0.0
    for part in text.split(":"):
        total = total * 60 + float(part)
    return total


def _picture_size(text: str) -> tuple[int, int]:
    width, _, height = text.lower().partition("x")
    return int(width), int(height)


def _rate(text: str) -> Fraction:
    try:
        return Fraction(text)
    except ZeroDivisionError:
        raise ValueError(text) from None


def _chosen_preset(arguments: argparse.Namespace) -> Preset:
    preset = Preset.load(arguments.preset)
    if arguments.net and arguments.net != preset.net:
        # Layers and subjects are one net's names; another net starts from its own choice.
        preset = preset.replace(net=arguments.net, layers={}, channels=(), subject={}, class_id="")
    return preset.with_settings(arguments.set)


def _dream(arguments: argparse.Namespace) -> int:
    preset = _chosen_preset(arguments)
    from vidream.files import dream
    from vidream.screen import Screen

    def make_dreamer(chosen: Preset) -> Dreamer:
        from vidream.dreamer import Dreamer

        return Dreamer(
            chosen,
            weights=arguments.weights,
            device=arguments.device,
            precision=arguments.precision,
            tile=arguments.tile,
            seed=arguments.seed,
        )

    with (
        Screen(quiet=arguments.quiet, preview=arguments.preview, preset_name=str(arguments.preset)) as screen,
        _source_and_target(arguments) as (source, target),
    ):
        made = dream(
            source,
            target,
            preset=preset,
            size=arguments.size,
            fps=arguments.fps,
            start_seconds=arguments.start,
            duration_seconds=arguments.duration,
            audio=not arguments.no_audio,
            overwrite=arguments.overwrite,
            mask=arguments.mask,
            record_steps=arguments.record_steps,
            progress=screen,
            make_dreamer=make_dreamer,
        )
        screen.finished(made)
    if not arguments.quiet:
        print(made.path)
    return 0 if made.finished else 1


@contextmanager
def _source_and_target(arguments: argparse.Namespace) -> Iterator[tuple[str, str | None]]:
    """IN and OUT; with --noise, IN is a picture of noise that lives for as long as it is needed."""
    if not arguments.noise:
        yield arguments.source, arguments.target
        return
    from vidream.files import noise
    from vidream.frames import write_picture

    width, height = arguments.noise
    if not 16 <= min(width, height) <= max(width, height) <= LARGEST_NOISE_PX:
        raise SourceError(f"--noise {width}x{height}: give sides of 16 to {LARGEST_NOISE_PX} px, such as 512x512")
    with tempfile.TemporaryDirectory(prefix="vidream-") as folder:
        picture = Path(folder, "noise.png")
        write_picture(picture, noise(width, height, seed=arguments.seed))
        film = arguments.duration is not None
        yield str(picture), arguments.source or ("noise-dream.mp4" if film else "noise-dream.png")


def _presets(arguments: argparse.Namespace) -> None:
    if arguments.name:
        print(Preset.load(arguments.name).to_toml(), end="")
        return
    for name in preset_names():
        print(f"{name:<12}{Preset.load(name).description}")


def _nets(arguments: argparse.Namespace) -> None:
    from vidream.screen import show_nets

    show_nets(arguments.json)


def _layers(arguments: argparse.Namespace) -> None:
    from vidream.screen import show_layers

    show_layers(arguments.net, arguments.json)


def _doctor(arguments: argparse.Namespace) -> int:
    from vidream.doctor import examine, show

    findings = examine()
    show(findings, arguments.json)
    return 0 if all(finding.good for finding in findings if finding.needed) else 1


if __name__ == "__main__":
    sys.exit(main())
