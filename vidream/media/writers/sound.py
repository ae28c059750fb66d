"""The second pass over an encoded film: its sound."""

from __future__ import annotations

import re
from collections.abc import Callable
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


class Sound:
    """The sound of a source: which stream of which file, from when on."""

    def __init__(self, source: Path, info: AudioInfo, start_seconds: Fraction) -> None:
        """start_seconds: when the picture begins, counted from the start of the file."""
        self.source = source
        self.info = info
        self.start_seconds = start_seconds


def add_sound(video: Path, sound: Sound, made: Path, target: Path, duration_seconds: Fraction) -> str | None:
    """Join the frames in `video` with the same span of `sound`, at most `duration_seconds`, into `made`.

    Copied where nothing has to be cut at the front and the container's players know the codec, else
    encoded to AAC (webm: Opus) with its channels kept. Returns None, or why neither could be done: a film
    without its sound is better than none. TargetError where the disk is full.
    """
    suffix = made.suffix.lower()
    ways: list[Callable[[Path, Sound, Path, Fraction], list[str]]] = [_encode_sound]
    if sound.info.codec in _COPIED[suffix] and sound.start_seconds == 0:
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
    return ["-i", local_url(video), "-t", length, *source_options(sound.source), *streams, *_joined(made)]


def _encode_sound(video: Path, sound: Sound, made: Path, duration_seconds: Fraction) -> list[str]:
    is_webm = made.suffix.lower() == ".webm"
    seek = ["-ss", f"{float(sound.start_seconds):.6f}"] if sound.start_seconds else []
    # first_pts=0: sound that begins after the picture keeps its distance, as silence.
    chain = (
        f"[1:{sound.info.index}]aresample=async=1:first_pts=0,atrim=end={float(duration_seconds):.6f},"
        "aformat=channel_layouts=7.1|5.1|5.0|4.0|quad|3.0|stereo|mono[sound]"
    )
    channels = _channel_count(sound.info.layout)
    kilobits = max(128, 96 * channels if channels <= 2 else 64 * channels)
    codec = ["-c:a", "libopus" if is_webm else "aac", "-b:a", f"{kilobits}k"]
    streams = ["-filter_complex", chain, "-map", "0:v:0", "-map", "[sound]", *codec]
    return ["-i", local_url(video), *seek, *source_options(sound.source), *streams, *_joined(made)]


def _channel_count(layout: str) -> int:
    match = re.match(r"(\d+)(?:\.(\d+))?", layout)
    if match:
        return int(match[1]) + int(match[2] or 0)
    return {"mono": 1, "quad": 4, "hexagonal": 6, "octagonal": 8}.get(layout, 2)
