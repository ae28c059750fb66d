"""Compare vidream's GIF with a plain writer's (Pillow) in bytes, PSNR and SSIM; try size limits.

Run from the repository: python scripts/gifs.py CLIP [SECONDS] [SIZE_PX]
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image, ImageSequence
from torch import Tensor

from vidream import Dreamer, FrameReader, FrameWriter, Preset, Stream

LIMITS_MB = (8, 5, 4, 3, 2, 1.5, 1, 0.5, 0.25, 0.1)


def psnr(made: Tensor, wanted: Tensor) -> float:
    """Peak signal to noise ratio [dB] of films [N,3,H,W] 0..1."""
    return float(-10 * torch.log10((made - wanted).square().mean()))


def ssim(made: Tensor, wanted: Tensor) -> float:
    """Structural similarity of the films' luma (Wang et al. 2004), windows of 8 x 8 px, -1..1."""
    weights = torch.tensor([0.299, 0.587, 0.114]).view(1, 3, 1, 1)
    a, b = ((film * weights).sum(1, keepdim=True) for film in (made, wanted))
    mean_a, mean_b = F.avg_pool2d(a, 8, 1), F.avg_pool2d(b, 8, 1)
    var_a, var_b = F.avg_pool2d(a * a, 8, 1) - mean_a**2, F.avg_pool2d(b * b, 8, 1) - mean_b**2
    both = F.avg_pool2d(a * b, 8, 1) - mean_a * mean_b
    top = (2 * mean_a * mean_b + 1e-4) * (2 * both + 9e-4)
    return float((top / ((mean_a**2 + mean_b**2 + 1e-4) * (var_a + var_b + 9e-4))).mean())


def as_tensor(frames: np.ndarray) -> Tensor:
    """[N,H,W,3] uint8 to [N,3,H,W] 0..1."""
    return torch.from_numpy(frames[..., :3].copy()).permute(0, 3, 1, 2).float() / 255


def main(clip: Path, seconds: float, size_px: int) -> None:
    """Dream `seconds` of `clip` and print the table."""
    preset = Preset.load("creatures")
    stream = Stream(Dreamer(preset))
    with FrameReader(clip, size=size_px, duration_seconds=seconds) as reader:
        rate = reader.rate
        film = torch.cat([(stream.next(frame).clamp(0, 1) * 255).round().byte() for frame in reader])
    plain = film.permute(0, 2, 3, 1).contiguous().numpy()
    with tempfile.TemporaryDirectory() as folder:
        ours, peer = Path(folder) / "ours.gif", Path(folder) / "peer.gif"

        def write(max_bytes: int | None = None) -> str | None:
            with FrameWriter(ours, rate=rate, overwrite=True, total_frames=len(film), max_bytes=max_bytes) as out:
                for picture in film:
                    out.write(picture[None].float() / 255)
            return out.note

        write()
        first, *others = map(Image.fromarray, plain)
        first.save(peer, save_all=True, append_images=others, duration=float(1000 / rate), loop=0)
        for name, path in (("vidream", ours), ("Pillow", peer)):
            with Image.open(path) as image:
                frames = [np.asarray(frame.convert("RGB")) for frame in ImageSequence.Iterator(image)]
            made, wanted = as_tensor(np.stack(frames)), as_tensor(plain)
            kilobytes = path.stat().st_size / 1000
            print(f"{name}: {kilobytes:.0f} kB, PSNR {psnr(made, wanted):.2f} dB, SSIM {ssim(made, wanted):.4f}")
        print(f"bytes: {ours.stat().st_size / peer.stat().st_size:.3f}")
        for limit in LIMITS_MB:
            note = write(int(limit * 1e6))
            kept = ours.stat().st_size <= limit * 1e6
            print(f"{'kept' if kept else 'BROKEN'}: {note}", flush=True)


if __name__ == "__main__":
    words = sys.argv[1:]
    main(Path(words[0]), float(words[1]) if words[1:] else 3.0, int(words[2]) if words[2:] else 480)
