"""What the tests share: a tiny seeded net, textured pictures, the device option."""

from __future__ import annotations

import os

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vidream.networks import Net


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--device", default="cpu", help="device for the tests that take one (default: cpu)")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what was skipped for want of a program; where VIDREAM_ALL_TESTS is set, as in CI, that is a failure."""
    missing = {
        str(report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr)
        for report in terminalreporter.stats.get("skipped", [])
    }
    missing = {
        reason for reason in missing if any(name in reason for name in ("chromium", "Xvfb", "playwright", "openjd"))
    }
    for reason in sorted(missing):
        terminalreporter.write_line(f"not run: {reason}", yellow=True)
    if missing and os.environ.get("VIDREAM_ALL_TESTS"):
        terminalreporter.write_line("VIDREAM_ALL_TESTS is set: every test must run", red=True)
        terminalreporter._session.exitstatus = pytest.ExitCode.TESTS_FAILED  # type: ignore[union-attr]


@pytest.fixture
def device(request: pytest.FixtureRequest) -> str:
    return str(request.config.getoption("--device"))


@pytest.fixture
def tiny_net(device: str) -> Net:
    return make_tiny_net(device)


def make_tiny_net(device: str = "cpu", seed: int = 7) -> Net:
    """Three seeded convolutions, with batch norm and strides 1, 2 and 4; seven classes."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        module = nn.Sequential()
        for index, (inputs, outputs, stride) in enumerate(((3, 8, 1), (8, 12, 2), (12, 7, 2))):
            block = nn.Sequential(
                nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs), nn.SiLU()
            )
            norm = block[1]
            assert isinstance(norm, nn.BatchNorm2d)
            nn.init.uniform_(norm.weight, 0.5, 1.5)
            nn.init.uniform_(norm.bias, -0.2, 0.2)
            norm.running_mean = torch.randn(outputs) * 0.1
            norm.running_var = torch.rand(outputs) + 0.5
            module.add_module(f"block{index + 1}", block)
    return Net(
        module,
        name="tiny",
        good_layers=("block2", "block3"),
        default_layers={"block2": 1.0},
        class_layer="block3",
        classes=[f"class{index}" for index in range(7)],
        groups={"low": ["class0", "class1"], "high": ["class5", "class6"]},
        device=device,
    )


def textured(height: int, width: int, seed: int = 0) -> Tensor:
    """A smooth random picture [1,3,H,W], 0..1, with structure at several scales for flow to hold on to."""
    generator = torch.Generator().manual_seed(seed)
    picture = torch.zeros(1, 3, height, width)
    for cells in (4, 8, 16, 32):
        noise = torch.rand(1, 3, cells, cells, generator=generator) - 0.5
        picture += F.interpolate(noise, size=(height, width), mode="bicubic", align_corners=False) * (6 / cells) ** 0.5
    return (picture * 0.4 + 0.5).clamp(0, 1)
