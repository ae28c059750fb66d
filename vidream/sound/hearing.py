"""Hearing: a file's sound, decoded by ffmpeg and taken apart into bands and onsets, block by block."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from vidream.errors import SourceError
from vidream.media.ffmpeg import Child, source_options
from vidream.media.probe import default_track
from vidream.media.sound_file import sound_tracks

__all__ = ["FINE_RATE", "FLOOR", "PITCH_RATE", "SAMPLE_RATE", "Listened", "hear", "samples_of"]

SAMPLE_RATE = 22050
# Frames a second that sound is looked at: 5 ms apart, so that a beat can be placed.
FINE_RATE = 200
# 46 ms: it tells 40 Hz from 80 Hz, and still when something begins.
WINDOW = 1024
BLOCK_FRAMES = 4 * FINE_RATE
# 186 ms: it tells semitones apart from some 150 Hz on. Ten a second are enough for chords.
PITCH_RATE = 10
PITCH_WINDOW = 4096
PITCH_HZ = (110.0, 1760.0)
# Of one track; longer ones come from damaged times.
MOST_HOURS = 24
BANDS_HZ = {"bass": (20.0, 150.0), "mid": (150.0, 2000.0), "treble": (2000.0, 10000.0)}
# The power of a sine of amplitude 1, summed over the bins of a Hann window, is then about 1.
SCALE = 4 / (WINDOW * 1.5 * WINDOW / 4)
FLUX_BANDS = 36
# Flux compares with the frame of 10 ms before: longer than a period of high bass, shorter than an attack.
FLUX_STEP = 2
# Below -80 dB of full scale is silence, whatever comes after.
FLOOR = 1e-4


@dataclass(frozen=True, eq=False)
class Listened:
    """What was heard, 200 times a second; row k is at k / 200 s.

    Attributes:
        levels: [K,4] float32 >= 0: amplitude of all (A-weighted), bass, mid and treble; 1 is about full scale.
        flux: [K,3] float32 >= 0: how much louder bass, mid and treble became, each summed over its bands.
        pitches: [ceil(K/20),12] float32 >= 0, 10 times a second: how strong each note of the octave is.
        duration_seconds: of the sound.
    """

    levels: np.ndarray
    flux: np.ndarray
    pitches: np.ndarray
    duration_seconds: float


def samples_of(
    path: Path, *, stream: int | None = None, start_seconds: float = 0.0, duration_seconds: float | None = None
) -> Iterator[np.ndarray]:
    """Decode a file's sound, mixed to one channel.

    Args:
        path: any file that ffmpeg reads.
        stream: the sound's stream number in the file; None for its default one.
        start_seconds: where to begin, counted from the file's earliest time. Sound that begins later is preceded by
            silence.
        duration_seconds: how much to decode; None for all.

    Yields:
        [n] float32 at 22050 Hz, some seconds each.

    Raises:
        SourceError: the file cannot be read, or has no such sound.
    """
    index, origin_seconds = _find_stream(path, stream)
    # From a second before, so that a decoder is in step.
    jump = ["-ss", f"{start_seconds - 1:.6f}"] if start_seconds > 1 else []
    # copyts: else ffmpeg counts some containers (mpegts) from the sound, not from the picture before it.
    # first_pts: sound that begins later than the file keeps its distance, as silence.
    end = f",atrim=end={duration_seconds:.6f}" if duration_seconds is not None else ""
    chain = (
        f"asetpts=PTS-{origin_seconds + start_seconds:.9f}/TB,atrim=start=0,"
        f"aresample={SAMPLE_RATE}:async=1:first_pts=0{end},aformat=sample_fmts=flt:channel_layouts=mono"
    )
    arguments = ["-loglevel", "error", "-copyts", *jump, *source_options(path, may_be_sound=True), "-map", f"0:{index}"]
    count, most = 0, MOST_HOURS * 3600 * SAMPLE_RATE
    with Child([*arguments, "-af", chain, "-f", "f32le", "pipe:1"], read=True) as child:
        for block in _blocks(child):
            count += len(block)
            if count > most:
                raise SourceError(
                    f"{path.name}: its sound is longer than {MOST_HOURS} hours; its times are damaged. "
                    "Convert it to wav and try again"
                )
            yield block
        code = child.wait()
        if count == 0:
            why = f" ({child.last_words})" if child.last_words else ""
            what = "cannot be decoded" if code or why else "is empty there"
            raise SourceError(f"{path.name}: its sound {what}{why}; convert it to wav, or give another file")


def _blocks(child: Child) -> Iterator[np.ndarray]:
    """What comes out of the pipe, in blocks of four seconds, without anything that is no number."""
    wanted = 4 * 4 * SAMPLE_RATE
    held = bytearray()
    while True:
        piece = child.stdout.read(1 << 16)
        held += piece
        if len(held) >= wanted or not piece:
            whole = len(held) - len(held) % 4
            if whole:
                samples = np.frombuffer(bytes(held[:whole]), "<f4")
                yield np.clip(np.nan_to_num(samples, nan=0.0, posinf=0.0, neginf=0.0), -8.0, 8.0)
            del held[:whole]
        if not piece:
            return


def _find_stream(path: Path, stream: int | None) -> tuple[int, float]:
    """(number of the stream to decode, the file's earliest time in seconds). SourceError where it has no such sound."""
    tracks, starts_seconds, _ = sound_tracks(path)
    default = default_track(tracks)
    if default is None:
        raise SourceError(f"{path.name} holds no sound; give a file with sound, such as mp3, flac, wav or mp4")
    found = [each.index for each in tracks]
    if stream is not None and stream not in found:
        listed = ", ".join(map(str, found))
        raise SourceError(f"{path.name}: its stream {stream} is no sound; streams of sound are: {listed}")
    return default.index if stream is None else stream, float(starts_seconds)


def hear(blocks: Iterable[np.ndarray]) -> Listened:
    """Look at sound 200 times a second through a window of 46 ms (Hann), centred at the time it speaks of.

    The flux is that of Bello et al. 2005 ("A tutorial on onset detection in music signals") on log-compressed bands,
    against the widest of three bands a moment before, so that vibrato is no onset (Böck and Widmer 2013, SuperFlux).

    Args:
        blocks: [n] float32 each, at 22050 Hz; any lengths.

    Memory: a few bytes a frame, and one block; an hour needs some 20 MB.
    """
    ear = _Ear()
    parts: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
    half = PITCH_WINDOW // 2
    count, first, done = 0, -half, 0
    held = np.zeros(half, np.float32)  # samples from `first` on
    for block in blocks:
        held = np.concatenate([held, block])
        count += len(block)
        while _centres(done + BLOCK_FRAMES) + half <= first + len(held):
            parts.append(ear.listen(held, _centres(done + np.arange(BLOCK_FRAMES)) - first))
            done += BLOCK_FRAMES
            cut = int(_centres(done)) - half - first
            held, first = held[cut:], first + cut
    held = np.concatenate([held, np.zeros(2 * half, np.float32)])
    frames = count * FINE_RATE // SAMPLE_RATE + 1
    while done < frames:
        here = min(BLOCK_FRAMES, frames - done)
        parts.append(ear.listen(held, _centres(done + np.arange(here)) - first))
        done += here
    levels, flux, pitches = (np.concatenate(each) for each in zip(*parts, strict=True))
    return Listened(levels, flux, pitches, count / SAMPLE_RATE)


def _centres(frames: Any) -> Any:
    """The sample that a frame is centred at: 110.25 a frame, so each is rounded on its own and none drifts."""
    return (frames * SAMPLE_RATE + FINE_RATE // 2) // FINE_RATE


def _windows(held: np.ndarray, centres: np.ndarray, width: int) -> np.ndarray:
    """[k,width] samples of `held` around each of [k] centres."""
    return np.lib.stride_tricks.sliding_window_view(held, width)[centres - width // 2]


def _hann(width: int) -> np.ndarray:
    return np.hanning(width + 1)[:-1].astype(np.float32)


class _Ear:
    """Turns windows into levels and flux; remembers the last frames, and how loud it has been."""

    def __init__(self) -> None:
        hertz = np.fft.rfftfreq(WINDOW, 1 / SAMPLE_RATE)
        self._window, self._pitch_window = _hann(WINDOW), _hann(PITCH_WINDOW)
        self._notes = _notes(np.fft.rfftfreq(PITCH_WINDOW, 1 / SAMPLE_RATE))
        masks = [(hertz >= low) & (hertz < high) for low, high in BANDS_HZ.values()]
        self._levels = (np.stack([_a_weight(hertz), *masks], 1) * SCALE).astype(np.float32)
        self._bands, self._ranges = _flux_bands(hertz)
        self._peak = FLOOR
        self._before = np.zeros((FLUX_STEP, self._bands.shape[1]), np.float32)

    def listen(self, held: np.ndarray, centres: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Samples, and [k] places in them of the next frames -> levels [k,4], flux [k,3], pitches, float32."""
        power = _power(_windows(held, centres, WINDOW) * self._window)
        pitched = _power(_windows(held, centres[:: FINE_RATE // PITCH_RATE], PITCH_WINDOW) * self._pitch_window)
        pitches = (np.sqrt(pitched) @ self._notes).astype(np.float32)
        levels = np.sqrt(power @ self._levels)
        bands = np.concatenate([self._before, np.sqrt(power @ self._bands)])
        self._before = bands[-FLUX_STEP:]
        # What counts as soft follows the recording, slowly: a quiet file has the same onsets as a loud one.
        self._peak = max(FLOOR, 0.9 * self._peak, float(bands.max()))
        heard = np.log1p(bands * (300.0 / self._peak))
        widest = heard[:-FLUX_STEP].copy()
        widest[:, 1:] = np.maximum(widest[:, 1:], heard[:-FLUX_STEP, :-1])
        widest[:, :-1] = np.maximum(widest[:, :-1], heard[:-FLUX_STEP, 1:])
        rise = np.maximum(0.0, heard[FLUX_STEP:] - widest)
        return levels.astype(np.float32), (rise @ self._ranges).astype(np.float32), pitches


def _power(windows: np.ndarray) -> np.ndarray:
    """[k,width] samples -> [k,width/2+1] float32."""
    spectrum = np.fft.rfft(windows, axis=1)
    return (spectrum.real**2 + spectrum.imag**2).astype(np.float32)


def _notes(hertz: np.ndarray) -> np.ndarray:
    """[bins,12]: how much of each bin belongs to A, A sharp, B ... of any octave."""
    semitones = 12 * np.log2(np.maximum(hertz, 1.0) / 440)[:, None]
    away = (semitones - np.arange(12) + 6) % 12 - 6
    inside = (hertz >= PITCH_HZ[0]) & (hertz <= PITCH_HZ[1])
    return (np.exp(-0.5 * (away / 0.5) ** 2) * inside[:, None]).astype(np.float32)


def _flux_bands(hertz: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """([bins,FLUX_BANDS] triangles that are even in the ear's scale, [FLUX_BANDS,3] which are bass, mid, treble)."""
    mel = 2595 * np.log10(1 + np.array([20.0, 10000.0]) / 700)
    edges = 700 * (10 ** (np.linspace(mel[0], mel[1], FLUX_BANDS + 2) / 2595) - 1)
    up = (hertz[:, None] - edges[:-2]) / (edges[1:-1] - edges[:-2])
    down = (edges[2:] - hertz[:, None]) / (edges[2:] - edges[1:-1])
    bands = np.maximum(0.0, np.minimum(up, down)) * SCALE
    middles = edges[1:-1, None]
    lows, highs = np.array(list(BANDS_HZ.values())).T
    return bands.astype(np.float32), ((middles >= lows) & (middles < highs)).astype(np.float32)


def _a_weight(hertz: np.ndarray) -> np.ndarray:
    """[bins] weights of power after IEC 61672, 1 at 1 kHz: ears hear little of the deepest bass."""
    f2 = np.maximum(hertz, 1.0) ** 2
    gain = 12194.0**2 * f2**2 / ((f2 + 20.6**2) * np.sqrt((f2 + 107.7**2) * (f2 + 737.9**2)) * (f2 + 12194.0**2))
    return (gain * 1.2589) ** 2
