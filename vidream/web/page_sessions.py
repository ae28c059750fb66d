"""sessions: who is here. A page that was cut off may come back for a while; one that was closed may not."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

from vidream.errors import VidreamError
from vidream.web.page_session import Session
from vidream.web.shared import Engine

__all__ = ["FullError", "Sessions"]

# Close codes without a word of farewell: the network went, not the page.
CUT_OFF = (1005, 1006)


class FullError(VidreamError):
    """All places are taken."""


class Sessions:
    """The sessions of one server, at most `max_sessions`, in folders under `root`."""

    def __init__(self, engine: Engine, root: Path) -> None:
        self._engine, self._root = engine, root
        self._open: dict[str, Session] = {}
        self._waiting: dict[str, asyncio.TimerHandle] = {}
        self._closing: set[asyncio.Task[None]] = set()

    def enter(self, secret: str = "") -> Session:
        """The session of `secret`, or a new one. Raises FullError.

        It need not wait: a page that comes back by another network is here before its old connection is known to
        be dead.
        """
        timer = self._waiting.pop(secret, None)
        if timer is not None:
            timer.cancel()
        if secret in self._open:
            return self._open[secret]
        if len(self._open) >= self._engine.settings.max_sessions:
            if not self._waiting:
                raise FullError(f"all {len(self._open)} places are taken; try again in a while")
            # Somebody who is here goes before somebody who may come back.
            oldest = next(iter(self._waiting))
            self._waiting.pop(oldest).cancel()
            self._end(oldest)
        session = Session(self._engine, self._root)
        self._open[session.secret] = session
        return session

    def find(self, secret: str) -> Session | None:
        """The open session with this secret, or None."""
        return self._open.get(secret)

    def __iter__(self) -> Iterator[Session]:
        """Those that are open, the oldest first."""
        return iter(list(self._open.values()))

    def leave(self, session: Session, code: int) -> None:
        """Its page has gone, with this close code."""
        if code in CUT_OFF and session.secret in self._open and self._engine.settings.grace_seconds > 0:
            self._waiting[session.secret] = asyncio.get_running_loop().call_later(
                self._engine.settings.grace_seconds, self._forget, session.secret
            )
        else:
            self._end(session.secret)

    def dismiss(self, secret: str) -> None:
        """Its page has said that it goes, beside its socket, which may not tell."""
        timer = self._waiting.pop(secret, None)
        if timer is not None:
            timer.cancel()
        self._end(secret)

    async def close(self) -> None:
        """End all of them, and wait until their files are gone."""
        for timer in self._waiting.values():
            timer.cancel()
        for secret in list(self._open):
            self._end(secret)
        await asyncio.gather(*self._closing)

    def _forget(self, secret: str) -> None:
        self._waiting.pop(secret, None)
        self._end(secret)

    def _end(self, secret: str) -> None:
        session = self._open.pop(secret, None)
        if session is not None:
            task = asyncio.create_task(self._ended(session))
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)

    async def _ended(self, session: Session) -> None:
        await asyncio.get_running_loop().run_in_executor(self._engine.threads, session.close)
