"""A short run of the fuzzer of command lines; its long form is scripts/fuzz_cli.py."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parent.parent / "scripts" / "fuzz_cli.py"


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals and pipes")
def test_random_command_lines_end_with_a_right_exit_code_and_one_line():
    done = subprocess.run([sys.executable, SCRIPT, "--cases", "80", "--seed", "11"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-4000:]
    assert done.stdout.startswith("80 command lines") and "0 failures" in done.stdout
