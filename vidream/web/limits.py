"""Settings of one server: every limit of the page in one place."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

__all__ = ["MEGABYTE", "Settings", "is_loopback"]

MEGABYTE = 1_000_000


@dataclass(frozen=True)
class Settings:
    """Limits of one server. Sizes in px are of the longer side.

    Attributes:
        host: address to listen at.
        token: what a page must know; "" for none.
        secure: the page is served over https, so its cookie may be restricted to that.
        allowed_hosts: host names that the page may be requested by, besides this machine's own.
        size, target_fps: of the live picture.
        grace_seconds: how long a page whose connection broke may come back for its files; a closed one may not.
        idle_seconds: a page that asks for nothing for so long is disconnected.
        upload_silence_seconds: an upload that sends nothing for so long is ended.
    """

    host: str = "127.0.0.1"
    token: str = ""
    secure: bool = False
    allowed_hosts: tuple[str, ...] = ()
    # The live picture.
    size: int = 640
    target_fps: float = 30.0
    max_sessions: int = 4
    max_connections: int = 64
    max_frame_bytes: int = 2 * MEGABYTE
    # No display shows more; a page that sends four times as many is disconnected.
    max_frames_per_second: float = 60.0
    max_messages_per_second: float = 20.0
    grace_seconds: float = 30.0
    idle_seconds: float = 1800.0
    # Files.
    max_upload_bytes: int = 500 * MEGABYTE
    max_guide_bytes: int = 20 * MEGABYTE
    upload_silence_seconds: float = 20.0
    clip_size: int = 1280
    clip_seconds: float = 300.0
    record_fps: float = 25.0
    record_seconds: float = 300.0
    max_files: int = 6


def is_loopback(host: str) -> bool:
    """Whether `host` is an address that only this machine itself can reach."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
