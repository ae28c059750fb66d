from __future__ import annotations

import subprocess
import sys

import pytest
import torch
import torch.nn.functional as F
from conftest import textured

from vidream.errors import NetError
from vidream.looks import preset as looks
from vidream.motion.consistency import EXPLAINED, UNEXPLAINED, agreement, consistency_mask, motion
from vidream.motion.cuts import is_cut as cut_between
from vidream.motion.estimators import ESTIMATORS, DisFlow, FarnebackFlow, RaftFlow
from vidream.motion.luma_pyramid import LumaPyramid
from vidream.motion.remap import scaled
from vidream.motion.warp import warp, warp_error


def moved(dx: int, dy: int) -> tuple[torch.Tensor, torch.Tensor]:
    """(current, previous): everything has moved by (dx, dy) px to the right and down."""
    big = textured(160, 200)
    return big[..., 30 - dy : 126 - dy, 30 - dx : 158 - dx], big[..., 30:126, 30:158]


@pytest.mark.parametrize("estimate", [DisFlow(), FarnebackFlow()])
def test_backward_flow_points_to_where_things_came_from(estimate):
    current, previous = moved(4, 2)
    found = estimate(current, previous)[..., 16:-16, 16:-16]
    # Things moved right and down, so their past lies left and up.
    assert float(found[:, 0].median()) == pytest.approx(-4, abs=0.5)
    assert float(found[:, 1].median()) == pytest.approx(-2, abs=0.5)


def test_flow_follows_a_moving_square_and_leaves_its_ground_alone():
    ground, square = textured(96, 128, seed=1), textured(24, 24, seed=2)
    previous, current = ground.clone(), ground.clone()
    previous[..., 30:54, 40:64] = square
    current[..., 30:54, 45:69] = square
    found = DisFlow()(current, previous)
    assert float(found[:, 0, 34:50, 49:65].median()) == pytest.approx(-5, abs=0.7)
    assert float(found[..., 70:90, 80:120].abs().median()) < 0.2


def test_warping_the_previous_frame_gives_the_current_one():
    current, previous = moved(5, -3)
    found, mask = motion(current, previous, DisFlow())
    inside = (..., slice(12, -12), slice(12, -12))
    error = (warp(previous, found) - current).abs()[inside].mean()
    unmoved = (previous - current).abs()[inside].mean()
    assert float(error) < float(unmoved) / 5
    assert float(mask[inside].mean()) > 0.9


def test_motion_worked_out_small_is_in_full_size_pixels():
    current, previous = moved(4, 2)
    found, _ = motion(current, previous, DisFlow(), side_px=64)
    assert found.shape == (1, 2, 96, 128)
    assert float(found[:, 0, 16:-16, 16:-16].median()) == pytest.approx(-4, abs=0.7)


@pytest.mark.parametrize("mode", ["bilinear", "bicubic"])
def test_warp_by_zero_flow_changes_nothing_over_1000_rounds(mode):
    picture = textured(33, 50)
    still = torch.zeros(1, 2, 33, 50)
    carried = picture
    for _ in range(1000):
        carried = warp(carried, still, mode=mode)
    # Rounding of the sampling grid only: a convention half a pixel off would move it by 500 px.
    assert float((carried - picture).abs().max()) < 2e-3


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_warp_by_opencv_is_torchs(channels):
    picture = torch.cat([textured(60, 90, seed) for seed in range(2)], 1)[:, :channels].repeat(2, 1, 1, 1)
    flow_px = 6 * F.interpolate(torch.rand(2, 2, 7, 9) - 0.5, (60, 90), mode="bicubic")
    flow_px[..., :3, :] -= 20
    ys, xs = torch.meshgrid(torch.arange(60.0), torch.arange(90.0), indexing="ij")
    grid = torch.stack([(xs + flow_px[:, 0]) * 2 / 89 - 1, (ys + flow_px[:, 1]) * 2 / 59 - 1], -1)
    wanted = F.grid_sample(picture, grid, mode="bicubic", padding_mode="border", align_corners=True)
    # OpenCV 4 knows places to 1/32 px only.
    assert float((warp(picture, flow_px) - wanted).abs().max()) < 0.02


def test_warp_by_whole_pixels_is_a_shift():
    picture = textured(20, 30)
    shift = torch.zeros(1, 2, 20, 30)
    shift[:, 0], shift[:, 1] = 3, -2
    out = warp(picture, shift)
    assert torch.allclose(out[..., 2:, :-3], picture[..., :-2, 3:], atol=1e-4)


