"""The open sessions. A page whose connection broke may come back for a while; a closed one may not."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

from vidream.errors import VidreamError
from vidream.web.page_session import Session
from vidream.web.shared import Engine

__all__ = ["FullError", "Sessions"]

# Close codes of a broken connection: the page did not close it.
BROKEN = (1005, 1006)


class FullError(VidreamError):
    """As many pages are open as the server allows."""


class Sessions:
    """The sessions of one server, at most `max_sessions`, in folders under `root`."""

    def __init__(self, engine: Engine, root: Path) -> None:
        self._engine, self._root = engine, root
        self._open: dict[str, Session] = {}
        self._waiting: dict[str, asyncio.TimerHandle] = {}
        self._closing: set[asyncio.Task[None]] = set()

    def enter(self, secret: str = "") -> Session:
        """The session of a page that connects.

        Args:
            secret: of its session; an unknown one gets a new session. A page that comes back by another network may be
                here before its old connection is known to be dead.

        Raises:
            FullError: as many pages are open as the server allows.
        """
        timer = self._waiting.pop(secret, None)
        if timer is not None:
            timer.cancel()
        if secret in self._open:
            return self._open[secret]
        if len(self._open) >= self._engine.settings.max_sessions:
            if not self._waiting:
                raise FullError(f"all {len(self._open)} places are taken; try again in a while")
            # A page that is here has priority over one that may come back.
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
        """Note that a page has disconnected, with this close code."""
        if code in BROKEN and session.secret in self._open and self._engine.settings.grace_seconds > 0:
            self._waiting[session.secret] = asyncio.get_running_loop().call_later(
                self._engine.settings.grace_seconds, self._forget, session.secret
            )
        else:
            self._end(session.secret)

    def dismiss(self, secret: str) -> None:
        """Close the session of a page that says that it is being closed; its socket may not tell."""
        timer = self._waiting.pop(secret, None)
        if timer is not None:
            timer.cancel()
        self._end(secret)

    async def close(self) -> None:
        """End all of them, and wait until their files are deleted."""
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
