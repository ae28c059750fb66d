"""Delivery: what a film is to be delivered as; and Encoding, what that means for one target."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from vidream.errors import TargetError
from vidream.media.codecs import CODECS, DEFAULT_QUALITY, FFV1, Codec
from vidream.media.colour_tags import ColourTags
from vidream.media.ffmpeg import has_encoder, has_filter
from vidream.media.formats import FORMATS, Format, format_of, suffixes, suffixes_of
from vidream.media.targets import TargetKind, target_kind

__all__ = ["AlphaWish", "Colours", "Delivery", "Encoding"]

AlphaWish = Literal["auto", "keep", "drop"]
# How the colours of a source come in: as they are; with HDR brought to SDR; or all of it brought to bt709.
Colours = Literal["source", "sdr", "bt709"]
DEPTHS = (8, 10, 12, 16)


@dataclass(frozen=True)
class Encoding:
    """How the frames of one target are stored.

    Attributes:
        bits: a channel.
        has_alpha: alpha is stored.
        quality: 1..100.
        codec: of a video, or of the lossless film that an animation is made from; None for pictures.
        tags: what the numbers of its pixels mean.
        dithers: frames that go down to 8 bits are dithered.
    """

    bits: int = 8
    has_alpha: bool = False
    quality: int = DEFAULT_QUALITY
    codec: Codec | None = None
    tags: ColourTags = field(default_factory=ColourTags)
    dithers: bool = True

    def is_deep_pipe(self, *, is_live: bool = False) -> bool:
        """Frames go to ffmpeg with 16 bits a channel; it dithers where it brings them to 8. Live there is no time."""
        assert self.codec is not None
        return self.bits > 8 or (self.dithers and not self.codec.is_rgb(self.bits) and not is_live)

    def pipe_format(self, *, is_live: bool = False) -> str:
        """ffmpeg's pixel format of the frames it is given: planes of deep RGB, else pixels of 8 bits a channel."""
        assert self.codec is not None
        if self.bits > 8 and self.codec.is_rgb(self.bits):
            return self.codec.pixel_format(self.bits, has_alpha=self.has_alpha)
        if self.is_deep_pipe(is_live=is_live):
            return "gbrap16le" if self.has_alpha else "gbrp16le"
        return "rgba" if self.has_alpha else "rgb24"

    def arguments(self, *, is_live: bool = False) -> list[str]:
        """ffmpeg's arguments that turn frames of `pipe_format` into the stream."""
        codec = self.codec
        assert codec is not None
        is_rgb = codec.is_rgb(self.bits)
        pixels = codec.pixel_format(self.bits, has_alpha=self.has_alpha)
        filters = [*([] if is_rgb else [self._matrix_filter(is_live)]), f"format={pixels}"]
        options = codec.options(self.quality, self.bits, self.has_alpha, is_live)
        if codec.encoder == "libx265":
            options = [f"{each}{self.tags.light.x265_options}" if "log-level" in each else each for each in options]
        return [
            *("-vf", ",".join([*filters, self.tags.frame_filter(is_rgb=is_rgb)])),
            *("-c:v", codec.encoder, *options),
            *("-pix_fmt", pixels),
            *self.tags.stream_options(is_rgb=is_rgb),
        ]

    def _matrix_filter(self, is_live: bool) -> str:
        """The filter that makes brightness and colour differences of RGB."""
        if self.is_deep_pipe(is_live=is_live) and has_filter("zscale"):
            # Exact, where ffmpeg's own scaler makes 235.75 of white.
            dither = "ordered" if self.bits == 8 else "none"
            return f"zscale=min=gbr:rin=full:m={self.tags.matrix}:r=limited:f=bicubic:d={dither}"
        flags = "bicubic+accurate_rnd+full_chroma_int"
        return f"scale=in_range=pc:out_range=tv:out_color_matrix={self.tags.matrix_name}:flags={flags}"

    def segment_suffix(self) -> str:
        """Of the container that holds the frames while a film is made."""
        assert self.codec is not None
        # MP4 has no place for the alpha of VP9.
        return ".mkv" if self.has_alpha and self.codec.name == "vp9" else self.codec.segment_suffix

    def describe(self) -> str:
        """In a few words, such as "prores, 10 bits, quality 85"."""
        name = f"{self.codec.name}, " if self.codec else ""
        alpha = ", alpha" if self.has_alpha else ""
        colours = f", {self.tags.describe()}" if self.tags != ColourTags() else ""
        return f"{name}{self.bits} bits{alpha}{colours}, quality {self.quality}"


