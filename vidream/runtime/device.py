"""Device and number format."""

from __future__ import annotations

import torch

from vidream.errors import DeviceError

__all__ = ["describe_device", "pick_device", "pick_precision", "wait_for"]

DEVICES = ("auto", "cpu", "cuda", "mps")
PRECISIONS = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


def pick_device(name: str = "auto") -> torch.device:
    """The device called `name`.

    Args:
        name: "cpu", "cuda", "cuda:1", "mps", or "auto": CUDA where there is a GPU, else Apple's MPS, else the CPU.

    Raises:
        DeviceError: no such device on this machine.
    """
    cuda, mps = torch.cuda.is_available(), torch.backends.mps.is_available()
    if name == "auto":
        return torch.device("cuda" if cuda else "mps" if mps else "cpu")
    kind, _, index = name.partition(":")
    if kind not in DEVICES or (index and not index.isdigit()):
        raise DeviceError(f'no device "{name}"; allowed: {", ".join(DEVICES)}, cuda:1 …', argument="device")
    if kind == "cuda" and not cuda:
        raise DeviceError("torch sees no CUDA GPU here; see why: vidream doctor", use={"device": "cpu"})
    if kind == "cuda" and index and int(index) >= torch.cuda.device_count():
        count = torch.cuda.device_count()
        raise DeviceError(
            f'no device "{name}"; this machine has {count} GPU(s), the first is cuda:0', argument="device"
        )
    if kind == "mps" and not mps:
        raise DeviceError("torch sees no Apple GPU here; see why: vidream doctor", use={"device": "cpu"})
    return torch.device(name)


def pick_precision(name: str, device: torch.device) -> torch.dtype:
    """The number format called `name`.

    Args:
        name: "fp32", "bf16", "fp16", or "auto": the fastest that the device has in hardware. Nothing is measured for
            that, since the same machine must give the same frames in every run.
        device: where it will be used.

    Raises:
        DeviceError: unknown name, or fp16 on a CPU.
    """
    if name == "auto":
        if device.type == "cuda":
            return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16
        if device.type == "cpu":
            return torch.bfloat16 if _cpu_has_bf16() else torch.float32
        return torch.float16
    if name not in PRECISIONS:
        raise DeviceError(f'no precision "{name}"; allowed: auto, {", ".join(PRECISIONS)}', argument="precision")
    if name == "fp16" and device.type == "cpu":
        raise DeviceError("precision fp16 is for GPUs; on the CPU use bf16, fp32 or auto", argument="precision")
    return PRECISIONS[name]


def describe_device(device: torch.device) -> str:
    """A name for people, such as 'cuda (NVIDIA H200)' or 'cpu (8 threads)'."""
    if device.type == "cuda":
        return f"{device} ({torch.cuda.get_device_name(device)})"
    if device.type == "cpu":
        return f"cpu ({torch.get_num_threads()} threads)"
    return str(device)


def wait_for(device: torch.device) -> None:
    """Wait until `device` has finished its queued work."""
    if device.type == "cuda":
        torch.cuda.current_stream(device).synchronize()
    elif device.type == "mps":
        torch.mps.synchronize()


def _cpu_has_bf16() -> bool:
    # torch names these probes privately; where one is missing the answer is no, and fp32 is always right.
    probes = ("_is_amx_tile_supported", "_is_avx512_bf16_supported")
    return any(getattr(torch.cpu, probe, lambda: False)() for probe in probes)
