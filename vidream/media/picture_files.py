"""Picture files before they are decoded: what a file is by its content, how large it is, how it is turned."""

from __future__ import annotations

import contextlib
import io
import struct
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from PIL import (
    AvifImagePlugin,
    BmpImagePlugin,
    ExifTags,
    GifImagePlugin,
    Image,
    ImageFile,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from vidream.errors import SourceError
from vidream.media.probe import check_size
from vidream.runtime.memory import is_out_of_memory

__all__ = [
    "ANIMATED",
    "READABLE_SUFFIXES",
    "PictureFacts",
    "find_format",
    "find_picture_kind",
    "open_heif",
    "open_image",
    "orientation_of",
    "quiet_pillow",
    "read_facts",
]

# 120 megapixels of four 16-bit channels, not packed at all.
LARGEST_FILE_BYTES = 2**30
READABLE_SUFFIXES = (
    ".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".avif", ".heic", ".heif", ".hif", ".bmp", ".tif", ".tiff",
)  # fmt: skip
# Streams of JPEG files: video, though they begin as a JPEG does.
_MOTION_JPEG = (".mjpg", ".mjpeg")
ANIMATED = ("GIF", "PNG", "WEBP", "AVIF")

# The classes themselves, not Image.open: it refuses large pictures before their size can be told, and tries more.
_PLUGINS: dict[str, type[ImageFile.ImageFile]] = {
    "PNG": PngImagePlugin.PngImageFile,
    "JPEG": JpegImagePlugin.JpegImageFile,
    "WEBP": WebPImagePlugin.WebPImageFile,
    "AVIF": AvifImagePlugin.AvifImageFile,
    "TIFF": TiffImagePlugin.TiffImageFile,
    "GIF": GifImagePlugin.GifImageFile,
    "BMP": BmpImagePlugin.BmpImageFile,
}
_HEIC_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"mif1"}
_BMP_HEADERS = (12, 40, 52, 56, 64, 108, 124)
_BITS_PER_SAMPLE, _SAMPLE_FORMAT, _SUBFILE_TYPE, _SUB_IFDS, _DNG_VERSION = 258, 339, 254, 330, 50706


@dataclass(frozen=True)
class PictureFacts:
    """What a picture file says of itself.

    Attributes:
        format: as Pillow names it, or "HEIC", or "" for what only OpenCV may understand.
        width, height: px, as stored.
        orientation: EXIF orientation 1..8 of what is stored.
        is_deep: more than 8 bits a channel, where those can be read.
        frame_count: frames or pages in the file.
    """

    format: str
    width: int
    height: int
    orientation: int = 1
    is_deep: bool = False
    frame_count: int = 1

    @property
    def upright_size(self) -> tuple[int, int]:
        """(width, height) px of the picture when it is upright."""
        return (self.height, self.width) if self.orientation >= 5 else (self.width, self.height)


