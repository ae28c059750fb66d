"""The page, its socket, its files; and a uvicorn server with limits."""

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
from vidream.web.security import Guard, Login, refusal
from vidream.web.shared import THUMBNAILS, Engine
from vidream.web.socket import Link
from vidream.web.uploads import take_clip, take_guide

__all__ = ["make_app", "make_server", "open_socket"]

STATIC = Path(__file__).with_name("static")
# A connection that has sent no whole request by then is closed.
REQUEST_SECONDS = 10.0
# Close code: as many pages as allowed are open; the page tries again by itself.
FULL = 4013


def make_app(engine: Engine) -> Starlette:
    """The page and everything behind it, as an ASGI application."""
    settings = engine.settings
    pages = _Pages(engine)
    login = Login(settings)

    async def log_in(request: Request) -> Response:
        return login.answer(request.headers, request.client.host if request.client else "")

    return Starlette(
        routes=[
            Route("/", pages.index),
            Route("/login", log_in, methods=["POST"]),
            Route("/ready", pages.ready),
            WebSocketRoute("/socket", pages.socket),
            Route("/sessions/{secret}/guide", pages.guide, methods=["POST"]),
            Route("/sessions/{secret}/clip", pages.clip, methods=["POST"]),
            Route("/sessions/{secret}/leave", pages.leave, methods=["POST"]),
            Route("/sessions/{secret}/{name}", pages.file),
            Mount("/static", _Revalidated(directory=STATIC)),
            Mount("/thumbnails", _Revalidated(directory=THUMBNAILS, check_dir=False)),
        ],
        middleware=[Middleware(Guard, settings=settings, login=login)],
        lifespan=pages.lifespan,
    )


class _Pages:
    """The endpoints of one server."""

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
        """Whether the page may connect: asked after its socket was refused, since a browser hides the reason."""
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
        # As an attachment: a file that is not what its name says cannot run as part of this page.
        return _TemporaryFile(path, headers={"Content-Disposition": "attachment"})

    def _session(self, request: Request) -> Session | None:
        return self._sessions.find(request.path_params["secret"])


class _TemporaryFile(FileResponse):
    """A file that may be deleted while it is sent, with the page that it belongs to."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with contextlib.suppress(FileNotFoundError):
            await super().__call__(scope, receive, send)


class _Revalidated(StaticFiles):
    """Files that the browser checks each time: after an update, page and server must not differ."""

    def file_response(self, *arguments: Any, **options: Any) -> Response:
        response = super().file_response(*arguments, **options)
        response.headers["Cache-Control"] = "no-cache"
        return response


def _gone() -> JSONResponse:
    return refusal(404, "there is no such file; it was deleted with its page")


class _LimitedConnection(H11Protocol):
    """A connection that is closed at once where there are too many, and after a while where it sends no request.

    Uvicorn's `limit_concurrency` answers 503 to a request, but keeps any number of connections that never send one, for
    ever.
    """

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if self.limit_concurrency is not None and len(self.connections) >= self.limit_concurrency:
            transport.abort()
            return
        self._deadline = self.loop.call_later(REQUEST_SECONDS, self._close_without_request)

    def _close_without_request(self) -> None:
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
    """A server of the page with the limits of the engine's settings; `run(sockets=[...])` starts it.

    Args:
        engine: what the pages share.
        certificate, key: PEM files for https; None serves http.
    """
    settings = engine.settings
    config = uvicorn.Config(
        make_app(engine),
        http=_LimitedConnection,
        limit_concurrency=settings.max_connections + 1,
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
