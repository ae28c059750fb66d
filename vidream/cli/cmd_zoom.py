"""vidream zoom: an endless zoom into a picture, or out of it, or a seamless loop."""

from __future__ import annotations

import argparse
import math
from functools import partial

from vidream.cli import options, values
from vidream.cli.parser import value_of
from vidream.cli.streams import shown_path
from vidream.errors import PresetError
from vidream.looks.expression import Expression, split_outside
from vidream.looks.schedule import Number, Schedule, read_value
from vidream.media.formats import suffixes

__all__ = ["add", "run"]


def add(commands: argparse._SubParsersAction, common: argparse.ArgumentParser) -> None:
    """Add the command to `vidream`. common: options that every command has."""
    parser = commands.add_parser(
        "zoom", parents=[common], help="an endless zoom into a picture, or a seamless loop",
        description="Zoom into IN without end and write the film OUT. Without IN the zoom starts from nothing.",
    )  # fmt: skip
    parser.add_argument(
        "source",
        metavar="IN",
        nargs="?",
        type=values.path_text,
        help="picture, video or GIF; without one the zoom starts from nothing",
    )
    parser.add_argument(
        "target",
        metavar="OUT",
        type=values.path_text,
        help=f"{' '.join(suffixes('video', 'animation'))}, or 'shots/%%04d.png'",
    )
    options.add_look(parser)
    _add_motion(parser)
    film = parser.add_argument_group("film")
    film.add_argument(
        "--seconds", "--duration", type=values.seconds, default=10.0, metavar="S", help="how long (default 10)"
    )
    film.add_argument("--fps", type=values.rate, default=values.rate("25"), metavar="F", help="default 25")
    film.add_argument(
        "--size",
        type=value_of(_size, "an integer, such as 640, or WIDTHxHEIGHT, such as 640x360"),
        metavar="N|WxH",
        help="longer side, or both sides, in px",
    )
    options.add_listen(film)
    film.add_argument(
        "--bars",
        type=values.number("a number of bars, such as 8"),
        metavar="N",
        help="of a --loop: as long as so many bars of the --listen track",
    )
    film.add_argument("--no-audio", action="store_true", help="leave the sound of --listen out")
    film.add_argument("--start", type=values.seconds, default=0.0, metavar="S", help="of a video: the frame here")
    film.add_argument(
        "--wrap", choices=options.WRAPS, default="none",
        help="both: every frame is a tile, in a film that only pans: --scale 1 --pan 0.1,0",
    )  # fmt: skip
    options.add_machine(parser)
    options.add_output(parser)
    parser.set_defaults(run=run, check=partial(_check, parser))


def _check(parser: argparse.ArgumentParser, arguments: argparse.Namespace) -> None:
    if arguments.bars is not None and not (arguments.loop and arguments.listen):
        parser.error("--bars is the length of a --loop by the beats of a track: add --loop and --listen FILE")
    if arguments.bars is not None and "seconds" in arguments.given:
        parser.error("--bars and --seconds are both the length: give one of them")


def _add_motion(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("motion; numbers may change over time: '0:1.2, 5s:2' or '1.2 + 0.2*sin(t)'")
    add = group.add_argument
    add("--scale", type=NUMBER, default=1.25, metavar="X", help="magnification a second; under 1 outwards (1.25)")
    add("--rotate", type=NUMBER, default=0.0, metavar="DEG", help="degrees a second, clockwise")
    add("--pan", type=PAN, default=(0.0, 0.0), metavar="X,Y", help="frame widths and heights a second")
    add("--centre", "--center", type=PLACE, default=(0.5, 0.5), metavar="X,Y|PATH",
        help="point that the zoom goes to, as shares of the frame; or a path: '0:0.5/0.5, 4s:0.3/0.6'")  # fmt: skip
    add("--drift", type=NUMBER, default=0.1, metavar="D", help="how far that point wanders, share of a side (0.1)")
    add(
        "--ease",
        type=PAIR,
        default=(0.0, 0.0),
        metavar="IN,OUT",
        help="seconds to accelerate at the start, and to stop at the end",
    )
    add("--loop", action="store_true", help="the last frame meets the first, for any motion")


def run(arguments: argparse.Namespace) -> int:
    """Make the film; returns the exit code. Raises VidreamError."""
    preset = options.chosen_preset(arguments)
    from vidream.cli.terminal import Screen
    from vidream.motion.known import Motion
    from vidream.zoom.zoom_job import zoom_film

    (pan_x, pan_y), (centre_x, centre_y), ease = arguments.pan, arguments.centre, arguments.ease
    if arguments.loop and any(ease):
        raise PresetError("a loop has no start and no end to ease; leave out --ease, or --loop")
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
            flash_limit=not arguments.allow_flashes,
            delivery=options.delivery_of(arguments),
            wrap=arguments.wrap,
            listen=arguments.listen,
            bars=arguments.bars,
            audio=not arguments.no_audio,
            progress=screen,
            make_dreamer=partial(options.dreamer_for, arguments),
        )
        screen.finished(made)
    if not arguments.quiet:
        print(shown_path(made.path))
    return 0 if made.finished else 1


def _number(text: str) -> Number:
    return Schedule.parse(text) if ":" in text else read_value(text)


def _pair(text: str) -> tuple[float, float]:
    first, second = text.split(",")
    return _finite(first), _finite(second)


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError
    return value


def _values(text: str) -> tuple[float | Expression, float | Expression]:
    first, second = split_outside(text)
    return read_value(first), read_value(second)


def _place(text: str) -> tuple[Number, Number]:
    """ "0.5,0.5", or a path "0:0.5/0.5, 4s:0.3/0.6": x/y at each time. There a division stands in parentheses."""
    if ":" not in text:
        return _values(text)
    keys = [part.split(":") for part in split_outside(text)]
    places = [(time, *split_outside(place, "/")) for time, place in keys]
    if any(len(place) != 3 for place in places):
        raise ValueError
    along_x, along_y = (", ".join(f"{time}:{place[axis]}" for time, *place in places) for axis in (0, 1))
    return Schedule.parse(along_x), Schedule.parse(along_y)


def _size(text: str) -> int | tuple[int, int]:
    return values.picture_size(text) if "x" in text.lower() else values.plain_integer(text)


NUMBER = value_of(_number, "a number, such as 1.25, or numbers over time, such as '0:1.2, 5s:2' or '1.2+0.2*sin(t)'")
PAIR = value_of(_pair, "two numbers, such as 0.1,0.2")
PAN = value_of(_values, "two numbers, such as 0.1,0.2, or expressions, such as '0.1*sin(t),0'")
PLACE = value_of(_place, "shares of the frame, such as 0.5,0.5, or a path of them, such as '0:0.5/0.5, 4s:0.3/0.6'")
