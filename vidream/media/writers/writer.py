"""FrameWriter: frames into a video, an animation, a picture or numbered pictures, by the target's suffix."""

from __future__ import annotations

import os
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any

from torch import Tensor

from vidream.errors import TargetError
from vidream.media.arrays import check_picture
from vidream.media.codecs import CODECS
from vidream.media.delivery import Delivery
from vidream.media.disk import disk_trouble
from vidream.media.formats import FORMATS, format_of, suffixes
from vidream.media.frame import Frame
from vidream.media.sound_file import AudioWish, SoundFile, wanted_companions
from vidream.media.sources.reader import FrameReader
from vidream.media.sources.still import DEFAULT_RATE
from vidream.media.spherical import store_spherical
from vidream.media.targets import TargetKind, as_target, check_target, free_name, target_kind, temporary_name
from vidream.media.video_times import storable_rate
from vidream.media.writers.stills import NumberedWriter, StillWriter
from vidream.media.writers.video import AnimationWriter, VideoWriter
from vidream.media.writers.writer_base import Target, Work, Writer

__all__ = ["FrameWriter"]
ALPHA_SUFFIXES = tuple(
    suffix
    for suffix, row in FORMATS.items()
    if row.has_alpha or (row.is_video and CODECS[row.alpha_codec or row.codecs[0]].alpha_formats)
)
# Above this, 8 bits of alpha are all set.
LEAST_OPAQUE = 254.5 / 255

_WRITERS: dict[TargetKind, type[Writer]] = {
    "video": VideoWriter,
    "gif": AnimationWriter,
    "picture": StillWriter,
    "pictures": NumberedWriter,
}


