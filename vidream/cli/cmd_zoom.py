"""vidream zoom: fall into a picture, or out of it, for as long as wished, or in a loop."""

from __future__ import annotations

import argparse
from functools import partial

from vidream.cli import options
from vidream.errors import PresetError
from vidream.looks.schedule import Schedule
from vidream.media.formats import suffixes

__all__ = ["add", "run"]


def add(commands: argparse._SubParsersAction, common: argparse.ArgumentParser) -> None:
    """Add the command to `vidream`. common: options that every command has."""
    parser = commands.add_parser(
        "zoom", parents=[common], help="an endless fall into a picture, or a seamless loop of one",
        description="Fall into IN, or into nothing, and film it into OUT.",
    )  # fmt: skip
    parser.add_argument(
        "source", metavar="IN", nargs="?", help="picture, video or GIF; without one it begins from nothing"
    )
    parser.add_argument(
        "target", metavar="OUT", help=f"{' '.join(suffixes('video', 'animation'))}, or 'shots/%%04d.png'"
    )
    options.add_look(parser)
    _add_motion(parser)
    film = parser.add_argument_group("film")
    film.add_argument(
        "--seconds", "--duration", type=options.seconds, default=10.0, metavar="S", help="how long (default 10)"
    )
    film.add_argument("--fps", type=options.rate, default=options.rate("25"), metavar="F", help="default 25")
    film.add_argument("--size", type=_size, metavar="N|WxH", help="longer side, or both sides, in px")
    film.add_argument("--start", type=options.seconds, default=0.0, metavar="S", help="of a video: the frame here")
    options.add_machine(parser)
    options.add_output(parser)
    parser.set_defaults(run=run)


def _add_motion(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("motion; numbers may change over time: '0:1.2, 5s:2'")
    add = group.add_argument
    add("--scale", type=_number, default=1.25, metavar="X", help="times nearer a second; under 1 outwards (1.25)")
    add("--rotate", type=_number, default=0.0, metavar="DEG", help="degrees a second, clockwise")
    add("--pan", type=_pair, default=(0.0, 0.0), metavar="X,Y", help="frame widths and heights a second")
    add("--centre", "--center", type=_place, default=(0.5, 0.5), metavar="X,Y|PATH",
        help="what is fallen into, as shares of the frame; or a path: '0:0.5/0.5, 4s:0.3/0.6'")  # fmt: skip
    add("--drift", type=_number, default=0.1, metavar="D", help="how far that point wanders, share of a side (0.1)")
    add("--ease", type=_pair, default=(0.0, 0.0), metavar="IN,OUT", help="seconds to get going, and to come to rest")
    add("--loop", action="store_true", help="the last frame meets the first, for any motion")


def run(arguments: argparse.Namespace) -> int:
    preset = options.chosen_preset(arguments)
    from vidream.cli.terminal import Screen
    from vidream.motion.known import Motion
    from vidream.zoom.zoom_job import zoom_film

    (pan_x, pan_y), (centre_x, centre_y), ease = arguments.pan, arguments.centre, arguments.ease
    if arguments.loop and any(ease):
        raise PresetError("a loop never rests: leave out --ease, or --loop")
    motion = Motion(
        scale=arguments.scale, rotate=arguments.rotate, pan_x=pan_x, pan_y=pan_y, centre_x=centre_x,
        centre_y=centre_y, drift=arguments.drift, ease_in_seconds=ease[0], ease_out_seconds=ease[1],
        duration_seconds=arguments.seconds,
    )  # fmt: skip
    with Screen(quiet=arguments.quiet, preview=arguments.preview, preset_name=str(arguments.preset)) as screen:
        made = zoom_film(
            arguments.source,
            arguments.target,
            preset=preset,
            motion=motion,
            seconds=arguments.seconds,
            fps=arguments.fps,
            loop=arguments.loop,
            size=arguments.size,
            start_seconds=arguments.start,
            overwrite=arguments.overwrite,
            resume=arguments.resume,
            max_bytes=arguments.max_size,
            progress=screen,
            make_dreamer=partial(options.dreamer_for, arguments),
        )
        screen.finished(made)
    if not arguments.quiet:
        print(made.path)
    return 0 if made.finished else 1


def _number(text: str) -> float | Schedule:
    return Schedule.parse(text) if ":" in text else float(text)


def _pair(text: str) -> tuple[float, float]:
    first, second = text.split(",")
    return float(first), float(second)


def _place(text: str) -> tuple[float | Schedule, float | Schedule]:
    """ "0.5,0.5", or a path "0:0.5/0.5, 4s:0.3/0.6": x/y at each time."""
    if ":" not in text:
        return _pair(text)
    keys = [part.split(":") for part in text.split(",")]
    places = [(time, *place.split("/")) for time, place in keys]
    along_x, along_y = (", ".join(f"{time}:{place[axis]}" for time, *place in places) for axis in (0, 1))
    return Schedule.parse(along_x), Schedule.parse(along_y)


def _size(text: str) -> int | tuple[int, int]:
    return options.picture_size(text) if "x" in text.lower() else int(text)
