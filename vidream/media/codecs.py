"""The table of video codecs, as arguments for ffmpeg. A new codec is a row."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

__all__ = ["CODECS", "DEFAULT_QUALITY", "FFV1", "Codec"]

DEFAULT_QUALITY = 85
# Of x264's CRF: what its preset "superfast" takes to look as "medium" does.
FINER = 3


@dataclass(frozen=True)
class Codec:
    """How frames become video.

    Attributes:
        name: as the user says it.
        encoder: ffmpeg's name of it.
        options: (quality 1..100, bits a channel, has alpha, is live) -> arguments. is live: as little work as can be.
        formats: bits a channel -> ffmpeg's pixel format; the first is the default.
        alpha_formats: the same with alpha; empty where it has none.
        segment_suffix: of the container that holds it while a film is made.
        reorder_frames: by how many frames a frame may be stored before those that are shown before it.
        multiple_px: what both sides are multiples of.
        least_px: (width, height) of the smallest frames it takes.
        has_quality: it can be made smaller for a loss.
        sound_encoder: ffmpeg's name of what encodes sound beside it; "" where the container's row says that.
    """

    name: str
    encoder: str
    options: Callable[[int, int, bool, bool], list[str]]
    formats: Mapping[int, str]
    alpha_formats: Mapping[int, str] = field(default_factory=dict)
    segment_suffix: str = ".mp4"
    reorder_frames: int = 0
    multiple_px: int = 2
    least_px: tuple[int, int] = (1, 1)
    has_quality: bool = True
    sound_encoder: str = ""

    def pixel_format(self, bits: int, *, has_alpha: bool = False) -> str:
        """ffmpeg's pixel format for so many bits a channel, which must be among `formats`."""
        return (self.alpha_formats if has_alpha else self.formats)[bits]

    def is_rgb(self, bits: int) -> bool:
        """Frames are stored as RGB, and not as brightness and two colour differences."""
        return not self.formats[bits].startswith("yuv")


def _crf(quality: int) -> int:
    """x264's constant-quality number: 17 at 85, where no loss is seen."""
    return round(51 - 0.4 * quality)


def _h264(quality: int, bits: int, alpha: bool, is_live: bool) -> list[str]:
    # Two cores spend an eighth of a film's time on "medium". "superfast", 3 steps finer, looks the same (PSNR and
    # SSIM, docs/LOG.md) for a quarter of the time and a quarter more bytes. Live there is no time for the finer steps.
    crf = _crf(quality) if is_live else max(0, _crf(quality) - FINER)
    return ["-preset", "superfast", "-crf", str(crf)]


def _h265(quality: int, bits: int, alpha: bool, is_live: bool) -> list[str]:
    # hvc1: the tag that Apple's players ask for. Segments are joined by copy, so no frame looks into the one before.
    crf = max(0, _crf(quality) - FINER + 2)
    speed = "ultrafast" if is_live else "superfast"
    return ["-preset", speed, "-crf", str(crf), "-tag:v", "hvc1", "-x265-params", "log-level=error:open-gop=0"]


def _av1(quality: int, bits: int, alpha: bool, is_live: bool) -> list[str]:
    return ["-preset", "12" if is_live else "8", "-crf", str(round(63 - 0.5 * quality))]


def _vp9(quality: int, bits: int, alpha: bool, is_live: bool) -> list[str]:
    speed = ["-deadline", "realtime" if is_live else "good", "-cpu-used", "8" if is_live else "4", "-row-mt", "1"]
    # Frames that are only referred to cannot have alpha.
    return ["-crf", str(_crf(quality) + 8), "-b:v", "0", *speed, *(["-auto-alt-ref", "0"] if alpha else [])]


def _prores(quality: int, bits: int, alpha: bool, is_live: bool) -> list[str]:
    # Proxy, LT, standard, HQ.
    profile = sum(quality >= least for least in (30, 50, 70))
    return ["-profile:v", str(profile), "-vendor", "apl0"]


def _prores4444(quality: int, bits: int, alpha: bool, is_live: bool) -> list[str]:
    return ["-profile:v", "5" if quality > 95 else "4", "-vendor", "apl0", "-alpha_bits", "16" if alpha else "0"]


def _dnxhr(quality: int, bits: int, alpha: bool, is_live: bool) -> list[str]:
    eight = "dnxhr_hq" if quality >= 70 else "dnxhr_sq" if quality >= 40 else "dnxhr_lb"
    return ["-profile:v", "dnxhr_hqx" if bits > 8 else eight]


def _hap(quality: int, bits: int, alpha: bool, is_live: bool) -> list[str]:
    return ["-format", "hap_alpha" if alpha else "hap"]


def _hapq(quality: int, bits: int, alpha: bool, is_live: bool) -> list[str]:
    return ["-format", "hap_q"]


def _ffv1(quality: int, bits: int, alpha: bool, is_live: bool) -> list[str]:
    return ["-level", "3", "-slices", "4"]


_PCM, _FLAC = "pcm_s24le", "flac"
_ROWS = (
    Codec("h264", "libx264", _h264, {8: "yuv420p", 10: "yuv420p10le"}, reorder_frames=2),
    Codec("h265", "libx265", _h265, {10: "yuv420p10le", 8: "yuv420p", 12: "yuv420p12le"}, reorder_frames=2,
          least_px=(16, 16)),
    Codec("av1", "libsvtav1", _av1, {10: "yuv420p10le", 8: "yuv420p"}, least_px=(64, 64)),
    Codec("vp9", "libvpx-vp9", _vp9, {8: "yuv420p", 10: "yuv420p10le", 12: "yuv420p12le"}, {8: "yuva420p"}),
    Codec("prores", "prores_ks", _prores, {10: "yuv422p10le"}, segment_suffix=".mov", sound_encoder=_PCM),
    Codec("prores4444", "prores_ks", _prores4444, {10: "yuv444p10le"}, {10: "yuva444p10le"}, segment_suffix=".mov",
          sound_encoder=_PCM),
    Codec("dnxhr", "dnxhd", _dnxhr, {10: "yuv422p10le", 8: "yuv422p"}, segment_suffix=".mov", least_px=(256, 120),
          sound_encoder=_PCM),
    Codec("hap", "hap", _hap, {8: "rgba"}, {8: "rgba"}, segment_suffix=".mov", multiple_px=4, has_quality=False,
          sound_encoder=_PCM),
    Codec("hapq", "hap", _hapq, {8: "rgba"}, segment_suffix=".mov", multiple_px=4, has_quality=False,
          sound_encoder=_PCM),
    Codec("ffv1", "ffv1", _ffv1, {10: "gbrp10le", 8: "bgr0", 12: "gbrp12le", 16: "gbrp16le"},
          {10: "gbrap10le", 8: "bgra", 12: "gbrap12le", 16: "gbrap16le"}, segment_suffix=".mkv", multiple_px=1,
          has_quality=False, sound_encoder=_FLAC),
)  # fmt: skip
CODECS: dict[str, Codec] = {row.name: row for row in _ROWS}
FFV1 = CODECS["ffv1"]
