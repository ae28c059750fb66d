"""The classics of ten years of DeepDream, each by name from the command line, on a still and on video frames.

Networks have seeded weights: the pictures are noise, but every row's own path is walked.
"""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from vidream.cli import main
from vidream.media import FrameReader, write_picture
from vidream.media.arrays import noise
from vidream.networks import torchvision_models

SAMPLE = Path(__file__).parents[1] / "samples" / "valley.mp4"
QUICK = ["--set", "octaves=2", "--set", "first_steps=2", "-q"]


@pytest.fixture
def work(tmp_path, monkeypatch):
    """A folder with a frame of the sample clip, another as a guide; published weights are seeded ones."""
    monkeypatch.chdir(tmp_path)
    with FrameReader(SAMPLE, size=112, duration_seconds=0.05) as frames:
        write_picture(tmp_path / "still.png", next(iter(frames)))
    with FrameReader(SAMPLE, size=96, start_seconds=5) as frames:
        write_picture(tmp_path / "guide.png", next(iter(frames)))

    def seeded(name: str) -> dict[str, torch.Tensor]:
        torch.manual_seed(0)
        return torchvision_models.untrained_module(name).state_dict()

    monkeypatch.setattr(torchvision_models, "published_state", seeded)
    return tmp_path


def settings(*pairs: str) -> list[str]:
    return [word for pair in pairs for word in ("--set", pair)]


ROWS = {
    "googlenet, 2015": ["-p", "classic"],
    "resnet50, layer3": ["--net", "resnet50", *settings("layers=layer3")],
    "resnet50, batch norm in train mode": ["--net", "resnet50", *settings("layers=layer2", "batch_norm=train")],
    "squeezenet": ["--net", "squeezenet1_1"],
    "mobilenet": ["--net", "mobilenet_v3_large"],
    "densenet": ["--net", "densenet121"],
    "efficientnet": ["--net", "efficientnet_b0"],
    "convnext": ["--net", "convnext_tiny"],
    "one channel": settings("subject=", "layers=s3b", "channels=42"),
    "a class by name": ["--net", "squeezenet1_1", *settings("class_id=tabby")],
    "a class by number": ["--net", "squeezenet1_1", *settings("class_id=281")],
    "several layers": settings("subject=", "layers=s2:0.5,s3b:1,s4:0.2"),
    "guide": settings("subject=", "layers=s3b", "guide=guide.png"),
    "guide and layer mixed": settings("subject=", "layers=s3b", "guide=guide.png", "guide_share=0.5"),
    "several guides": settings("subject=", "layers=s3b", "guide=guide.png,still.png"),
    "guide video": settings("subject=", "layers=s3b", f"guide={SAMPLE}"),
    "style": settings("subject=", "layers=s2,s3b", "guide=guide.png", "style=1", "content=0.5", "tv=0.1"),
    "step by deviation": settings("normalise=std"),
    "laplacian": settings("normalise=laplacian", "lap_levels=3"),
    "smoothing": settings("smoothing=2.5"),
    "blend": settings("blend=0.4"),
    "mask": ["--mask", "guide.png"],
    "mask video": ["--mask", str(SAMPLE)],
    "own colour": settings("keep_colour=1"),
    "schedule": settings("step_size=0:0.002, 0.1s:0.01", "subject.eyes=0:0, 0.1s:1"),
}


@pytest.mark.parametrize("row", ROWS)
def test_a_classic_works_on_a_still_and_on_video(work, row):
    assert main(["dream", "still.png", *ROWS[row], *QUICK]) == 0
    assert main(["dream", str(SAMPLE), "film.mp4", "--size", "64", "--duration", "0.125", *ROWS[row], *QUICK]) == 0
    with FrameReader("still.png") as source, FrameReader("still-dream.png") as dreamed, FrameReader("film.mp4") as film:
        change = (next(iter(dreamed)) - next(iter(source))).abs().mean()
        assert 0.001 < float(change) < 0.3
        assert len(list(film)) == 3


def test_batch_norm_in_train_mode_changes_the_dream(work):
    for mode in ("eval", "train"):
        options = ["--net", "resnet50", *settings("layers=layer2", f"batch_norm={mode}"), *QUICK]
        assert main(["dream", "still.png", f"{mode}.png", *options]) == 0
    with FrameReader("eval.png") as one, FrameReader("train.png") as two:
        assert float((next(iter(one)) - next(iter(two))).abs().mean()) > 0.001


@pytest.mark.parametrize("preset", ["naive", "multiscale", "lapnorm", "creatures"])
def test_dreams_begin_from_noise_too(work, preset):
    assert main(["dream", "--noise", "80x64", "-p", preset, *QUICK]) == 0
    with FrameReader("noise-dream.png") as made:
        picture = next(iter(made))
    assert picture.shape == (1, 3, 64, 80)
    assert float((picture - noise(80, 64)).abs().mean()) > 0.002
    assert main(["dream", "--noise", "80x64", "named.png", "-p", preset, "-q", *settings("first_steps=1")]) == 0
    assert Path("named.png").exists()


def test_the_growing_dream_can_be_recorded_step_by_step(work):
    assert main(["dream", "still.png", "--record-steps", "steps.gif", *QUICK, *settings("first_steps=4")]) == 0
    with FrameReader("steps.gif") as steps:
        pictures = list(steps)
        assert (steps.width, len(pictures)) == (112, 4)
    with FrameReader("still.png") as source:
        frame = next(iter(source))
    changes = [float((picture - frame).abs().mean()) for picture in pictures]
    assert changes[-1] > changes[0]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--noise", "8x8"], "16 to 16384 px"),
        (["still.png", "--mask", "absent.png"], "absent.png"),
        (["still.png", "--set", "guide=absent.png", "--set", "subject="], "absent.png"),
        (["still.png", "--record-steps", "steps.xyz"], "steps.xyz"),
        (["still.png", "--net", "inception5h"], "--weights tensorflow_inception_graph.pb"),
        (["still.png", "--set", "class_id=taby", "--set", "subject="], 'no class "taby" in dreamnet or eff'),
    ],
)
def test_wishes_that_cannot_be_are_one_clear_line(work, capsys, arguments, words):
    before = sorted(work.iterdir())
    assert main(["dream", *arguments]) == 1
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and words in said, said
    assert sorted(work.iterdir()) == before


@pytest.mark.parametrize("arguments", [["--noise", "8"], ["--noise", "80x64", "a.png", "b.png"]])
def test_noise_is_given_by_width_and_height_in_place_of_a_source(work, arguments):
    with pytest.raises(SystemExit) as caught:
        main(["dream", *arguments])
    assert caught.value.code == 2
