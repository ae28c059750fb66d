"""Writers of films: a video with its sound, or an animation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from vidream.errors import SourceError, TargetError
from vidream.media.frame import Frame
from vidream.media.metadata import add_to_gif, video_options
from vidream.media.video_times import exact_times
from vidream.media.writers.animation import make_animation
from vidream.media.writers.encoder import VideoEncoder, raw_frame
from vidream.media.writers.segments import Segments
from vidream.media.writers.sound import add_companions
from vidream.media.writers.writer_base import Target, Writer

__all__ = ["AnimationWriter", "FilmWriter", "VideoWriter"]

# Of an animation's size limit.
LARGEST_COMMENT_SHARE = 0.25


class FilmWriter(Writer):
    """Frames into one file, by way of segments where there is a work folder. Subclasses say what becomes of it."""

    def __init__(self, target: Target, *, segment_suffix: str, whole_suffix: str) -> None:
        """segment_suffix, whole_suffix: of the files that hold some frames, and all of them."""
        super().__init__(target)
        self._size: tuple[int, int] | None = None
        self._whole_suffix = whole_suffix
        self._encoder: VideoEncoder | None = None
        self._segments: Segments | None = None
        if target.work is not None:
            self._segments = Segments(
                target.work.folder, target.path, encoding=target.encoding, suffix=segment_suffix, rate=target.rate,
                total_frames=target.total_frames, first=target.first,
            )  # fmt: skip

    def _container_options(self) -> list[str]:
        """ffmpeg's arguments for the file that holds all frames."""
        return []

    def write(self, frame: Frame, *, new_shot: bool) -> None:
        raw = raw_frame(frame, self.target.encoding, is_live=self.target.is_live)
        if self._size is None:
            self._check_size(*frame.picture.shape[-2:])
        self._size = (raw.height, raw.width)
        if self._segments is not None:
            self._segments.write(raw, new_shot=new_shot)
        else:
            if self._encoder is None:
                self._encoder = self._start_encoder(*self._size)
            self._encoder.write(raw.data)
        self.frames += 1

    def _check_size(self, height: int, width: int) -> None:
        codec = self.target.encoding.codec
        assert codec is not None
        least_width, least_height = codec.least_px
        if width < least_width or height < least_height:
            raise TargetError(
                f"{codec.name} takes frames of {least_width}x{least_height} px and more; {width}x{height} came. "
                "Make them larger, or choose another codec"
            )

    def _start_encoder(self, height: int, width: int) -> VideoEncoder:
        target = self.target
        assert target.encoding.codec is not None
        times = exact_times(target.encoding.codec, target.rate, has_ticks=target.format.has_ticks)
        return VideoEncoder(
            self._temporary(self._whole_suffix), target.path, width=width, height=height, rate=target.rate,
            encoding=target.encoding, options=[*times, *self._container_options()], is_live=target.is_live,
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
        super().__init__(target, segment_suffix=target.encoding.segment_suffix(), whole_suffix=target.format.suffix)

    def _container_options(self) -> list[str]:
        # A film that gets its sound is written once more.
        muxer = self.target.format.muxer_options if self.target.companions is None else ()
        return [*muxer, *video_options(self.target.comment)]

    def close(self) -> Path | None:
        video, target = self._whole(), self.target
        companions = target.companions
        if companions is None:
            return video
        if target.work is not None and companions.tracks and not companions.source.exists():
            raise SourceError(
                f'"{companions.source}" is gone, and its sound is needed; bring it back', use={"audio": False}
            )
        made = self._temporary(video.suffix)
        trouble = add_companions(
            video, companions, made, target.path, made_format=target.format, encoding=target.encoding,
            rate=target.rate, frames=self.frames,
        )  # fmt: skip
        if trouble is not None:
            self.warning = f"the sound of {companions.source.name} could not be kept ({trouble})"
            return video
        return made


class AnimationWriter(FilmWriter):
    """A GIF, APNG or animated WebP: all frames are kept without loss until it is known how they are encoded best."""

    def __init__(self, target: Target) -> None:
        super().__init__(target, segment_suffix=".nut", whole_suffix=".mkv")

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
            frames, made, target.path, width=width, height=height, rate=target.rate, quality=target.encoding.quality,
            max_bytes=target.max_bytes, reserved_bytes=reserved_bytes, has_alpha=target.encoding.has_alpha,
        )  # fmt: skip
        if comment:
            add_to_gif(made, comment)
        return made
