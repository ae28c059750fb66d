"""vidream web: the live dream in a browser."""

from __future__ import annotations

import argparse
import contextlib
import os
import secrets
import sys
from pathlib import Path

from vidream.cli import options, values
from vidream.cli.streams import printable
from vidream.errors import VidreamError
from vidream.web import Settings, check_extra
from vidream.web.limits import MEGABYTE, is_loopback

__all__ = ["add", "run"]

SHORTEST_TOKEN = 8
# A camera's picture is to be shown twelve times a second and more, and dreamed beside; two cores do this at most.
CPU_SIZE = 480


def add(commands: argparse._SubParsersAction, common: argparse.ArgumentParser) -> None:
    """Add the command to `vidream`. common: options that every command has."""
    parser = commands.add_parser(
        "web", parents=[common], help="the live dream in a browser, also from another machine",
        description="Serve a page that dreams what its camera sees. Needs: pip install 'vidream[web]'.",
    )  # fmt: skip
    default = Settings()
    server = parser.add_argument_group("server")
    server.add_argument("--host", default=default.host, help="address to listen at (default: %(default)s)")
    server.add_argument(
        "--port",
        type=values.integer("an integer from 0 to 65535"),
        default=8000,
        help="0: any free one (default: %(default)s)",
    )
    server.add_argument(
        "--token", default=os.environ.get("VIDREAM_TOKEN"),
        help="what a page must know; beyond this machine one is made where none is given (or: VIDREAM_TOKEN)",
    )  # fmt: skip
    server.add_argument("--allow-host", action="append", default=[], metavar="NAME", help="a name of this server")
    server.add_argument(
        "--certificate", type=values.file_path, metavar="FILE", help="for https, with --key; else one is made"
    )
    server.add_argument("--key", type=values.file_path, metavar="FILE", help="private key of the certificate")
    server.add_argument("--http", action="store_true", help="no https beyond this machine: behind a proxy of yours")
    server.add_argument(
        "--max-sessions",
        type=values.integer("an integer from 1 to 64"),
        default=default.max_sessions,
        metavar="N",
        help="pages at once",
    )
    server.add_argument(
        "--max-upload",
        type=values.number("megabytes, such as 500"),
        default=default.max_upload_bytes / MEGABYTE,
        metavar="MB",
        help="largest clip",
    )
    live = parser.add_argument_group("live picture")
    live.add_argument(
        "--size",
        type=values.integer("an integer, such as 480"),
        metavar="N",
        help=f"longer side, px (default: {CPU_SIZE} on the CPU, else 640)",
    )
    live.add_argument(
        "--fps",
        type=values.number("a number from 1 to 60"),
        default=default.target_fps,
        help="rate to aim for (default: %(default)g)",
    )
    options.add_look(parser)
    options.add_machine(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Serve the page until the user stops it; returns the exit code. Raises VidreamError."""
    check_extra()
    settings = _settings(arguments)
    certificate, key = _certificate(arguments, settings)
    from vidream.runtime.threads import run_single_threaded
    from vidream.web.server import make_server, open_socket
    from vidream.web.shared import Engine

    # This thread loads the first network, and then only listens.
    run_single_threaded()
    preset = options.chosen_preset(arguments)
    name = Path(str(arguments.preset)).stem
    engine = Engine(
        settings,
        first=(f"{name}, changed" if arguments.set or arguments.net else name, preset),
        networks=options.networks_for(arguments, preset),
        tile=arguments.tile,
        seed=arguments.seed,
    )
    # Trouble with net, device or address is told before anybody is asked in.
    dreamer = engine.dreamer(preset)
    listening = open_socket(settings.host, arguments.port)
    server = make_server(engine, certificate=certificate, key=key)
    print(printable(f"dreaming {name} with {dreamer.describe()}"), file=sys.stderr)
    print(_address(settings, listening.getsockname()[1]), flush=True)
    if certificate and not arguments.certificate:
        print("its certificate is self-made: the browser warns once; go on there", file=sys.stderr)
    with contextlib.suppress(KeyboardInterrupt):  # Ctrl-C is how it is meant to end
        server.run(sockets=[listening])
    return 0


def _settings(arguments: argparse.Namespace) -> Settings:
    beyond = not is_loopback(arguments.host)
    from vidream.runtime.device import pick_device

    size = arguments.size or (CPU_SIZE if pick_device(arguments.device).type == "cpu" else Settings.size)
    token = arguments.token or (secrets.token_urlsafe(16) if beyond else "")
    for given, low, high, name in (
        (size, 64, 1920, "--size"),
        (arguments.fps, 1, 60, "--fps"),
        (arguments.max_sessions, 1, 64, "--max-sessions"),
        (arguments.max_upload, 1, 100_000, "--max-upload"),
        (arguments.port, 0, 65535, "--port"),
        (len(token) if token else SHORTEST_TOKEN, SHORTEST_TOKEN, 200, "the length of --token"),
    ):
        if not low <= given <= high:
            raise VidreamError(f"{name} cannot be {given:g}; allowed: {low} to {high}")
    return Settings(
        host=arguments.host,
        token=token,
        secure=bool(arguments.certificate) or (beyond and not arguments.http),
        allowed_hosts=tuple(arguments.allow_host),
        size=size,
        target_fps=arguments.fps,
        max_sessions=arguments.max_sessions,
        max_upload_bytes=int(arguments.max_upload * MEGABYTE),
    )


def _certificate(arguments: argparse.Namespace, settings: Settings) -> tuple[Path | None, Path | None]:
    if not settings.secure:
        return None, None
    if not arguments.certificate:
        from vidream.web.certificate import own_certificate

        return own_certificate()
    for path in (arguments.certificate, arguments.key):
        if path is not None and not path.is_file():
            raise VidreamError(f'no file "{path}"; --certificate and --key are PEM files')
    return arguments.certificate, arguments.key


def _address(settings: Settings, port: int) -> str:
    host = settings.host
    if host in ("0.0.0.0", "::"):
        from vidream.web.certificate import outer_address

        host = outer_address() or "localhost"
    shown = f"[{host}]" if ":" in host else host
    # Behind the # no server and no proxy sees it; the page takes it out of the address at once.
    secret = f"#token={settings.token}" if settings.token else ""
    return f"{'https' if settings.secure else 'http'}://{shown}:{port}/{secret}"
