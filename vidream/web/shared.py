"""What all pages of one server share: networks, looks, threads, the queue of clips."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from vidream.engine.dreamer import Dreamer
from vidream.errors import PresetError, close_names
from vidream.looks.preset import Preset, preset_names
from vidream.networks import NetworkPool, WeightsPlace, has_weights, weights_state
from vidream.runtime.threads import run_single_threaded
from vidream.web.limits import Settings

__all__ = ["THUMBNAILS", "Engine"]

THUMBNAILS = Path(__file__).with_name("thumbnails")
# A clip dreams beside the live pages; two at once would each take twice as long, and the memory of two.
CLIPS_AT_ONCE = 1


class Engine:
    """Dreamers for all pages, on networks that are loaded once.

    Args:
        settings: limits of the server.
        first: name and preset of the look that a page begins with; by default the first shipped one.
        networks: loads the looks' networks; by default on the best device.
        tile, seed: as in `Dreamer`.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        first: tuple[str, Preset] | None = None,
        networks: NetworkPool | None = None,
        tile: int | None = None,
        seed: int = 0,
    ) -> None:
        self.settings = settings
        self.looks = _looks(first)
        self.clips = threading.Semaphore(CLIPS_AT_ONCE)
        # A live frame and a file at work for each page, and the pages that come and go.
        self.threads = ThreadPoolExecutor(2 * settings.max_sessions + 4, "vidream-web", run_single_threaded)
        self._networks, self._tile, self._seed = networks or NetworkPool.on(), tile, seed

    def dreamer(self, preset: Preset) -> Dreamer:
        """A new dreamer on shared networks. Raises NetError, PresetError."""
        return Dreamer(preset, networks=self._networks, tile=self._tile, seed=self._seed)

    def preset(self, look: str, *, subjects: tuple[str, ...] = (), guide: Path | None = None) -> Preset:
        """The preset of a page's choices.

        Args:
            look: name.
            subjects: classes or groups in place of the look's own.
            guide: a picture whose features the dream takes on.

        Raises:
            PresetError: the look or a subject is unknown.
        """
        if look not in self.looks:
            raise PresetError(f'no look "{look[:40]}"; {close_names(look[:40], self.looks)}')
        preset = self.looks[look]
        if subjects:
            preset = preset.replace(subject=dict.fromkeys(subjects, 1.0), layers={}, channels=(), class_id="")
        if guide is not None:
            # The look's own subjects would hide the guide; only those that the page chose stay.
            preset = preset.replace(
                guide=(str(guide),), channels=(), **({} if subjects else {"subject": {}, "class_id": ""})
            )
        return preset

    def describe(self) -> dict[str, Any]:
        """Looks, and the subjects of every network that needs no download, for the page's controls."""
        looks = [
            {
                "name": name,
                "says": preset.description,
                "thumbnail": (THUMBNAILS / f"{name}.jpg").is_file(),
                "networks": list(preset.networks),
            }
            for name, preset in self.looks.items()
        ]
        names = dict.fromkeys(name for preset in self.looks.values() for name in preset.networks)
        embedded = [name for name in names if weights_state(name).place is WeightsPlace.EMBEDDED]
        networks = {}
        for net in map(self._networks.net, embedded):
            classes = [name for name in net.classes if name not in net.groups]
            networks[net.name] = {"groups": list(net.groups), "classes": classes}
        return {"looks": looks, "networks": networks}


def _looks(first: tuple[str, Preset] | None) -> dict[str, Preset]:
    """The looks that need no download now, the first one first."""
    looks = dict([first]) if first else {}
    for name in preset_names():
        preset = Preset.load(name)
        if name not in looks and all(map(has_weights, preset.networks)):
            looks[name] = preset
    return looks
