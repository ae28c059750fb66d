"""Films that hear: whose sound the look follows and the film gets, and that every way of making it gives one film."""

from __future__ import annotations

import json
import random
import shutil
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
import torch
from conftest import textured
from frames_helpers import beep_starts, ffmpeg, make_clip, packet_times, sound_samples
from music import make_music, write_wav

from vidream import ClipMaker, Recipe, dream, dream_many, zoom_film
from vidream.cli import main
from vidream.cluster.task import FilmTask, Look, UnitMaker
from vidream.cluster.units import Unit
from vidream.engine.dreamer import Dreamer
from vidream.errors import PresetError, SourceError, TargetError
from vidream.looks.expression import Expression
from vidream.looks.preset import Preset, preset_names
from vidream.media import FrameReader, write_picture
from vidream.media.sound_file import SoundFile
from vidream.media.writers import segments
from vidream.motion.known import Motion
from vidream.rendering import state_saver
from vidream.rendering.film_sound import FilmSound
from vidream.rendering.progress import Progress
from vidream.temporal import flashes
from vidream.temporal.stream import Stream

# What is shown is the source in silence, and the dream where it is loud.
SHOWS = Preset(
    octaves=1, first_steps=3, steps=1, first_step_size=0.05, layers={"block2": 1.0}, blend="1-step(0.3, loud)"
)
# Every number that may follow a sound does.
FOLLOWS = Preset(
    octaves=2, first_steps=2, jitter=8, layers={"block2": "0.2+bass", "block3": "0.1+treble"},
    step_size="0.002+0.02*max(beat, loud)", keep="0.9+0.05*smooth(mid, 0.2)", blend="0:0.3*onset, 1s:0.2*noise(3*t)",
)  # fmt: skip
BIG = [(textured(120, 260, seed)[0].permute(1, 2, 0).numpy() * 255).astype(np.uint8) for seed in (0, 5)]
RATE = 25


def two_shots(index: int) -> np.ndarray:
    return BIG[index >= 26][30:78, index : index + 64]


@pytest.fixture(autouse=True)
def short_segments(monkeypatch):
    """Work folders that are saved after every frame, in segments of 5 frames."""
    monkeypatch.setattr(state_saver, "SAVE_SECONDS", 0.0)
    monkeypatch.setattr(state_saver, "SAVE_SHARE", 1e9)
    monkeypatch.setattr(segments, "_SEGMENT_SECONDS", Fraction(1, 5))


@pytest.fixture
def make(tiny_net):
    return lambda preset: Dreamer(preset, net=tiny_net)


@pytest.fixture
def silent(tmp_path):
    """50 frames of 64x48 px in two shots, without sound."""
    return make_clip(tmp_path / "silent.mp4", 50, draw=two_shots)


@pytest.fixture(scope="module")
def track(tmp_path_factory):
    """10 s of music, 120 beats a minute, the first at 0."""
    music = make_music(120, "house", seconds=10, lead_in_seconds=0.0)
    return write_wav(tmp_path_factory.mktemp("track") / "track.wav", music.samples)


@pytest.fixture
def tone(tmp_path):
    """2 s; a tone from 1 s on."""
    path = tmp_path / "tone.wav"
    ffmpeg("-f", "lavfi", "-i", "aevalsrc='gt(t,1)*sin(440*2*PI*t)':d=2:s=44100", path)
    return path


def hashes(path):
    return ffmpeg("-i", f"file:{path}", "-map", "0", "-f", "framemd5", "-").splitlines()


def dreamed_from(film, source, start_frames=0) -> list[int]:
    """The numbers of frames of `film` that differ from those of `source`, from `start_frames` on."""
    with FrameReader(film) as made, FrameReader(source) as clip:
        pairs = zip(made.frames(), list(clip.frames())[start_frames:], strict=False)
        return [number for number, (a, b) in enumerate(pairs) if float((a.picture - b.picture).abs().mean()) > 0.01]


class Stops(Progress):
    """Ends the run after frame `number`."""

    def __init__(self, number: int) -> None:
        self.number = number

    def frame(self, picture, frames):
        if frames == self.number:
            raise KeyboardInterrupt


class Listens(Progress):
    def __init__(self) -> None:
        self.lines: list[str] = []

    def heard(self, words: str) -> None:
        self.lines.append(words)


