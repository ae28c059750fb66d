"""The checks of `vidream doctor`: what this machine has, and what to do where something is missing."""

from __future__ import annotations

import platform
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import cv2
import torch
import torchvision
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from vidream import __version__
from vidream.cli.streams import printable
from vidream.cli.terminal import PREVIEW_FILE
from vidream.engine.dreamer import Dreamer
from vidream.errors import VidreamError
from vidream.looks.preset import preset_names
from vidream.media.disk import write_json
from vidream.media.ffmpeg import ffmpeg_path, run
from vidream.networks import load_net, weights_state
from vidream.outputs import Preview
from vidream.runtime.device import describe_device, pick_device, pick_precision
from vidream.runtime.threads import ends_thread_pools

__all__ = ["Finding", "examine", "show"]


@dataclass(frozen=True)
class Finding:
    """One thing looked for. needed: vidream cannot work without it."""

    what: str
    good: bool
    found: str
    advice: str = ""
    needed: bool = False


def examine() -> list[Finding]:
    """Check everything a dream needs. A check that fails is a finding, never an error."""
    checks: tuple[tuple[str, Callable[[], Finding]], ...] = (
        ("vidream", _software),
        ("device", _device),
        ("ffmpeg", _ffmpeg),
        ("screen", _screen),
        ("dreamnet", _embedded_net),
        ("googlenet", _googlenet),
        ("threads", _threads),
        ("presets", _presets),
    )
    findings = []
    for what, check in checks:
        try:
            findings.append(check())
        except VidreamError as error:  # it says what to do
            findings.append(Finding(what, False, str(error), needed=True))
        except Exception as error:
            first_line = (str(error).splitlines() or [type(error).__name__])[0]
            findings.append(Finding(what, False, first_line, "reinstall: pip install --force-reinstall vidream", True))
    return findings


def show(findings: list[Finding], json_path: Path | None = None) -> None:
    """Print the findings as a table, and as JSON where asked."""
    table = Table(box=None, show_header=False)
    for finding in findings:
        mark = "[green]ok[/]" if finding.good else "[red]no[/]" if finding.needed else "[yellow]--[/]"
        table.add_row(mark, finding.what, escape(printable(finding.found)))
        if finding.advice:
            table.add_row("", "", f"[dim]{escape(finding.advice)}[/]")
    Console(highlight=False).print(table)
    if json_path:
        write_json(json_path, [asdict(finding) for finding in findings])


def _software() -> Finding:
    versions = f"vidream {__version__}, python {platform.python_version()}, torch {torch.__version__}"
    return Finding("vidream", True, f"{versions}, torchvision {torchvision.__version__}, opencv {cv2.__version__}")


def _threads() -> Finding:
    if ends_thread_pools():
        return Finding("threads", True, "OpenMP: only the dreaming thread keeps a pool")
    return Finding("threads", True, "OpenMP of this torch cannot end a thread's pool: films may be a little slower")


def _device() -> Finding:
    device = pick_device("auto")
    precision = str(pick_precision("auto", device)).removeprefix("torch.")
    found = f"{describe_device(device)}, {precision}, {platform.machine()} {platform.system()}"
    if device.type != "cpu":
        return Finding("device", True, found)
    built = "with" if torch.version.cuda else "without"
    advice = (
        f"no GPU is used: torch was built {built} CUDA and sees none. With an NVIDIA card, update its driver and "
        "reinstall torch; without one, --size 320 keeps the CPU quick"
    )
    return Finding("device", True, found, advice)


def _ffmpeg() -> Finding:
    encoders = run(["-encoders"]).stdout_text
    missing = [name for name in ("libx264", "aac", "gif") if f" {name} " not in encoders]
    version = run(["-version"]).stdout_text.removeprefix("ffmpeg version ").partition(" ")[0]
    found = f"{version} at {ffmpeg_path()}"
    if missing:
        return Finding("ffmpeg", False, f"{found}, without {', '.join(missing)}", "unset IMAGEIO_FFMPEG_EXE", True)
    return Finding("ffmpeg", True, found, needed=True)


def _screen() -> Finding:
    with Preview(PREVIEW_FILE) as preview:
        return Finding("screen", True, f"--preview goes to {preview.where}")


def _embedded_net() -> Finding:
    net = load_net("dreamnet")
    dreamer = Dreamer(net=net)
    gained = float(dreamer.score(dreamer(torch.full((1, 3, 64, 64), 0.5), steps=1)))
    return Finding("dreamnet", True, f"{len(net.classes)} classes, a test step scores {gained:.2f}", needed=True)


def _googlenet() -> Finding:
    state = weights_state("googlenet")
    return Finding("googlenet", state.is_here, state.describe(), "used by: vidream dream IN -p classic")


def _presets() -> Finding:
    names = preset_names()
    return Finding("presets", bool(names), ", ".join(names), "" if names else "reinstall vidream", True)
