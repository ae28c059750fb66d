"""The second pass over an encoded film: its sound."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from vidream.media.disk import full_disk
from vidream.media.ffmpeg import local_url, run, source_options
from vidream.media.probe import AudioInfo
from vidream.media.writers.encoder import container_options

__all__ = ["Sound", "add_sound"]

# What goes into the container as it is, because every common player takes it there.
_COPIED = {
    ".mp4": ("aac", "mp3"),
    ".m4v": ("aac",),
    ".mov": ("aac", "mp3"),
    ".mkv": ("aac", "mp3", "opus", "vorbis", "flac", "ac3"),
    ".webm": ("opus", "vorbis"),
}
_PACKET_SAMPLES = {"aac": 1024, "mp3": 1152, "opus": 960, "vorbis": 2048, "flac": 4608, "ac3": 1536}


@dataclass(frozen=True)
class Sound:
    """The sound of a source, and from when on.

    Attributes:
        source: the file.
        info: which of its streams.
        picture_seconds: when the first picture is shown, on the file's clock: the timestamps stored in it.
        starts_seconds: the earliest time on that clock, which ffmpeg counts jumps from.
    """

    source: Path
    info: AudioInfo
    picture_seconds: Fraction
    starts_seconds: Fraction


def add_sound(video: Path, sound: Sound, made: Path, target: Path, duration_seconds: Fraction) -> str | None:
    """Join the frames in `video` with the same span of `sound`, at most `duration_seconds`, into `made`.

    Copied where nothing has to be cut at the front and the container's players know the codec, else
    encoded to AAC (webm: Opus) with its channels kept. Returns None, or why neither could be done: a film
    without its sound is better than none. TargetError where the disk is full.
    """
    suffix = made.suffix.lower()
    ways: list[Callable[[Path, Sound, Path, Fraction], list[str]]] = [_encode_sound]
    if sound.info.codec in _COPIED[suffix] and sound.picture_seconds == sound.starts_seconds:
        ways.insert(0, _copy_sound)
    for way in ways:
        finished = run(["-loglevel", "warning", "-y", *way(video, sound, made, duration_seconds)])
        if finished.disk_is_full:
            raise full_disk(target)
        if finished.code == 0:
            return None
    return finished.last_words or f"ffmpeg ended with exit code {finished.code}"


def _joined(made: Path) -> list[str]:
    # Ours, and nothing of the source's metadata: its rotation is already applied, its place and date are private.
    return [
        "-c:v",
        "copy",
        "-map_metadata",
        "0",
        "-map_chapters",
        "-1",
        *container_options(made.suffix),
        local_url(made),
    ]


def _copy_sound(video: Path, sound: Sound, made: Path, duration_seconds: Fraction) -> list[str]:
    # A packet that begins in time is copied whole: stop one sooner, or the sound would outlast the video.
    packet_seconds = Fraction(_PACKET_SAMPLES.get(sound.info.codec, 1024), sound.info.sample_rate or 44100)
    length = f"{float(max(duration_seconds - packet_seconds, packet_seconds)):.6f}"
    streams = ["-map", "0:v:0", "-map", f"1:{sound.info.index}", "-c:a", "copy"]
    # On the file's own clock, moved to where the picture begins.
    clock = ["-copyts", "-itsoffset", f"{-float(sound.picture_seconds):.6f}"]
    return ["-i", local_url(video), *clock, "-t", length, *source_options(sound.source), *streams, *_joined(made)]


def _encode_sound(video: Path, sound: Sound, made: Path, duration_seconds: Fraction) -> list[str]:
    is_webm = made.suffix.lower() == ".webm"
    # From a second before, so that a decoder has found its feet.
    jump = sound.picture_seconds - sound.starts_seconds - 1
    seek = ["-ss", f"{float(jump):.6f}"] if jump > 0 else []
    # The file's own clock, counted from the picture: in every container both are timed from the same zero.
    # first_pts=0: sound that begins after the picture keeps its distance, as silence; what lies before is cut.
    chain = (
        f"[1:{sound.info.index}]asetpts=PTS-{float(sound.picture_seconds):.9f}/TB,atrim=start=0,"
        f"aresample=async=1:first_pts=0,atrim=end={float(duration_seconds):.6f},"
        "aformat=channel_layouts=7.1|5.1|5.0|4.0|quad|3.0|stereo|mono[sound]"
    )
    channels = sound.info.channels
    kilobits = max(128, 96 * channels if channels <= 2 else 64 * channels)
    codec = ["-c:a", "libopus" if is_webm else "aac", "-b:a", f"{kilobits}k"]
    streams = ["-filter_complex", chain, "-map", "0:v:0", "-map", "[sound]", *codec]
    source = ["-copyts", *seek, *source_options(sound.source)]
    return ["-i", local_url(video), *source, *streams, *_joined(made)]
