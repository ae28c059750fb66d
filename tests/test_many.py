"""Many clips into a folder: names, patterns, what is skipped, what fails, and one load of the networks."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from conftest import textured
from frames_helpers import ffmpeg, make_clip

from vidream import api
from vidream.cli import main
from vidream.engine.dreamer import Dreamer
from vidream.errors import SourceError, TargetError
from vidream.looks.preset import Preset
from vidream.many import ClipJournal, ClipMaker, ManyProgress, dream_many, find_sources
from vidream.media import FrameReader, write_picture

PRESET = Preset(octaves=2, first_steps=2, jitter=8, layers={"block2": 1.0})
QUICK = ["--set", "octaves=1", "--set", "first_steps=1", "--set", "steps=1", "--precision", "fp32"]
BIG = (textured(120, 200)[0].permute(1, 2, 0).numpy() * 255).astype(np.uint8)


def pan(index: int) -> np.ndarray:
    return BIG[30:102, index : index + 96]


def small(index: int) -> np.ndarray:
    return BIG[10:58, index : index + 64]


def hashes(path: Path) -> list[str]:
    return ffmpeg("-i", f"file:{path}", "-map", "0", "-f", "framemd5", "-").splitlines()


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))


@pytest.fixture
def maker(tiny_net):
    return ClipMaker(PRESET, make_dreamer=lambda preset: Dreamer(preset, net=tiny_net))


@pytest.fixture
def clips(tmp_path, monkeypatch):
    """A folder with two clips of other sizes and lengths, and a picture."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "clips"
    folder.mkdir()
    make_clip(folder / "a.mp4", 6, draw=pan)
    make_clip(folder / "b.mov", 4, draw=small)
    write_picture(folder / "c.png", textured(64, 80))
    return folder


class Told(ManyProgress):
    def __init__(self) -> None:
        self.words: list[str] = []

    def begun(self, source, target):
        self.words.append(f"begun {source.name}")

    def made(self, source, made):
        self.words.append(f"made {made.path.name}")

    def skipped(self, source, why):
        self.words.append(f"skipped {source.name}")

    def failed(self, source, error):
        self.words.append(f"failed {source.name}")


def test_clips_of_one_run_are_those_of_separate_runs_and_the_networks_are_loaded_once(clips, maker, tiny_net, tmp_path):
    sources = [clips / "a.mp4", clips / "c.png", clips / "b.mov", clips / "a.mp4"]
    result = dream_many(sources, tmp_path / "out", make=maker)
    assert [path.name for path in result.made] == ["a-dream.mp4", "c-dream.png", "b-dream.mp4"]
    assert maker.loads == 1 and not result.failed and not result.stopped
    for source, made in zip([sources[0], sources[1], sources[2]], result.made, strict=True):
        alone = tmp_path / f"alone{made.suffix}"
        api.dream(source, alone, preset=PRESET, dreamer=Dreamer(PRESET, net=tiny_net), overwrite=True)
        assert hashes(alone) == hashes(made)


def test_a_renewed_dreamer_has_the_tile_and_the_guides_of_the_beginning(tiny_net):
    dreamer = Dreamer(PRESET, net=tiny_net, tile=512)
    first = dreamer.renewed()
    assert first._memory.halve() and (first.tile, len(first.warnings)) == (256, 1)
    first._guides = [textured(32, 32)]
    second = first.renewed()
    assert (second.tile, second.warnings, second._guides) == (512, [], None)
    assert second.net is dreamer.net


def test_three_broken_clips_among_others_are_named_and_the_others_are_made(clips, capsys):
    (clips / "text.mp4").write_text("no film\n" * 50)
    (clips / "empty.mp4").touch()
    (clips / "cut.mp4").write_bytes((clips / "a.mp4").read_bytes()[:700])
    words = ["clips/a.mp4", "clips/text.mp4", "clips/empty.mp4", "clips/b.mov", "clips/cut.mp4", "clips/c.png"]
    assert main(["dream", *words, "--out-dir", "out", *QUICK]) == 1
    said = capsys.readouterr()
    made = ["out/a-dream.mp4", "out/b-dream.mp4", "out/c-dream.png"]
    assert said.out.splitlines() == [str(Path(path)) for path in made]
    lines = said.err.splitlines()
    for name in ("text.mp4", "empty.mp4", "cut.mp4"):
        assert len([line for line in lines if line.startswith(f"vidream: {Path('clips', name)}: ")]) == 1
    assert [line.split(": ")[1] for line in lines[-3:]] == [
        str(Path("clips", name)) for name in ("text.mp4", "empty.mp4", "cut.mp4")
    ]
    assert "3 made, 3 failed" in said.err and said.err.count("dreaming creatures") == 1
    for path, frames in zip(made, (6, 4, 1), strict=True):
        with FrameReader(path) as back:
            assert len(list(back)) == frames


