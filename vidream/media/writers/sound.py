"""The second pass over an encoded film: its sound, its chapters, its timecode."""

from __future__ import annotations

import tempfile
from fractions import Fraction
from pathlib import Path

from vidream.media.companions import Companions
from vidream.media.delivery import Encoding
from vidream.media.disk import full_disk
from vidream.media.ffmpeg import local_url, run, source_options
from vidream.media.formats import Format
from vidream.media.probe import AudioInfo
from vidream.media.video_times import exact_times

__all__ = ["add_companions"]

_PACKET_SAMPLES = {"aac": 1024, "mp3": 1152, "opus": 960, "vorbis": 2048, "flac": 4608, "ac3": 1536}
_LOSSLESS = ("pcm", "flac")


def add_companions(
    video: Path,
    companions: Companions,
    made: Path,
    target: Path,
    *,
    made_format: Format,
    encoding: Encoding,
    rate: Fraction,
    frames: int,
) -> str | None:
    """Join the frames in `video` with what goes with them into `made`.

    A track of sound is copied where nothing has to be cut at the front and the container's players know the codec,
    else encoded to what suits the codec of the pictures or the container, with its channels kept.

    Args:
        video: the film alone.
        companions: of the source.
        made: the file that is written.
        target: the name shown in errors.
        made_format: of both files.
        encoding: of the frames.
        rate: frames a second.
        frames: how many there are; nothing lasts longer.

    Returns:
        None, or why the sound could not be kept: a film without its sound is better than none.

    Raises:
        TargetError: the disk is full.
    """
    assert encoding.codec is not None
    encoder = encoding.codec.sound_encoder or made_format.sound_encoder
    starts_together = companions.picture_seconds == companions.starts_seconds
    copied = [starts_together and track.codec in made_format.copied_sound for track in companions.tracks]
    ways = [copied, [False] * len(copied)] if any(copied) else [copied]
    # Ours, and nothing of the source's metadata: its rotation is already applied, its place and date are private.
    film = ["-c:v", "copy", "-map_metadata", "0", *made_format.muxer_options]
    film += exact_times(encoding.codec, rate, has_ticks=made_format.has_ticks)
    film += ["-timecode", companions.timecode] if companions.timecode else []
    with tempfile.TemporaryDirectory(prefix="vidream-") as folder:
        chapters = []
        if companions.chapters:
            path = Path(folder, "chapters")
            path.write_text(companions.chapter_file(), encoding="utf-8")
            chapters = ["-f", "ffmetadata", "-i", local_url(path)]
        for way in ways:
            inputs, streams = _tracks(companions, way, frames / rate, encoder)
            number = 1 + sum(part == "-i" for part in inputs)
            mapped = ["-map_chapters", str(number) if chapters else "-1"]
            words = ["-loglevel", "warning", "-y", "-copyts", "-i", local_url(video), *inputs, *chapters]
            finished = run([*words, "-map", "0:v:0", *streams, *mapped, *film, local_url(made)])
            if finished.disk_is_full:
                raise full_disk(target)
            if finished.code == 0:
                return None
    return finished.last_words or f"ffmpeg ended with exit code {finished.code}"


def _tracks(companions: Companions, copied: list[bool], seconds: Fraction, encoder: str) -> tuple[list[str], list[str]]:
    """The arguments that open the source, after the film as input 0; and those of every track."""
    inputs: list[str] = []
    streams: list[str] = []
    chains: list[str] = []
    copies = encodes = 0
    if any(copied):
        copies = 1
        inputs += _copied_input(companions, seconds)
    if not all(copied):
        encodes = copies + 1
        inputs += _encoded_input(companions)
    for number, (track, is_copied) in enumerate(zip(companions.tracks, copied, strict=True)):
        if is_copied:
            streams += ["-map", f"{copies}:{track.index}", f"-c:a:{number}", "copy"]
        else:
            chains.append(_chain(track, encodes, companions, seconds, f"[sound{number}]"))
            streams += ["-map", f"[sound{number}]", f"-c:a:{number}", encoder]
            if not encoder.startswith(_LOSSLESS):
                kilobits = max(128, 96 * track.channels if track.channels <= 2 else 64 * track.channels)
                streams += [f"-b:a:{number}", f"{kilobits}k"]
        streams += [f"-disposition:a:{number}", "default" if track.is_default else "0"]
        for name, value in (("language", track.language), ("title", track.title)):
            if value:
                streams += [f"-metadata:s:a:{number}", f"{name}={value}"]
    return inputs, [*(["-filter_complex", ";".join(chains)] if chains else []), *streams]


def _copied_input(companions: Companions, seconds: Fraction) -> list[str]:
    # A packet that begins in time is copied whole: stop one sooner, or the sound would outlast the video.
    longest = max(
        Fraction(_PACKET_SAMPLES.get(track.codec, 1024), track.sample_rate or 44100) for track in companions.tracks
    )
    length = f"{float(max(seconds - longest, longest)):.6f}"
    # On the file's own clock, moved to where the picture begins.
    offset = f"{-float(companions.picture_seconds):.6f}"
    return ["-itsoffset", offset, "-t", length, *source_options(companions.source, may_be_sound=True)]


def _encoded_input(companions: Companions) -> list[str]:
    # From a second before, so that a decoder is in step.
    jump = companions.picture_seconds - companions.starts_seconds - 1
    return [*(["-ss", f"{float(jump):.6f}"] if jump > 0 else []), *source_options(companions.source, may_be_sound=True)]


def _chain(track: AudioInfo, number: int, companions: Companions, seconds: Fraction, name: str) -> str:
    # The file's own clock, counted from the picture: in every container both are timed from the same zero.
    # first_pts=0: sound that begins after the picture keeps its distance, as silence; what lies before is cut.
    return (
        f"[{number}:{track.index}]asetpts=PTS-{float(companions.picture_seconds):.9f}/TB,atrim=start=0,"
        f"aresample=async=1:first_pts=0,atrim=end={float(seconds):.6f},"
        f"aformat=channel_layouts=7.1|5.1|5.0|4.0|quad|3.0|stereo|mono{name}"
    )