def test_a_track_is_followed_from_the_film_s_first_frame_and_is_its_sound(silent, tone, make, tmp_path):
    made = dream(silent, tmp_path / "out.mp4", preset=SHOWS, make_dreamer=make, listen=tone)
    assert dreamed_from(made.path, silent) == list(range(25, 50))
    assert beep_starts(made.path) == pytest.approx(1.0, abs=0.03)
    assert not made.warnings
    # Wherever the clip is begun, the track begins at its own beginning.
    part = dream(silent, tmp_path / "part.mp4", preset=SHOWS, make_dreamer=make, listen=tone, start_seconds=0.4)
    assert dreamed_from(part.path, silent, 10) == list(range(25, 40))
    assert beep_starts(part.path) == pytest.approx(1.0, abs=0.03)


def test_without_a_track_the_clip_s_own_sound_is_followed_from_where_the_film_begins(make, tmp_path):
    beep = ["-f", "lavfi", "-i", "aevalsrc='gt(t,1.2)*sin(440*2*PI*t)':d=2:s=44100"]
    clip = make_clip(tmp_path / "walk.mkv", 50, "-c:a", "flac", draw=two_shots, before=beep)
    whole = dream(clip, tmp_path / "whole.mkv", preset=SHOWS, make_dreamer=make)
    assert dreamed_from(whole.path, clip) == list(range(30, 50))
    part = dream(clip, tmp_path / "part.mkv", preset=SHOWS, make_dreamer=make, start_seconds=0.8)
    assert dreamed_from(part.path, clip, 20) == list(range(10, 30))


def test_a_track_is_copied_packet_by_packet_where_the_film_takes_its_codec(silent, track, make, tmp_path):
    ffmpeg("-i", track, "-c:a", "aac", tmp_path / "track.m4a")
    ffmpeg("-i", track, tmp_path / "track.flac")
    for name, target in (("track.m4a", "a.mp4"), ("track.flac", "b.mkv")):
        source = tmp_path / name
        made = dream(silent, tmp_path / target, preset=SHOWS, make_dreamer=make, listen=source)
        was, now = (packet_times(path, "a:0") for path in (source, made.path))
        # An edit list gives what an encoder put before the beginning a time below 0.
        was = [time - was[0] for time in was]
        now = [time - now[0] for time in now]
        assert now[:-1] == pytest.approx(was[: len(now) - 1], abs=2e-3)
        assert float(now[-1]) <= 2.05
        known, found = (sound_samples(path)[:12000] for path in (source, made.path))
        assert np.corrcoef(known, found)[0, 1] > 0.99


def test_the_track_can_be_left_out_and_a_short_one_is_told(silent, tmp_path, make):
    ffmpeg("-f", "lavfi", "-i", "sine=440:d=1", tmp_path / "short.wav")
    made = dream(silent, tmp_path / "a.mp4", preset=SHOWS, make_dreamer=make, listen=tmp_path / "short.wav")
    assert made.warnings == ("short.wav ends after 1.0 of 2.0 s; silence follows",)
    assert len(dreamed_from(made.path, silent)) in range(25, 36)  # it fades with the release of the envelope
    made = dream(
        silent, tmp_path / "b.mp4", preset=SHOWS, make_dreamer=make, listen=tmp_path / "short.wav", audio="none"
    )
    with FrameReader(made.path) as film:
        assert not film.has_audio


def test_a_look_without_a_sound_to_follow_is_refused_in_one_line(silent, make, tmp_path, capsys):
    with pytest.raises(PresetError) as told:
        dream(silent, tmp_path / "out.mp4", preset=SHOWS, make_dreamer=make)
    assert str(told.value) == (
        "blend follows \"loud\", but silent.mp4 has no sound; choose another look, or use listen='track.wav'"
    )
    assert main(["dream", str(silent), str(tmp_path / "out.mp4"), "-p", "pulse"]) == 1
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and "--listen track.wav" in said
    assert main(["zoom", str(tmp_path / "out.mp4"), "--scale", "1.1+0.4*bass"]) == 1
    said = capsys.readouterr().err
    assert (
        said == 'vidream: scale follows "bass", but there is no sound; choose another look, or use --listen track.wav\n'
    )
    assert not (tmp_path / "out.mp4").exists()


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("absent.wav", 'close: .*"tone.wav"'),
        ("text.wav", "no sound that can be read"),
        ("silent.mp4", "holds no sound"),
        (".", "is a folder"),
    ],
)
def test_a_track_that_cannot_be_heard_is_one_line(silent, tone, tmp_path, name, words):
    (tmp_path / "text.wav").write_text("no sound")
    with pytest.raises(SourceError, match=words) as told:
        SoundFile.open(tmp_path / name)
    assert "\n" not in str(told.value)