def test_the_same_command_again_skips_what_is_there_and_overwrite_makes_it_again(clips, capsys):
    words = ["dream", "clips/*", "--out-dir", "out", *QUICK]
    assert main(words) == 0
    before = {path: Path("out", path).stat().st_mtime_ns for path in names(Path("out"))}
    assert sorted(before) == ["a-dream.mp4", "b-dream.mp4", "c-dream.png"]
    Path("out", "b-dream.mp4").unlink()
    capsys.readouterr()
    assert main(words) == 0
    said = capsys.readouterr()
    assert said.out.splitlines() == [str(Path("out/b-dream.mp4"))]
    assert said.err.count("is already there") == 2 and "1 made, 2 skipped" in said.err
    assert main([*words, "-q", "--overwrite"]) == 0
    assert capsys.readouterr() == ("", "")
    assert all(Path("out", path).stat().st_mtime_ns > time_ns for path, time_ns in before.items())


def test_sources_of_one_name_get_different_targets_which_every_run_finds_again(tmp_path, monkeypatch, maker):
    monkeypatch.chdir(tmp_path)
    sources = [Path(each) for each in ("x/a.mp4", "x/a.mov", "y/a.mp4", "z/y/a.mp4", "x/A.mkv")]
    labels = ["a", "a-mov", "a-y"]
    journal = ClipJournal(Path("out"))
    found = [journal.take(source, sources).label for source in sources]
    assert found[:3] == labels and found[4] == "A-mkv"
    assert found[3].startswith("a-") and len({label.casefold() for label in found}) == 5
    # In any order, alone, and by another name for the folder.
    for source, label in reversed(list(zip(sources, found, strict=True))):
        assert ClipJournal(tmp_path / "out").take(source.absolute()).label == label
    # Without the journal, the same sources in the same order get the same names.
    assert [ClipJournal(Path("other")).take(source, sources).label for source in sources] == found


def test_a_source_that_comes_later_is_not_taken_for_the_one_whose_name_it_has(clips, maker, tmp_path):
    (tmp_path / "more").mkdir()
    make_clip(tmp_path / "more" / "a.mp4", 3, draw=small)
    dream_many(["clips/a.mp4"], "out", make=maker)
    result = dream_many(["more/a.mp4"], "out", make=maker)
    assert result.made == [Path("out/a-more-dream.mp4")] and not result.skipped


def test_no_source_is_overwritten_by_the_dream_of_another(tmp_path, monkeypatch, maker):
    monkeypatch.chdir(tmp_path)
    make_clip(tmp_path / "a.mp4", 3, draw=small)
    make_clip(tmp_path / "a-dream.mp4", 4, draw=small)
    kept = (tmp_path / "a-dream.mp4").read_bytes()
    result = dream_many(["a.mp4", "a-dream.mp4"], ".", make=maker, overwrite=True)
    assert len(result.made) == 2 and (tmp_path / "a-dream.mp4").read_bytes() == kept
    assert len(names(tmp_path)) == 4
    # Nor are dreams dreamed again by a pattern.
    result = dream_many(["*.mp4"], ".", make=maker)
    assert [path.name for path in result.skipped] == ["a-dream.mp4", "a.mp4"] and not result.made


