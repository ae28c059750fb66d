"""Closed segments of a film as one file, by copying."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

from vidream.errors import TargetError
from vidream.media.disk import full_disk
from vidream.media.ffmpeg import run

__all__ = ["LIST", "join_pieces"]

LIST = "join.ffconcat"


def join_pieces(
    folder: Path, target: Path, pieces: list[tuple[Path, int]], rate: Fraction, suffix: str, options: list[str]
) -> Path:
    """Closed segments (file under `folder`, frames) as one file in `folder`, by copying. TargetError.

    Each segment's length is said in whole microseconds, rounded from its exact place in the film, so that
    the rounding never adds up: the first frame of each lands on its own tick.
    """
    lines, before = ["ffconcat version 1.0"], 0
    for path, frames in pieces:
        begins, ends = (round(number / rate * 1_000_000) for number in (before, before + frames))
        lines += [f"file {path.relative_to(folder).as_posix()}", f"duration {(ends - begins) / 1e6:.6f}"]
        before += frames
    (folder / LIST).write_text("\n".join(lines) + "\n", encoding="utf-8")
    joined = f"joined{suffix}"
    # From within the folder: the list's own names are plain, whatever the folder is called.
    source = ["-f", "concat", "-safe", "1", "-protocol_whitelist", "file,pipe", "-i", LIST]
    copying = ["-c", "copy", "-map_metadata", "-1", *options]
    done = run(["-loglevel", "warning", "-y", *source, *copying, joined], folder=folder)
    if done.disk_is_full or done.code != 0:
        (folder / joined).unlink(missing_ok=True)  # on a full disk, the state needs the room
    if done.disk_is_full:
        raise full_disk(target)
    if done.code != 0:
        raise TargetError(f'the segments in "{folder}" cannot be joined ({done.last_words or done.code}); try again')
    return folder / joined