class FrameWriter:
    """Writes frames to `target`, which appears whole at the end of the `with` block, or not at all.

        with FrameReader("walk.mp4") as frames, FrameWriter("out.mp4", like=frames) as out:
            for picture in frames:
                out.write(picture)

    .mp4 .m4v: H.264, 4:2:0, limited range, an odd last line or column repeated once. .mov: ProRes, 4444 where
    something is transparent. .mkv: FFV1, RGB of 10 bits without loss. .webm: VP9. `delivery` chooses others. .gif
    .apng, and .webp of more than one picture: endless, and no faster than browsers show them: 50 frames a second at
    most in a GIF, 90 in the others. A GIF has a palette a scene. .png .jpg .webp .bmp .tif .exr: exactly one picture.
    "shots/%04d.png": one file a picture, from 1 on, or numbered as the source is. `vidream.media.formats` is the whole
    table.

    An exception in the block leaves nothing at `target`; of numbered pictures, those already made stay.
    KeyboardInterrupt is the exception to this: the file is finished with the frames so far, then it goes on.

    Attributes:
        path: the final path.
        kind: "video", "gif" (an animation of any format), "picture" or "pictures".
        rate: frames a second, exact.
        frames_written: how many.
    """

    def __init__(
        self,
        target: str | os.PathLike[str],
        *,
        like: FrameReader | None = None,
        rate: Fraction | None = None,
        audio: AudioWish = "all",
        sound: SoundFile | None = None,
        follows: bool = True,
        overwrite: bool = False,
        delivery: Delivery | None = None,
        work: Work | None = None,
        first: int = 0,
        total_frames: int | None = None,
        max_bytes: int | None = None,
        comment: str | None = None,
        is_live: bool = False,
    ) -> None:
        """Check `target`; nothing is written before the first frame.

        Args:
            target: where to.
            like: gives the rate, the sound, chapters and timecode, and what it says of a sphere.
            rate: frames a second, exact; else that of `like`, else 25.
            audio: the tracks of sound of `like`: "all", "first" (the default one) or "none"; True and False: all, none.
            sound: a file whose sound it gets in place of that of `like`.
            follows: the film runs along with `like`, so that sound, chapters and timecode fit it.
            overwrite: replace what is there.
            delivery: codec, bits, alpha and quality; by default what follows from the suffix.
            work: a folder to keep the film in while it is made, so that `secure` and `restore` can take it up again.
            first: frames before the first, made elsewhere.
            total_frames: of the whole film, by default those of `like`.
            max_bytes: what an animation may take; `note` then says how.
            comment: a line that video, GIF, PNG and JPEG carry inside.
            is_live: encoded with as little work as can be.

        Raises:
            TargetError: one line, the target cannot be written.
            ValueError: a rate out of range.
        """
        if rate is not None and rate <= 0:
            raise ValueError(f"rate is {rate}; give more than 0")
        self.path = as_target(target)
        self._like, self._delivery = like, delivery or Delivery()
        total_frames = total_frames or (like.frame_count if like is not None else None)
        # Before `check_target`, which may make a folder.
        if max_bytes is not None and target_kind(self.path, total_frames) != "gif":
            *most, last = suffixes("animation")
            raise TargetError(f'"{self.path.name}" has no size limit; only films into {", ".join(most)} and {last} do')
        self.kind: TargetKind = check_target(self.path, like=like, overwrite=overwrite, frames=total_frames)
        self.rate = storable_rate(Fraction(rate or (like.rate if like else DEFAULT_RATE)))
        found = format_of(self.path)
        assert found is not None
        own = like.companions if like and follows else None
        self._companions = wanted_companions(own, audio, sound) if self.kind == "video" else None
        self._target = Target(
            self.path,
            found,
            self.rate,
            encoding=self._delivery.encoding(
                self.path,
                self.kind,
                has_alpha=like is not None and like.has_alpha,
                tags=like.tags if like is not None else None,
            ),
            comment=comment,
            is_live=is_live,
            companions=self._companions,
            work=work,
            numbers=like.numbers if like is not None else None,
            first=first,
            total_frames=total_frames,
            max_bytes=max_bytes,
        )
        self._writer = _WRITERS[self.kind](self._target)
        self._overwrite = overwrite
        self._size: tuple[int, ...] | None = None
        self._is_closed = False
        self._trouble: str | None = None
        self._lost_alpha: str | None = None
        self._lost_words: str | None = None
        if like is not None and self.kind == "video" and like.companions.subtitles:
            self._lost_words = f"the subtitles of {like.source.name} are left out"
        self._spherical = like.spherical if like is not None else None
        self._lost_sphere: str | None = None

    @property
    def frames_written(self) -> int:
        return self._writer.frames

    @property
    def warnings(self) -> list[str]:
        """One line for each thing that was lost, such as sound."""
        lost = (self._trouble, self._lost_alpha, self._lost_words, self._lost_sphere, self._writer.warning)
        return [each for each in lost if each]

    @property
    def warning(self) -> str | None:
        """All warnings on one line, or None."""
        return "; ".join(self.warnings) or None

    @property
    def note(self) -> str | None:
        """One line about how an animation was made to fit its limit, or None."""
        return self._writer.note

    @property
    def comment(self) -> str | None:
        """The line that the file will carry inside; may be set until it is closed."""
        return self._target.comment

    @comment.setter
    def comment(self, comment: str | None) -> None:
        self._target.comment = comment

    def write(self, frame: Tensor | Frame, *, new_shot: bool = False) -> None:
        """Add a frame; the first one gives the size.

        Args:
            frame: a picture [1,3,H,W], RGB, 0..1, or a Frame, whose alpha is stored where the format can.
            new_shot: it begins one, so that a film kept in a work folder can be cut there.

        Raises:
            ValueError: the shape is wrong, or differs from the first.
            TargetError: the disk or the encoder fails, or a still picture gets a second frame.
        """
        if self._is_closed:
            raise ValueError(f"{self.path.name} is already closed; write inside the with block")
        if not isinstance(frame, Frame):
            frame = Frame(frame)
        check_picture(frame.picture)
        size = tuple(frame.picture.shape[2:])
        if self._size is not None and size != self._size:
            raise ValueError(f"a {size[1]}x{size[0]} px picture came; the first was {self._size[1]}x{self._size[0]}")
        if self._size is None and self._like is None and self._target.work is None and frame.alpha is not None:
            # Only now is it known that something is transparent.
            self._target.encoding = self._delivery.encoding(self.path, self.kind, has_alpha=True)
        self._size = size
        if not self._target.encoding.has_alpha:
            self.note_lost_alpha(frame.alpha)
        self._writer.write(frame, new_shot=new_shot)

    def note_lost_alpha(self, alpha: Tensor | None) -> None:
        """Have `warnings` tell that the target does not keep `alpha` [1,1,H,W], where some of it is not opaque."""
        if self._delivery.alpha == "drop" or alpha is None or self._lost_alpha is not None:
            return
        if float(alpha.min()) < LEAST_OPAQUE:
            self._lost_alpha = (
                f"{self.path.name}: what is transparent stands over black; these keep it: {', '.join(ALPHA_SUFFIXES)}"
            )

    @property
    def closed_frames(self) -> int:
        """How many frames lie in files that are closed, or are being closed: states are kept of these."""
        return self._writer.closed_frames

    def close_full_segment(self) -> None:
        """Close the segment that is being made where it has its full length. Raises TargetError."""
        self._writer.close_full_segment()

    def secure(self, frames: int) -> dict[str, Any] | None:
        """Have the disk hold the first `frames` frames; returns the position after them, as `Writer.secure` says."""
        return self._writer.secure(frames)

    def release(self, position: dict[str, Any]) -> None:
        """Drop what only positions before this one need, now that it is saved."""
        self._writer.release(position)

    def restore(self, position: dict[str, Any]) -> None:
        """Go on from a `position` of an earlier run over the same work folder. TargetError if frames are lost."""
        self._writer.restore(position)

    def trouble(self, error: OSError) -> TargetError:
        """The words for an `OSError` that came up while the film was kept."""
        return self._writer.trouble(error)

    def close(self) -> None:
        """Finish the file and move it to `path`. TargetError where that fails, or no frame was written."""
        if self._is_closed:
            return
        self._is_closed = True
        try:
            if self.frames_written == 0:
                raise TargetError(f'no picture was made for "{self.path.name}", so nothing was written')
            made = self._writer.close()
            if made is not None:
                self._store_sphere(made)
                self._move(made)
        except OSError as error:
            raise disk_trouble(self.path, error) from None
        finally:
            self._writer.discard()

    def _store_sphere(self, made: Path) -> None:
        """Store in the finished file what its source says of the sphere that its frames show. Raises OSError."""
        if self._spherical is None or self._size is None:
            return
        stored = temporary_name(made, made.suffix)
        try:
            if store_spherical(made, stored, self._spherical, (self._size[1], self._size[0])):
                stored.replace(made)
            else:
                self._lost_sphere = f"{self.path.name} does not say how its frames lie on a sphere, as the source does"
        finally:
            stored.unlink(missing_ok=True)

    def _move(self, made: Path) -> None:
        """Give the finished file its name; should that be taken by now, keep the work under a free one."""
        if self._target.work is not None:
            self._target.work.made(made)
        if self.path.exists() and not self._overwrite:
            kept = free_name(self.path)
            made.rename(kept)
            raise TargetError(f'"{self.path}" has come into being meanwhile and was left alone; the result is "{kept}"')
        made.replace(self.path)

    def pause(self) -> None:
        """Stop here, with what was written kept in the work folder and nothing at `path`. TargetError."""
        self._is_closed = True
        try:
            self._writer.pause()
        finally:
            self._writer.discard()

    def discard(self) -> None:
        """Stop, and leave nothing at `path`. Numbered pictures already made stay."""
        self._is_closed = True
        self._writer.discard()

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
                self._trouble = str(trouble)
        else:
            self.discard()