def test_patterns_are_sorted_each_file_comes_once_and_a_real_name_counts_first(clips):
    (clips / "deep" / "er").mkdir(parents=True)
    make_clip(clips / "deep" / "er" / "d.mp4", 1, draw=small)
    make_clip(clips / "z[1].mp4", 1, draw=small)
    assert find_sources(["clips/*.mp4"]) == [Path("clips/a.mp4"), Path("clips/z[1].mp4")]
    assert find_sources(["clips/**/*.m*"]) == [
        Path("clips", each) for each in ("a.mp4", "b.mov", "deep/er/d.mp4", "z[1].mp4")
    ]
    assert find_sources(["clips/z[1].mp4", "clips/[ab].*", clips / "a.mp4"]) == [
        Path("clips", each) for each in ("z[1].mp4", "a.mp4", "b.mov")
    ]
    assert find_sources(["shots/%04d.png", "absent.mp4"]) == [Path("shots/%04d.png"), Path("absent.mp4")]
    with pytest.raises(SourceError, match=r'no file fits "clips/\*\.avi"'):
        find_sources(["clips/a.mp4", "clips/*.avi"])


def test_a_pattern_without_a_file_is_one_line_and_nothing_is_made(clips, capsys):
    assert main(["dream", "clips/a.mp4", "clips/*.avi", "--out-dir", "out", *QUICK]) == 1
    said = capsys.readouterr()
    assert said.err.count("\n") == 1 and 'no file fits "clips/*.avi"' in said.err and not Path("out").exists()


def test_numbered_pictures_are_one_source(clips, maker):
    for folder in ("shots", "more/shots"):
        Path(folder).mkdir(parents=True)
        for number in range(3):
            write_picture(Path(folder, f"{number:04d}.png"), textured(48, 64, number))
    sources = ["shots/%04d.png", "more/shots/%04d.png"]
    result = dream_many(sources, "out", make=maker)
    assert [path.parent.name for path in result.made] == ["shots-dream", "shots-more-dream"]
    assert names(Path("out/shots-dream")) == ["0000.png", "0001.png", "0002.png"]
    assert dream_many(sources, "out", make=maker).skipped == [Path(each) for each in sources]
    assert dream_many(["no/%04d.png"], "out", make=maker).failed
    assert names(Path("out")) == ["shots-dream", "shots-more-dream"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("a.mp4 b.mp4 c.mp4", "--out-dir DIR"),
        ("--out-dir out", "needs IN"),
        ("a.mp4 --out-dir out --report r.html", "--report is for one film"),
        ("a.mp4 --out-dir out --record-steps r.gif", "--record-steps is for one film"),
        ("a.mp4 --out-dir out --shots 1/2", "--shots is for one film"),
        ("--out-dir out --noise 64x64", "--noise is for one film"),
    ],
)
def test_options_that_do_not_go_together_are_one_line_and_exit_2(words, said, capsys):
    with pytest.raises(SystemExit) as caught:
        main(["dream", *words.split()])
    error = capsys.readouterr().err
    assert caught.value.code == 2 and error.count("\n") == 1 and said in error


def test_a_folder_that_cannot_be_written_and_a_look_that_is_not_there_end_it_in_one_line(clips, capsys):
    Path("file").touch()
    assert main(["dream", "clips/a.mp4", "--out-dir", "file", *QUICK]) == 1
    assert capsys.readouterr().err == 'vidream: "file" is a file, not a folder; write somewhere else\n'
    assert (
        main(["dream", "clips/a.mp4", "clips/b.mov", "--out-dir", "out", "--set", "subject=", "--set", "layers=x"]) == 1
    )
    assert capsys.readouterr().err.count("\n") == 1 and not Path("out").exists()


def test_ctrl_c_finishes_the_clip_that_is_made_and_begins_no_other(clips, maker):
    class Stops(api.Progress):
        def frame(self, picture, frames):
            if frames == 2:
                raise KeyboardInterrupt

    def make(source, target, *, resume=False, overwrite=False):
        stops = Stops() if source.name == "a.mp4" and not resume else None
        return maker(source, target, resume=resume, overwrite=overwrite, progress=stops)

    told = Told()
    sources = ["clips/c.png", "clips/a.mp4", "clips/b.mov"]
    result = dream_many(sources, "out", make=make, progress=told)
    assert result.stopped and not result.failed
    assert told.words == ["begun c.png", "made c-dream.png", "begun a.mp4", "made a-dream.mp4"]
    # Unfinished, it needs resume as a single film does.
    again = dream_many(sources, "out", make=make)
    assert list(again.failed) == [Path("clips/a.mp4")] and "resume=True" in again.failed[Path("clips/a.mp4")]
    result = dream_many(sources, "out", make=make, resume=True)
    assert result.made == [Path("out/a-dream.mp4")] and len(result.skipped) == 2
    api.dream("clips/a.mp4", "whole.mp4", preset=PRESET, dreamer=maker._dreamer)
    assert hashes(Path("out/a-dream.mp4")) == hashes(Path("whole.mp4"))