def test_a_clip_s_loop_takes_no_track(silent, tone, make, tmp_path):
    with pytest.raises(TargetError, match="loop has no sound"):
        dream(silent, tmp_path / "a.gif", preset=SHOWS, make_dreamer=make, listen=tone, loop="boomerang")


def test_every_frame_hears_its_own_time_wherever_a_stream_begins(track, make):
    curves = FilmSound({"x": Expression("beat+loud")}, listen=track).curves
    stream = Stream(make(FOLLOWS), rate=RATE, sound=curves)
    stream.begin_shot_at(30)
    picture = textured(48, 64)
    late = stream.next(picture)
    other = Stream(make(FOLLOWS), rate=RATE, sound=curves)
    for _ in range(30):
        other._number += 1
    assert torch.equal(late, other.next(picture))
    assert not torch.equal(late, Stream(make(FOLLOWS), rate=RATE, sound=curves).next(picture))


def test_a_film_that_hears_is_resumed_to_the_bit(silent, track, make, tmp_path):
    whole = dream(silent, tmp_path / "whole.mp4", preset=FOLLOWS, make_dreamer=make, listen=track)
    deaf = dream(silent, tmp_path / "deaf.mp4", preset=FOLLOWS.at(0), make_dreamer=make, listen=track)
    assert hashes(whole.path) != hashes(deaf.path)
    target = tmp_path / "broken.mp4"
    for number in (1, 9, 27, 40):
        part = dream(
            silent, target, preset=FOLLOWS, make_dreamer=make, listen=track, resume=True, progress=Stops(number)
        )
        assert (part.frames, part.finished) == (number, False)
    made = dream(silent, target, preset=FOLLOWS, make_dreamer=make, listen=track, resume=True)
    assert hashes(made.path) == hashes(whole.path)


def test_another_track_is_refused_where_the_look_follows_it(silent, track, tone, make, tmp_path):
    moved = tmp_path / "other" / "track.wav"
    moved.parent.mkdir()
    shutil.copy(track, moved)
    target = tmp_path / "out.mp4"
    dream(silent, target, preset=FOLLOWS, make_dreamer=make, listen=track, progress=Stops(9))
    with pytest.raises(TargetError, match="content of the sound was"):
        write_wav(moved, make_music(100, "rock", seconds=5).samples)
        dream(silent, target, preset=FOLLOWS, make_dreamer=make, listen=moved, resume=True)
    shutil.copy(track, moved)
    assert dream(silent, target, preset=FOLLOWS, make_dreamer=make, listen=moved, resume=True).finished
    # A look that hears nothing does not mind.
    plain = FOLLOWS.at(0)
    dream(silent, target, preset=plain, make_dreamer=make, listen=track, overwrite=True, progress=Stops(9))
    assert dream(silent, target, preset=plain, make_dreamer=make, listen=tone, resume=True).finished


def test_shares_of_a_film_that_hears_join_to_that_of_one_run(silent, track, make, tmp_path, monkeypatch):
    monkeypatch.setattr(flashes, "STEADY_SECONDS", 0.5)
    whole = dream(silent, tmp_path / "whole.mp4", preset=FOLLOWS, make_dreamer=make, listen=track)
    assert whole.cuts == 1
    target = tmp_path / "shared.mp4"
    for number in (2, 1):
        made = dream(silent, target, preset=FOLLOWS, make_dreamer=make, listen=track, shots=(number, 2))
    assert made.finished and not made.shares_left
    assert hashes(target) == hashes(whole.path)


def test_units_of_a_cluster_hear_what_one_run_hears(silent, track, tmp_path, monkeypatch):
    monkeypatch.setattr(flashes, "STEADY_SECONDS", 0.5)
    look = Preset(
        net="dreamnet",
        octaves=1,
        first_steps=2,
        layers={"s2": "0.5+bass"},
        step_size="0.002+0.02*beat",
        blend="0.2*loud",
    )
    dream(silent, tmp_path / "whole.mkv", preset=look, listen=track, audio="none")
    with FrameReader(silent) as reader:
        curves = FilmSound.of_clip(look, reader, track).curves
    task = FilmTask(
        source=silent, target_name="out.mkv", preset=look, seed=0, weights=None, mask=None, size=None, fps=None,
        start_seconds=0.0, duration_seconds=None, device="cpu", sound=curves,
    )  # fmt: skip
    maker = UnitMaker(task, task.dreamer(), tmp_path)
    cuts = [message[1] for message in maker.look(Look(0, None)) if message[0] == "cut"]
    starts = sorted({0, *cuts})
    units = [Unit(first, end, keeps_end=end == 50) for first, end in pairwise([*starts, 50])]
    assert len(units) == 2
    random.Random(1).shuffle(units)
    found = {}
    for unit in units:
        (tmp_path / "segments").mkdir(exist_ok=True)
        for kind, name, data in maker.make(unit, {}, {}):
            if kind == "segment":
                (tmp_path / "segments" / name).write_bytes(data)
                found[name] = tmp_path / "segments" / name
    pictures = []
    for name in sorted(found):
        with FrameReader(found[name]) as reader:
            pictures += [picture.clone() for picture in reader]
    with FrameReader(tmp_path / "whole.mkv") as reader:
        assert all(torch.equal(a, b) for a, b in zip(pictures, reader, strict=True))