@dataclass(frozen=True)
class Delivery:
    """What a film is to be delivered as; what is left out follows from the target's suffix.

    Attributes:
        codec: a name of `vidream.media.codecs.CODECS`, of a video.
        bit_depth: 8, 10, 12 or 16 bits a channel.
        alpha: "keep" or "drop" what is transparent; "auto" keeps it where the target can.
        quality: 1..100; 85 shows no loss.

    Raises:
        TargetError: a value is not allowed.
    """

    codec: str | None = None
    bit_depth: int | None = None
    alpha: AlphaWish = "auto"
    quality: int | None = None

    def __post_init__(self) -> None:
        if self.codec is not None and self.codec not in CODECS:
            raise TargetError(f'cannot be "{self.codec}"; give {", ".join(CODECS)}', argument="codec")
        if self.bit_depth is not None and self.bit_depth not in DEPTHS:
            raise TargetError(f"cannot be {self.bit_depth}; give 8, 10, 12 or 16", argument="bit_depth")
        if self.alpha not in ("auto", "keep", "drop"):
            raise TargetError(f'cannot be "{self.alpha}"; give keep or drop', argument="alpha")
        if self.quality is not None and not 1 <= self.quality <= 100:
            raise TargetError(f"cannot be {self.quality}; give 1 to 100", argument="quality")

    def for_suffix(self, suffix: str) -> str:
        """`suffix` of a video that was not named, or in its place the one that the codec goes into."""
        if self.codec is None and self.alpha == "keep":
            return ".mov"
        holding = suffixes_of(self.codec) if self.codec else (suffix,)
        return suffix if suffix in holding else holding[0]

    def colours(self, target: Path, frames: int | None) -> Colours:
        """How the colours of a source must come in for `target`, of so many frames. Raises TargetError."""
        found, kind = format_of(target), target_kind(target, frames)
        assert found is not None
        if kind != "video" and not found.has_colour_tags:
            return "bt709"
        return "source" if self.encoding(target, kind).bits > 8 else "sdr"

    def encoding(
        self, target: Path, kind: TargetKind, *, has_alpha: bool = False, tags: ColourTags | None = None
    ) -> Encoding:
        """What this means for `target`.

        Args:
            target: its suffix decides.
            kind: what it is.
            has_alpha: something in the film is transparent.
            tags: of the film's colours.

        Raises:
            TargetError: the wishes do not go together, or not into such a file.
        """
        found = format_of(target)
        assert found is not None
        if kind != "video" and self.codec is not None:
            raise TargetError(
                f'"{target.name}" has no codec to choose; {self.codec} goes into '
                f"{_listed(suffixes_of(self.codec))}, or leave it out",
                argument="codec",
            )
        made = (
            self._video(target, found, has_alpha) if kind == "video" else self._pictures(target, found, kind, has_alpha)
        )
        quality = self.quality if self.quality is not None else DEFAULT_QUALITY
        return replace(made, quality=quality, tags=tags or ColourTags())

    def _video(self, target: Path, found: Format, has_alpha: bool) -> Encoding:
        wants_alpha = (has_alpha or self.alpha == "keep") and self.alpha != "drop"
        by_itself = found.alpha_codec if wants_alpha and found.alpha_codec else found.codecs[0]
        if by_itself == "h264" and (self.bit_depth or 8) > 8:
            by_itself = "h265"  # hardly a player takes 10 bits of H.264
        codec = CODECS[self.codec or by_itself]
        if codec.name not in found.codecs:
            raise TargetError(
                f'{codec.name} cannot go into "{target.name}"; it goes into {_listed(suffixes_of(codec.name))}, and '
                f"{found.suffix} takes {_listed(found.codecs)}",
                argument="codec",
            )
        if self.codec is not None and not has_encoder(codec.encoder):
            own = "; unset IMAGEIO_FFMPEG_EXE" if "IMAGEIO_FFMPEG_EXE" in os.environ else ""
            raise TargetError(
                f"this ffmpeg cannot make {codec.name} (no {codec.encoder}); choose another{own}", argument="codec"
            )
        if self.quality is not None and not codec.has_quality:
            raise TargetError(f"{codec.name} has none to choose; leave it out", argument="quality")
        bits = self.bit_depth or next(iter(codec.formats))
        if bits not in codec.formats:
            depths = _listed(tuple(map(str, sorted(codec.formats))))
            others = ", ".join(each.name for each in CODECS.values() if bits in each.formats)
            raise TargetError(
                f"{codec.name} has {depths} bits, not {bits}; {bits} bits: {others}", argument="bit_depth"
            )
        keeps = has_alpha and wants_alpha and bits in codec.alpha_formats
        if self.alpha == "keep" and bits not in codec.alpha_formats:
            can = ", ".join(each.name for each in CODECS.values() if each.alpha_formats)
            depths = f" with {bits} bits" if codec.alpha_formats else ""
            raise TargetError(f"{codec.name} cannot keep it{depths}; these do: {can}", argument="alpha")
        return Encoding(bits=bits, has_alpha=keeps, codec=codec)

    def _pictures(self, target: Path, found: Format, kind: TargetKind, has_alpha: bool) -> Encoding:
        depths = (8,) if kind == "gif" else found.bits
        bits = self.bit_depth or depths[0]
        if bits not in depths:
            others = _listed(tuple(each for each in suffixes("picture") if bits in FORMATS[each].bits))
            goes = f"{bits} bits go into {others or '.mkv (ffv1), .mov (prores)'}"
            has = _listed(tuple(map(str, depths)))
            raise TargetError(f"{target.suffix.lower()} has {has} bits, not {bits}; {goes}", argument="bit_depth")
        if self.alpha == "keep" and not found.has_alpha:
            raise TargetError(
                f"{target.suffix.lower()} cannot keep it; .png, .webp, .tif and .exr do", argument="alpha"
            )
        keeps = has_alpha and found.has_alpha and self.alpha != "drop"
        # A palette has no use for noise, and what rests must stay the same.
        return Encoding(bits=bits, has_alpha=keeps, codec=FFV1 if kind == "gif" else None, dithers=kind != "gif")


def _listed(names: tuple[str, ...]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}" if names else ""
