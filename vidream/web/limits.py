"""settings: what one server allows; every bound of the page in one place."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

__all__ = ["MEGABYTE", "Settings", "is_loopback"]

MEGABYTE = 1_000_000


@dataclass(frozen=True)
class Settings:
    """Bounds of one server. Sizes in px are of the longer side; `token` "" asks for none.

    secure: the page is served over https, so its cookie may be kept to that.
    """

    host: str = "127.0.0.1"
    token: str = ""
    secure: bool = False
    # Host names that the page may be asked for by, beside this machine's own.
    allowed_hosts: tuple[str, ...] = ()
    # The live picture.
    size: int = 640
    target_fps: float = 30.0
    max_sessions: int = 4
    max_connections: int = 64
    max_frame_bytes: int = 2 * MEGABYTE
    # A display faster than this gains nothing; a page that floods is cut off at four times it.
    max_frames_per_second: float = 60.0
    max_messages_per_second: float = 20.0
    # A page that was cut off may come back for its work this long; one that was closed may not.
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
    """True where only this machine itself can reach `host`."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