def test_nothing_of_a_clip_that_failed_is_kept_in_memory_or_reaches_the_next(clips, maker):
    def make(source, target, **how):
        if source.name == "a.mp4":
            raise MemoryError("no room")
        return maker(source, target, **how)

    told = Told()
    result = dream_many(["clips/a.mp4", "clips/b.mov"], "out", make=make, progress=told)
    assert result.failed == {Path("clips/a.mp4"): "no room"}
    assert told.words == ["begun a.mp4", "failed a.mp4", "begun b.mov", "made b-dream.mp4"]


def test_a_damaged_journal_or_one_that_leads_elsewhere_is_written_anew(clips, maker):
    dream_many(["clips/a.mp4"], "out", make=maker)
    path = Path("out/.vidream-clips.json")
    for text in ("{", "[]", path.read_text().replace('"label": "a"', '"label": "../../a"')):
        path.write_text(text)
        assert dream_many(["clips/a.mp4"], "out", make=maker).skipped == [Path("clips/a.mp4")]
        entry = ClipJournal(Path("out")).entry(Path("clips/a.mp4"))
        assert entry is not None and (entry.label, entry.state) == ("a", "made")


def test_two_runs_into_one_folder_share_their_names(clips):
    one, other = ClipJournal(Path("out")), ClipJournal(Path("out"))
    assert one.take(Path("x/a.mp4")).label == "a"
    assert other.take(Path("y/a.mp4")).label == "a-y"
    other.note(Path("y/a.mp4"), "made", seen=(1, 2), target=Path("out/a-y-dream.mp4"))
    one.note(Path("x/a.mp4"), "made", seen=(1, 2), target=Path("out/a-dream.mp4"))
    assert ClipJournal(Path("out")).is_own(Path("out/a-y-dream.mp4")) and one.is_own(Path("out/a-dream.mp4"))
    assert not one.is_own(Path("x/a-dream.mp4"))
    with pytest.raises(TargetError, match="is a file"):
        Path("f").touch()
        ClipJournal(Path("f"))


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_a_run_killed_in_its_second_clip_goes_on_with_resume_and_is_that_of_one_run(tmp_path):
    # The second one is long, so that it is surely under way for a while after its first state.
    clips = [make_clip(tmp_path / f"{name}.mp4", count, draw=pan) for name, count in (("a", 30), ("b", 300), ("c", 30))]
    options = ["--size", "64", "--precision", "fp32", "--set", "first_steps=2", "--set", "steps=3"]
    command = [sys.executable, "-m", "vidream", "dream", *map(str, clips), *options, "--out-dir"]
    subprocess.run([*command, str(tmp_path / "whole"), "-q"], check=True)
    child = subprocess.Popen([*command, str(tmp_path / "out"), "-q"], start_new_session=True)
    work = tmp_path / "out" / "b-dream.mp4.vidream"
    deadline = time.monotonic() + 120
    while not (work / "state.safetensors").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    os.killpg(child.pid, signal.SIGKILL)
    child.wait()
    assert names(tmp_path / "out") == ["a-dream.mp4", "b-dream.mp4.vidream"]
    done = subprocess.run([*command, str(tmp_path / "out")], capture_output=True, text=True)
    assert done.returncode == 1 and "1 made, 1 skipped, 1 failed" in done.stderr and "--resume" in done.stderr
    done = subprocess.run([*command, str(tmp_path / "out"), "--resume"], capture_output=True, text=True)
    assert done.returncode == 0 and "resuming after frame" in done.stderr and "1 made, 2 skipped" in done.stderr
    for name in ("a-dream.mp4", "b-dream.mp4", "c-dream.mp4"):
        assert hashes(tmp_path / "out" / name) == hashes(tmp_path / "whole" / name)
    assert names(tmp_path / "out") == names(tmp_path / "whole")
