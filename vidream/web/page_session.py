"""One page's dream and files. Its folder is deleted when the page is closed."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from vidream.errors import SourceError, VidreamError
from vidream.live.live_dream import LiveDream
from vidream.looks.preset import Preset
from vidream.media import decode_frame, encode_frame, read_picture
from vidream.outputs import VideoRecorder
from vidream.web.choices import Choices, changed, with_strength
from vidream.web.clips import Clip
from vidream.web.gifs import make_gif
from vidream.web.shared import Engine

__all__ = ["Session"]

GUIDES_KEPT = 3
# Shapes that a camera may have at the size asked for, with room for one that rounds up.
SIZE_ROOM_PX = 16


class Session:
    """Everything that belongs to one page. Methods may be called from any thread; `close` ends everything.

    Args:
        engine: what the pages share.
        root: where the session makes its folder.

    Attributes:
        secret: identifies the session.
        folder: its files.
        choices: what is dreamed.
        link: the connection that speaks for the page.
        listener: takes events for the page (dictionaries) and previews of a clip (JPEGs), from any thread.
    """

    def __init__(self, engine: Engine, root: Path) -> None:
        self.secret = secrets.token_urlsafe(24)
        self.folder = root / secrets.token_hex(8)
        self.folder.mkdir(mode=0o700)
        self.choices = Choices(next(iter(engine.looks)))
        self.link: object | None = None
        self.listener: Callable[[dict[str, Any] | bytes], None] | None = None
        self._engine = engine
        self._lock = threading.RLock()
        self._live: LiveDream | None = None
        self._recording: VideoRecorder | None = None
        self._clip: Clip | None = None
        self._clip_event: dict[str, Any] | None = None
        self._made: list[Path] = []
        self._guides: list[Path] = []
        self._uploads: set[str] = set()
        self._count = 0
        self._gif_turn = threading.Lock()
        self._closed = False

    # The live picture.

    def dream(self, data: bytes, captured_at: float) -> bytes:
        """Dream one frame of the camera.

        Args:
            data: the frame, a JPEG.
            captured_at: `time.monotonic` of its arrival.

        Returns:
            The dream, a JPEG.

        Raises:
            SourceError: the data is not a frame.
            VidreamError: the dream failed.
        """
        frame = decode_frame(data, largest_side_px=self._engine.settings.size + SIZE_ROOM_PX)
        live = self._live_dream()
        try:
            picture = live.show(frame, captured_at)
        except VidreamError:
            self._end_live()  # its thread has stopped; the next frame begins another
            raise
        with self._lock:
            if self._recording is not None:
                self._recording.show(picture)
        return encode_frame(picture)

    def count_dropped(self) -> None:
        """Count a frame that was dropped because a newer one was there."""
        if self._live is not None:
            self._live.count_dropped(1)

    def figures(self) -> dict[str, Any]:
        """The live dream's `LiveFigures` as a dictionary; empty before the first frame."""
        return {} if self._live is None else asdict(self._live.figures)

    def choose(self, wanted: dict[str, Any]) -> None:
        """Change what is dreamed.

        Args:
            wanted: "look", "subjects", "strength", each optional.

        Raises:
            VidreamError: a value is wrong; the old choices stay.
        """
        choices = changed(self.choices, wanted)
        with self._lock:
            self._change(choices)

    def set_guide(self, path: Path | None) -> None:
        """Let the dream take on the features of a picture; None for no guide. Raises VidreamError."""
        if path is not None:
            read_picture(path)
        with self._lock:
            self._change(replace(self.choices, guide=path))
            if path is not None:
                # The dream in progress may still read the last one.
                self._guides.append(path)
                while len(self._guides) > GUIDES_KEPT:
                    self._guides.pop(0).unlink(missing_ok=True)

    def freeze(self, frozen: bool) -> None:
        if self._live is not None:
            self._live.freeze = frozen

    def reset(self) -> None:
        if self._live is not None:
            self._live.reset()

    def _live_dream(self) -> LiveDream:
        with self._lock:
            if self._closed:
                raise SourceError("this page is closed")
            if self._live is None:
                settings = self._engine.settings
                dreamer = self._engine.dreamer(self._preset(self.choices))
                live = LiveDream(dreamer, size=settings.size, target_fps=settings.target_fps)
                live.strength = self.choices.strength
                self._live = live.__enter__()
            return self._live

    def _end_live(self) -> None:
        with self._lock:
            live, self._live = self._live, None
        if live is not None:
            live.close()

    def _preset(self, choices: Choices) -> Preset:
        return self._engine.preset(choices.look, subjects=choices.subjects, guide=choices.guide)

    def _change(self, choices: Choices) -> None:
        """Apply `choices`; where that raises, the old ones stay."""
        preset = self._preset(choices)
        if replace(self.choices, strength=choices.strength) != choices:
            if self._live is not None:
                self._live.change(preset)
            else:
                self._engine.dreamer(preset)
        if self._live is not None:
            self._live.strength = choices.strength
        self.choices = choices

    # Files.

    def record(self, on: bool) -> None:
        """Start to record what is shown, or finish the film; the page is told where it is. Raises TargetError."""
        with self._lock:
            recording = self._recording
            if on and recording is None and not self._closed:
                path, rate = self.new_path("recording", ".mp4"), self._engine.settings.record_fps
                self._recording = VideoRecorder(path, rate=rate).__enter__()
                self._tell({"type": "recording", "state": "on"})
            if on or recording is None:
                return
            self._recording = None
        self._tell({"type": "recording", "state": "finishing"})
        try:
            recording.close()
        except VidreamError as error:
            self._tell({"type": "recording", "state": "failed", "error": self.without_folder(error)})
        else:
            self._keep(recording.path)
            seconds = float(recording.frames_written / recording.rate)
            self._tell({"type": "recording", "state": "done", "file": recording.path.name, "seconds": seconds})

    @property
    def is_recording_full(self) -> bool:
        """Whether a recording has reached the longest time allowed."""
        recording = self._recording
        most = self._engine.settings.record_seconds
        return recording is not None and recording.frames_written >= most * recording.rate

    def gif(self, name: str) -> None:
        """Make a GIF of the film `name` of this session; the page is told how it went."""
        film = self.file(name)
        said: dict[str, Any] = {"type": "gif", "film": name}
        try:
            if film is None or film.suffix != ".mp4":
                raise SourceError("that film is gone; record it again")
            target = film.with_suffix(".gif")
            with self._gif_turn:
                if not target.exists():
                    make_gif(film, target)
                    self._keep(target)
            said["file"] = target.name
        except VidreamError as error:
            said["error"] = self.without_folder(error)
        self._tell(said)

    def dream_clip(self, source: Path) -> None:
        """Dream a file of this session to its end; the page is told about the progress."""
        preset = self._preset(self.choices)
        clip = Clip(
            self._engine, source, with_strength(preset, self.choices.strength), tell=self._tell, show=self._show
        )
        with self._lock:
            if self._clip is not None or self._closed:
                source.unlink(missing_ok=True)
                raise SourceError("a clip of yours is being dreamed; wait for it, or cancel it")
            self._clip = clip
        try:
            last_event = clip.make()
            if last_event["state"] == "done":
                self._keep(clip.target)
        finally:
            self._clip = None
        self._tell(last_event)

    def may_upload(self, what: str) -> bool:
        """Reserve the one upload of a kind that a page may have at a time; `uploaded` frees it."""
        with self._lock:
            free = what not in self._uploads and not self._closed
            self._uploads |= {what}
            return free

    def uploaded(self, what: str) -> None:
        self._uploads -= {what}

    @property
    def is_dreaming_clip(self) -> bool:
        return self._clip is not None

    def cancel_clip(self) -> None:
        clip = self._clip
        if clip is not None:
            clip.cancel()

    def file(self, name: str) -> Path | None:
        """A finished file of this session by its name, or None."""
        return None if self._closed else next((path for path in self._made if path.name == name), None)

    def new_path(self, what: str, suffix: str) -> Path:
        """An unused path in this session's folder."""
        with self._lock:
            self._count += 1
            return self.folder / f"{what}-{self._count}{suffix}"

    def without_folder(self, error: Exception) -> str:
        """An error's message without the names of this machine's folders."""
        return str(error).replace(f"{self.folder}{os.sep}", "")

    def state_events(self) -> list[dict[str, Any]]:
        """Events that tell a page that comes back what is in progress."""
        said = [self._clip_event] if self._clip_event is not None else []
        return [*said, {"type": "recording", "state": "on"}] if self._recording is not None else said

    def close(self) -> None:
        """End dream and clip, and delete every file. May take as long as one frame of the clip."""
        with self._lock:
            self._closed = True
            self.listener = None
            recording, self._recording = self._recording, None
        self.cancel_clip()
        self._end_live()
        if recording is not None:
            with contextlib.suppress(VidreamError):
                recording.close()
        waited_until = time.monotonic() + 60
        while self._clip is not None and time.monotonic() < waited_until:
            time.sleep(0.02)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _keep(self, path: Path) -> None:
        with self._lock:
            self._made.append(path)
            while len(self._made) > self._engine.settings.max_files:
                self._made.pop(0).unlink(missing_ok=True)

    def _tell(self, event: dict[str, Any]) -> None:
        if event["type"] == "clip":
            self._clip_event = event
        if self.listener is not None:
            self.listener(event)

    def _show(self, preview: bytes) -> None:
        if self.listener is not None:
            self.listener(preview)
