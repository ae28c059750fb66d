"""What CONTRIBUTING.md shows is applied to a copy of vidream, and used there."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from conftest import textured
from live_helpers import moving_clip

from vidream.media import FrameReader, read_picture, write_picture

HERE = Path(__file__).parent.parent


def additions() -> list[tuple[str, str, str]]:
    """(heading, file, its diff) of everything that the page shows."""
    text = (HERE / "CONTRIBUTING.md").read_text(encoding="utf-8")
    return [
        (heading, path, diff)
        for heading, body in re.findall(r"^### (.+?)\n(.*?)(?=^### |\Z)", text, re.M | re.S)
        for block in re.findall(r"```diff\n(.*?)```", body, re.S)
        for path, diff in re.findall(r"^((?:\+\+\+|---) \S+)\n(.*?)(?=^\+\+\+ |^--- |\Z)", block, re.M | re.S)
    ]


def apply(root: Path, path: str, diff: str) -> None:
    """Write a new file (+++), or change one (---) whose lines must be there as they are shown, and once."""
    kind, _, name = path.partition(" ")
    file = root / name
    assert file.exists() == (kind == "---"), name
    text = file.read_text(encoding="utf-8") if file.exists() else ""
    for hunk in re.split(r"^@@.*\n", diff, flags=re.M):
        lines = hunk.splitlines()
        before, after = ("".join(f"{line[1:]}\n" for line in lines if line[0] in kinds) for kinds in (" -", " +"))
        assert kind == "+++" or not lines or text.count(before) == 1, f"{name} has no such lines, or several: {before}"
        text = text.replace(before, after, 1) if before else text + after
    file.write_text(text, encoding="utf-8")


@pytest.fixture(scope="module")
def changed(tmp_path_factory) -> Path:
    """A copy of vidream with every addition in it."""
    root = tmp_path_factory.mktemp("changed")
    for name in ("vidream", "presets"):
        shutil.copytree(HERE / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
    for _, path, diff in additions():
        apply(root, path, diff)
    return root


DREAM = ["-q", "--size", "64", "--precision", "fp32", "--set", "octaves=1", "--set", "first_steps=2"]
SHEET = ["-q", "--layer", "s1", "--channels", "0-1", "--cell", "32"]
COMMANDS = {
    "plain": ["dream", "a.png", "plain.png", *DREAM],
    "look": ["dream", "a.png", "look.png", *DREAM, "-p", "mosaic_owls"],
    "field": ["dream", "a.png", "field.png", *DREAM, "--set", "peak=1"],
    "objective": ["dream", "a.png", "objective.png", *DREAM, "--set", "contrast=300"],
    "nets": ["nets"],
    "network": ["dream", "a.png", "network.png", *DREAM, "--net", "ripples"],
    "video": ["dream", "a.mp4", "out.3gp", *DREAM, "--duration", "0.3"],
    "picture": ["dream", "a.png", "out.jfif", *DREAM],
    "outputs": ["live", "--output", "list"],
    "live": [
        "live",
        "--camera",
        "a.mp4",
        "--headless",
        "--seconds",
        "0.5",
        "--size",
        "64",
        "-q",
        "--output",
        "pipe=raw",
    ],
    "labels": ["atlas", "labels.png", *SHEET],
    "no labels": ["atlas", "none.png", *SHEET, "--no-labels"],
}
# In one process, as most of the time of a command of these goes into its start.
RUN = """
import contextlib, io, json, sys
from vidream.cli import main
said = {}
for name, words in json.loads(sys.argv[1]).items():
    with contextlib.redirect_stdout(io.StringIO()) as out:
        code = main(words)
    if code:
        sys.exit(f"{words} ended with {code}")
    said[name] = out.getvalue()
print(json.dumps(said))
"""


@pytest.fixture(scope="module")
def ran(changed, tmp_path_factory) -> tuple[Path, dict[str, str]]:
    """The folder in which all commands were run by the changed copy, and what each printed."""
    folder = tmp_path_factory.mktemp("ran")
    write_picture(folder / "a.png", textured(48, 64))
    moving_clip(folder / "a.mp4")
    done = subprocess.run(
        [sys.executable, "-c", RUN, json.dumps(COMMANDS)],
        cwd=folder, env={**os.environ, "PYTHONPATH": str(changed)}, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return folder, json.loads(done.stdout)


def test_every_kind_of_addition_is_shown():
    headings = list(dict.fromkeys(heading for heading, _, _ in additions()))
    assert headings == [
        "a look", "a preset field", "an objective", "a network", "an output format", "a live output",
        "an option that is no preset field",
    ]  # fmt: skip


def test_what_is_shown_is_written_as_the_code_is(changed):
    files = sorted({str(changed / path.split()[1]) for _, path, _ in additions() if path.endswith(".py")})
    config = ["--config", str(HERE / "pyproject.toml")]
    for check in (["check", "-q"], ["format", "--check", "-q"]):
        done = subprocess.run([sys.executable, "-m", "ruff", *check, *config, *files], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("name", ["look", "field", "objective", "network"])
def test_a_look_a_field_an_objective_and_a_network_change_the_dream(ran, name):
    folder, _ = ran
    assert not torch.equal(read_picture(folder / "plain.png"), read_picture(folder / f"{name}.png"))


def test_a_network_and_an_output_are_listed(ran):
    _, said = ran
    assert "ripples" in said["nets"] and "pipe" in said["outputs"].split()


@pytest.mark.parametrize(("name", "kind"), [("out.3gp", "video"), ("out.jfif", "picture")])
def test_formats_are_written_and_read_back(ran, name, kind):
    folder, _ = ran
    with FrameReader(folder / name) as back:
        assert back.kind == kind and len(list(back)) == back.frame_count


def test_a_live_output_gets_the_pictures(ran):
    folder, _ = ran
    assert (folder / "raw").stat().st_size >= 64 * 3


def test_an_option_reaches_its_function(ran):
    folder, _ = ran
    labels, none = read_picture(folder / "labels.png"), read_picture(folder / "none.png")
    assert labels.shape != none.shape or not torch.equal(labels, none)