def test_a_film_says_what_it_heard_and_its_recipe_names_the_track(silent, track, make, tmp_path, capsys):
    listens = Listens()
    made = dream(
        silent, tmp_path / "out.mp4", preset=FOLLOWS, make_dreamer=make, listen=track, report=tmp_path / "a.json",
        sidecar=True, progress=listens,
    )  # fmt: skip
    assert listens.lines == ["heard track.wav: 120.0 beats a minute"]
    for path in (made.path, tmp_path / "out.mp4.json"):
        recipe = Recipe.read(path)
        assert recipe.preset == FOLLOWS and recipe.listen["name"] == "track.wav"
    found = json.loads((tmp_path / "a.json").read_text())
    sound, look = found["sound_at_each_frame"], found["look_at_each_frame"]
    assert set(sound) == {"loud", "bass", "mid", "treble", "onset", "beat", "bar", "bpm"}
    assert set(look) == {"layers.block2", "layers.block3", "step_size", "keep", "blend"}
    assert all(len(values) == 50 for values in [*sound.values(), *look.values()])
    assert look["layers.block2"] == pytest.approx([0.2 + bass for bass in sound["bass"]], abs=1e-4)
    assert max(sound["beat"]) > 0.7 and min(sound["beat"]) < 0.2
    dream(silent, tmp_path / "b.mp4", preset=FOLLOWS, make_dreamer=make, listen=track, report=tmp_path / "a.html")
    page = (tmp_path / "a.html").read_text()
    assert "sound: bass" in page and "look: step_size" in page
    assert main(["dream", str(silent), str(tmp_path / "c.mp4"), "--like", str(made.path)]) == 1
    assert "--listen track.wav" in capsys.readouterr().err


def test_a_recipe_whose_track_is_no_words_is_none(tmp_path):
    text = json.loads(Recipe(Preset()).to_json())
    for wrong in ("track.wav", {"name": 3}, [1]):
        with pytest.raises(PresetError):
            Recipe.from_json(json.dumps({**text, "listen": wrong}))


def test_of_many_clips_each_hears_its_own_sound_or_all_hear_one_track(silent, tone, make, tmp_path):
    clips = []
    for name, start in (("a", 0.4), ("b", 1.2)):
        beep = ["-f", "lavfi", "-i", f"aevalsrc='gt(t,{start})*sin(440*2*PI*t)':d=2:s=44100"]
        clips.append(make_clip(tmp_path / f"{name}.mkv", 50, "-c:a", "flac", draw=two_shots, before=beep))
    dream_many(clips, tmp_path / "own", make=ClipMaker(SHOWS, make_dreamer=make))
    dream_many(clips, tmp_path / "one", make=ClipMaker(SHOWS, make_dreamer=make, listen=tone))
    for clip, first in zip(clips, (10, 30), strict=True):
        assert dreamed_from(tmp_path / "own" / f"{clip.stem}-dream.mp4", clip)[0] == first
        assert dreamed_from(tmp_path / "one" / f"{clip.stem}-dream.mp4", clip)[0] == 25


def test_a_zoom_follows_a_track_in_its_motion_and_its_look(track, make, tmp_path):
    write_picture(tmp_path / "photo.png", textured(48, 64))
    look = Preset(octaves=1, first_steps=1, layers={"block2": 1.0}, step_size="0.002+0.01*bass")
    still = Motion(scale=1.0)

    def films(name, preset, motion, **more):
        path = tmp_path / name
        zoom_film(tmp_path / "photo.png", path, preset=preset, make_dreamer=make, motion=motion, seconds=1.2,
                  listen=track, **more)  # fmt: skip
        return hashes(path)

    plain = films("a.mp4", look.at(0), still)
    assert films("b.mp4", look, still) != plain
    moves = Motion(scale=Expression("1.1+0.4*bass"))
    moved = films("c.mp4", look.at(0), moves)
    assert moved != films("d.mp4", look.at(0), Motion(scale=1.1))
    assert beep_starts(tmp_path / "c.mp4") == pytest.approx(0.0, abs=0.03)
    # Stopped and resumed, to the bit.
    path = tmp_path / "e.mp4"
    options = {"preset": look, "make_dreamer": make, "motion": moves, "seconds": 1.2, "listen": track}
    zoom_film(tmp_path / "photo.png", path, progress=Stops(11), **options)
    zoom_film(tmp_path / "photo.png", path, resume=True, **options)
    assert hashes(path) == films("f.mp4", look, moves)


