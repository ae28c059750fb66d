"""session: one page's dream and one page's files. Its folder goes when the page does."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from vidream.errors import SourceError, VidreamError
from vidream.live.live_dream import LiveDream
from vidream.looks.preset import Preset
from vidream.media import decode_frame, encode_frame, read_picture
from vidream.outputs import VideoRecorder
from vidream.web.clips import Clip
from vidream.web.gifs import make_gif
from vidream.web.shared import Engine

__all__ = ["Session", "Wishes"]

LARGEST_STRENGTH = 2.0
MOST_SUBJECTS = 4
GUIDES_KEPT = 3
# Shapes that a camera may have at the size asked for, with room for one that rounds up.
SIZE_ROOM_PX = 16


@dataclass(frozen=True)
class Wishes:
    """What a page asks for. subjects: in place of the look's own.  strength: 0..2.  guide: a picture of the session."""

    look: str
    subjects: tuple[str, ...] = ()
    strength: float = 1.0
    guide: Path | None = None


class Session:
    """All that belongs to one page. Methods may be called from any thread; `close` ends everything.

    listener: gets events for the page, a dictionary each, and previews of a clip, a JPEG each; from any thread.
    """

    def __init__(self, engine: Engine, root: Path) -> None:
        self.secret = secrets.token_urlsafe(24)
        self.folder = root / secrets.token_hex(8)
        self.folder.mkdir(mode=0o700)
        self.wishes = Wishes(next(iter(engine.looks)))
        # The link that speaks for the page, and how it is told of things.
        self.link: object | None = None
        self.listener: Callable[[dict[str, Any] | bytes], None] | None = None
        self._engine = engine
        self._lock = threading.RLock()
        self._live: LiveDream | None = None
        self._recording: VideoRecorder | None = None
        self._clip: Clip | None = None
        self._clip_said: dict[str, Any] | None = None
        self._made: list[Path] = []
        self._guides: list[Path] = []
        self._uploads: set[str] = set()
        self._count = 0
        self._gif_turn = threading.Lock()
        self._closed = False

    # The live picture.

    def dream(self, data: bytes, captured_at: float) -> bytes:
        """The JPEG frame `data`, dreamed, as a JPEG. Raises SourceError for a frame that is none, VidreamError."""
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
        """Count a frame that came and was not looked at, since a newer one was there."""
        if self._live is not None:
            self._live.count_dropped(1)

    def figures(self) -> dict[str, Any]:
        """Figures of the live dream so far (`LiveFigures`); empty before the first frame."""
        return {} if self._live is None else asdict(self._live.figures)

    def wish(self, wanted: dict[str, Any]) -> None:
        """Change what is dreamed: {"look", "subjects", "strength"}, each optional. Raises VidreamError."""
        wishes = _checked(self.wishes, wanted)
        with self._lock:
            self._change(wishes)

    def set_guide(self, path: Path | None) -> None:
        """Let the dream take on the features of the picture at `path`, or of none any more. Raises VidreamError."""
        if path is not None:
            read_picture(path)
        with self._lock:
            self._change(replace(self.wishes, guide=path))
            if path is not None:
                # The last one may still be read by the dream that is under way.
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
                dreamer = self._engine.dreamer(self._preset(self.wishes))
                live = LiveDream(dreamer, size=settings.size, target_fps=settings.target_fps)
                live.strength = self.wishes.strength
                self._live = live.__enter__()
            return self._live

    def _end_live(self) -> None:
        with self._lock:
            live, self._live = self._live, None
        if live is not None:
            live.close()

    def _preset(self, wishes: Wishes) -> Preset:
        return self._engine.preset(wishes.look, subjects=wishes.subjects, guide=wishes.guide)

    def _change(self, wishes: Wishes) -> None:
        """Take `wishes` on; where that raises, the old ones stay."""
        preset = self._preset(wishes)
        if replace(self.wishes, strength=wishes.strength) != wishes:
            if self._live is not None and self._live.preset.net == preset.net:
                self._live.change(preset)
            else:
                # Another net: the shared one, which LiveDream itself would load anew.
                self._engine.dreamer(preset)
                self._end_live()
        if self._live is not None:
            self._live.strength = wishes.strength
        self.wishes = wishes

    # Files.

    def record(self, on: bool) -> None:
        """Begin a film of what is shown, or finish it: the page is told where it is. Raises TargetError."""
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
            self._tell({"type": "recording", "state": "failed", "error": self.plain(error)})
        else:
            self._keep(recording.path)
            seconds = float(recording.frames_written / recording.rate)
            self._tell({"type": "recording", "state": "done", "file": recording.path.name, "seconds": seconds})

    @property
    def is_recording_full(self) -> bool:
        """True where a recording has become as long as is allowed."""
        recording = self._recording
        most = self._engine.settings.record_seconds
        return recording is not None and recording.frames_written >= most * recording.rate

    def gif(self, name: str) -> None:
        """Make a GIF of the film `name` that was made before; the page is told how it went."""
        film = self.file(name)
        said: dict[str, Any] = {"type": "gif", "film": name}
        try:
            if film is None or film.suffix != ".mp4":
                raise SourceError("there is no such film any more; record it again")
            target = film.with_suffix(".gif")
            with self._gif_turn:
                if not target.exists():
                    make_gif(film, target)
                    self._keep(target)
            said["file"] = target.name
        except VidreamError as error:
            said["error"] = self.plain(error)
        self._tell(said)

    def dream_clip(self, source: Path) -> None:
        """Dream the file at `source` of this session, to its end; the page is told how it goes."""
        preset = self._preset(self.wishes)
        clip = Clip(self._engine, source, _stronger(preset, self.wishes.strength), tell=self._tell, show=self._show)
        with self._lock:
            if self._clip is not None or self._closed:
                source.unlink(missing_ok=True)
                raise SourceError("a clip of yours is being dreamed; wait for it, or cancel it")
            self._clip = clip
        try:
            last_word = clip.make()
            if last_word["state"] == "done":
                self._keep(clip.target)
        finally:
            self._clip = None
        self._tell(last_word)

    def may_upload(self, what: str) -> bool:
        """Claim the one upload of a kind that a page may have at once; `uploaded` gives it back."""
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

    def plain(self, error: Exception) -> str:
        """An error's line without the folders of this machine."""
        return str(error).replace(f"{self.folder}{os.sep}", "")

    def news(self) -> list[dict[str, Any]]:
        """What a page that comes back must be told."""
        said = [self._clip_said] if self._clip_said is not None else []
        return [*said, {"type": "recording", "state": "on"}] if self._recording is not None else said

    def close(self) -> None:
        """End the dream and the clip, and remove every file. May take as long as a frame of the clip."""
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
            self._clip_said = event
        if self.listener is not None:
            self.listener(event)

    def _show(self, preview: bytes) -> None:
        if self.listener is not None:
            self.listener(preview)


