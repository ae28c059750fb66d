"""Times are exact at every rate, length and cut into segments, for pictures and sound; hypothesis draws the inputs."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace

import av
import cv2
import numpy as np
import pytest
from frames_helpers import make_clip, sound_samples
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from vidream.media import Delivery, FrameReader, FrameWriter, from_array
from vidream.media.codecs import CODECS
from vidream.media.formats import suffixes, suffixes_of
from vidream.media.video_times import LARGEST_RATE_TERM, storable_rate
from vidream.media.writers import segments

quick = settings(
    derandomize=True, deadline=None, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
usual_rates = st.sampled_from(
    [Fraction(text) for text in ("24000/1001", "25", "30000/1001", "12", "50", "120000/1001")]
)
any_rates = st.builds(Fraction, st.integers(1, 60_000), st.integers(250, 1001)).filter(lambda rate: rate >= 1)
BURST_SECONDS, PERIOD_SECONDS, FIRST_BURST_SECONDS = 0.04, 0.5, 0.2


def square(number: int, side: int = 32) -> np.ndarray:
    """[side,side,3]: a grey that says whether `number` is odd."""
    return np.full((side, side, 3), 60 + 130 * (number % 2), np.uint8)


def film(
    folder: Path,
    name: str,
    *,
    rate: Fraction,
    frames: int,
    length: int | None,
    cuts: set[int] = frozenset(),
    side: int = 32,
    delivery: Delivery | None = None,
) -> Path:
    """A film of `frames` squares, in segments of `length` frames and cut at `cuts`; None: made in one go."""
    work = SimpleNamespace(folder=folder / "work", made=lambda path: None) if length else None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(segments, "_SEGMENT_SECONDS", (length or 1) / rate)
        with FrameWriter(folder / name, rate=rate, work=work, delivery=delivery) as writer:
            for number in range(frames):
                writer.write(from_array(square(number, side)), new_shot=number in cuts)
    return folder / name


def check_times(path: Path, rate: Fraction, frames: int) -> None:
    """See that every frame has its time, and that PyAV and OpenCV are told the rate."""
    with av.open(str(path)) as opened:
        stream = opened.streams.video[0]
        times = sorted(packet.pts * stream.time_base for packet in opened.demux(stream) if packet.pts is not None)
        said = stream.average_rate
    tick = 0 if path.suffix in (".mp4", ".mov", ".m4v") else Fraction(1, 1000)
    assert len(times) == frames
    assert all(abs(time - number / rate) <= tick for number, time in enumerate(times))
    told = cv2.VideoCapture(str(path)).get(cv2.CAP_PROP_FPS)
    if not tick:
        assert said == rate
    assert float(said) == pytest.approx(float(rate), rel=5e-5)
    assert told == pytest.approx(float(rate), rel=5e-5)


def check_order(path: Path, frames: int) -> None:
    """See that all frames can be decoded, in their order."""
    with av.open(str(path)) as opened:
        greys = [frame.to_ndarray(format="gray").mean() for frame in opened.decode(video=0)]
    assert [grey > 125 for grey in greys] == [number % 2 == 1 for number in range(frames)]


@settings(quick, max_examples=40)
@given(
    suffix=st.sampled_from(suffixes("video")),
    rate=usual_rates | any_rates,
    frames=st.integers(1, 23),
    length=st.none() | st.integers(1, 12),
    cuts=st.sets(st.integers(1, 22), max_size=2),
)
@example(suffix=".mp4", rate=Fraction(120000, 1001), frames=241, length=240, cuts=set())
@example(suffix=".mp4", rate=Fraction(120000, 1001), frames=242, length=240, cuts=set())
@example(suffix=".mp4", rate=Fraction(25), frames=101, length=50, cuts=set())
@example(suffix=".mkv", rate=Fraction(25), frames=11, length=5, cuts={6})
@example(suffix=".webm", rate=Fraction(25), frames=11, length=5, cuts={6})
@example(suffix=".mov", rate=Fraction(1), frames=4, length=3, cuts=set())
def test_every_frame_has_its_time_whatever_the_rate_the_length_and_the_segments(suffix, rate, frames, length, cuts):
    with TemporaryDirectory() as folder:
        path = film(Path(folder), f"film{suffix}", rate=rate, frames=frames, length=length, cuts=cuts)
        check_times(path, rate, frames)
        check_order(path, frames)


CODEC_SUFFIXES = [(name, suffix) for name in CODECS for suffix in suffixes_of(name)]


@pytest.mark.parametrize(("name", "suffix"), CODEC_SUFFIXES, ids="".join)
def test_every_codec_stores_exact_times_in_every_container(tmp_path, name, suffix):
    rate, side = Fraction(24000, 1001), max(64, *CODECS[name].least_px)
    path = film(
        tmp_path, f"film{suffix}", rate=rate, frames=23, length=9, cuts={13}, side=side, delivery=Delivery(name)
    )
    check_times(path, rate, 23)
    check_order(path, 23)


@settings(quick, max_examples=100)
@given(st.builds(Fraction, st.integers(1, 10**12), st.integers(10**6, 10**9)).filter(lambda rate: 0.01 < rate <= 1000))
def test_a_rate_that_ffmpeg_cannot_hold_becomes_the_nearest_that_it_can(rate):
    stored = storable_rate(rate)
    assert max(stored.numerator, stored.denominator) <= LARGEST_RATE_TERM
    assert float(stored) == pytest.approx(float(rate), rel=1e-4)


def burst_times(path: Path) -> list[float]:
    """When each burst of sound begins, in seconds."""
    loud = np.flatnonzero(np.abs(sound_samples(path)) > 0.1) / 8000
    return [float(time) for number, time in enumerate(loud) if number == 0 or time - loud[number - 1] > 0.2]


SOURCES = {"copied.mp4": "aac", "copied.mkv": "flac", "coded.mkv": "pcm_s16le", "copied.webm": "libopus"}


@pytest.fixture(scope="module")
def sources(tmp_path_factory) -> Path:
    """Clips of 3 s with a burst of sound every half second."""
    folder = tmp_path_factory.mktemp("sources")
    late = PERIOD_SECONDS - FIRST_BURST_SECONDS
    tone = f"0.6*sin(2*PI*1000*t)*lt(mod(t+{late},{PERIOD_SECONDS}),{BURST_SECONDS})"
    for name, codec in SOURCES.items():
        video = ["-c:v", "libvpx"] if name.endswith(".webm") else []
        sound = ["-f", "lavfi", "-i", f"aevalsrc='{tone}':s=48000:d=3"]
        make_clip(folder / name, 75, *video, "-c:a", codec, draw=square, before=sound)
    return folder


@settings(quick, max_examples=24)
@given(
    name=st.sampled_from(sorted(SOURCES)),
    suffix=st.sampled_from(suffixes("video")),
    start_frame=st.just(0) | st.integers(0, 40),
    frames=st.integers(30, 75),
)
@example(name="copied.mp4", suffix=".mp4", start_frame=0, frames=75)
@example(name="copied.mkv", suffix=".mkv", start_frame=0, frames=75)
@example(name="copied.webm", suffix=".webm", start_frame=0, frames=75)
@example(name="copied.mp4", suffix=".mkv", start_frame=0, frames=75)
def test_sound_is_in_time_at_the_beginning_and_at_the_end_whatever_the_span(sources, name, suffix, start_frame, frames):
    start, length = start_frame / 25, frames / 25
    with TemporaryDirectory() as folder:
        path = Path(folder, f"film{suffix}")
        with (
            FrameReader(sources / name, start_seconds=start, duration_seconds=length) as reader,
            FrameWriter(path, like=reader) as writer,
        ):
            for frame in reader.frames():
                writer.write(frame)
        seconds = writer.frames_written / 25
        check_times(path, Fraction(25), writer.frames_written)
        heard = burst_times(path)
    due = [FIRST_BURST_SECONDS + PERIOD_SECONDS * number - start for number in range(6)]
    due = [time for time in due if -1e-6 < time < seconds]
    # Copied sound ends with a whole packet, of 0.1 s at most, so a burst at the very end may be left out.
    sure = [time for time in due if time < seconds - BURST_SECONDS - 0.1]
    assert len(sure) <= len(heard) <= len(due)
    assert heard[: len(sure)] == pytest.approx(sure, abs=0.01)
