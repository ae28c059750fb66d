"""Writers of films: a video with its sound, or an animation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from vidream.errors import SourceError, TargetError
from vidream.media.arrays import to_array
from vidream.media.codecs import FFV1, Codec, exact_times
from vidream.media.frame import Frame
from vidream.media.metadata import add_to_gif, video_options
from vidream.media.writers.animation import make_animation
from vidream.media.writers.encoder import VideoEncoder, even_sides
from vidream.media.writers.segments import Segments
from vidream.media.writers.sound import add_sound
from vidream.media.writers.writer_base import Target, Writer

__all__ = ["AnimationWriter", "FilmWriter", "VideoWriter"]

# Of an animation's size limit.
LARGEST_COMMENT_SHARE = 0.25


class FilmWriter(Writer):
    """Frames into one file, by way of segments where there is a work folder. Subclasses say what becomes of it."""

    codec: Codec
    segment_suffix: str
    # Of the file that holds all frames.
    whole_suffix: str

    def __init__(self, target: Target) -> None:
        super().__init__(target)
        self._size: tuple[int, int] | None = None
        self._encoder: VideoEncoder | None = None
        self._segments: Segments | None = None

    def _begin(self) -> None:
        """Called once codec and suffixes are known."""
        target = self.target
        if target.work is not None:
            self._segments = Segments(
                target.work.folder, target.path, codec=self.codec, suffix=self.segment_suffix, rate=target.rate,
                quality=target.quality, total_frames=target.total_frames, first=target.first,
            )  # fmt: skip

    def _container_options(self) -> list[str]:
        """ffmpeg's arguments for the file that holds all frames."""
        return []

    def _array(self, frame: Frame) -> np.ndarray:
        return to_array(frame.picture)

    def write(self, frame: Frame, *, new_shot: bool) -> None:
        array = self._array(frame)
        self._size = (array.shape[0], array.shape[1])
        if self._segments is not None:
            self._segments.write(array, new_shot=new_shot)
        else:
            if self._encoder is None:
                self._encoder = self._start_encoder(*self._size)
            self._encoder.write(array.tobytes())
        self.frames += 1

    def _start_encoder(self, height: int, width: int) -> VideoEncoder:
        target = self.target
        times = exact_times(self.codec, target.rate, has_ticks=target.format.has_ticks)
        coding = self.codec.arguments(target.quality, is_live=target.is_live)
        return VideoEncoder(
            self._temporary(self.whole_suffix), target.path, width=width, height=height, rate=target.rate,
            options=[*coding, *times, *self._container_options()],
        )  # fmt: skip

    def _whole(self) -> Path:
        """All frames in one file. TargetError."""
        if self._segments is not None:
            self._size = self._segments.size
            return self._segments.join(self.target.format, self._container_options())
        assert self._encoder is not None
        self._encoder.finish()
        return self._temporaries[0]

    def discard(self) -> None:
        if self._encoder is not None:
            self._encoder.close()
        if self._segments is not None:
            self._segments.close()
        super().discard()

    @property
    def closed_frames(self) -> int:
        return self._segments.closed_frames if self._segments else self.frames

    def close_full_segment(self) -> None:
        if self._segments:
            self._segments.close_full_segment()

    def secure(self, frames: int) -> dict[str, Any] | None:
        return self._segments.secure(frames) if self._segments else super().secure(frames)

    def release(self, position: dict[str, Any]) -> None:
        if self._segments:
            self._segments.release(position)

    def restore(self, position: dict[str, Any]) -> None:
        super().restore(position)
        if self._segments:
            self._segments.restore(position)

    def pause(self) -> None:
        if self._segments:
            self._segments.finish()

    def trouble(self, error: OSError) -> TargetError:
        return self._segments.trouble(error) if self._segments else super().trouble(error)


class VideoWriter(FilmWriter):
    """A video, with the sound of its source."""

    def __init__(self, target: Target) -> None:
        super().__init__(target)
        self.codec, self.segment_suffix = target.format.codec, target.format.segment_suffix
        self.whole_suffix = target.format.suffix
        self._begin()

    def _array(self, frame: Frame) -> np.ndarray:
        return even_sides(to_array(frame.picture))

    def _container_options(self) -> list[str]:
        # A film that gets its sound is written once more.
        muxer = self.target.format.muxer_options if self.target.sound is None else ()
        return [*muxer, *video_options(self.target.comment)]

    def close(self) -> Path | None:
        video, target = self._whole(), self.target
        if target.sound is None:
            return video
        if target.work is not None and not target.sound.source.exists():
            raise SourceError(
                f'"{target.sound.source}" is gone, and its sound is needed; bring it back', use={"audio": False}
            )
        made = self._temporary(video.suffix)
        trouble = add_sound(
            video, target.sound, made, target.path, made_format=target.format, rate=target.rate, frames=self.frames
        )
        if trouble is not None:
            self.warning = f"the sound of {target.sound.source.name} could not be kept ({trouble})"
            return video
        return made


class AnimationWriter(FilmWriter):
    """A GIF, APNG or animated WebP: all frames are kept without loss until it is known how they are encoded best."""

    codec, segment_suffix, whole_suffix = FFV1, ".nut", ".mkv"

    def __init__(self, target: Target) -> None:
        super().__init__(target)
        self._begin()

    def close(self) -> Path | None:
        frames, target = self._whole(), self.target
        made = self._temporary(target.format.suffix)
        assert self._size is not None
        height, width = self._size
        comment = target.comment if target.format.comment == "gif" else None
        reserved_bytes = 2 * len((comment or "").encode())
        if target.max_bytes is not None and reserved_bytes > LARGEST_COMMENT_SHARE * target.max_bytes:
            # The limit is for the pictures.
            comment, reserved_bytes = None, 0
        self.note = make_animation(
            frames, made, target.path, width=width, height=height, rate=target.rate, quality=target.quality,
            max_bytes=target.max_bytes, reserved_bytes=reserved_bytes,
        )  # fmt: skip
        if comment:
            add_to_gif(made, comment)
        return made
