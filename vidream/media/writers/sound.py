"""The second pass over an encoded film: its sound."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from vidream.media.codecs import exact_times
from vidream.media.disk import full_disk
from vidream.media.ffmpeg import local_url, run, source_options
from vidream.media.formats import Format
from vidream.media.probe import AudioInfo

__all__ = ["Sound", "add_sound"]

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


def add_sound(
    video: Path, sound: Sound, made: Path, target: Path, *, made_format: Format, rate: Fraction, frames: int
) -> str | None:
    """Join the frames in `video` with the same span of `sound` into `made`.

    Copied where nothing has to be cut at the front and the container's players know the codec, else
    encoded to what the format's row says, with its channels kept.

    Args:
        video: the film without sound.
        sound: of the source.
        made: the file that is written.
        target: the name shown in errors.
        made_format: of both files.
        rate: frames a second.
        frames: how many there are; the sound lasts no longer.

    Returns:
        None, or why neither could be done: a film without its sound is better than none.

    Raises:
        TargetError: the disk is full.
    """
    seconds = frames / rate
    ways = [_encoded(sound, seconds, made_format)]
    if sound.info.codec in made_format.copied_sound and sound.picture_seconds == sound.starts_seconds:
        ways.insert(0, _copied(sound, seconds))
    # Ours, and nothing of the source's metadata: its rotation is already applied, its place and date are private.
    film = ["-c:v", "copy", "-map_metadata", "0", "-map_chapters", "-1", *made_format.muxer_options]
    film += exact_times(made_format.codec, rate, has_ticks=made_format.has_ticks)
    for way in ways:
        finished = run(["-loglevel", "warning", "-y", "-i", local_url(video), *way, *film, local_url(made)])
        if finished.disk_is_full:
            raise full_disk(target)
        if finished.code == 0:
            return None
    return finished.last_words or f"ffmpeg ended with exit code {finished.code}"


def _copied(sound: Sound, seconds: Fraction) -> list[str]:
    # A packet that begins in time is copied whole: stop one sooner, or the sound would outlast the video.
    packet_seconds = Fraction(_PACKET_SAMPLES.get(sound.info.codec, 1024), sound.info.sample_rate or 44100)
    length = f"{float(max(seconds - packet_seconds, packet_seconds)):.6f}"
    # On the file's own clock, moved to where the picture begins.
    clock = ["-copyts", "-itsoffset", f"{-float(sound.picture_seconds):.6f}"]
    streams = ["-map", "0:v:0", "-map", f"1:{sound.info.index}", "-c:a", "copy"]
    return [*clock, "-t", length, *source_options(sound.source), *streams]


def _encoded(sound: Sound, seconds: Fraction, made_format: Format) -> list[str]:
    # From a second before, so that a decoder is in step.
    jump = sound.picture_seconds - sound.starts_seconds - 1
    seek = ["-ss", f"{float(jump):.6f}"] if jump > 0 else []
    # The file's own clock, counted from the picture: in every container both are timed from the same zero.
    # first_pts=0: sound that begins after the picture keeps its distance, as silence; what lies before is cut.
    chain = (
        f"[1:{sound.info.index}]asetpts=PTS-{float(sound.picture_seconds):.9f}/TB,atrim=start=0,"
        f"aresample=async=1:first_pts=0,atrim=end={float(seconds):.6f},"
        "aformat=channel_layouts=7.1|5.1|5.0|4.0|quad|3.0|stereo|mono[sound]"
    )
    channels = sound.info.channels
    kilobits = max(128, 96 * channels if channels <= 2 else 64 * channels)
    codec = ["-c:a", made_format.sound_encoder, "-b:a", f"{kilobits}k"]
    streams = ["-filter_complex", chain, "-map", "0:v:0", "-map", "[sound]", *codec]
    return ["-copyts", *seek, *source_options(sound.source), *streams]
