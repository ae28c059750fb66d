"""The machine: devices, memory, threads."""

__all__: list[str] = []
