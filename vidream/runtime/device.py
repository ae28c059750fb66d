"""Which device dreams, and in which number format."""

from __future__ import annotations

import torch

from vidream.errors import DeviceError

__all__ = ["describe_device", "pick_device", "pick_precision", "wait_for"]

DEVICES = ("auto", "cpu", "cuda", "mps")
PRECISIONS = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


def pick_device(name: str = "auto") -> torch.device:
    """The device called `name`; "auto" takes CUDA, then Apple's MPS, then the CPU. Raises DeviceError."""
    cuda, mps = torch.cuda.is_available(), torch.backends.mps.is_available()
    if name == "auto":
        return torch.device("cuda" if cuda else "mps" if mps else "cpu")
    kind, _, index = name.partition(":")
    if kind not in DEVICES or (index and not index.isdigit()):
        raise DeviceError(f'no device "{name}"; allowed: {", ".join(DEVICES)}, cuda:1 …')
    if kind == "cuda" and not cuda:
        raise DeviceError("--device cuda: torch sees no CUDA GPU here. Use --device cpu, or look with: vidream doctor")
    if kind == "cuda" and index and int(index) >= torch.cuda.device_count():
        raise DeviceError(f"--device {name}: this machine has {torch.cuda.device_count()} GPU(s), counted from cuda:0")
    if kind == "mps" and not mps:
        raise DeviceError("--device mps: torch sees no Apple GPU here. Use --device cpu, or look with: vidream doctor")
    return torch.device(name)


def pick_precision(name: str, device: torch.device) -> torch.dtype:
    """The number format called `name`; "auto" takes the fastest that the device has in hardware.

    Auto never measures: the same machine must give the same frames in every run. Raises DeviceError.
    """
    if name == "auto":
        if device.type == "cuda":
            return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16
        if device.type == "cpu":
            return torch.bfloat16 if _cpu_has_bf16() else torch.float32
        return torch.float16
    if name not in PRECISIONS:
        raise DeviceError(f'no precision "{name}"; allowed: auto, {", ".join(PRECISIONS)}')
    if name == "fp16" and device.type == "cpu":
        raise DeviceError("--precision fp16 is for GPUs; on the CPU use bf16, fp32 or auto")
    return PRECISIONS[name]


def describe_device(device: torch.device) -> str:
    """A name for people, such as 'cuda (NVIDIA H200)' or 'cpu (8 threads)'."""
    if device.type == "cuda":
        return f"{device} ({torch.cuda.get_device_name(device)})"
    if device.type == "cpu":
        return f"cpu ({torch.get_num_threads()} threads)"
    return str(device)


def wait_for(device: torch.device) -> None:
    """Wait until `device` has done all that it was given: GPUs work on while Python goes ahead."""
    if device.type == "cuda":
        torch.cuda.current_stream(device).synchronize()
    elif device.type == "mps":
        torch.mps.synchronize()


def _cpu_has_bf16() -> bool:
    # torch names these probes privately; where one is missing the answer is no, and fp32 is always right.
    probes = ("_is_amx_tile_supported", "_is_avx512_bf16_supported")
    return any(getattr(torch.cpu, probe, lambda: False)() for probe in probes)
