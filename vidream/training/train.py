"""train: robust training of dreamnet on painted scenes.

Robust training is what makes gradients paint: the network must keep its answer when the picture is moved
against it by an L2 step (Madry et al. 2018, arXiv:1706.06083), so what moves its answer has to look like
the thing. One attack step from a random start, as in fast training (Wong et al. 2020, arXiv:2001.03994).
"""

from __future__ import annotations

import copy
import json
import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import reduce
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn.utils import parametrize

from vidream.networks.dreamnet import GOOD_LAYERS, MEAN, STD, DreamNet, SmoothKernel
from vidream.training.hyperparameters import Hyperparameters
from vidream.training.motifs import MOTIFS
from vidream.training.scenes import Batch, MotifBank, Scenes

__all__ = ["Figures", "Trainer", "channel_energy", "normalised", "save_dreamnet", "test_accuracy"]

RANDOM_START = 0.7
CELL_SHARE = 0.5


@dataclass(frozen=True)
class Figures:
    """How training goes: means since the last report. accuracy: of the main motif, under attack."""

    step: int
    steps: int
    loss: float
    accuracy: float
    scenes_a_second: float


class _Student(nn.Module):
    """dreamnet for training: with kernels held smooth, and a second head after s3b that is not kept.

    The early head makes the middle layers tell motifs apart as well, so that they are worth dreaming.
    """

    def __init__(self, class_count: int, widths: tuple[int, ...]) -> None:
        super().__init__()
        self.net = DreamNet(class_count + 1, widths)
        for conv in self.net.strided:
            parametrize.register_parametrization(conv, "weight", SmoothKernel())
        self.early = nn.Conv2d(widths[2], class_count + 1, 1)

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        x, early = normalised(pictures), None
        for name, stage in self.net.named_children():
            x = stage(x)
            if name == "s3b":
                early = F.avg_pool2d(self.early(x), 2)
        assert early is not None
        return x, early