@contextlib.contextmanager
def quiet_pillow() -> Iterator[None]:
    """Keep Pillow's Python warnings, of large pictures and odd headers, to itself."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def find_format(head: bytes) -> str | None:
    """The format of a picture file that begins with `head` (64 bytes are enough), or None; its name says nothing."""
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if head.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if head.startswith(b"GIF8"):
        return "GIF"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WEBP"
    if head[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        return "TIFF"
    if head[4:8] == b"ftyp":
        end = min(struct.unpack(">I", head[:4])[0], len(head))
        brands = {head[8:12], *(head[at : at + 4] for at in range(16, end - 3, 4))}
        if brands & {b"avif", b"avis"}:
            return "AVIF"
        return "HEIC" if head[8:12] in _HEIC_BRANDS else None
    if head.startswith(b"BM") and len(head) >= 18 and struct.unpack("<I", head[14:18])[0] in _BMP_HEADERS:
        return "BMP"
    return None


def find_picture_kind(path: Path) -> Literal["picture", "gif"] | None:
    """Whether `path` is a still picture, an animated one (of any format: "gif"), or neither. Raises OSError."""
    suffix = path.suffix.lower()
    with path.open("rb") as file:
        head = file.read(64)
    found = find_format(head)
    if found is None:
        is_video = head[4:8] in (b"ftyp", b"moov") or head.startswith(b"\x1a\x45\xdf\xa3")
        return "picture" if suffix in READABLE_SUFFIXES and not is_video else None
    if suffix in _MOTION_JPEG:
        return None
    if found == "GIF":
        return "gif"
    if found not in ANIMATED:
        return "picture"
    try:
        with open_image(path, found) as image:
            return "gif" if _frame_count(image) > 1 else "picture"
    except Exception as error:  # read_facts will say what is wrong
        if is_out_of_memory(error):
            raise
        return "picture"


def open_image(source: Path | bytes, format_: str) -> ImageFile.ImageFile:
    """`source` opened by Pillow as `format_`; its pixels are not read. Raises whatever Pillow raises."""
    with quiet_pillow():
        return _PLUGINS[format_](io.BytesIO(source) if isinstance(source, bytes) else source)


def open_heif(path: Path) -> tuple[Any, int]:
    """Open the main picture of a HEIC file by pillow-heif; not decoded yet.

    Returns:
        (pillow-heif's image, how many pictures the file holds).

    Raises:
        SourceError: pillow-heif is not installed, or cannot read it.
    """
    try:
        import pillow_heif
    except ImportError:
        raise SourceError(
            f'{path.name} is a HEIC picture; to read it, install: pip install "vidream[heic]", or save it as JPEG'
        ) from None
    try:
        heif = pillow_heif.open_heif(path)
        return heif[heif.primary_index], len(heif)
    except Exception as error:
        if is_out_of_memory(error):
            raise
        raise SourceError(f"{path.name} is a damaged HEIC picture; save or download it again") from None


def orientation_of(image: Image.Image) -> int:
    """The EXIF orientation, 1..8, that is still to be applied to the pixels of `image`."""
    try:
        with quiet_pillow():
            orientation = int(image.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:  # Pillow raises whatever it meets in broken EXIF data
        return 1
    return orientation if 1 <= orientation <= 8 else 1


def _frame_count(image: ImageFile.ImageFile) -> int:
    count = int(getattr(image, "n_frames", 1))
    # An APNG may begin with a picture for those that do not know APNG.
    return count - 1 if getattr(image, "default_image", False) else count


def read_facts(path: Path) -> PictureFacts | None:
    """What the picture at `path` says of itself, or None where only decoding tells.

    Raises:
        SourceError: it is empty, absurdly large, hollow, or a camera's raw file.
    """
    size_bytes = path.stat().st_size
    if size_bytes == 0:
        raise SourceError(f"{path.name} is an empty file; save or download it again")
    if size_bytes > LARGEST_FILE_BYTES:
        raise SourceError(f"{path.name} has {size_bytes / 1e9:.1f} GB, too many for a picture; check the file")
    with path.open("rb") as file:
        head = file.read(64)
    found, facts = find_format(head), None
    if found == "GIF" and len(head) >= 10:
        check_size(path.name, *struct.unpack("<HH", head[6:10]))
    if found == "HEIC":
        heif, count = open_heif(path)
        facts = PictureFacts("HEIC", heif.size[0], heif.size[1], frame_count=count)
    elif found is not None:
        try:
            with open_image(path, found) as image, quiet_pillow():
                facts = _facts_of(path, image, found)
        except SourceError:
            raise
        except Exception as error:  # Pillow raises whatever it meets in a broken header
            if is_out_of_memory(error):
                raise
    if facts is not None:
        check_size(path.name, facts.width, facts.height)
    if found == "PNG" and _is_hollow_png(path):
        raise SourceError(f"{path.name} is cut off, or was made to harm; save or download it again")
    return facts


def _facts_of(path: Path, image: ImageFile.ImageFile, format_: str) -> PictureFacts:
    width, height = image.size
    is_deep = False
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        tags: Any = image.tag_v2
        if _DNG_VERSION in tags or (tags.get(_SUBFILE_TYPE, 0) & 1 and _SUB_IFDS in tags):
            raise SourceError(f"{path.name} is a camera's raw file; develop it to JPEG, PNG or TIFF first")
        # Pillow turns a TIFF itself, some versions before it is decoded.
        width, height = int(tags[256]), int(tags[257])
        is_deep = max(tags.get(_BITS_PER_SAMPLE, (1,))) > 8 or 3 in tags.get(_SAMPLE_FORMAT, (1,))
    elif format_ == "PNG":
        with path.open("rb") as file:
            is_deep = file.read(25)[24] == 16
    check_size(path.name, width, height)
    return PictureFacts(format_, width, height, orientation_of(image), is_deep, _frame_count(image))


def _is_hollow_png(path: Path) -> bool:
    """True for a PNG that promises more bytes than it has: it would fill the memory for nothing.

    Deflate packs 1032 to 1 at the very best (RFC 1951: 258 bytes in two bits). OpenCV takes the memory for a
    chunk before it reads it: 2 GB for one wrong length.
    """
    held = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(26)
        if len(head) < 26:
            return True
        at = 8
        while at + 8 <= held:
            file.seek(at)
            length, kind = struct.unpack(">I4s", file.read(8))
            if length > held:
                return True
            if kind == b"IEND":
                break
            at += 12 + length
    width, height, bits, colour = struct.unpack(">IIBB", head[16:])
    channels = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}.get(colour, 1)
    return width * height * channels * bits // 8 > 1032 * held
