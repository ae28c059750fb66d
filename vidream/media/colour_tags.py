"""ColourTags: what the numbers of a clip's pixels mean, by the code points of ITU-T H.273, and its HDR metadata."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from pathlib import Path

from vidream.media.ffmpeg import has_option, run, source_options
from vidream.media.probe import ClipInfo

__all__ = [
    "BT601",
    "BT709",
    "BT2020",
    "HLG",
    "PQ",
    "UNSPECIFIED",
    "ColourTags",
    "LightMetadata",
    "is_bt2020",
    "is_hdr",
    "light_metadata",
    "tags_of",
]

BT709, BT601, BT2020, GBR = 1, 6, 9, 0
PQ, HLG = 16, 18
UNSPECIFIED = (0, 2, 3)
_BT2020_10 = 14
# Matrices that ffmpeg's scaler can make, by its names; constant luminance is read and written as the usual one.
_MATRICES = {1: "bt709", 4: "fcc", 5: "bt470", 6: "smpte170m", 7: "smpte240m", 9: "bt2020"}
# What belongs to primaries where the file names no matrix.
_MATRIX_OF = {5: 5, 6: 6, 7: 7, 9: 9}
_NUMBER = r"([\d.]+)"
_MASTERING = re.compile(
    rf"Mastering display.*has_primaries:1 has_luminance:1 r\({_NUMBER},\s*{_NUMBER}\)\s*g\({_NUMBER},?\s*{_NUMBER}\)\s*"
    rf"b\({_NUMBER},?\s*{_NUMBER}\)\s*wp\({_NUMBER},\s*{_NUMBER}\)\s*min_luminance={_NUMBER},\s*max_luminance={_NUMBER}"
)
_CONTENT = re.compile(r"Content light level.*MaxCLL=(\d+), MaxFALL=(\d+)")


@dataclass(frozen=True)
class LightMetadata:
    """How bright an HDR film is (SMPTE ST 2086, CTA-861.3), in the form that x265 and ffmpeg take.

    Attributes:
        mastering: of the display it was graded on: primaries, white point, luminance; "" where unknown.
        content: brightest pixel and brightest frame, cd/m2: "1000,400"; "" where unknown.
    """

    mastering: str = ""
    content: str = ""

    @property
    def source_options(self) -> list[str]:
        """Arguments that give it to the frames of an input; [] where this ffmpeg has no such option."""
        if not has_option("mastering_display"):
            return []
        found = ["-mastering_display", self.mastering] if self.mastering else []
        return [*found, *(["-content_light", self.content] if self.content else [])]

    @property
    def x265_options(self) -> str:
        """The same as parameters of x265, for an older ffmpeg."""
        if has_option("mastering_display"):
            return ""
        found = f":master-display={self.mastering}" if self.mastering else ""
        return f"{found}:max-cll={self.content}" if self.content else found


@dataclass(frozen=True)
class ColourTags:
    """What the numbers of pixels mean.

    Attributes:
        primaries, transfer, matrix: code points of ITU-T H.273, none of them unspecified. The matrix is that of frames
            stored as brightness and colour differences.
        light: of an HDR film.
    """

    primaries: int = BT709
    transfer: int = BT709
    matrix: int = BT709
    light: LightMetadata = LightMetadata()

    @property
    def is_hdr(self) -> bool:
        return is_hdr(self.transfer)

    @property
    def matrix_name(self) -> str:
        """As ffmpeg's scaler has it."""
        return _MATRICES[self.matrix]

    def frame_filter(self, *, is_rgb: bool) -> str:
        """The filter that puts the tags on frames."""
        matrix, range_ = self._stored(is_rgb)
        tags = f"color_primaries={self.primaries}:color_trc={self.transfer}:colorspace={matrix}"
        return f"setparams=range={range_}:{tags}"

    def stream_options(self, *, is_rgb: bool) -> list[str]:
        """The arguments that put them on an encoder's stream."""
        matrix, range_ = self._stored(is_rgb)
        tags = {"range": range_, "primaries": self.primaries, "trc": self.transfer}
        found = [part for name, value in tags.items() for part in (f"-color_{name}", str(value))]
        return [*found, "-colorspace", str(matrix)]

    def _stored(self, is_rgb: bool) -> tuple[int, str]:
        """(matrix, ffmpeg's name of the range) of frames stored as RGB, or not."""
        return (GBR, "pc") if is_rgb else (self.matrix, "tv")

    def describe(self) -> str:
        """In plain words."""
        kind = {PQ: "HDR (PQ)", HLG: "HDR (HLG)"}.get(self.transfer, "SDR")
        named = {1: "bt709", 5: "bt601", 6: "bt601", 9: "bt2020", 12: "Display P3"}
        return f"{kind}, {named.get(self.primaries, f'primaries {self.primaries}')}"


def is_hdr(transfer: int) -> bool:
    """True for the transfers of HDR: PQ and HLG (ITU-R BT.2100)."""
    return transfer in (PQ, HLG)


def is_bt2020(info: ClipInfo) -> bool:
    """True for a clip of bt2020 primaries, said or implied by its transfer."""
    return info.primaries == BT2020 or is_hdr(info.transfer)


def tags_of(info: ClipInfo) -> ColourTags:
    """The tags of a clip as its frames are read. What it does not say is taken to be bt709, as players do."""
    primaries, transfer, matrix = info.primaries, info.transfer, info.matrix
    if primaries in UNSPECIFIED:
        primaries = BT2020 if is_hdr(transfer) or matrix in (9, 10) else BT709
    if transfer in UNSPECIFIED:
        transfer = _BT2020_10 if primaries == BT2020 else BT709
    matrix = BT2020 if matrix == 10 else matrix
    if matrix not in _MATRICES:
        matrix = _MATRIX_OF.get(primaries, BT709)
    return ColourTags(primaries, transfer, matrix)


@functools.lru_cache(maxsize=16)
def light_metadata(path: Path, index: int) -> LightMetadata:
    """The HDR metadata of the first frame of stream `index`; empty where it has none."""
    first = ["-map", f"0:{index}", "-frames:v", "1", "-vf", "showinfo", "-f", "null", "-"]
    said = "\n".join(run(["-loglevel", "info", *source_options(path), *first]).stderr_lines)
    mastering, content = _MASTERING.search(said), _CONTENT.search(said)
    words = ""
    if mastering:
        *places, least, most = map(float, mastering.groups())
        red, green, blue, white = (
            f"({round(places[at] * 50_000)},{round(places[at + 1] * 50_000)})" for at in (0, 2, 4, 6)
        )
        words = f"G{green}B{blue}R{red}WP{white}L({round(most * 10_000)},{round(least * 10_000)})"
    return LightMetadata(words, f"{content[1]},{content[2]}" if content else "")
