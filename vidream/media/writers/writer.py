"""FrameWriter: pictures into a video, a GIF, a picture or numbered pictures, by the target's suffix."""

from __future__ import annotations

import contextlib
import os
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any

from torch import Tensor

from vidream.errors import SourceError, TargetError
from vidream.media.arrays import check_picture, to_array
from vidream.media.disk import disk_trouble, sync_file
from vidream.media.images import ALPHA_SUFFIXES, encode_picture, save_bytes
from vidream.media.metadata import add_to_gif, video_options, with_comment
from vidream.media.numbered import NumberedName
from vidream.media.sources.reader import FrameReader
from vidream.media.sources.still import DEFAULT_RATE
from vidream.media.targets import TargetKind, check_target, free_name, temporary_name
from vidream.media.writers.animation import make_animation
from vidream.media.writers.encoder import VideoEncoder, even_sides, final_options, lossless_options
from vidream.media.writers.segments import Segments, Work
from vidream.media.writers.sound import Sound, add_sound

__all__ = ["FrameWriter"]


class FrameWriter:
    """Writes pictures to `target`, which appears whole at the end of the `with` block, or not at all.

        with FrameReader("walk.mp4") as frames, FrameWriter("out.mp4", like=frames) as out:
            for picture in frames:
                out.write(picture)

    .mp4 .m4v .mov .mkv: H.264, 4:2:0, bt709, limited range, an odd last line or column repeated once.
    .webm: VP9. .gif .apng, and .webp of more than one picture: endless; in a GIF, 50 frames a second at most
    and a palette a scene. .png .jpg .webp .bmp .tif: exactly one picture. "shots/%04d.png": one file a
    picture, from 1 on, or numbered as the source is.

    An exception in the block leaves nothing at `target`; of numbered pictures, those already made stay.
    KeyboardInterrupt is the exception to this: the file is finished with the frames so far, then it goes on.

    `path`: the final path. `kind`. `frames_written`. `warning`: one line or None, say of sound that was lost.
    """

    def __init__(
        self,
        target: str | os.PathLike[str],
        *,
        like: FrameReader | None = None,
        rate: Fraction | None = None,
        audio: bool = True,
        overwrite: bool = False,
        quality: int = 85,
        work: Work | None = None,
        first: int = 0,
        total_frames: int | None = None,
        max_bytes: int | None = None,
        comment: str | None = None,
        is_live: bool = False,
    ) -> None:
        """Check `target`; nothing is written before the first picture.

        like: gives the rate, the sound (with `audio`) and the alpha. rate: frames a second, exact; else
        that of `like`, else 25. overwrite: replace what is there. quality: 1..100; 85 shows no loss (x264
        CRF 17). work: a folder to keep the film in while it is made, so that `position` and `restore` can
        take it up again. first: frames before the first, made elsewhere. total_frames: of the whole film,
        by default those of `like`. max_bytes: what an animation may take; `note` then says how. comment: a
        line that video, GIF, PNG and JPEG carry inside. is_live: encoded with as little work as can be.
        TargetError, one line, where the target cannot be written; ValueError for a rate or quality out of range.
        """
        if not 1 <= quality <= 100:
            raise ValueError(f"quality is {quality}; give 1..100")
        if rate is not None and rate <= 0:
            raise ValueError(f"rate is {rate}; give more than 0")
        self.path = Path(target)
        self._total_frames = total_frames or (like.frame_count if like is not None else None)
        moves = self._total_frames != 1 if like is not None else (self._total_frames or 1) > 1
        self.kind: TargetKind = check_target(self.path, like=like, overwrite=overwrite, moves=moves)
        if max_bytes is not None and self.kind != "gif":
            raise TargetError(f'"{self.path.name}" has no size limit; only films into .gif, .webp and .apng have one')
        self._max_bytes = max_bytes
        self.rate: Fraction = Fraction(rate or (like.rate if like else DEFAULT_RATE))
        self.frames_written = 0
        self.warning: str | None = None
        self.note: str | None = None
        self._like = like
        self._overwrite = overwrite
        self._quality = quality
        self._is_live = is_live
        self._sound = self._find_sound(like) if audio and self.kind == "video" else None
        self._size: tuple[int, ...] | None = None
        self._encoder: VideoEncoder | None = None
        self._work = work
        self._first = first
        self._segments = self._segments_in(work.folder) if work is not None else None
        self.comment = comment
        self._unsynced: list[Path] = []
        self._still: bytes | None = None
        self._temporaries: list[Path] = []
        self._is_closed = False

    @staticmethod
    def _find_sound(like: FrameReader | None) -> Sound | None:
        return Sound(like.source, *like.sound) if like is not None and like.sound is not None else None

    def _segments_in(self, folder: Path) -> Segments | None:
        """Where the frames are kept until the film is whole; numbered pictures are kept where they belong."""
        if self.kind not in ("video", "gif"):
            return None
        # MP4 holds both codecs, and times to the tick, which Matroska (1 ms) does not.
        coded = ".webm" if self.path.suffix.lower() == ".webm" else ""
        suffix, options = (
            (".mp4", final_options(coded, quality=self._quality))
            if self.kind == "video"
            else (".nut", lossless_options())
        )
        return Segments(
            folder,
            self.path,
            suffix=suffix,
            rate=self.rate,
            options=options,
            total_frames=self._total_frames,
            first=self._first,
        )

    def position(self) -> dict[str, Any]:
        """Where it stands, in plain numbers, for a state kept on the disk; needs `work`, or numbered pictures."""
        return self._segments.position() if self._segments else {"frames": self.frames_written}

    def restore(self, position: dict[str, Any]) -> None:
        """Go on from a `position` of an earlier run over the same work folder. TargetError if frames are lost."""
        if self._segments:
            self._segments.restore(position)
        self.frames_written = int(position["frames"])

    def sync(self, position: dict[str, Any]) -> None:
        """Have the disk hold all frames up to `position`; may run in another thread than `write`. Raises OSError."""
        if self._segments:
            self._segments.sync(position)
        unsynced, self._unsynced = self._unsynced, []
        for path in unsynced:
            sync_file(path)

    def release(self, position: dict[str, Any]) -> None:
        """Drop what only an older state than `position` needs, now that this one is safe."""
        if self._segments:
            self._segments.release(position)

    def trouble(self, error: OSError) -> TargetError:
        """The words for an `OSError` that came up while the film was kept."""
        return self._segments.trouble(error) if self._segments else disk_trouble(self.path, error)

    def write(self, picture: Tensor, *, new_shot: bool = False) -> None:
        """Add a picture [1,3,H,W], RGB, 0..1; the first one gives the size.

        new_shot: it begins one, so that a film kept in a work folder can be cut there.
        ValueError where the shape is wrong or differs from the first; TargetError where the disk or the
        encoder fails, or a still picture gets a second frame.
        """
        if self._is_closed:
            raise ValueError(f"{self.path.name} is already closed; write inside the with block")
        check_picture(picture)
        size = tuple(picture.shape[2:])
        if self._size is not None and size != self._size:
            raise ValueError(f"a {size[1]}x{size[0]} px picture came; the first was {self._size[1]}x{self._size[0]}")
        self._size = size
        if self.kind in ("video", "gif"):
            self._write_frame(picture, new_shot)
        else:
            self._write_still(picture)
        self.frames_written += 1

    def _write_frame(self, picture: Tensor, new_shot: bool) -> None:
        array = to_array(picture)
        if self.kind == "video":
            array = even_sides(array)
        if self._segments is not None:
            return self._segments.write(array, new_shot=new_shot)
        if self._encoder is None:
            suffix = self.path.suffix.lower()
            options = lossless_options()
            if self.kind == "video":
                final = final_options(suffix, quality=self._quality, is_live=self._is_live)
                options = [*final, *video_options(self.comment)]
            self._encoder = VideoEncoder(
                self._temporary(suffix if self.kind == "video" else ".mkv"),
                self.path,
                width=array.shape[1],
                height=array.shape[0],
                rate=self.rate,
                options=options,
            )
        self._encoder.write(array)

    def _write_still(self, picture: Tensor) -> None:
        suffix = self.path.suffix.lower()
        alpha = self._like.alpha if self._like is not None and suffix in ALPHA_SUFFIXES else None
        if alpha is not None and alpha.shape[2:] != picture.shape[2:]:
            alpha = None  # a picture of another size is no longer the frame the alpha was cut for
        if self.kind == "picture" and self.frames_written:
            pattern = self.path.with_name(f"{self.path.stem}-%04d{self.path.suffix}")
            raise TargetError(
                f'"{self.path.name}" holds one picture, but more came; write to "{pattern.name}" or to .mp4'
            )
        data = encode_picture(picture, suffix, quality=min(100, self._quality + 10), alpha=alpha)
        if self.comment:
            data = with_comment(data, suffix, self.comment)
        if self.kind == "picture":
            self._still = data
        else:
            save_bytes(file := NumberedName(self.path).file(self._number(self._first + self.frames_written)), data)
            if self._work is not None:
                self._unsynced.append(file)

    def _number(self, index: int) -> int:
        """The number of picture `index`, counted from 0: that of the source's own, else from 1 on."""
        numbers = (self._like.numbers if self._like is not None else None) or [1]
        return numbers[index] if index < len(numbers) else numbers[-1] + index + 1 - len(numbers)

    def _temporary(self, suffix: str) -> Path:
        self._temporaries.append(temporary_name(self.path, suffix))
        return self._temporaries[-1]

    def close(self) -> None:
        """Finish the file and move it to `path`. TargetError where that fails, or no picture was written."""
        if self._is_closed:
            return
        self._is_closed = True
        try:
            if self.frames_written == 0:
                raise TargetError(f'no picture was made for "{self.path.name}", so nothing was written')
            if self._still is not None:
                made = self._temporary(self.path.suffix)
                made.write_bytes(self._still)
                self._move(made)
            elif self.kind in ("video", "gif"):
                frames = self._whole()
                self._move(self._finish_animation(frames) if self.kind == "gif" else self._finish_video(frames))
        except OSError as error:
            raise disk_trouble(self.path, error) from None
        finally:
            self._clean_up()

    def _whole(self) -> Path:
        """All frames in one file, coded as they are to stay (GIF: without loss)."""
        if self._segments is not None:
            suffix = self.path.suffix.lower() if self.kind == "video" else ".mkv"
            return self._segments.join(suffix, video_options(self.comment))
        assert self._encoder is not None
        self._encoder.finish()
        return self._temporaries[0]

    def pause(self) -> None:
        """Stop here, with what was written kept in the work folder and nothing at `path`. TargetError."""
        self._is_closed = True
        try:
            if self._segments is not None:
                self._segments.finish()
        finally:
            self._clean_up()

    def _finish_video(self, video: Path) -> Path:
        if self._sound is None:
            return video
        if self._work is not None and not self._sound.source.exists():
            raise SourceError(f'"{self._sound.source}" is gone, and its sound is needed; bring it back, or --no-audio')
        made = self._temporary(video.suffix)
        trouble = add_sound(video, self._sound, made, self.path, self.frames_written / self.rate)
        if trouble is not None:
            self.warning = f"the sound of {self._sound.source.name} could not be kept ({trouble})"
            return video
        return made

    def _finish_animation(self, frames: Path) -> Path:
        made = self._temporary(self.path.suffix.lower())
        assert self._size is not None or self._segments is not None
        height, width = self._size or self._segments.size  # type: ignore[union-attr]
        comment = self.comment if made.suffix == ".gif" else None
        self.note = make_animation(
            frames, made, self.path, width=width, height=height, rate=self.rate, quality=self._quality,
            max_bytes=self._max_bytes - 2 * len((comment or "").encode()) if self._max_bytes else None,
        )  # fmt: skip
        if comment:
            add_to_gif(made, comment)
        return made

    def _move(self, made: Path) -> None:
        """Give the finished file its name; should that be taken by now, keep the work under a free one."""
        if self._work is not None:
            self._work.made(made)
        if self.path.exists() and not self._overwrite:
            kept = free_name(self.path)
            made.rename(kept)
            raise TargetError(f'"{self.path}" has come into being meanwhile and was left alone; the result is "{kept}"')
        made.replace(self.path)

    def discard(self) -> None:
        """Stop, and leave nothing at `path`. Numbered pictures already made stay."""
        self._is_closed = True
        self._clean_up()

    def _clean_up(self) -> None:
        if self._encoder is not None:
            self._encoder.close()
        if self._segments is not None:
            self._segments.close()
        for path in self._temporaries:
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)

    def __enter__(self) -> FrameWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self.close()
        elif isinstance(error, KeyboardInterrupt) and self.frames_written:
            try:
                self.close()
            except TargetError as trouble:  # the interrupt must go on; what went wrong is kept for the caller
                self.warning = str(trouble)
        else:
            self.discard()
