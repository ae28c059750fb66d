"""One WebSocket: frames up, dreams down, and messages between a page and its session.

Up: the frame's number (4 bytes, big endian) and its JPEG, or JSON. Down: kind (1 byte: 1 the dream of a frame, 2 the
preview of a clip), an unused byte, ms that it was held here (2 bytes), the frame's number (4), a JPEG; or JSON. A page
sends its next frame when an answer came; of two frames that wait here the older one is dropped, and the page told so.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import struct
import time
from collections.abc import Callable
from typing import Any

from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from vidream import __version__
from vidream.errors import SourceError, VidreamError
from vidream.web.page_session import Session
from vidream.web.security import TokenBucket
from vidream.web.shared import Engine

__all__ = ["Link"]

LIVE, PREVIEW = 1, 2
LONGEST_MESSAGE = 4096
MOST_BROKEN_FRAMES = 20
FIGURES_PERIOD_SECONDS = 1.0
EVENTS_KEPT = 64
# Messages whose work takes longer than a frame; it runs beside the frames.
SLOW, MOST_SLOW = ("record", "gif"), 2
# Close codes for the page: idle for too long; too many frames or messages.
IDLE, FLOOD = 4001, 4008


class Link:
    """The connection of one page with its session.

    Args:
        socket: the WebSocket, accepted.
        session: of the page.
        engine: what the pages share.

    Attributes:
        code: the close code, once it is closed.
    """

    def __init__(self, socket: WebSocket, session: Session, engine: Engine) -> None:
        self.code = 0
        self._socket, self._session, self._engine = socket, session, engine
        settings = engine.settings
        self._settings = settings
        self._frames = TokenBucket(settings.max_frames_per_second, settings.max_frames_per_second)
        self._flood = TokenBucket(4 * settings.max_frames_per_second, 8 * settings.max_frames_per_second)
        self._messages = TokenBucket(settings.max_messages_per_second, 2 * settings.max_messages_per_second)
        self._broken = 0
        self._waiting: tuple[int, bytes, float] | None = None
        self._has_frame = asyncio.Event()
        self._events: asyncio.Queue[dict[str, Any]] = asyncio.Queue(EVENTS_KEPT)
        self._preview: bytes | None = None
        self._has_news = asyncio.Event()
        self._sending = asyncio.Lock()
        self._slow: set[asyncio.Task[None]] = set()
        self._tasks: list[asyncio.Task[None]] = []

    async def run(self) -> None:
        """Serve the page until it disconnects. The session's listener is set for that time."""
        loop = asyncio.get_running_loop()
        previous, self._session.link = self._session.link, self
        if isinstance(previous, Link):
            previous._replace()
        self._session.listener = lambda event: _from_thread(loop, self._hear, event)
        try:
            await self._say(await self._in_thread(self._hello))
            for event in self._session.state_events():
                await self._say(event)
            if self.code:  # replaced meanwhile
                return
            self._tasks = [asyncio.create_task(part()) for part in (self._receive, self._show_frames, self._post)]
            done, _ = await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                if not task.cancelled():
                    task.result()
        except WebSocketDisconnect as gone:
            self.code = self.code or gone.code
        except VidreamError as error:
            self.code = 1011
            await self._leave(1011, self._session.without_folder(error))
        finally:
            if self._session.link is self:
                self._session.listener = None
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, *self._slow, return_exceptions=True)

    def _replace(self) -> None:
        """End for a newer connection with the session's secret: the page is back, by another network."""
        self.code = 4002
        for task in self._tasks:
            task.cancel()

    def _hello(self) -> dict[str, Any]:
        settings, choices = self._settings, self._session.choices
        return {
            "type": "hello",
            "version": __version__,
            "session": self._session.secret,
            "size": settings.size,
            "fps": settings.target_fps,
            "choices": {"look": choices.look, "subjects": choices.subjects, "strength": choices.strength},
            "guide": choices.guide is not None,
            "limits": {
                "upload": settings.max_upload_bytes,
                "guide": settings.max_guide_bytes,
                "clip_seconds": settings.clip_seconds,
                "record_seconds": settings.record_seconds,
            },
            **self._engine.describe(),
        }

    async def _receive(self) -> None:
        while True:
            try:
                message = await asyncio.wait_for(self._socket.receive(), self._settings.idle_seconds)
            except asyncio.TimeoutError:
                if self._session.is_dreaming_clip:
                    continue
                await self._leave(IDLE, "nothing was sent for a long time")
                return
            if message["type"] == "websocket.disconnect":
                raise WebSocketDisconnect(message.get("code", 1006))
            if message.get("bytes") is not None:
                await self._take_frame(message["bytes"])
            else:
                await self._take_message(message.get("text") or "")

    async def _take_frame(self, data: bytes) -> None:
        if not self._flood.take():
            await self._leave(FLOOD, "too many frames")
            return
        number = int.from_bytes(data[:4], "big")
        if not self._frames.take():
            await self._say({"type": "dropped", "frame": number})
            return
        if self._waiting is not None:
            self._session.count_dropped()
            await self._say({"type": "dropped", "frame": self._waiting[0]})
        self._waiting = (number, data[4:], time.monotonic())
        self._has_frame.set()

    async def _show_frames(self) -> None:
        while True:
            await self._has_frame.wait()
            self._has_frame.clear()
            assert self._waiting is not None
            (number, data, came_at), self._waiting = self._waiting, None
            try:
                dream = await self._in_thread(self._session.dream, data, came_at)
            except VidreamError as error:
                await self._say({"type": "error", "frame": number, "error": self._session.without_folder(error)})
                self._broken += 1
                if self._broken > MOST_BROKEN_FRAMES:
                    await self._leave(FLOOD, "too many broken frames")
                    return
                continue
            held_ms = min(65535, round(1000 * (time.monotonic() - came_at)))
            await self._send(struct.pack(">BBHI", LIVE, 0, held_ms, number) + dream)

    async def _take_message(self, text: str) -> None:
        if not self._messages.take():
            await self._leave(FLOOD, "too many messages")
            return
        try:
            if len(text) > LONGEST_MESSAGE:
                raise SourceError("the message is too long")
            message = json.loads(text)
            action = self._action(message)
        except (ValueError, TypeError, KeyError, RecursionError):
            await self._say({"type": "error", "error": "the message is not understood"})
            return
        except VidreamError as error:
            await self._say({"type": "error", "error": self._session.without_folder(error)})
            return
        if message["type"] in SLOW:
            if len(self._slow) >= MOST_SLOW:
                await self._say({"type": "error", "error": "two such tasks are in progress; wait a moment"})
                return
            task = asyncio.create_task(self._do(action))
            self._slow.add(task)
            task.add_done_callback(self._slow.discard)
        else:
            await self._do(action)

    async def _do(self, action: Callable[[], None]) -> None:
        try:
            await self._in_thread(action)
        except VidreamError as error:
            await self._say({"type": "error", "error": self._session.without_folder(error)})

    def _action(self, message: dict[str, Any]) -> Callable[[], None]:
        """The work that a message asks for. Raises KeyError or TypeError for a message that is not understood."""
        session, kind = self._session, message["type"]
        if kind == "choose":
            return lambda: session.choose(message)
        if kind == "freeze":
            return lambda: session.freeze(message["on"] is True)
        if kind == "record":
            return lambda: session.record(message["on"] is True)
        if kind == "gif":
            return lambda: session.gif(str(message["file"]))
        return {"reset": session.reset, "cancel": session.cancel_clip, "no guide": lambda: session.set_guide(None)}[
            kind
        ]

    async def _post(self) -> None:
        """Send the session's events, of a clip's previews only the newest, and figures once a second."""
        while True:
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._has_news.wait(), FIGURES_PERIOD_SECONDS)
            self._has_news.clear()
            while not self._events.empty():
                await self._say(self._events.get_nowait())
            if self._preview is not None:
                preview, self._preview = self._preview, None
                await self._send(struct.pack(">BBHI", PREVIEW, 0, 0, 0) + preview)
            if self._session.is_recording_full:
                await self._in_thread(self._session.record, False)
            figures = self._session.figures()
            if figures:
                await self._say({"type": "figures", **figures})

    def _hear(self, event: dict[str, Any] | bytes) -> None:
        if isinstance(event, bytes):
            self._preview = event
        else:
            if self._events.full():
                self._events.get_nowait()
            self._events.put_nowait(event)
        self._has_news.set()

    async def _say(self, event: dict[str, Any]) -> None:
        await self._send(json.dumps(event))

    async def _send(self, data: str | bytes) -> None:
        async with self._sending:
            if self._socket.application_state is not WebSocketState.CONNECTED:
                raise WebSocketDisconnect(self.code or 1000)
            await (self._socket.send_text(data) if isinstance(data, str) else self._socket.send_bytes(data))

    async def _leave(self, code: int, why: str) -> None:
        self.code = code
        with contextlib.suppress(RuntimeError, WebSocketDisconnect):
            await self._socket.close(code, why[:120])

    async def _in_thread(self, action: Callable[..., Any], *arguments: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._engine.threads, action, *arguments)


def _from_thread(loop: asyncio.AbstractEventLoop, hear: Callable[..., None], event: Any) -> None:
    with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
        loop.call_soon_threadsafe(hear, event)
