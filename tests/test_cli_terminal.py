"""Terminals, pipes and unforeseen errors: a command ends with the right code and one line, and loses nothing."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from conftest import textured
from frames_helpers import make_clip

import vidream
from vidream.cli import main
from vidream.media import write_picture
from vidream.media.ffmpeg import ffmpeg_path

ROOT = str(Path(vidream.__file__).parent.parent)
NO_DREAM = ["-p", "fast", "--set", "octaves=1", "--set", "steps=0", "--set", "first_steps=0"]
posix_only = pytest.mark.skipif(sys.platform == "win32", reason="POSIX pipes and names")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    make_clip(tmp_path / "a.mp4", 3)
    return tmp_path


def run(*words, stdout=subprocess.PIPE, **environment: str):
    """The finished process of one command, its output as bytes."""
    command = [sys.executable, "-m", "vidream", *words]
    place = {**os.environ, "PYTHONPATH": ROOT, **environment}
    return subprocess.run(command, stdout=stdout, stderr=subprocess.PIPE, env=place, timeout=120)


@posix_only
@pytest.mark.parametrize("encoding", ["cp1252", "ascii", "latin-1", "utf-16", "utf-8"])
def test_a_name_that_the_terminal_cannot_print_is_spelled_somehow(folder, encoding, monkeypatch):
    (folder / "[red]日本.mp4").write_bytes((folder / "a.mp4").read_bytes())
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding=encoding, errors="strict") for _ in range(2))
    monkeypatch.setattr("sys.stdout", out)
    monkeypatch.setattr("sys.stderr", err)
    assert main(["dream", "[red]日本.mp4", "--report", "r.html", *NO_DREAM]) == 0
    assert main(["dream", "語.mp4", *NO_DREAM]) == 1
    assert (folder / "[red]日本-dream.mp4").is_file() and (folder / "r.html").is_file()
    spelled = "日本" if encoding.startswith("utf") else "\\u65e5\\u672c"
    err.flush()
    shown, said = (each.buffer.getvalue().decode(encoding) for each in (out, err))
    assert shown == f"[red]{spelled}-dream.mp4\n"
    assert (f"[red]{spelled}.mp4  64x48" in said and "語" in said) or "\\u8a9e" in said


@posix_only
def test_a_system_without_any_encoding_is_no_obstacle(folder):
    (folder / "日本.mp4").write_bytes((folder / "a.mp4").read_bytes())
    plain = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    done = run("dream", "日本.mp4".encode(), "--report", "r.html", *NO_DREAM, **plain)
    assert done.returncode == 0 and b"Traceback" not in done.stderr, done.stderr
    assert done.stdout == "日本-dream.mp4\n".encode()
    assert (folder / "日本-dream.mp4").is_file() and (folder / "r.html").is_file()


@posix_only
def test_a_name_of_no_encoding_reaches_the_next_program_byte_for_byte(folder):
    name = b"caf\xe9.mp4"
    try:
        Path(os.fsdecode(name)).write_bytes((folder / "a.mp4").read_bytes())
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")
    done = run("dream", name, "--sidecar", *NO_DREAM, PYTHONIOENCODING="utf-8")
    assert done.returncode == 0 and b"Traceback" not in done.stderr, done.stderr
    assert done.stdout == b"caf\xe9-dream.mp4\n"


def test_a_name_cannot_move_the_cursor_or_colour_the_terminal(folder, capsys):
    if sys.platform == "win32":
        pytest.skip("Windows has no such names")
    name = "\x1b[31m[red]\nnothing].mp4"
    (folder / name).write_bytes((folder / "a.mp4").read_bytes())
    assert main(["dream", name, "out.mp4", *NO_DREAM]) == 0
    assert "?[31m[red]?nothing].mp4  " in capsys.readouterr().err
    assert main(["dream", f"{name}x", "out.mp4", *NO_DREAM]) == 1
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
@pytest.mark.parametrize("words", [["presets"], ["presets", "eyes"], ["dream", "--help"]])
def test_a_full_disk_behind_standard_output_is_one_line_and_exit_1(folder, words):
    with Path("/dev/full").open("w") as full:
        done = run(*words, stdout=full)
    assert done.returncode == 1
    assert done.stderr == b"vidream: standard output cannot be written (No space left on device)\n"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
def test_the_film_stays_where_its_name_cannot_be_printed(folder):
    with Path("/dev/full").open("w") as full:
        done = run("dream", "a.mp4", *NO_DREAM, stdout=full)
    assert done.returncode == 1 and done.stderr.endswith(b"(No space left on device)\n")
    assert sorted(path.name for path in folder.iterdir()) == ["a-dream.mp4", "a.mp4"]


@posix_only
@pytest.mark.parametrize("closed", [">&-", "<&- >&- 2>&-"])
def test_closed_streams_change_nothing_about_the_film(folder, closed):
    command = f'"$0" -m vidream dream a.mp4 {" ".join(NO_DREAM)} {closed}'
    done = subprocess.run(["sh", "-c", command, sys.executable], env={**os.environ, "PYTHONPATH": ROOT}, timeout=120)
    assert done.returncode == 0
    assert (folder / "a-dream.mp4").read_bytes()[4:8] == b"ftyp"


@posix_only
@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_a_reader_who_has_gone_is_no_error_message(folder, stream):
    reading, writing = os.pipe()
    os.close(reading)
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, stream: writing}
    command = [sys.executable, "-m", "vidream", "dream", "a.mp4", *NO_DREAM]
    done = subprocess.run(command, env={**os.environ, "PYTHONPATH": ROOT}, timeout=120, **pipes)
    os.close(writing)
    assert (folder / "a-dream.mp4").is_file()
    if stream == "stdout":
        assert done.returncode == 1 and b"vidream:" not in done.stderr and b"Traceback" not in done.stderr
    else:
        # Nobody reads the progress; the film is made all the same.
        assert (done.returncode, done.stdout) == (0, b"a-dream.mp4\n")


def logs(folder):
    return sorted(folder.rglob("error-*.log"))


def broken(error):
    def fail(*_: object, **__: object) -> None:
        raise error

    return fail


@pytest.mark.parametrize("option", ["", "--mask", "--like", "--weights", "--report", "--record-steps", "--preset"])
def test_a_name_that_no_file_system_takes_is_one_line(folder, capsys, option):
    name = "n" * 5000
    assert main(["dream", *(["a.mp4", "o.mp4", option, f"{name}.html"] if option else [name]), *NO_DREAM[2:]]) == 1
    said = capsys.readouterr().err
    assert said.splitlines()[-1].startswith("vidream: ") and "unexpected" not in said
    assert logs(folder) == []


@pytest.mark.parametrize(
    "error", [KeyError("x"), AssertionError(), RecursionError("too deep"), OSError(5, "I/O error"), BrokenPipeError()]
)
def test_what_nobody_foresaw_is_one_line_with_the_path_of_a_log(folder, capsys, monkeypatch, error):
    monkeypatch.setattr("vidream.api.dream", broken(error))
    words = ["dream", "a.mp4", "--mask", "http://me:hidden@host/x"]
    assert main(words) == 1
    said = capsys.readouterr().err
    (log,) = logs(folder)
    assert said.count("\n") == 1 and said.startswith(f"vidream: unexpected {type(error).__name__}") and str(log) in said
    text = log.read_text(encoding="utf-8")
    for part in ("Traceback", type(error).__name__, "vidream dream a.mp4", vidream.__version__, "torch"):
        assert part in text
    assert "hidden" not in text
    with pytest.raises(type(error)):
        main([*words, "--debug"])
    assert len(logs(folder)) == 1


def test_a_log_without_a_place_still_leaves_one_line(folder, capsys, monkeypatch):
    monkeypatch.setattr("vidream.api.dream", broken(KeyError("x")))
    monkeypatch.setattr("tempfile.mkstemp", broken(OSError(28, "No space left on device")))
    assert main(["dream", "a.mp4"]) == 1
    assert capsys.readouterr().err == "vidream: unexpected KeyError: 'x'; for details add --debug\n"


def test_old_logs_do_not_pile_up(folder, monkeypatch):
    monkeypatch.setattr("vidream.api.dream", broken(KeyError("x")))
    monkeypatch.setattr("vidream.cli.failures.MOST_LOGS", 3)
    for _ in range(5):
        assert main(["dream", "a.mp4"]) == 1
    assert len(logs(folder)) == 3


def test_the_token_of_a_server_is_in_no_log(folder, monkeypatch):
    monkeypatch.setattr("vidream.cli.cmd_web.check_extra", broken(KeyError("secret-of-mine")))
    assert main(["web", "--token", "secret-of-mine"]) == 1
    assert "secret-of-mine" not in logs(folder)[0].read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (KeyboardInterrupt(), "stopped; nothing was written"),
        (MemoryError(), "out of memory; use smaller tiles"),
    ],
)
def test_interrupts_and_memory_have_words_of_their_own(folder, capsys, monkeypatch, error, words):
    monkeypatch.setattr("vidream.api.dream", broken(error))
    assert main(["dream", "a.mp4"]) == 1
    said = capsys.readouterr().err
    assert said.startswith(f"vidream: {words}") and said.count("\n") == 1
    assert logs(folder) == []


def test_a_thread_that_fails_is_one_line_too(folder, capsys, monkeypatch):
    def start(*_: object, **__: object) -> None:
        thread = threading.Thread(target=broken(KeyError("in a thread")))
        thread.start()
        thread.join()
        raise SystemExit(0)

    monkeypatch.setattr("vidream.api.dream", start)
    with pytest.raises(SystemExit):
        main(["dream", "a.mp4"])
    said = capsys.readouterr().err
    assert said.startswith("vidream: unexpected KeyError") and said.count("\n") == 1
    assert "in a thread" in logs(folder)[0].read_text(encoding="utf-8")


@pytest.mark.parametrize("value", ["/opt/nosuch", "a.mp4", "no-program"])
def test_an_ffmpeg_of_the_user_that_does_not_run_names_the_variable(folder, capsys, monkeypatch, value):
    (folder / "no-program").write_text("not a program\n")
    (folder / "no-program").chmod(0o755)
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(folder / value))
    monkeypatch.setenv("COLUMNS", "300")
    write_picture(folder / "still.png", textured(64, 64))
    ffmpeg_path.cache_clear()
    try:
        assert main(["dream", "still.png", "film.mp4", "--duration", "0.2", *NO_DREAM]) == 1
        said = capsys.readouterr().err.splitlines()
        assert said[-1].startswith("vidream: ") and "IMAGEIO_FFMPEG_EXE" in said[-1] and "Traceback" not in said
        if value != "no-program":  # before any work
            assert len(said) == 1 and not (folder / "film.mp4.vidream").exists()
        assert main(["doctor"]) == 1
        assert "IMAGEIO_FFMPEG_EXE" in capsys.readouterr().out
        monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", "")  # as if it were not set
        ffmpeg_path.cache_clear()
        assert main(["dream", "still.png", "film.mp4", "-q", "--duration", "0.2", *NO_DREAM]) == 0
    finally:
        ffmpeg_path.cache_clear()
