"""What a dream hears: curves, onsets, tempo, beats and bars of music that is known."""

from __future__ import annotations

import numpy as np
import pytest
from frames_helpers import ffmpeg, make_clip
from memory_helpers import run_measured
from music import RATE, f_measure, make_music, write_wav

from vidream.errors import SourceError
from vidream.sound import CURVES, SoundCurves, analyse, bars_seconds
from vidream.sound.hearing import FINE_RATE, hear, samples_of
from vidream.sound.onsets import onset_strength, onset_times

TRACKS = {
    "70 hiphop, swung": (70, "hiphop", {"swing": 0.08}),
    "85 ballad": (85, "ballad", {}),
    "90 funk, played by hand": (90, "funk", {"swing": 0.1, "human_seconds": 0.006}),
    "100 funk": (100, "funk", {}),
    "112 rock, 5 % faster": (112, "rock", {"accelerando": 0.05}),
    "120 house": (120, "house", {}),
    "128 house, swung": (128, "house", {"swing": 0.04}),
    "140 rock": (140, "rock", {}),
    "155 rock, in noise": (155, "rock", {"noise": 0.05}),
    "170 drum and bass": (170, "drumnbass", {}),
    "174 drum and bass": (174, "drumnbass", {"seed": 4}),
}


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    """(path of a wav, what is known of it): 20 s of house at 120 beats a minute."""
    music = make_music(120, "house", seconds=20)
    return write_wav(tmp_path_factory.mktemp("house") / "house.wav", music.samples), music


@pytest.mark.parametrize("name", TRACKS)
def test_tempo_beats_and_bars_of_known_music(name, tmp_path):
    bpm, style, how = TRACKS[name]
    music = make_music(bpm, style, seconds=30, **how)
    curves = analyse(write_wav(tmp_path / "a.wav", music.samples))
    assert curves.bpm == pytest.approx(music.bpm, rel=0.005)
    assert f_measure(curves.beats_seconds, music.beats, within_seconds=0.04) >= 0.95
    assert f_measure(curves.downbeats_seconds, music.downbeats, within_seconds=0.04) >= 0.9
    errors = [time - music.beats[np.abs(music.beats - time).argmin()] for time in curves.beats_seconds]
    errors = [each for each in errors if abs(each) < 0.04]
    assert abs(np.mean(errors)) < 0.005, "the beats are all early or all late"
    assert bars_seconds(curves, 4) == pytest.approx(16 * 60 / music.bpm, rel=0.005)


@pytest.mark.parametrize("name", ["85 ballad", "100 funk", "140 rock", "170 drum and bass"])
def test_onsets_are_found_within_20_ms(name):
    bpm, style, how = TRACKS[name]
    music = make_music(bpm, style, seconds=30, **how)
    found = onset_times(onset_strength(hear([halved(music.samples)]).flux.sum(1)), least=0.5)
    assert f_measure(found, music.onsets, within_seconds=0.02) >= 0.95
    near = np.array([found[np.abs(found - time).argmin()] - time for time in music.onsets])
    assert abs(near[np.abs(near) < 0.02].mean()) < 0.005


def test_a_tempo_that_changes_is_followed(tmp_path):
    one, other = make_music(100, "rock", seconds=30, seed=1), make_music(125, "house", seconds=30, seed=2)
    path = write_wav(tmp_path / "a.wav", np.concatenate([one.samples, other.samples]))
    known = np.concatenate([one.beats, other.beats + len(one.samples) / RATE])
    assert f_measure(analyse(path).beats_seconds, known, within_seconds=0.04) >= 0.95


def test_beats_go_on_through_a_pause_and_gain_does_not_matter(tmp_path):
    music = make_music(118, "house", seconds=40)
    gap = music.samples.copy()
    gap[15 * RATE : 21 * RATE] = 0
    for samples in (gap, gap * 10 ** (-45 / 20)):
        curves = analyse(write_wav(tmp_path / "a.wav", samples))
        assert f_measure(curves.beats_seconds, music.beats, within_seconds=0.04) >= 0.95
        assert 0.95 < curves.loud.max() <= 1


