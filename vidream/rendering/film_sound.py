"""FilmSound: what a film hears, and whose sound is put to it."""

from __future__ import annotations

from functools import cached_property
from os import PathLike
from typing import Any

from vidream.errors import PresetError
from vidream.looks.expression import Expression
from vidream.looks.preset import Preset
from vidream.looks.schedule import Schedule
from vidream.media import FrameReader
from vidream.media.sound_file import SoundFile
from vidream.rendering.render_settings import file_print
from vidream.sound import SoundCurves, analyse

__all__ = ["FilmSound"]

# A track that ends so much sooner than the film is worth a word.
SHORTER_SECONDS = 0.5


class FilmSound:
    """The sound that a look follows: a track of its own, or that of the clip.

    Args:
        following: what may follow the sound, by name: the expressions of a look, those of a motion.
        listen: a file with sound. Its beginning is the film's.
        reader: the clip; its own sound is followed, from the first frame that is read on, where `listen` is None.

    Attributes:
        file: the track in place of the clip's sound; None without one.
        names: the sound variables that are followed.

    Raises:
        SourceError: `listen` cannot be read, or has no sound.
        PresetError: something follows a sound, and there is none.
    """

    def __init__(
        self,
        following: dict[str, Expression | Schedule],
        *,
        listen: str | PathLike[str] | None = None,
        reader: FrameReader | None = None,
    ) -> None:
        self.file = SoundFile.open(listen) if listen is not None else None
        self._reader = reader
        hears = {field: value.names for field, value in following.items() if value.names}
        self.names = frozenset().union(*hears.values())
        if hears and self.file is None and (reader is None or reader.companions.sound is None):
            field, names = next(iter(hears.items()))
            whose = f"{reader.source.name} has no sound" if reader is not None else "there is no sound"
            raise PresetError(
                f'{field} follows "{min(names)}", but {whose}; choose another look', use={"listen": "track.wav"}
            )

    @classmethod
    def of_clip(cls, preset: Preset, reader: FrameReader, listen: str | PathLike[str] | None = None) -> FilmSound:
        """That of a film of a clip. Raises SourceError, PresetError."""
        return cls(preset.expressions, listen=listen, reader=reader)

    @property
    def curves(self) -> SoundCurves | None:
        """What is heard, over the film's time; None where nothing follows it. Raises SourceError."""
        return self.heard if self.names else None

    @cached_property
    def heard(self) -> SoundCurves:
        """What is heard, whether or not anything follows it. Raises SourceError."""
        if self.file is not None:
            return analyse(self.file.path, stream=self.file.info.index)
        assert self._reader is not None
        companions = self._reader.companions
        assert companions.sound is not None
        begins = max(0.0, float(companions.picture_seconds - companions.starts_seconds))
        return analyse(
            companions.source, stream=companions.sound.index, start_seconds=begins,
            duration_seconds=self._reader.duration_seconds,
        )  # fmt: skip

    @property
    def settings(self) -> dict[str, Any]:
        """What of it the frames depend on: a clip's own sound is known by the clip. Raises SourceError."""
        if self.file is None or not self.names:
            return {}
        return {"listen": self.file.path.name, "content of the sound": self._print}

    @property
    def recipe(self) -> dict[str, str] | None:
        """The track's name and a hash of its content, for a recipe; None without one. Raises SourceError."""
        if self.file is None:
            return None
        return {"name": self.file.path.name, "content": self._print}

    @cached_property
    def _print(self) -> str:
        assert self.file is not None
        return file_print(self.file.path)

    @property
    def words(self) -> str:
        """What was heard, in a few words."""
        assert self.curves is not None
        name = self.file.path.name if self.file is not None else "the clip's sound"
        tempo = f"{self.curves.bpm:.1f} beats a minute" if self.curves.bpm else "no beat"
        return f"heard {name}: {tempo}"

    def warnings(self, film_seconds: float) -> list[str]:
        """A line where the track ends before the film. film_seconds: how long that is."""
        if self.file is None or not 0 < self.file.duration_seconds < film_seconds - SHORTER_SECONDS:
            return []
        length = self.file.duration_seconds
        return [f"{self.file.path.name} ends after {length:.1f} of {film_seconds:.1f} s; silence follows"]