def _checked(wishes: Wishes, wanted: dict[str, Any]) -> Wishes:
    """`wishes` with what a page sent. Raises SourceError for what is no wish."""
    look, subjects = wanted.get("look", wishes.look), wanted.get("subjects", wishes.subjects)
    strength = wanted.get("strength", wishes.strength)
    is_list = isinstance(subjects, (list, tuple)) and all(isinstance(name, str) and len(name) < 80 for name in subjects)
    if not isinstance(look, str) or not is_list or len(subjects) > MOST_SUBJECTS:
        raise SourceError(f"a look is a name, and subjects are up to {MOST_SUBJECTS} names")
    if isinstance(strength, bool) or not isinstance(strength, (int, float)) or not 0 <= strength <= LARGEST_STRENGTH:
        raise SourceError(f"strength is a number from 0 to {LARGEST_STRENGTH:g}")
    return replace(wishes, look=look, subjects=tuple(subjects), strength=float(strength))


def _stronger(preset: Preset, strength: float) -> Preset:
    """`preset` for a clip: under 1 the frame shines through, over 1 the steps are larger."""
    if strength <= 1:
        return preset.replace(blend=1 - strength * (1 - preset.at(0).blend))
    now = preset.at(0)
    return preset.replace(
        step_size=min(1.0, now.step_size * strength),
        first_step_size=min(1.0, now.first_step_size * strength),
        strength_cap=min(1.0, now.strength_cap * strength),
    )