def test_windows_do_not_drift_and_speak_of_their_centre():
    # A click each second for two minutes: 110.25 samples a frame would drift by a frame in two minutes if rounded.
    samples = np.zeros(120 * 22050, np.float32)
    samples[22050 // 2 :: 22050] = 0.9
    heard = hear(np.array_split(samples, 37))
    assert len(heard.flux) == 120 * FINE_RATE + 1
    times = onset_times(onset_strength(heard.flux.sum(1)))
    errors = times - (np.arange(120) + 0.5)
    assert np.abs(errors).max() < 0.01 and np.ptp(errors) < 0.001
    middles = heard.levels[:, 3].reshape(-1)[: 120 * FINE_RATE].reshape(120, FINE_RATE)
    centres = (middles * np.arange(FINE_RATE)).sum(1) / middles.sum(1) / FINE_RATE
    assert np.abs(centres - 0.5).max() < 0.001


def test_the_blocks_that_sound_comes_in_change_nothing(house):
    samples = halved(house[1].samples)
    whole, pieces = hear([samples]), hear(np.array_split(samples, 211))
    for name in ("levels", "flux", "pitches"):
        assert np.allclose(getattr(whole, name), getattr(pieces, name), rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize(("hertz", "band"), [(60, "bass"), (500, "mid"), (5000, "treble")])
def test_each_band_hears_its_own_tone(hertz, band, tmp_path):
    time = np.arange(4 * RATE) / RATE
    tones = {60: 0.05, 500: 0.05, 5000: 0.05, hertz: 0.5}
    loud = sum(gain * np.sin(2 * np.pi * each * time) * ((time > 1) & (time < 2) if each == hertz else time > 2.5)
               for each, gain in tones.items())  # fmt: skip
    curves = analyse(write_wav(tmp_path / "a.wav", loud))
    for name in ("bass", "mid", "treble"):
        assert (curves.value(name, 1.5) > 0.9) == (name == band)
        assert curves.value(name, 0.5) == pytest.approx(0, abs=0.01)
    # Up within some 10 ms, down within some 250 ms.
    assert curves.value(band, 1.06) > 0.9
    assert 0.2 < curves.value(band, 2.25) < 0.6


def test_curves_are_read_at_any_time(house):
    curves = analyse(house[0])
    assert 0 < curves.value("loud", 5.003) <= 1
    assert curves.value("loud", 5.005) == pytest.approx((curves.loud[500] + curves.loud[501]) / 2, abs=1e-6)
    beat = float(curves.beats_seconds[8])
    assert curves.value("beat", beat) == 1
    assert curves.value("beat", beat + 0.12) == pytest.approx(0.5)
    assert curves.value("beat", beat - 1e-6) < 0.1
    bar = float(curves.downbeats_seconds[2])
    assert curves.value("bar", bar) == 1 and curves.value("bar", bar + 0.24) == pytest.approx(0.25)
    for name in CURVES:
        for outside in (-0.01, curves.duration_seconds + 0.01, 1e9):
            assert curves.value(name, outside) == (curves.bpm if name == "bpm" else 0)
    with pytest.raises(ValueError, match='no curve "snare"; there are: loud, bass'):
        curves.value("snare", 1)


def test_curves_travel_as_bytes_and_can_be_moved(house):
    curves = analyse(house[0])
    again = SoundCurves.from_bytes(curves.to_bytes())
    assert again.fingerprint == curves.fingerprint and len(curves.fingerprint) == 16
    assert again.to_bytes() == curves.to_bytes()
    moved = again.moved(3.5)
    assert moved.fingerprint != curves.fingerprint
    for name in CURVES:
        assert moved.value(name, 1.234) == pytest.approx(curves.value(name, 4.734))
    assert moved.value("loud", -2) == pytest.approx(curves.value("loud", 1.5))
    assert SoundCurves.from_bytes(moved.to_bytes()).moved(-3.5).value("bar", 5) == pytest.approx(curves.value("bar", 5))
    for wrong in (b"", b"PK\x03\x04", b"no npz", curves.to_bytes()[:500]):
        with pytest.raises(ValueError, match="no sound curves"):
            SoundCurves.from_bytes(wrong)


def test_the_same_file_gives_the_same_bytes(house):
    assert analyse(house[0]).to_bytes() == analyse(house[0]).to_bytes()


@pytest.mark.parametrize(
    ("name", "options"),
    [("a.mp3", []), ("a.m4a", []), ("a.flac", []), ("a.ogg", ["-c:a", "libvorbis"]), ("a.opus", []),
     ("stereo.wav", ["-ac", 2]), ("surround.flac", ["-ac", 6]), ("eight.wav", ["-ar", 8000]),
     ("float.wav", ["-c:a", "pcm_f32le"]),
     ("a.mka", ["-c:a", "aac"])],
)  # fmt: skip
def test_files_of_every_kind_say_the_same(name, options, house, tmp_path):
    path = tmp_path / name
    ffmpeg("-i", house[0], *options, path)
    curves = analyse(path)
    assert curves.bpm == pytest.approx(120, rel=0.002)
    assert f_measure(curves.beats_seconds, house[1].beats, within_seconds=0.04) >= 0.95
    errors = [time - house[1].beats[np.abs(house[1].beats - time).argmin()] for time in curves.beats_seconds]
    assert abs(np.median(errors)) < 0.008, "an encoder's delay is heard as time"


def test_a_part_of_a_file_is_heard_on_its_own_clock(house, tmp_path):
    path = tmp_path / "a.m4a"
    ffmpeg("-i", house[0], path)
    whole, part = analyse(path), analyse(path, start_seconds=4.25, duration_seconds=10)
    assert part.duration_seconds == pytest.approx(10, abs=0.01)
    moved = whole.moved(4.25).beats_seconds
    assert f_measure(part.beats_seconds, moved[(moved > 0) & (moved < 10)], within_seconds=0.02) >= 0.9


def test_a_video_s_own_tracks_and_their_delay(house, tmp_path):
    path = tmp_path / "a.mkv"
    before = ["-f", "lavfi", "-i", "anoisesrc=d=4:a=0.1", "-itsoffset", 1.5, "-i", house[0]]
    make_clip(path, 50, "-map", "0:v", "-map", "1:a", "-map", "2:a", "-c:a", "flac", before=before)
    assert analyse(path).duration_seconds == pytest.approx(4, abs=0.05)
    curves = analyse(path, stream=2)
    assert curves.value("loud", 1.4) == 0 and curves.value("loud", 1.5 + house[1].beats[0] + 0.05) > 0.5
    assert f_measure(curves.beats_seconds, house[1].beats + 1.5, within_seconds=0.04) >= 0.95
    later = analyse(path, stream=2, start_seconds=1.2)
    assert f_measure(later.beats_seconds, house[1].beats + 0.3, within_seconds=0.04) >= 0.95
    with pytest.raises(SourceError, match=r"stream 0 is no sound; streams of sound are: 1, 2$"):
        analyse(path, stream=0)


@pytest.mark.parametrize("name", ["a.ts", "a.mp4", "a.mov"])
def test_time_0_is_the_file_s_earliest_time(name, house, tmp_path):
    # Transport streams begin at 1.4 s or so; what counts is how far the sound is from the picture.
    clip = make_clip(tmp_path / name, 50, "-c:a", "aac", before=["-itsoffset", 0.7, "-i", house[0]])
    assert f_measure(analyse(clip).beats_seconds, house[1].beats + 0.7, within_seconds=0.04) >= 0.95
    later = analyse(clip, start_seconds=2.5, duration_seconds=12).beats_seconds
    known = house[1].beats - 1.8
    assert f_measure(later, known[(known > 0) & (known < 12)], within_seconds=0.04) >= 0.95


def test_a_file_that_is_cut_off_is_heard_as_far_as_it_goes(house, tmp_path):
    ffmpeg("-i", house[0], tmp_path / "a.mp3")
    whole = (tmp_path / "a.mp3").read_bytes()
    (tmp_path / "a.mp3").write_bytes(whole[: len(whole) // 2])
    curves = analyse(tmp_path / "a.mp3")
    assert curves.duration_seconds == pytest.approx(10.5, abs=1) and curves.bpm == pytest.approx(120, rel=0.01)


def test_silence_a_click_and_a_second_have_no_beat(tmp_path):
    silence = np.zeros(5 * RATE)
    click = silence.copy()
    click[2 * RATE] = 0.9
    second = make_music(120, "house", seconds=8).samples[:RATE]
    for samples in (silence, click, second, silence[:100]):
        curves = analyse(write_wav(tmp_path / "a.wav", samples))
        assert curves.bpm == 0 and len(curves.beats_seconds) == 0 and len(curves.downbeats_seconds) == 0
        assert curves.duration_seconds == pytest.approx(len(samples) / RATE, abs=0.001)
        assert all(np.isfinite(getattr(curves, name)).all() for name in ("loud", "bass", "mid", "treble", "onset"))
        assert curves.value("beat", 0.5) == 0
        with pytest.raises(SourceError, match="no beat was found"):
            bars_seconds(curves, 4)
    assert analyse(write_wav(tmp_path / "a.wav", silence)).loud.max() == 0
    clicked = analyse(write_wav(tmp_path / "a.wav", click))
    assert clicked.onset.argmax() == pytest.approx(200, abs=3) and clicked.onset.max() > 0.5
    assert clicked.value("onset", 1.9) == 0


def test_samples_that_are_no_numbers_do_no_harm(tmp_path):
    raw = np.full(3 * 22050, np.nan, "<f4")
    raw[::3] = np.inf
    raw[1::3] = 0.1
    (tmp_path / "a.raw").write_bytes(raw.tobytes())
    ffmpeg("-f", "f32le", "-ar", 22050, "-ac", 1, "-i", tmp_path / "a.raw", "-c", "copy", tmp_path / "a.wav")
    assert np.isfinite(analyse(tmp_path / "a.wav").loud).all()


def test_what_cannot_be_heard_is_said_in_one_line(tmp_path):
    make_clip(tmp_path / "mute.mp4", 5)
    (tmp_path / "text.mp3").write_text("no sound at all")
    for name, words in (("mute.mp4", "holds no sound"), ("text.mp3", "can be read"), ("gone.wav", "can be read")):
        with pytest.raises(SourceError, match=words) as caught:
            analyse(tmp_path / name)
        assert "\n" not in str(caught.value) and name in str(caught.value)
    path = write_wav(tmp_path / "a.wav", np.ones(RATE) * 0.1)
    with pytest.raises(SourceError, match="is empty there"):
        analyse(path, start_seconds=100)
    with pytest.raises(SourceError, match=r"ends before 1\.5 s"):
        analyse(path, start_seconds=1.5)
    for wrong in ({"start_seconds": -1}, {"start_seconds": float("nan")}, {"duration_seconds": 0}):
        with pytest.raises(ValueError, match="allowed is"):
            analyse(path, **wrong)


def test_bars_are_above_0(house):
    with pytest.raises(ValueError, match="above 0"):
        bars_seconds(analyse(house[0]), 0)


def test_a_playlist_leads_nowhere(tmp_path, house):
    (tmp_path / "a.mp3").write_text(f"ffconcat version 1.0\nfile '{house[0]}'\n")
    with pytest.raises(SourceError):
        list(samples_of(tmp_path / "a.mp3"))


PEAK = """
import sys, time
from vidream.sound import analyse
before, began = peak_kb(), time.process_time()
curves = analyse(sys.argv[1])
print((peak_kb() - before) / 1024, time.process_time() - began, curves.bpm)
"""


def peak_of(path, house, seconds):
    """(MB above the beginning, seconds of one core, tempo) of looking at `seconds` of music in a process of its own."""
    ffmpeg("-stream_loop", -1, "-i", house[0], "-t", seconds, "-ac", 2, path)
    done = run_measured(PEAK, path)
    return [float(each) for each in done.stdout.split()]


def test_two_minutes_need_little(house, tmp_path):
    memory_mb, seconds, _ = peak_of(tmp_path / "a.m4a", house, 120)
    assert memory_mb < 150 and seconds < 15


@pytest.mark.slow
def test_an_hour_needs_little_more(house, tmp_path):
    memory_mb, seconds, _ = peak_of(tmp_path / "a.m4a", house, 3600)
    assert memory_mb < 300 and seconds < 100


def halved(samples):
    """44100 Hz -> 22050 Hz."""
    return samples[: len(samples) // 2 * 2].reshape(-1, 2).mean(1).astype(np.float32)
