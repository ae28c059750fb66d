"""controls: what each key does to a live dream."""

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
    ("0", "layer and subject as the look has them"),
    ("x", "begin afresh"),
    ("space", "hold the picture, go on"),
    ("m", "mirror"),
    ("f", "full screen"),
    ("c", "take a picture"),
    ("r", "record, stop recording"),
    ("o", "figures"),
    ("h  ?", "this help"),
    ("q  Esc", "quit"),
)


class Controls:
    """Changes a live dream by keys. `look`: what is dreamed, in a few words."""

    def __init__(self, live: LiveDream, *, name: str) -> None:
        """name: of the preset that `live` began with."""
        self._live = live
        # Nobody waits for a download before a mirror: looks whose net is not here are left out.
        self._names = [each for each in preset_names() if has_weights(Preset.load(each).net)]
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
            "0": self._as_the_look_has_it,
            "x": self._reset,
            "space": self._freeze,
        }

    @property
    def look(self) -> str:
        return " ".join(part for part in (self._name, self._layer, self._subject) if part)

    def press(self, key: str) -> str:
        """Do what `key` means; returns a few words about it, or "" for a key that means nothing here.

        What cannot be had, say a net that is not downloaded, comes back as words too: the dream goes on.
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
        # The choice moves on first: a look that cannot be had must not bar the way to those behind it.
        self._name, self._layer, self._subject = name, None, None
        preset = self._preset()
        self._live.change(preset)
        return f"{name}: {preset.description}" if preset.description else name

    def _preset(self) -> Preset:
        return self._own.get(self._name) or Preset.load(self._name)

    def _next_layer(self) -> str:
        net = self._live.net
        self._layer, self._subject = _following(net.good_layers or net.layers, self._layer), None
        self._live.change(self._preset().replace(layers={self._layer: 1.0}, channels=(), subject={}, class_id=""))
        return f"layer {self._layer} of {net.name}"

    def _next_subject(self) -> str:
        net = self._live.net
        names = tuple(net.groups) or net.classes
        if not names:
            return f"{net.name} knows no subjects"
        self._layer, self._subject = None, _following(names, self._subject)
        self._live.change(self._preset().replace(layers={}, channels=(), subject={self._subject: 1.0}, class_id=""))
        return f"subject {self._subject}"

    def _as_the_look_has_it(self) -> str:
        return self._take(self._name)

    def _strengthen(self, step: float) -> str:
        self._live.strength = round(self._live.strength + step, 3)
        return f"strength {self._live.strength:.1f}"

    def _reset(self) -> str:
        self._live.reset()
        return "begun afresh"

    def _freeze(self) -> str:
        self._live.freeze = not self._live.freeze
        return "held: space goes on" if self._live.freeze else "going on"


def _following(names: tuple[str, ...], name: str | None) -> str:
    return names[(names.index(name) + 1) % len(names)] if name in names else names[0]
