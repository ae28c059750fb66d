"""vidream live: a camera that dreams."""

from __future__ import annotations

import argparse
import math
from contextlib import ExitStack
from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING

from vidream.cli import options, values
from vidream.cli.parser import value_of
from vidream.cli.streams import printable, shown_path
from vidream.errors import DeviceError
from vidream.looks.preset import Preset

if TYPE_CHECKING:
    from vidream.cli.terminal import LiveScreen
    from vidream.live.live_report import LiveReport
    from vidream.outputs import Output

__all__ = ["add", "run"]


def add(commands: argparse._SubParsersAction, common: argparse.ArgumentParser) -> None:
    """Add the command to `vidream`. common: options that every command has."""
    parser = commands.add_parser(
        "live", parents=[common], help="dream what a camera sees, without lag",
        description="Dream what a camera sees. In the window, h shows what the keys do.",
    )  # fmt: skip
    source = parser.add_argument_group("camera")
    source.add_argument(
        "--camera",
        default="0",
        metavar="N|URL|FILE|list",
        type=values.path_text,
        help="number, address or file; list shows what there is",
    )
    source.add_argument(
        "--size",
        type=values.integer("an integer, such as 640"),
        metavar="N",
        help="longer side of the picture, px (CPU: 640, GPU: 1280)",
    )
    source.add_argument(
        "--mirror", action=argparse.BooleanOptionalAction, help="left and right exchanged (default: for cameras)"
    )
    options.add_look(parser)
    budget = parser.add_argument_group("budget, kept by dreaming smaller")
    budget.add_argument(
        "--target-fps",
        type=values.number("a number, such as 25"),
        metavar="F",
        help="pictures a second (default: the camera's)",
    )
    budget.add_argument(
        "--max-latency",
        type=value_of(milliseconds, "milliseconds, such as 120, 120ms or 0.12s"),
        default=0.1,
        metavar="MS",
        help="from camera to picture (default: 100 ms)",
    )
    options.add_machine(parser)
    output = parser.add_argument_group("output")
    output.add_argument("--record", metavar="OUT", type=values.path_text, help="also into a video file")
    output.add_argument("--overwrite", action="store_true", help="replace OUT where it exists")
    output.add_argument("--virtual-camera", action="store_true", help="also as a camera for OBS and calls")
    output.add_argument(
        "--output",
        action="append",
        default=[],
        metavar="NAME[=TARGET]|list",
        help="also to an output by its name, such as preview=now.jpg; repeatable; list shows what there is",
    )
    output.add_argument("--fullscreen", action="store_true", help="begin with the whole screen")
    output.add_argument("--no-overlay", action="store_true", help="begin without the figures over the picture")
    output.add_argument("--headless", action="store_true", help="no window")
    output.add_argument("--seconds", type=values.seconds, metavar="N", help="stop after this long")
    output.add_argument("--json", metavar="FILE", type=values.file_path, help="write the figures as JSON")
    output.add_argument("-q", "--quiet", action="store_true", help="print nothing but errors")
    parser.set_defaults(run=run, check=partial(_check, parser))


def _check(parser: argparse.ArgumentParser, arguments: argparse.Namespace) -> None:
    if arguments.seconds is not None and arguments.seconds <= 0:
        parser.error(f"argument --seconds: cannot be {arguments.seconds:g}; allowed: more than 0")
    if any(wanted.partition("=")[0] == "window" for wanted in arguments.output):
        parser.error("argument --output: the window is there already, unless --headless is given")


def run(arguments: argparse.Namespace) -> int:
    """Dream what the camera sees until the user stops it; returns the exit code. Raises VidreamError."""
    if arguments.camera == "list":
        from vidream.media import list_cameras

        print("\n".join(map(printable, list_cameras())) or "no camera found; plug one in, or give an address or a file")
        return 0
    if "list" in arguments.output:
        _print_outputs()
        return 0
    preset = options.chosen_preset(arguments)
    from vidream.cli.terminal import LiveScreen
    from vidream.media.disk import write_json

    with LiveScreen(quiet=arguments.quiet) as screen:
        report = _shown(arguments, preset, screen)
        screen.finished(report)
    if arguments.json:
        write_json(arguments.json, asdict(report))
    if arguments.record and not arguments.quiet:
        print(shown_path(arguments.record))
    return 0


def milliseconds(text: str) -> float:
    """Seconds from milliseconds: "120", "120ms", or "0.12s". Raises ValueError."""
    in_seconds = text.endswith("s") and not text.endswith("ms")
    found = float(text.removesuffix("s").removesuffix("m")) / (1 if in_seconds else 1000)
    if not math.isfinite(found):
        raise ValueError
    return found


def _shown(arguments: argparse.Namespace, preset: Preset, screen: LiveScreen) -> LiveReport:
    """Run the session to its end."""
    from vidream.live.live_dream import LiveDream
    from vidream.live.live_session import LiveSession
    from vidream.media import Camera
    from vidream.outputs import Window

    with ExitStack() as stack:
        # What may be missing is asked for first; the network is loaded last.
        if not arguments.headless and Window.why_unavailable():
            raise DeviceError(
                "no window can be opened here; use --headless, with --record out.mp4 or --virtual-camera to see it"
            )
        window = None if arguments.headless else stack.enter_context(Window(fullscreen=arguments.fullscreen))
        camera = stack.enter_context(Camera(arguments.camera, size=arguments.size))
        outputs = _outputs(arguments, camera.rate)
        live = stack.enter_context(
            LiveDream(
                options.dreamer_for(arguments, preset),
                size=arguments.size,
                target_fps=arguments.target_fps or camera.rate,
                max_latency_seconds=arguments.max_latency,
            )
        )
        camera.size = live.size
        session = stack.enter_context(
            LiveSession(
                camera,
                live,
                window=window,
                outputs=outputs,
                is_mirrored=arguments.camera.isdigit() if arguments.mirror is None else arguments.mirror,
                shows_figures=not arguments.no_overlay,
                name=str(arguments.preset),
                says=screen.say,
            )
        )
        screen.started(camera, live)
        if preset.sound_names:
            screen.say("this look follows a sound, and a live dream hears no sound: it stays as it is in silence")
        return session.run(seconds=arguments.seconds)


def _print_outputs() -> None:
    """The outputs that --output takes, and why this machine lacks one."""
    from vidream.outputs import output_class, output_names

    for name in output_names():
        if name != "window":  # has an option of its own: --headless
            reason = output_class(name).why_unavailable()
            print(f"{name}: {reason}" if reason else name)


def _outputs(arguments: argparse.Namespace, rate: float) -> list[Output]:
    """The outputs beside the window that the options name. Raises DeviceError, TargetError."""
    from vidream.outputs import make_output

    asked = []
    if arguments.record:
        asked.append(make_output("file", arguments.record, rate=rate, overwrite=arguments.overwrite))
    if arguments.virtual_camera:
        asked.append(make_output("virtual-camera", rate=rate))
    for wanted in arguments.output:
        name, _, target = wanted.partition("=")
        replacing = {"overwrite": arguments.overwrite} if name == "file" else {}
        asked.append(make_output(name, values.path_text(target), rate=rate, **replacing))
    return asked