def test_warp_refuses_a_flow_of_another_size():
    with pytest.raises(ValueError, match="does not fit"):
        warp(torch.zeros(1, 3, 8, 8), torch.zeros(1, 2, 8, 9))


def test_the_mask_is_0_where_something_is_uncovered():
    ground, square = textured(96, 128, seed=1), textured(32, 32, seed=2)
    previous, current = ground.clone(), ground.clone()
    previous[..., 30:62, 40:72] = square
    current[..., 30:62, 52:84] = square
    _, mask = motion(current, previous, DisFlow())
    uncovered, far = mask[..., 34:58, 42:50].mean(), mask[..., 70:90, 90:120].mean()
    assert float(uncovered) < 0.5 < 0.95 < float(far)


def test_the_mask_is_0_where_the_flow_leaves_the_frame():
    there = torch.full((1, 2, 40, 60), 0.0)
    there[:, 0] = 10
    grey = torch.full((1, 3, 40, 60), 0.5)
    mask = consistency_mask(there, grey, grey)
    assert float(mask[..., 5:-5, -8:].max()) == 0
    assert float(mask[..., 5:-5, 5:40].min()) == 1


def test_the_mask_is_1_where_the_colours_explain_a_doubtful_flow():
    grey = torch.full((1, 3, 40, 60), 0.5)
    there = torch.randn(1, 2, 40, 60, generator=torch.Generator().manual_seed(0)).clamp(-2, 2)
    other = grey + 0.05 * torch.randn(1, 1, 40, 60, generator=torch.Generator().manual_seed(1))
    plain, explained = consistency_mask(there, grey, other), consistency_mask(there, grey, grey)
    assert float(plain[..., 5:-5, 5:-5].mean()) < 0.3
    assert float(explained[..., 5:-5, 5:-5].mean()) == pytest.approx(1)


def test_a_cut_is_seen_and_a_pan_a_flash_and_noise_are_not():
    big = textured(120, 260)
    shot, panned = big[..., :100, :160], big[..., 12:112, 70:230]
    other = textured(100, 160, seed=9) * torch.tensor([0.9, 0.5, 0.2]).view(1, 3, 1, 1)
    noisy = (shot + 0.05 * torch.randn(shot.shape, generator=torch.Generator().manual_seed(0))).clamp(0, 1)

    def is_cut(current, previous):
        return cut_between(LumaPyramid(current), LumaPyramid(previous))

    assert is_cut(other, shot)
    assert not is_cut(panned, shot)
    assert not is_cut((shot * 1.6 + 0.2).clamp(0, 1), shot)
    assert not is_cut(noisy, shot)
    assert not is_cut(torch.zeros_like(shot), torch.zeros_like(shot))


def test_warp_error_is_zero_for_what_moves_along_and_counts_what_flickers():
    previous = textured(40, 60)
    still, all_of_it = torch.zeros(1, 2, 40, 60), torch.ones(1, 1, 40, 60)
    assert warp_error(previous, previous, still, all_of_it) == pytest.approx(0, abs=1e-9)
    brighter = previous * 0.5 + 0.3
    expected = float((brighter - previous).square().mean())
    assert warp_error(brighter, previous, still, all_of_it) == pytest.approx(expected, rel=1e-4)
    thinned = warp_error(brighter, previous, still, all_of_it, every_px=2)
    assert thinned == pytest.approx(expected, rel=0.2)


def test_raft_without_its_weights_says_what_to_do(monkeypatch):
    import torchvision.models.optical_flow as models

    def unreachable(**_: object) -> None:
        raise OSError("no route")

    monkeypatch.setattr(models, "raft_small", unreachable)
    with pytest.raises(NetError, match="use flow="):
        RaftFlow()


def test_raft_gives_flow_of_the_pictures_size(monkeypatch):
    import torchvision.models.optical_flow as models

    make = models.raft_small
    monkeypatch.setattr(models, "raft_small", lambda **_: make(weights=None))
    found = RaftFlow()(*moved(2, 0))
    assert found.shape == (1, 2, 96, 128)


