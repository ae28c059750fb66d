"""What each key does to a live dream."""

from __future__ import annotations

from collections.abc import Callable

from vidream.errors import VidreamError
from vidream.live.live_dream import LiveDream
from vidream.looks.preset import Preset, preset_names
from vidream.networks import has_weights

__all__ = ["HELP", "Controls"]

STRENGTH_STEP = 0.1
HELP = (
    ("1-9", "look, by number"),
    ("p  P", "next look, the one before"),
    ("+  -", "stronger, weaker"),
    ("l", "next layer of the network"),
    ("s", "next subject"),
    ("0", "the look's own layer and subject"),
    ("x", "start over"),
    ("space", "hold the picture, continue"),
    ("m", "mirror"),
    ("f", "full screen"),
    ("c", "take a picture"),
    ("r", "record, stop recording"),
    ("o", "figures"),
    ("h  ?", "this help"),
    ("q  Esc", "quit"),
)


class Controls:
    """Changes a live dream by keys.

    Args:
        live: the dream.
        name: of the preset that `live` began with.
    """

    def __init__(self, live: LiveDream, *, name: str) -> None:
        self._live = live
        # A download would stop the live picture: looks whose network is not on this machine are left out.
        self._names = [each for each in preset_names() if all(map(has_weights, Preset.load(each).networks))]
        self._own = {name: live.preset}
        if name not in self._names:
            self._names.insert(0, name)
        self._name = name
        self._layer: str | None = None
        self._subject: str | None = None
        self._keys: dict[str, Callable[[], str]] = {
            "p": lambda: self._take_look(1),
            "P": lambda: self._take_look(-1),
            "+": lambda: self._strengthen(STRENGTH_STEP),
            "=": lambda: self._strengthen(STRENGTH_STEP),
            "-": lambda: self._strengthen(-STRENGTH_STEP),
            "l": self._next_layer,
            "s": self._next_subject,
            "0": self._look_only,
            "x": self._reset,
            "space": self._freeze,
        }

    @property
    def look(self) -> str:
        """What is dreamed, in a few words."""
        return " ".join(part for part in (self._name, self._layer, self._subject) if part)

    def press(self, key: str) -> str:
        """Do what a key means.

        Returns:
            A message about it, also where it failed, such as for a network that is not downloaded; "" for a key without
            a meaning here.
        """
        try:
            if key in self._keys:
                return self._keys[key]()
            if key in "123456789" and key and int(key) <= len(self._names):
                return self._take(self._names[int(key) - 1])
        except VidreamError as error:
            return str(error)
        return ""

    def _take_look(self, step: int) -> str:
        return self._take(self._names[(self._names.index(self._name) + step) % len(self._names)])

    def _take(self, name: str) -> str:
        # The choice moves first: a look that fails must not block the way to the next ones.
        self._name, self._layer, self._subject = name, None, None
        preset = self._preset()
        self._live.change(preset)
        return f"{name}: {preset.description}" if preset.description else name

    def _preset(self) -> Preset:
        return self._own.get(self._name) or Preset.load(self._name)

    def _next_layer(self) -> str:
        net = self._live.nets[0]
        self._layer, self._subject = _following(net.good_layers or net.layers, self._layer), None
        self._live.change(self._preset().replace(layers={self._layer: 1.0}, channels=(), subject={}, class_id=""))
        return f"layer {self._layer} of {net.name}"

    def _next_subject(self) -> str:
        nets = self._live.nets
        names = tuple(dict.fromkeys(name for net in nets for name in net.groups)) or nets[0].classes
        if not names:
            return f"{nets[0].name} has no subjects"
        self._layer, self._subject = None, _following(names, self._subject)
        self._live.change(self._preset().replace(layers={}, channels=(), subject={self._subject: 1.0}, class_id=""))
        return f"subject {self._subject}"

    def _look_only(self) -> str:
        return self._take(self._name)

    def _strengthen(self, step: float) -> str:
        self._live.strength = round(self._live.strength + step, 3)
        return f"strength {self._live.strength:.1f}"

    def _reset(self) -> str:
        self._live.reset()
        return "started over"

    def _freeze(self) -> str:
        self._live.freeze = not self._live.freeze
        return "held: space continues" if self._live.freeze else "continuing"


def _following(names: tuple[str, ...], name: str | None) -> str:
    return names[(names.index(name) + 1) % len(names)] if name in names else names[0]
