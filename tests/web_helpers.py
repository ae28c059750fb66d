"""A real server of vidream web in a thread, and a page in Python, for the tests of the web room."""

from __future__ import annotations

import json
import struct
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from conftest import textured
from websockets.sync.client import connect

from vidream.looks.preset import Preset
from vidream.media import encode_frame
from vidream.web.limits import Settings
from vidream.web.page_session import Session
from vidream.web.server import make_server, open_socket
from vidream.web.shared import Engine

LOOK = Preset.load("fast").replace(octaves=1, first_steps=1)


class Served:
    """A running server: `address` "127.0.0.1:PORT", `origin` that of its own page."""

    def __init__(self, engine: Engine, app: Any, port: int) -> None:
        self.engine = engine
        self._app = app
        self.address = f"127.0.0.1:{port}"
        self.origin = f"http://{self.address}"

    def session(self, secret: str = "") -> Session:
        """The session of a page, as the server holds it; without a secret the newest one."""
        found = [session for session in self.sessions() if session.secret == secret or not secret]
        return found[-1]

    def sessions(self) -> list[Session]:
        """All that are open, the oldest first."""
        return list(self._app.state.sessions)

    def ask(
        self, path: str, *, data: bytes | None = None, method: str | None = None, **headers: str
    ) -> tuple[int, bytes, Any]:
        """(status, body, headers) of a request as this server's own page would send it."""
        given = {"Origin": self.origin, **{name.replace("_", "-"): value for name, value in headers.items()}}
        request = urllib.request.Request(self.origin + path, data=data, method=method, headers=given)
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status, answer.read(), answer.headers
        except urllib.error.HTTPError as error:
            return error.code, error.read(), error.headers

    @contextmanager
    def page(self, *, session: str = "", origin: str | None = None, **headers: str) -> Iterator[Page]:
        """A page that has come in."""
        url = f"ws://{self.address}/socket?session={session}"
        with connect(url, origin=origin or self.origin, additional_headers=headers, max_size=None) as socket:
            yield Page(socket)


class Page:
    """What app.js does, in Python."""

    def __init__(self, socket: Any) -> None:
        self.socket = socket
        self.hello = self.hear("hello")
        self.secret = self.hello["session"]

    def say(self, **message: Any) -> None:
        self.socket.send(json.dumps(message))

    def hear(self, *kinds: str, state: str | None = None) -> dict[str, Any]:
        """The next message of these kinds (and this state); others are passed over."""
        while True:
            got = self.socket.recv(timeout=20)
            if isinstance(got, str):
                said = json.loads(got)
                if said["type"] in kinds and (state is None or said["state"] == state):
                    return said

    def send_frame(self, data: bytes, number: int = 1) -> None:
        self.socket.send(number.to_bytes(4, "big") + data)

    def picture(self, kind: int = 1) -> tuple[int, bytes]:
        """(number, JPEG) of the next picture; kind 2: a clip's preview."""
        while True:
            got = self.socket.recv(timeout=20)
            if isinstance(got, bytes):
                found, _, _, number = struct.unpack(">BBHI", got[:8])
                if found == kind:
                    return number, got[8:]

    def dream(self, data: bytes, number: int = 1) -> bytes:
        """The dream of a frame."""
        self.send_frame(data, number)
        found, jpeg = self.picture()
        assert found == number
        return jpeg


@contextmanager
def serving(settings: Settings | None = None, *, port: int = 0) -> Iterator[Served]:
    """A server on a port of this machine, by default a free one, whatever host the settings speak of."""
    engine = Engine(settings or Settings(size=160), first=("fast", LOOK))
    server = make_server(engine)
    listening = open_socket("127.0.0.1", port)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        until(lambda: server.started)
        yield Served(engine, server.config.app, listening.getsockname()[1])
    finally:
        server.should_exit = True
        thread.join(20)
        assert not thread.is_alive()


def frame(seed: int = 0, height: int = 90, width: int = 160) -> bytes:
    """A textured JPEG frame."""
    return encode_frame(textured(height, width, seed=seed))


def until(true: Any, seconds: float = 20) -> None:
    """Wait until `true()`; AssertionError where it never is."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it never came true"
        time.sleep(0.02)