@pytest.mark.parametrize(
    ("kernel", "size"), [("bilinear", (180, 320)), ("bilinear", (101, 203)), ("area", (45, 80)), ("area", (9, 16))]
)
def test_scaling_on_the_processor_is_that_of_torch(kernel, size):
    image = torch.rand(1, 3, 90, 160, generator=torch.Generator().manual_seed(2))
    options = {"align_corners": False} if kernel == "bilinear" else {}
    # In double precision: torch's own places, in single, are off by 1e-5 px.
    wanted = F.interpolate(image.double(), size, mode=kernel, **options).float()
    assert torch.allclose(scaled(image, size, kernel=kernel), wanted, atol=1e-6)
    assert torch.allclose(scaled(image.double(), size, kernel=kernel).float(), wanted, atol=1e-6)


def test_the_mean_stays_where_areas_are_no_whole_pixels():
    # torch rounds their borders to whole pixels, OpenCV shares these out: a ramp stays one.
    ramp = torch.arange(160.0).view(1, 1, 1, 160).expand(1, 1, 90, 160)
    found = scaled(ramp, (37, 60), kernel="area")[0, 0, 0]
    assert torch.allclose(found, (torch.arange(60.0) + 0.5) * 160 / 60 - 0.5, atol=0.1)


def box_mean(image, side):
    return F.avg_pool2d(F.pad(image, (side // 2,) * 4, mode="replicate"), side, stride=1)


def test_the_mask_is_what_the_papers_say_of_each_pixel():
    """Ruder et al. 2016, eq. 6, and the colours, written out in torch."""
    noise = torch.Generator().manual_seed(5)
    smooth = F.interpolate(torch.randn(1, 4, 6, 8, generator=noise), size=(60, 90), mode="bicubic")
    there = 1.5 * smooth[:, :2]
    previous = textured(60, 90)
    current = (warp(previous, there, mode="bilinear") + 0.12 * smooth[:, 2:3].clamp(min=0)).clamp(0, 1)

    energy = (there**2).sum(1, keepdim=True)
    across, down = torch.diff(there, dim=3), torch.diff(there, dim=2)
    edges = F.pad((across**2).sum(1), (0, 1)) + F.pad((down**2).sum(1), (0, 0, 0, 1))
    doubtful = edges[:, None] > 0.01 * energy + 0.002
    off = (current - warp(previous, there, mode="bilinear")).abs().mean(1, keepdim=True)
    off = box_mean(off, 5)
    doubtful = (doubtful & (off > EXPLAINED)) | (off > max(3 * float(off.mean()), UNEXPLAINED))
    rows, columns = torch.meshgrid(torch.arange(60.0), torch.arange(90.0), indexing="ij")
    for place, size in ((columns + there[0, 0], 90), (rows + there[0, 1], 60)):
        doubtful |= (place < -0.5) | (place > size - 0.5)
    wanted = box_mean(1 - doubtful.float(), 3)
    found = consistency_mask(there, current, previous)
    # A pixel may lie on a threshold to the last bit, and counts in nine places.
    assert float((found - wanted).abs().gt(1e-5).float().mean()) < 0.004
    assert 0.2 < float(wanted.mean()) < 0.95 and float(wanted.eq(0).float().mean()) > 0.02


def test_flows_there_and_back_agree_where_one_undoes_the_other_or_colours_are_alike():
    current, previous = textured(60, 90), 1 - textured(60, 90, seed=3)
    there = torch.zeros(1, 2, 60, 90)
    there[:, 0] = 4
    back = -there
    back[..., 45:] = 4  # undoes nothing
    found = agreement(there, back, current, previous)
    assert float(found[..., 5:-5, 5:35].min()) == 1 and float(found[..., 5:-5, 50:80].max()) == 0
    assert float(agreement(there, back, current, warp(current, -there))[..., 8:-8, 8:-14].min()) == 1


def test_every_flow_of_a_preset_has_an_estimator():
    assert set(ESTIMATORS) == set(looks.FLOWS)


def test_flow_between_pyramids_is_that_between_their_pictures():
    current, previous = (LumaPyramid(each) for each in moved(4, 2))
    for estimate in (DisFlow(), FarnebackFlow()):
        assert torch.equal(estimate.between(current, previous), estimate(current.small, previous.small))


def test_importing_starts_no_thread_and_makes_no_executor():
    code = """
import concurrent.futures as futures, threading, torchvision, cv2  # torch makes executors of its own
before = threading.active_count()
def refuse(*_, **__): raise SystemExit("an executor is made at import")
futures.ThreadPoolExecutor.__init__ = refuse
import vidream.cli, vidream.engine, vidream.temporal, vidream.live, vidream.zoom, vidream.bench, vidream.api
raise SystemExit(threading.active_count() - before)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
