"""server: the page, its socket, its files; and a uvicorn that takes no more than it can carry."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket
from uvicorn.protocols.http.h11_impl import H11Protocol

from vidream.errors import VidreamError
from vidream.web.page_session import Session
from vidream.web.page_sessions import FullError, Sessions
from vidream.web.security import Gate, Guard, refusal
from vidream.web.shared import THUMBNAILS, Engine
from vidream.web.socket import Link
from vidream.web.uploads import take_clip, take_guide

__all__ = ["make_app", "make_server", "open_socket"]

STATIC = Path(__file__).with_name("static")
# A connection that has not said what it wants by then is closed.
FIRST_WORD_SECONDS = 10.0
# All places are taken: the page tries again by itself.
FULL = 4013


def make_app(engine: Engine) -> Starlette:
    """The page and everything behind it, as an ASGI application."""
    settings = engine.settings
    pages = _Pages(engine)
    gate = Gate(settings)

    async def login(request: Request) -> Response:
        return gate.login(request.headers, request.client.host if request.client else "")

    return Starlette(
        routes=[
            Route("/", pages.index),
            Route("/login", login, methods=["POST"]),
            Route("/ready", pages.ready),
            WebSocketRoute("/socket", pages.socket),
            Route("/sessions/{secret}/guide", pages.guide, methods=["POST"]),
            Route("/sessions/{secret}/clip", pages.clip, methods=["POST"]),
            Route("/sessions/{secret}/leave", pages.leave, methods=["POST"]),
            Route("/sessions/{secret}/{name}", pages.file),
            Mount("/static", _Fresh(directory=STATIC)),
            Mount("/thumbnails", _Fresh(directory=THUMBNAILS, check_dir=False)),
        ],
        middleware=[Middleware(Guard, settings=settings, gate=gate)],
        lifespan=pages.lifespan,
    )


class _Pages:
    """What answers; one for each server."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._sessions: Sessions

    @asynccontextmanager
    async def lifespan(self, app: Starlette) -> AsyncIterator[None]:
        with tempfile.TemporaryDirectory(prefix="vidream-web-", ignore_cleanup_errors=True) as root:
            self._sessions = app.state.sessions = Sessions(self._engine, Path(root))
            try:
                yield
            finally:
                await self._sessions.close()
                self._engine.threads.shutdown(cancel_futures=True)

    async def index(self, request: Request) -> Response:
        return FileResponse(STATIC / "index.html")

    async def ready(self, request: Request) -> Response:
        """Whether this page may come in: asked where its socket was refused, since a browser hides why."""
        return Response(status_code=204)

    async def socket(self, socket: WebSocket) -> None:
        await socket.accept()
        try:
            session = self._sessions.enter(socket.query_params.get("session", ""))
        except FullError as full:
            await socket.close(FULL, str(full))
            return
        link = Link(socket, session, self._engine)
        try:
            await link.run()
        finally:
            if session.link is link:
                self._sessions.leave(session, link.code)

    async def guide(self, request: Request) -> Response:
        session = self._session(request)
        return _gone() if session is None else await take_guide(request, session, self._engine)

    async def clip(self, request: Request) -> Response:
        session = self._session(request)
        return _gone() if session is None else await take_clip(request, session, self._engine)

    async def leave(self, request: Request) -> Response:
        self._sessions.dismiss(request.path_params["secret"])
        return Response(status_code=204)

    async def file(self, request: Request) -> Response:
        session = self._session(request)
        path = session.file(request.path_params["name"]) if session is not None else None
        if path is None:
            return _gone()
        # Attachment: were a file ever not what its name says, it would still not run in this page's name.
        return _Passing(path, headers={"Content-Disposition": "attachment"})

    def _session(self, request: Request) -> Session | None:
        return self._sessions.find(request.path_params["secret"])


class _Passing(FileResponse):
    """A file that may go while it is sent, with the page that it belongs to."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with contextlib.suppress(FileNotFoundError):
            await super().__call__(scope, receive, send)


class _Fresh(StaticFiles):
    """Files that the browser asks about each time: after an update, page and server must not differ."""

    def file_response(self, *arguments: Any, **options: Any) -> Response:
        response = super().file_response(*arguments, **options)
        response.headers["Cache-Control"] = "no-cache"
        return response


def _gone() -> JSONResponse:
    return refusal(404, "there is no such file; it went with its page")


class _Bounded(H11Protocol):
    """A connection that counts: one too many is closed at once, a silent one after a while."""

    most = 64

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > self.most:
            transport.abort()
            return
        self._deadline = self.loop.call_later(FIRST_WORD_SECONDS, self._close_if_silent)

    def _close_if_silent(self) -> None:
        if self.cycle is None and not self.transport.is_closing() and self.transport.get_protocol() is self:
            self.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        if hasattr(self, "_deadline"):
            self._deadline.cancel()
        super().connection_lost(exc)


def open_socket(host: str, port: int) -> socket.socket:
    """A socket bound to `host` and `port` (0: any free one). Raises VidreamError."""
    try:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        return socket.create_server(address[:2], family=family)
    except (OSError, UnicodeError) as error:  # a name that is none
        reason = getattr(error, "strerror", None) or str(error)
        raise VidreamError(f"cannot serve at {host} port {port}: {reason}; give another --port or --host") from None


def make_server(engine: Engine, *, certificate: Path | None = None, key: Path | None = None) -> uvicorn.Server:
    """A server of the page, quiet, with every bound of the engine's settings; `run(sockets=[...])` starts it."""
    settings = engine.settings
    bounded = type("_BoundedHere", (_Bounded,), {"most": settings.max_connections})
    config = uvicorn.Config(
        make_app(engine),
        http=bounded,
        lifespan="on",
        log_level="warning",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        ws_max_size=settings.max_frame_bytes,
        ws_max_queue=4,
        ws_per_message_deflate=False,
        timeout_keep_alive=15,
        timeout_graceful_shutdown=2,
        ssl_certfile=certificate,
        ssl_keyfile=key,
    )
    return uvicorn.Server(config)
