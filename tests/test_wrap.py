"""Pictures that go round: tiles and panoramas, and films of them, show no seam where their sides meet."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from conftest import make_tiny_net
from frames_helpers import ffmpeg, make_clip
from wrap_helpers import as_bytes, edge_score, round_texture, steps_between

from vidream import api as files
from vidream.cli import main
from vidream.engine.dreamer import Dreamer
from vidream.engine.gradient import gaussian_blur
from vidream.engine.octaves import on_grid, resized
from vidream.errors import PresetError, SourceError, TargetError
from vidream.looks.preset import Preset
from vidream.media import FrameReader, read_picture, write_picture
from vidream.motion.estimators import DisFlow, FarnebackFlow
from vidream.motion.known import Motion
from vidream.motion.warp import resize_motion, warp, warp_error
from vidream.motion.wrap import Wrap
from vidream.rendering.recipe import Recipe
from vidream.temporal.carry import motions
from vidream.temporal.stream import Stream
from vidream.zoom.endless import Zoom
from vidream.zoom.zoom_job import zoom_film

LOOK = Preset(octaves=3, first_steps=6, steps=2, jitter=8, layers={"block3": 1.0})
# A difference across the edge this many standard deviations above those inside is a seam to the eye.
SEAM = 2.5


def dreamer(wrap="none", *, seed=0, look=LOOK, **options):
    return Dreamer(look, net=make_tiny_net(), seed=seed, **options).wrapped(wrap)


@pytest.mark.parametrize("size", [(40, 60), (160, 180)])
@pytest.mark.parametrize("wrap", [Wrap.HORIZONTAL, Wrap.BOTH])
def test_resizing_goes_round(wrap, size):
    picture = torch.rand(1, 3, 80, 120, generator=torch.Generator().manual_seed(1))
    turn = (20 if wrap.goes_down else 0, 40)
    turned = tuple(shift * new // own for shift, new, own in zip(turn, size, (80, 120), strict=True))
    first = resized(picture.roll(turn, (-2, -1)), size, wrap=wrap)
    assert torch.allclose(first, resized(picture, size, wrap=wrap).roll(turned, (-2, -1)), atol=1e-5)
    assert not torch.allclose(
        resized(picture.roll(turn, (-2, -1)), size), resized(picture, size).roll(turned, (-2, -1)), atol=1e-2
    )
    # Inside, it is what it was.
    inside = (..., slice(8, -8), slice(8, -8))
    assert torch.allclose(resized(picture, size, wrap=wrap)[inside], resized(picture, size)[inside], atol=1e-5)


@pytest.mark.parametrize("side, stride", [(101, 4), (457, 16), (57, 32)])
def test_octaves_that_go_round_are_whole_strides_of_the_network(side, stride):
    (height, width), *_ = on_grid([(side, side)], Wrap.BOTH, stride)
    assert height == width and width % stride == 0 and abs(width - side) <= max(stride / 2, stride - side)
    (height, width), *_ = on_grid([(side, 2 * side)], Wrap.HORIZONTAL, stride)
    assert width % stride == 0 and width == 2 * height
    assert on_grid([(side, side)], Wrap.NONE, stride) == [(side, side)]


@pytest.mark.parametrize("mode", ["bicubic", "bilinear"])
@pytest.mark.parametrize("kind", [torch.float32, torch.float64], ids=["OpenCV", "torch"])
def test_a_warp_goes_round(mode, kind):
    picture = torch.rand(1, 3, 24, 40, generator=torch.Generator().manual_seed(2)).to(kind)
    flow = torch.zeros(1, 2, 24, 40, dtype=kind)
    flow[:, 0], flow[:, 1] = -53, 31  # farther than the picture is wide
    found = warp(picture, flow, mode=mode, wrap=Wrap.BOTH)
    assert torch.allclose(found, picture.roll((-31, 53), (-2, -1)), atol=1e-4)
    flow[:, 1] = 0
    assert torch.allclose(warp(picture, flow, mode=mode, wrap=Wrap.HORIZONTAL), picture.roll(53, -1), atol=1e-4)
    flow[:, 0] = 0.5
    half = warp(picture, flow, mode=mode, wrap=Wrap.HORIZONTAL)
    rolled = warp(picture.roll(7, -1), flow, mode=mode, wrap=Wrap.HORIZONTAL)
    assert torch.allclose(half.roll(7, -1), rolled, atol=1e-4)


@pytest.mark.parametrize("estimate", [DisFlow(), FarnebackFlow()], ids=["dis", "farneback"])
@pytest.mark.parametrize("wrap", [Wrap.HORIZONTAL, Wrap.BOTH])
def test_motion_across_the_edge_is_found_and_believed(estimate, wrap):
    first = round_texture(120, 240, wrap=wrap)
    turn = (5 if wrap.goes_down else 0, 5)
    frames = [first, first.roll(turn, (-2, -1))]

    def errors(wrap):
        *_, (_, motion) = motions(frames, estimate, wrap=wrap)
        flow, mask = resize_motion(*motion, 120, 240, wrap=wrap)
        wanted = torch.tensor([-5.0, -5.0 if turn[0] else 0.0]).view(1, 2, 1, 1)
        off = (flow - wanted).norm(dim=1)
        edge = torch.cat([off[..., :6], off[..., -6:]], -1)
        return float(edge.mean()), float(mask[..., :6].mean()), flow, mask

    error, trust, flow, mask = errors(wrap)
    assert error < 0.4 and trust > 0.97
    assert float(warp_error(frames[1], frames[0], flow, mask, wrap=wrap)) < 1e-4
    error, trust, flow, mask = errors(Wrap.NONE)
    assert error > 1 or trust < 0.5


@pytest.mark.parametrize("tile", [None, 64])
@pytest.mark.parametrize("size", [(72, 96), (75, 101)])
def test_a_dreamed_tile_repeated_shows_no_seam(size, tile):
    for seed in range(3):
        dream = dreamer("both", seed=seed, tile=tile)(round_texture(*size, seed=seed))
        whole = dream.repeat(1, 1, 3, 3)
        for dim, side in ((-1, size[1]), (-2, size[0])):
            found = steps_between(whole, dim)
            seams = found[[side, 2 * side]]
            assert float(seams.max()) <= float(found[1:side].max()) * 1.02
            assert edge_score(dream, dim) < SEAM


def test_a_dreamed_panorama_shows_no_seam_and_its_bottom_does_not_reach_its_top():
    picture = round_texture(72, 120, wrap=Wrap.HORIZONTAL)
    for tile in (None, 64):
        assert edge_score(dreamer("horizontal", tile=tile)(picture), -1) < SEAM
    look = LOOK.replace(octaves=1, first_steps=1, evenness=0.0, colour=0.0)
    other = picture.clone()
    other[..., -12:, :] = 0.2

    def change(wrap):
        step = [dreamer(wrap, look=look)(each) - each for each in (picture, other)]
        # Less the mean: each channel's is taken out of the whole step.
        top = [(each[..., 2:10, :] - each[..., 2:10, :].mean((-2, -1), keepdim=True)).flatten() for each in step]
        return 1 - float(torch.nn.functional.cosine_similarity(*top, dim=0))

    assert change("horizontal") < 1e-4
    # A torus is what other frames are to the network: there the rows at the top see those at the bottom.
    assert change("both") > 1e-3


@pytest.mark.parametrize("how", ["mean-abs", "laplacian", "spectrum"])
def test_every_way_to_normalise_goes_round(how):
    look = LOOK.replace(normalise=how, evenness=1.0, smoothing=2.0)
    for wrap in ("both", "horizontal"):
        dream = dreamer(wrap, look=look)(round_texture(80, 128, wrap=Wrap(wrap)))
        assert edge_score(dream, -1) < SEAM
        assert wrap == "horizontal" or edge_score(dream, -2) < SEAM


def panning(wrap, frames=10, px=5, size=(72, 144)):
    """A film of a round texture that moves by `px` a frame, over its edge."""
    first = round_texture(*size, wrap=wrap, seed=4)
    return [first.roll(px * number, -1) for number in range(frames)]


def test_a_film_that_moves_over_the_edge_keeps_no_seam_and_is_steadier_than_without():
    def figures(wrap):
        stream, scores = Stream(dreamer(wrap)), []
        for frame in panning(Wrap.HORIZONTAL):
            scores.append(edge_score(stream.next(frame), -1))
        return max(scores[2:]), stream.figures

    seam, round_figures = figures("horizontal")
    plain_seam, plain = figures("none")
    assert seam < SEAM < plain_seam
    assert round_figures.cuts == 0
    assert round_figures.warp_error < 0.8 * plain.warp_error


def test_every_place_of_a_panorama_that_turns_stays_warm():
    stream = Stream(dreamer("horizontal"))
    for frame in panning(Wrap.HORIZONTAL, 4):
        stream.next(frame)
    assert float(stream.state()[0]["warm_up"].min()) > 0.9
    plain = Stream(dreamer("none"))
    for frame in panning(Wrap.HORIZONTAL, 4):
        plain.next(frame)
    assert float(plain.state()[0]["warm_up"].min()) < 0.5


def lossless(path, pictures):
    arrays = [as_bytes(each) for each in pictures]
    return make_clip(path, len(arrays), "-c:v", "ffv1", "-pix_fmt", "bgr0", draw=arrays.__getitem__)


def test_a_smaller_size_is_sampled_across_the_sides(tmp_path):
    picture = (round_texture(80, 120, scale=1.4) * 255).round() / 255
    turned = picture.roll((20, 60), (-2, -1))
    clips = [lossless(tmp_path / f"{n}.mkv", [each] * 3) for n, each in enumerate((picture, turned))]
    for n, each in enumerate((picture, turned)):
        write_picture(tmp_path / f"{n}.png", each)
    stills = [tmp_path / "0.png", tmp_path / "1.png"]

    def difference(sources, wrap, size):
        first, second = (next(iter(FrameReader(each, size=size, wrap=wrap))) for each in sources)
        turn = (first.shape[-2] // 4, first.shape[-1] // 2)
        return float((first.roll(turn, (-2, -1)) - second).abs().max())

    for sources in (clips, stills):
        assert difference(sources, "both", 60) <= 1.01 / 255
        assert difference(sources, "both", 240) <= 2.01 / 255
        assert difference(sources, "none", 240) > 4 / 255
    assert difference(clips, "none", 60) > 2 / 255
    with FrameReader(clips[0], size=60, wrap="both") as reader:
        assert len(list(reader)) == 3


@pytest.fixture
def make(tiny_net):
    return lambda preset: Dreamer(preset, net=tiny_net, seed=7)


@pytest.fixture
def clip(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return lossless(tmp_path / "turn.mkv", panning(Wrap.HORIZONTAL, 8))


def test_a_film_read_back_shows_no_seam(clip, make, tmp_path):
    made = files.dream(clip, tmp_path / "round.mp4", preset=LOOK, make_dreamer=make, wrap="horizontal")
    plain = files.dream(clip, tmp_path / "plain.mp4", preset=LOOK, make_dreamer=make, wrap="none")
    raw = tmp_path / "raw"
    scores = {}
    for film in (made, plain):
        ffmpeg("-i", film.path, "-f", "rawvideo", "-pix_fmt", "rgb24", raw)
        frames = np.frombuffer(raw.read_bytes(), np.uint8).reshape(8, 72, 144, 3).astype(np.float32) / 255
        pictures = torch.from_numpy(frames).permute(0, 3, 1, 2)
        scores[film.path.name] = max(edge_score(each[None], -1) for each in pictures[2:])
    assert scores["round.mp4"] < SEAM < scores["plain.mp4"]
    assert Recipe.read(made.path).wrap == "horizontal" and Recipe.read(plain.path).wrap is None


def test_shares_and_a_resumed_film_go_round_as_one_run_does(clip, make, tmp_path):
    class Stops(files.Progress):
        def frame(self, picture, frames):
            if frames == 4:
                raise RuntimeError("power cut")

    whole = files.dream(clip, tmp_path / "whole.mkv", preset=LOOK, make_dreamer=make, wrap="both")
    shared = files.dream(clip, tmp_path / "shared.mkv", preset=LOOK, make_dreamer=make, wrap="both", shots=(1, 1))
    target = tmp_path / "resumed.mkv"
    with pytest.raises(RuntimeError):
        files.dream(clip, target, preset=LOOK, make_dreamer=make, wrap="both", progress=Stops())
    with pytest.raises(TargetError, match="wrap was"):
        files.dream(clip, target, preset=LOOK, make_dreamer=make, resume=True)
    resumed = files.dream(clip, target, preset=LOOK, make_dreamer=make, wrap="both", resume=True)
    frames = [ffmpeg("-i", each.path, "-f", "framemd5", "-") for each in (whole, shared, resumed)]
    assert frames[0] == frames[1] == frames[2]
    plain = files.dream(clip, tmp_path / "plain.mkv", preset=LOOK, make_dreamer=make)
    assert ffmpeg("-i", plain.path, "-f", "framemd5", "-") != frames[0]


def test_a_dreamer_that_goes_round_need_not_be_told_again(clip, tmp_path):
    made = files.dream(clip, tmp_path / "a.mp4", dreamer=dreamer("both"))
    assert Recipe.read(made.path).wrap == "both"
    made = files.dream(clip, tmp_path / "b.mp4", dreamer=dreamer("both"), wrap="none")
    assert Recipe.read(made.path).wrap is None


def test_odd_sides_of_a_tile_in_video_are_said(tmp_path, make):
    film = lossless(tmp_path / "odd.mkv", [round_texture(41, 64)] * 2)
    assert (
        "line was repeated"
        in files.dream(film, tmp_path / "a.mp4", preset=LOOK, make_dreamer=make, wrap="both").warning
    )
    assert files.dream(film, tmp_path / "b.mp4", preset=LOOK, make_dreamer=make).warning is None


def test_a_mask_goes_round(clip, make, tmp_path):
    bright = torch.zeros(1, 3, 18, 36)
    bright[..., :2] = 1
    write_picture(tmp_path / "mask.png", bright)
    from vidream.rendering.side_inputs import mask_frames

    for wrap, reaches in (("horizontal", True), ("none", False)):
        with FrameReader(clip, wrap=wrap) as reader:
            mask = next(mask_frames(tmp_path / "mask.png", like=reader))
        assert (float(mask[..., -1].max()) > 0.2) is reaches


def test_like_takes_the_wrap_of_the_film(clip, capsys):
    look = ["--net", "dreamnet", "--set", "octaves=1", "--set", "subject="]
    assert main(["dream", str(clip), "a.mp4", "-q", "--wrap", "both", "--duration", "0.1", *look]) == 0
    assert main(["dream", str(clip), "b.mp4", "-q", "--like", "a.mp4", "--duration", "0.1"]) == 0
    assert Recipe.read("b.mp4").wrap == "both"
    assert main(["dream", str(clip), "c.mp4", "-q", "--like", "a.mp4", "--wrap", "none", "--duration", "0.1"]) == 0
    assert Recipe.read("c.mp4").wrap is None


def test_an_unknown_wrap_is_said_in_one_line(clip, capsys):
    with pytest.raises(SourceError, match='wrap cannot be "round"; give none, horizontal, both'):
        files.dream(clip, "a.mp4", wrap="round")
    with pytest.raises(SystemExit) as ended:
        main(["dream", str(clip), "--wrap", "round"])
    assert ended.value.code == 2


def test_a_tile_that_pans_stays_a_tile():
    picture = round_texture(64, 96, seed=3)
    zoom = Zoom(picture, dreamer("both"), Motion(scale=1.0, pan_x=1.3, pan_y=0.4), rate=25)
    for _ in range(5):
        frame = zoom.advance()
        assert frame.shape == picture.shape
        assert edge_score(frame, -1) < SEAM and edge_score(frame, -2) < SEAM


def test_a_pan_by_whole_pixels_moves_a_tile_round_its_sides():
    look = LOOK.replace(steps=0, first_steps=1)
    zoom = Zoom(round_texture(64, 96), dreamer("both", look=look), Motion(scale=1.0, pan_x=25 * 3 / 96), rate=25)
    first = zoom.picture
    moved = zoom.advance()
    assert float((moved - first.roll(-3, -1)).abs().mean()) < 0.01
    assert float((moved - first.roll(3, -1)).abs().mean()) > 0.03


def test_a_film_of_a_tile_that_pans_in_a_loop_is_made_of_tiles(tmp_path):
    write_picture(tmp_path / "tile.png", round_texture(64, 96))
    made = zoom_film(
        tmp_path / "tile.png", tmp_path / "%02d.png", wrap="both", motion=Motion(scale=1.0, pan_x=0.5), loop=True,
        seconds=0.4, preset=LOOK, make_dreamer=lambda preset: dreamer(look=preset),
    )  # fmt: skip
    with FrameReader(made.path) as reader:
        frames = list(reader)
    assert len(frames) == 10
    assert all(edge_score(frame, dim) < SEAM for frame in frames for dim in (-1, -2))
    assert Recipe.read(tmp_path / "01.png").wrap == "both"


def test_zooms_that_cannot_go_round_are_refused_in_one_line(tmp_path, capsys):
    with pytest.raises(PresetError, match="panorama cannot be zoomed into"):
        zoom_film(None, tmp_path / "a.mp4", wrap="horizontal")
    with pytest.raises(PresetError, match="a tile that grows or turns no longer is one"):
        zoom_film(None, tmp_path / "a.mp4", wrap="both", motion=Motion())
    assert main(["zoom", str(tmp_path / "a.mp4"), "--wrap", "both"]) == 1
    assert "--scale" in capsys.readouterr().err
    write_picture(tmp_path / "tile.png", round_texture(64, 64))
    with pytest.raises(SourceError, match="cannot be cut"):
        zoom_film(
            tmp_path / "tile.png", tmp_path / "a.mp4", wrap="both", size=(96, 64), motion=Motion(scale=1.0),
            make_dreamer=lambda preset: dreamer(),
        )  # fmt: skip


def test_a_still_keeps_its_sides_in_the_file(tmp_path, make):
    write_picture(tmp_path / "tile.png", round_texture(75, 100, seed=5))
    made = files.dream(tmp_path / "tile.png", preset=LOOK, make_dreamer=make, wrap="both")
    dream = read_picture(made.path)
    assert edge_score(dream, -1) < SEAM and edge_score(dream, -2) < SEAM
    # The measure sees a seam where there is one.
    cut = gaussian_blur(dream[..., :-9], 0.5)
    assert edge_score(cut, -1) > SEAM
