"""A clip or picture that was dropped on the page, dreamed whole in a thread beside the live dream."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from vidream.api import Progress, dream
from vidream.engine.dreamer import Dreamer
from vidream.errors import SourceError, VidreamError
from vidream.looks.preset import Preset
from vidream.media import FrameReader, encode_frame
from vidream.media.picture_files import find_format, find_picture_kind
from vidream.runtime.memory import forget_memory, is_out_of_memory
from vidream.web.shared import Engine

__all__ = ["Clip", "sniff"]

PREVIEW_PERIOD_SECONDS = 0.4
PREVIEW_SIZE_PX = 640
# (at, bytes, suffix): what a clip is, by its own first bytes, whatever it is called.
MARKS = (
    (4, b"ftyp", ".mp4"),
    (4, b"moov", ".mov"),
    (4, b"mdat", ".mov"),
    (4, b"wide", ".mov"),
    (4, b"free", ".mov"),
    (4, b"skip", ".mov"),
    (0, b"\x1a\x45\xdf\xa3", ".mkv"),
    (8, b"AVI ", ".avi"),
    (0, b"\0\0\1\xba", ".mpg"),
)
# (first, second): where the sync bytes 0x47 of the first two packets of a transport stream are.
TS_PACKETS = {".ts": (0, 188), ".m2ts": (4, 196)}
PICTURES = {
    "JPEG": ".jpg", "PNG": ".png", "WEBP": ".webp", "AVIF": ".avif", "HEIC": ".heic", "TIFF": ".tif", "BMP": ".bmp",
    "GIF": ".gif",
}  # fmt: skip


def sniff(head: bytes, *, pictures_only: bool = False) -> str:
    """The suffix that fits a file's first bytes.

    Args:
        head: the first 256 bytes, or all where there are fewer.
        pictures_only: accept pictures, not clips.

    Raises:
        SourceError: the kind is unknown or not accepted.
    """
    picture = PICTURES.get(find_format(head) or "")
    if picture is not None and not (pictures_only and picture == ".gif"):
        return picture
    if pictures_only:
        raise SourceError("a guide is a picture: JPEG, PNG, WebP, AVIF, HEIC, TIFF or BMP")
    for at, mark, suffix in MARKS:
        if head[at : at + len(mark)] == mark:
            return suffix
    for suffix, places in TS_PACKETS.items():
        if all(head[at : at + 1] == b"\x47" for at in places):
            return suffix
    raise SourceError(
        "this is not a clip or picture of a known kind; give MP4, MOV, MKV, WebM, AVI, TS, GIF, JPEG, PNG or TIFF"
    )


class _CancelledError(Exception):
    """The page has cancelled the clip."""


class Clip(Progress):
    """One file that is being dreamed.

    Args:
        engine: the server's networks, and its queue of clips.
        source: the file; it is deleted at the end.
        preset: the look.
        tell: takes events about the progress, from a thread.
        show: takes JPEG previews, from a thread.

    Attributes:
        target: where the dream is written.
    """

    def __init__(
        self,
        engine: Engine,
        source: Path,
        preset: Preset,
        *,
        tell: Callable[[dict[str, Any]], None],
        show: Callable[[bytes], None],
    ) -> None:
        self.source = source
        suffix = ".jpg" if find_picture_kind(source) == "picture" else ".mp4"
        self.target = source.with_name(f"{source.stem}-dream{suffix}")
        self._engine, self._preset = engine, preset
        self._tell, self._show = tell, show
        self._stopped = threading.Event()
        self._total: int | None = None
        self._begun = self._shown_at = 0.0
        self._device: torch.device | None = None

    def cancel(self) -> None:
        """Stop before the next frame; no unfinished file is left."""
        self._stopped.set()

    def make(self) -> dict[str, Any]:
        """Dream it when its turn comes. Returns the last event: done (with its file), failed or cancelled."""
        try:
            self._wait_in_queue()
            try:
                # In a thread of its own, whose OpenMP threads end with it.
                with ThreadPoolExecutor(1, "vidream-clip") as own:
                    return own.submit(self._dream).result()
            finally:
                # The server runs on: memory that a large clip needed is given back.
                if self._device is not None:
                    forget_memory(self._device)
                self._engine.clips.release()
        except _CancelledError:
            return _event("cancelled")
        except VidreamError as error:
            # A page has none of the arguments that the error would advise.
            return _event("failed", error=self._without_folder(error.advising(lambda name, value: "")))
        except Exception as error:
            if is_out_of_memory(error):
                return _event("failed", error="the server is out of memory; a smaller clip may work")
            logging.getLogger(__name__).exception("a clip could not be dreamed")
            return _event("failed", error="the server had an unexpected error; its log says more")
        finally:
            self.source.unlink(missing_ok=True)

    def started(self, reader: FrameReader, dreamer: Dreamer) -> None:
        self._total, self._begun, self._device = reader.frame_count, time.monotonic(), dreamer.device

    def frame(self, picture: Tensor, frames: int) -> None:
        if self._stopped.is_set():
            raise _CancelledError
        now = time.monotonic()
        if now - self._shown_at < PREVIEW_PERIOD_SECONDS and frames != self._total:
            return
        self._shown_at = now
        left = (now - self._begun) / frames * (self._total - frames) if self._total and frames > 1 else None
        self._tell(_event("working", frames=frames, total=self._total, seconds_left=left))
        scale = PREVIEW_SIZE_PX / max(picture.shape[-2:])
        if scale < 1:
            picture = F.interpolate(picture, scale_factor=scale, mode="bilinear", antialias=True)
        self._show(encode_frame(picture))

    def _wait_in_queue(self) -> None:
        if self._engine.clips.acquire(blocking=False):
            return
        self._tell(_event("waiting"))
        while not self._engine.clips.acquire(timeout=0.2):
            if self._stopped.is_set():
                raise _CancelledError

    def _dream(self) -> dict[str, Any]:
        settings = self._engine.settings
        self._tell(_event("working", frames=0, total=None))
        with FrameReader(self.source) as probe:
            longer, seconds = max(probe.width, probe.height), probe.duration_seconds
            moving = probe.kind in ("video", "gif")
        if self._stopped.is_set():
            raise _CancelledError
        made = dream(
            self.source,
            self.target,
            preset=self._preset,
            size=settings.clip_size if longer > settings.clip_size else None,
            duration_seconds=settings.clip_seconds if moving and (seconds or 0) > settings.clip_seconds else None,
            progress=self,
            make_dreamer=self._engine.dreamer,
        )
        return _event(
            "done",
            file=self.target.name,
            seconds=made.duration_seconds,
            warning=self._without_folder(made.warning or ""),
        )

    def _without_folder(self, message: str) -> str:
        """A message without the names of this machine's folders."""
        return message.replace(f"{self.source.parent}{os.sep}", "")


def _event(state: str, **more: Any) -> dict[str, Any]:
    return {"type": "clip", "state": state, **more}
