"""The golden frames: their numbers for tests/test_golden_frames.py, their hashes, and a sheet to look at.

    python scripts/golden.py --keep                 write tests/golden/frames.json anew
    python scripts/golden.py --hashes FILE          write a hash of every frame's bytes
    python scripts/golden.py --check FILE           compare with such hashes: exit code 1 where one differs
    python scripts/golden.py --sheet OUT.png        all of them, to look at

Hashes hold on one machine with one release of torch and one number of threads (OMP_NUM_THREADS): they show that a
change of the code changed nothing at all.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from golden_frames import golden_frames, grid  # noqa: E402


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keep", action="store_true")
    for name in ("--hashes", "--check", "--sheet"):
        parser.add_argument(name, type=Path)
    arguments = parser.parse_args()
    frames = golden_frames()
    hashes = {
        name: hashlib.blake2b(dream.contiguous().numpy().tobytes(), digest_size=8).hexdigest()
        for name, (dream, _) in frames.items()
    }
    if arguments.keep:
        kept = {
            name: {
                "strength": round(float((dream - frame).abs().mean()), 6),
                "grid": [[[round(value, 5) for value in row] for row in plane] for plane in grid(dream)],
            }
            for name, (dream, frame) in frames.items()
        }
        path = ROOT / "tests" / "golden" / "frames.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(kept) + "\n", encoding="utf-8")
    if arguments.hashes:
        arguments.hashes.write_text(json.dumps(hashes, indent=1) + "\n", encoding="utf-8")
    if arguments.sheet:
        import torch
        from torchvision.utils import save_image

        save_image(torch.cat([dream for dream, _ in frames.values()]), arguments.sheet, nrow=4)
    if arguments.check:
        before = json.loads(arguments.check.read_text(encoding="utf-8"))
        changed = [name for name in {**before, **hashes} if before.get(name) != hashes.get(name)]
        print("\n".join(f"{name}: another frame" for name in changed) or "all frames are the same, to the bit")
        return int(bool(changed))
    return 0


if __name__ == "__main__":
    sys.exit(main())
