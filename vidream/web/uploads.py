"""Uploads: a guide or a clip from the page to its session's folder, within the limits."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from vidream.errors import SourceError, VidreamError
from vidream.web.clips import sniff
from vidream.web.page_session import Session
from vidream.web.security import refusal
from vidream.web.shared import Engine

__all__ = ["take_clip", "take_guide"]

# What a file is can be told from so many bytes: two packets of a transport stream. A small picture has fewer.
HEAD_BYTES, LEAST_BYTES = 256, 16
# Left free beside an upload: its dream, and the work of everybody else on this machine.
SPARE_BYTES = 500_000_000


class _RefusedError(Exception):
    """An upload that is refused: its HTTP status, and why."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(words)
        self.status = status


async def take_guide(request: Request, session: Session, engine: Engine) -> Response:
    """Store the picture in the request's body and use it as guide."""

    async def use(path: Path) -> None:
        try:
            await asyncio.get_running_loop().run_in_executor(engine.threads, session.set_guide, path)
        except VidreamError:
            path.unlink(missing_ok=True)
            raise

    return await _taken(request, session, engine, "guide", engine.settings.max_guide_bytes, use)


async def take_clip(request: Request, session: Session, engine: Engine) -> Response:
    """Store the clip or picture in the request's body and start to dream it; its events come over the socket."""

    async def use(path: Path) -> None:
        # Not awaited: the request ends here, the dream continues in its thread.
        asyncio.get_running_loop().run_in_executor(engine.threads, session.dream_clip, path)

    if session.is_dreaming_clip:
        return refusal(409, "a clip of yours is being dreamed; wait for it, or cancel it")
    return await _taken(request, session, engine, "clip", engine.settings.max_upload_bytes, use)


async def _taken(
    request: Request,
    session: Session,
    engine: Engine,
    what: str,
    most_bytes: int,
    use: Callable[[Path], Awaitable[None]],
) -> Response:
    if not session.may_upload(what):
        return refusal(409, f"another {what} is being sent")
    path: Path | None = None
    try:
        path = await _stored(request, session, what, most_bytes, engine.settings.upload_silence_seconds)
        await use(path)
    except _RefusedError as refused:
        return refusal(refused.status, str(refused))
    except VidreamError as error:
        return refusal(415, session.without_folder(error))
    except ClientDisconnect:
        return Response(status_code=400)
    except OSError:
        return refusal(410, "this page's files are gone; reload it")
    finally:
        session.uploaded(what)
    return JSONResponse({"file": path.name})


async def _stored(request: Request, session: Session, what: str, most_bytes: int, silence_seconds: float) -> Path:
    """The body in a file whose suffix says what it is; nothing is left where this raises."""
    length = request.headers.get("content-length", "")
    if not length.isdigit() or len(length) > 15:
        raise _RefusedError(411, "an upload must say how long it is")
    if int(length) > most_bytes:
        raise _RefusedError(413, f"{what} of {int(length) / 1e6:.0f} MB; up to {most_bytes / 1e6:.0f} MB are taken")
    if shutil.disk_usage(session.folder).free < 2 * int(length) + SPARE_BYTES:
        raise _RefusedError(507, "the server's disk is nearly full; try a smaller clip")
    part = session.new_path(what, ".part")
    received, head = 0, b""
    try:
        with part.open("wb") as file:
            chunks = aiter(request.stream())
            while (chunk := await _next(chunks, silence_seconds)) is not None:
                received += len(chunk)
                if received > int(length):
                    raise _RefusedError(413, "the upload is longer than it said")
                head = (head + chunk)[:HEAD_BYTES] if len(head) < HEAD_BYTES else head
                if len(head) == HEAD_BYTES:
                    sniff(head, pictures_only=what == "guide")
                await run_in_threadpool(file.write, chunk)
        if received < int(length) or len(head) < LEAST_BYTES:
            raise SourceError("the upload was cut off; send it again")
        return part.rename(part.with_suffix(sniff(head, pictures_only=what == "guide")))
    except BaseException:
        part.unlink(missing_ok=True)
        raise


async def _next(chunks: AsyncIterator[bytes], silence_seconds: float) -> bytes | None:
    try:
        return await asyncio.wait_for(anext(chunks), silence_seconds)
    except StopAsyncIteration:
        return None
    except asyncio.TimeoutError:
        raise _RefusedError(408, "the upload stopped; send it again") from None
