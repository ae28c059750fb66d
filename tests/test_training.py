"""The embedded network's making: motifs, scenes, the trainer, and what it ships."""

from __future__ import annotations

import inspect

import pytest
import torch
import torch.nn.functional as F

from vidream.networks.dreamnet import WEIGHTS, DreamNet, SmoothKernel, load_dreamnet
from vidream.training.hyperparameters import Hyperparameters, Stage
from vidream.training.judge import NOTHING, Judge, views
from vidream.training.motifs import MOTIFS
from vidream.training.scenes import MotifBank, Scenes
from vidream.training.train import Trainer, save_dreamnet

TWO = ["dog", "lion"]
TINY = Hyperparameters(
    stages=(Stage(32, 60, 24),), each=8, motif_px=32, grounds=16, widths=(8, 16, 32, 32), radius=(0.3, 0.3),
    learning_rate=5e-3,
)  # fmt: skip


def dice(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def scenes() -> Scenes:
    return Scenes(MotifBank(TWO, 4, 32, seed=0), dice(), grounds=8)


@pytest.mark.parametrize("name", sorted(MOTIFS))
def test_a_motif_is_painted_in_many_ways_and_the_same_way_again(name):
    motif = MOTIFS[name]
    painted = motif.paint(3, 40, dice())
    assert painted.shape == (3, 4, 40, 40)
    assert painted.isfinite().all()
    assert painted.min() >= 0 and painted.max() <= 1
    # Colours come multiplied by alpha.
    assert (painted[:, :3] <= painted[:, 3:] + 1e-5).all()
    covered = painted[:, 3].mean((1, 2))
    assert (covered > (0.97 if motif.pose.fills else 0.1)).all(), covered
    assert painted[:, :3].flatten(2).std(2).max() > 0.05
    assert (painted[0] - painted[1]).abs().mean() > 0.02
    assert torch.equal(painted, motif.paint(3, 40, dice()))
    assert inspect.getdoc(motif.painter)


def test_there_are_enough_motifs_in_enough_groups():
    groups: dict[str, int] = {}
    for motif in MOTIFS.values():
        groups[motif.group] = groups.get(motif.group, 0) + 1
    assert len(MOTIFS) >= 80
    assert len(groups) >= 8
    assert min(groups.values()) >= 5


def test_scenes_say_what_is_seen_where(scenes):
    batch = scenes.batch(24, 48)
    assert batch.pictures.shape == (24, 3, 48, 48)
    assert batch.cells.shape == (24, 3, 3, 3)
    assert torch.allclose(batch.cells.sum(1), torch.ones(24, 3, 3), atol=1e-4)
    assert torch.allclose(batch.scene.sum(1), torch.ones(24), atol=1e-4)
    # The main motif is never covered by another, and most of the scene's label is its.
    assert (batch.scene.gather(1, batch.main[:, None]) >= 0.25).all()


def test_scenes_come_again_from_the_same_seed():
    first, second = (Scenes(MotifBank(TWO, 2, 32, seed=3), dice(3), grounds=8).batch(4, 32) for _ in range(2))
    assert torch.equal(first.pictures, second.pictures)
    assert torch.equal(first.cells, second.cells)


def test_smooth_kernels_give_every_phase_of_the_pixel_grid_the_same_gradient():
    kernel = SmoothKernel()(torch.randn(5, 3, 5, 5, generator=dice()))
    picture = torch.rand(1, 3, 24, 24, requires_grad=True)
    F.conv2d(picture, kernel, stride=2, padding=2).sum().backward()
    inside = picture.grad[..., 6:-6, 6:-6]
    assert torch.allclose(inside, inside[..., :1, :1].expand_as(inside), atol=1e-5)


def test_the_shipped_network_has_no_grid_in_its_gradient():
    net = load_dreamnet().module
    for conv in net.strided:
        phases = [conv.weight[:, :, row::2, column::2].sum((2, 3)) for row in (0, 1) for column in (0, 1)]
        for phase in phases[1:]:
            assert torch.allclose(phase, phases[0], atol=0.02 * float(conv.weight.detach().abs().sum((2, 3)).max()))


def test_training_lowers_the_loss_and_comes_again_from_its_seed():
    seen = []
    first = Trainer(TINY, names=TWO)
    net = first.run(seen.append, every=10)
    assert seen[-1].loss < 0.93 * seen[0].loss
    again = Trainer(TINY, names=TWO).run()
    assert all(torch.equal(a, b) for a, b in zip(net.state_dict().values(), again.state_dict().values(), strict=True))


def test_the_attack_raises_the_loss_within_its_radius(scenes):
    trainer = Trainer(TINY, names=TWO)
    trainer.run()
    batch = scenes.batch(16, 32)
    attacked = trainer._attacked(batch.pictures, batch, 1.0)
    assert (attacked - batch.pictures).flatten(1).norm(dim=1).max() <= 1.0 + 1e-4
    with torch.no_grad():
        assert trainer._loss(attacked, batch)[0] > trainer._loss(batch.pictures, batch)[0]


def test_a_trained_network_is_written_and_read_back(tmp_path):
    trainer = Trainer(TINY, names=TWO)
    save_dreamnet(trainer.network(), TWO, TINY, tmp_path / "net.safetensors")
    net, classes, groups, _ = load_dreamnet(tmp_path / "net.safetensors")
    assert classes == TWO
    assert groups == {"beasts": TWO}
    picture = torch.rand(1, 3, 32, 32)
    assert torch.allclose(net.eval()(picture), trainer.network()(picture), atol=0.02)


def test_what_ships_is_small_and_knows_the_motifs():
    net, classes, groups, _ = load_dreamnet()
    assert WEIGHTS.stat().st_size < 6e6
    assert sum(parameter.numel() for parameter in net.parameters()) < 3e6
    assert sorted(classes) == sorted(MOTIFS)
    assert {name: motif.group for name, motif in MOTIFS.items()} == {
        name: group for group, names in groups.items() for name in names
    }


def test_a_judge_names_what_it_sees(tmp_path):
    save_dreamnet(DreamNet(3, TINY.widths), TWO, TINY, tmp_path / "judge.safetensors")
    judge = Judge(tmp_path / "judge.safetensors")
    picture = views([])[0]
    shares = judge.shares(picture)
    assert sum(shares.values()) == pytest.approx(1, abs=1e-5)
    assert set(shares) == {"beasts", NOTHING}
    assert judge.name(picture) in shares