def test_a_motion_that_hears_is_the_same_from_wherever_it_is_asked_for(track):
    curves = FilmSound({"x": Expression("bass")}, listen=track).curves
    motion = Motion(scale=Expression("1.1+0.4*bass"), rotate=Expression("20*beat")).hearing(curves, 25)
    whole = motion.pull(0.0, 2.0, 64, 48)
    first, second = motion.pull(0.0, 0.88, 64, 48), motion.pull(0.88, 2.0, 64, 48)
    joined = first.after(second)
    assert whole.turn == pytest.approx(joined.turn) and whole.shift == pytest.approx(joined.shift)
    assert abs(1 / whole.turn) > 1.1**2


def test_a_loop_of_bars_is_as_long_as_they_are_to_a_whole_frame(track, make, tmp_path, capsys):
    write_picture(tmp_path / "photo.png", textured(48, 64))
    listens = Listens()
    look = Preset(octaves=1, first_steps=1, layers={"block2": 1.0})
    options = {"preset": look, "make_dreamer": make, "loop": True, "listen": track, "progress": listens}
    made = zoom_film(tmp_path / "photo.png", tmp_path / "a.mp4", bars=1, **options)
    assert made.frames == 50 and "1 bar at 120.0" in listens.lines[0] and "50 frames" in listens.lines[0]
    made = zoom_film(tmp_path / "photo.png", tmp_path / "b.mp4", bars=2, fps=Fraction(24000, 1001), **options)
    assert made.frames == round(4 * 24000 / 1001)
    with pytest.raises(TargetError, match="only loops with a track have bars"):
        zoom_film(tmp_path / "photo.png", tmp_path / "c.mp4", bars=1, preset=look, make_dreamer=make, listen=track)
    for words in ([], ["--loop"], ["--loop", "--listen", "a.wav", "--seconds", "3"]):
        with pytest.raises(SystemExit):
            main(["zoom", "out.mp4", "--bars", "8", *words])
        assert capsys.readouterr().err.count("\n") == 1


def test_bars_of_a_track_without_a_beat_are_refused_in_one_line(tone, make, tmp_path):
    with pytest.raises(SourceError, match="no beat"):
        zoom_film(None, tmp_path / "a.mp4", preset=Preset(), make_dreamer=make, loop=True, bars=2, listen=tone)


def test_a_still_held_for_a_while_follows_a_track(tone, make, tmp_path):
    write_picture(tmp_path / "photo.png", textured(48, 64))
    made = dream(
        tmp_path / "photo.png", tmp_path / "a.mp4", preset=SHOWS, make_dreamer=make, listen=tone, duration_seconds=2
    )
    assert made.frames == 50 and beep_starts(made.path) == pytest.approx(1.0, abs=0.03)


def test_live_dreams_hear_silence_and_say_so(tmp_path, capsys):
    """There is no microphone: what follows a sound stays where silence leaves it."""
    make_clip(tmp_path / "a.mp4", 10)
    words = ["live", "--camera", str(tmp_path / "a.mp4"), "--headless", "--seconds", "0.3", "--size", "64"]
    assert main([*words, "-p", "fast", "--set", "keep=0.9+0.05*bass"]) == 0
    assert "a live dream hears no sound" in capsys.readouterr().err


def test_at_least_four_looks_that_hear_are_shipped():
    hearing = {name: Preset.load(name) for name in preset_names() if Preset.load(name).sound_names}
    assert len(hearing) >= 4 and "pulse" in hearing
    for preset in hearing.values():
        quiet, loud = (preset.at(_moment(level)) for level in (0.0, 1.0))
        assert loud.step_size > quiet.step_size and loud.strength_cap > quiet.strength_cap


def _moment(level: float):
    from vidream.looks import Moment

    class Constant:
        def value(self, name: str, seconds: float) -> float:
            return 120.0 if name == "bpm" else level

    return Moment(5.0, 25.0, Constant())
