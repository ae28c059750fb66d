"""The largest memory of a child process, without that of the process that started it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

# Not `ru_maxrss`: Linux hands the parent's on to a child, so that after large tests nothing would seem to grow.
_PEAK = """
def peak_kb():
    with open("/proc/self/status") as file:
        return int(next(line for line in file if line.startswith("VmHWM:")).split()[1])
"""


def run_measured(code: str, *words: str | Path) -> subprocess.CompletedProcess[str]:
    """Run Python `code`, which may call `peak_kb()`, in a process of its own; skip where the system does not tell."""
    if not Path("/proc/self/status").exists():
        pytest.skip("the largest memory of a process is read from /proc")
    return subprocess.run([sys.executable, "-c", _PEAK + code, *map(str, words)], capture_output=True, text=True)