class Trainer:
    """Trains one network by a recipe. Everything is drawn from the recipe's seed."""

    def __init__(self, recipe: Hyperparameters, *, names: list[str] | None = None, device: str = "cpu") -> None:
        self.recipe, self.device = recipe, torch.device(device)
        self.names = names or list(MOTIFS)
        self._generator = torch.Generator(self.device).manual_seed(recipe.seed)
        bank = MotifBank(self.names, recipe.each, recipe.motif_px, seed=recipe.seed, device=device)
        self._scenes = Scenes(bank, self._generator, grounds=recipe.grounds)
        with torch.random.fork_rng():
            torch.manual_seed(recipe.seed)
            student = _Student(len(self.names), recipe.widths)
        self._student = student.to(self.device).to(memory_format=torch.channels_last)
        self._mean_student = copy.deepcopy(self._student).eval()
        # fused: one pass over all weights; unfused it took a tenth of a step on two cores.
        self._optimiser = torch.optim.AdamW(
            self._student.parameters(), lr=recipe.learning_rate, weight_decay=recipe.weight_decay, fused=True
        )
        self._step = 0

    def run(self, report: Callable[[Figures], None] | None = None, *, every: int = 50) -> DreamNet:
        """Train to the end of the recipe. Returns the network, averaged and plain, on the CPU."""
        sums, begun, seen = torch.zeros(2), time.monotonic(), 0
        for stage in self.recipe.stages:
            for _ in range(stage.steps):
                sums += self._learn(self._scenes.batch(stage.batch, stage.size_px))
                seen += stage.batch
                if report and self._step % every == 0:
                    pace = seen / (time.monotonic() - begun)
                    loss, accuracy = (sums / every).tolist()
                    report(Figures(self._step, self.recipe.steps, loss, accuracy, pace))
                    sums, begun, seen = torch.zeros(2), time.monotonic(), 0
        return self.network()

    def network(self) -> DreamNet:
        """The network as it is now, averaged, its kernels plain, on the CPU."""
        net = DreamNet(len(self.names) + 1, self.recipe.widths)
        # By attribute, not by state: a parametrized kernel is computed when it is read.
        with torch.no_grad():
            state = {name: reduce(getattr, name.split("."), self._mean_student.net) for name in net.state_dict()}
        net.load_state_dict(state)
        return net.eval()

    def _learn(self, batch: Batch) -> Tensor:
        """One step. Returns (loss, accuracy)."""
        done = self._step / self.recipe.steps
        for group in self._optimiser.param_groups:
            group["lr"] = (
                self.recipe.learning_rate * min(1.0, done / 0.02 + 0.02) * (0.5 + 0.5 * math.cos(math.pi * done))
            )
        pictures = batch.pictures.contiguous(memory_format=torch.channels_last)
        radius = self._radius(done) * pictures.shape[-1] / 64
        if radius:
            pictures = self._attacked(pictures, batch, radius)
        loss, logits = self._loss(pictures, batch)
        self._optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self._student.parameters(), 2.0)
        self._optimiser.step()
        self._step += 1
        self._follow()
        hit = (logits.argmax(1) == batch.main).float().mean()
        return torch.stack([loss.detach(), hit]).cpu()

    def _radius(self, done: float) -> float:
        if self.recipe.radius is None:
            return 0.0
        first, last = self.recipe.radius
        return (first + (last - first) * done) * min(1.0, done / self.recipe.warm)

    def _attacked(self, pictures: Tensor, batch: Batch, radius: float) -> Tensor:
        """The pictures moved against the network by `radius`, L2."""
        start = torch.randn(pictures.shape, generator=self._generator, device=self.device)
        share = torch.rand(len(pictures), 1, 1, 1, generator=self._generator, device=self.device)
        moved = _unit(start) * share * radius * RANDOM_START
        hostile = (pictures + moved).requires_grad_()
        loss, _ = self._loss(hostile, batch)
        (slope,) = torch.autograd.grad(loss, hostile)
        moved = moved + _unit(slope) * radius
        moved = moved * (radius / _length(moved).clamp(min=radius))
        return (pictures + moved).clamp(0, 1).detach().contiguous(memory_format=torch.channels_last)

    def _loss(self, pictures: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
        with torch.autocast(self.device.type, torch.bfloat16):
            head, early = self._student(pictures)
        head, early = head.float(), early.float()
        logits = head[:, :-1].mean((2, 3))
        scene = -(batch.scene * F.log_softmax(logits, 1)).sum(1).mean()
        cells = -(batch.cells * F.log_softmax(head, 1)).sum(1).mean()
        shallow = -(batch.cells * F.log_softmax(early, 1)).sum(1).mean()
        return scene + CELL_SHARE * cells + self.recipe.early * shallow, logits

    @torch.no_grad()
    def _follow(self) -> None:
        keep = min(self.recipe.average, self._step / (self._step + 20))
        pairs = zip(self._mean_student.state_dict().values(), self._student.state_dict().values(), strict=True)
        for mean, now in pairs:
            if mean.dtype.is_floating_point:
                mean.lerp_(now, 1 - keep)
            else:
                mean.copy_(now)


def test_accuracy(net: nn.Module, scenes: Scenes, *, batches: int, size_px: int = 64, batch: int = 64) -> float:
    """Share of scenes whose main motif `net` names, 0..1; nothing attacks them."""
    hits = 0
    for _ in range(batches):
        found = scenes.batch(batch, size_px)
        with torch.no_grad():
            logits = net(normalised(found.pictures))[:, :-1].mean((2, 3))
        hits += int((logits.argmax(1) == found.main).sum())
    return hits / (batches * batch)


def channel_energy(net: DreamNet, scenes: Scenes, *, batches: int = 8, size_px: int = 96) -> dict[str, list[float]]:
    """Mean squared activation of every channel of the good layers over scenes."""
    sums: dict[str, Tensor] = {}
    for _ in range(batches):
        x = normalised(scenes.batch(32, size_px).pictures)
        with torch.no_grad():
            for name, stage in list(net.named_children())[:-1]:
                x = stage(x)
                if name in GOOD_LAYERS:
                    sums[name] = sums.get(name, torch.zeros(1)) + x.square().mean((0, 2, 3)) / batches
    return {name: [float(f"{value:.4g}") for value in found.tolist()] for name, found in sums.items()}


def save_dreamnet(
    net: DreamNet, names: list[str], recipe: Hyperparameters, path: Path, energy: dict[str, list[float]] | None = None
) -> None:
    """Write `net` as safetensors, half precision, with what it knows and how it came to be.

    energy: as `channel_energy` gives it.
    """
    groups: dict[str, list[str]] = {}
    for name in names:
        groups.setdefault(MOTIFS[name].group, []).append(name)
    state = {
        key: (value.half() if value.is_floating_point() else value).contiguous()
        for key, value in net.state_dict().items()
    }
    about = {
        "classes": names,
        "groups": groups,
        "widths": recipe.widths,
        "recipe": asdict(recipe),
        "energy": energy or {},
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(state, path, {key: json.dumps(value) for key, value in about.items()})


def normalised(pictures: Tensor) -> Tensor:
    """Pictures [B,3,H,W], RGB, 0..1, as dreamnet takes them."""
    mean, std = (torch.tensor(each, device=pictures.device).view(1, 3, 1, 1) for each in (MEAN, STD))
    return (pictures - mean) / std


def _length(x: Tensor) -> Tensor:
    return x.flatten(1).norm(dim=1).view(-1, 1, 1, 1)


def _unit(x: Tensor) -> Tensor:
    return x / (_length(x) + 1e-9)
