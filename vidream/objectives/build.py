"""compose: from a preset to the objective that it asks of a net."""

from __future__ import annotations

from vidream.errors import NetError, PresetError
from vidream.looks.preset import Preset
from vidream.networks import Net
from vidream.objectives.objective import Objective, channel, content, guide, layer, style, subject, total_variation

__all__ = ["objective_of"]


def objective_of(preset: Preset, net: Net) -> Objective:
    """The objective that a preset asks of a net, for one moment of the film.

    Subjects, a class and layers add up, each with its weight; subjects weigh as their largest
    weight says.  A guide takes the place of the layers' own growth, or with `style` lends its
    style, or with `guide_share` mixes with it; `content` and `tv` hold the dream back.
    Raises NetError for what the net does not have, PresetError for wishes that do not go together.
    """
    parts: list[Objective] = []
    wanted = [weight for weight in preset.subject.values() if weight > 0]
    if wanted:
        parts.append(max(wanted) * subject(net.class_layer, net.class_weights(preset.subject)))
    if preset.class_id:
        parts.append(channel(net.class_layer, net.class_index(preset.class_id)))
    if preset.style and not preset.guide:
        raise PresetError("style needs a picture to take it from: --set guide=FILE")
    if preset.layers or preset.guide or preset.content or not (preset.subject or preset.class_id):
        parts += _layer_parts(preset, net)
    if preset.tv:
        parts.append(preset.tv * total_variation())
    # All subjects may weigh nothing for a moment of a schedule; then nothing is dreamed.
    return sum(parts[1:], parts[0]) if parts else 0.0 * total_variation()


def _layer_parts(preset: Preset, net: Net) -> list[Objective]:
    layers = dict(preset.layers) or net.default_layers
    if not layers:
        raise NetError(
            f"{net.name} has no layer of its own choice; name one with --set layers=…. "
            f"List all: vidream layers --net {net.name}"
        )
    net.check_layers(layers)
    parts = []
    if preset.content:
        parts.append(preset.content * content(list(layers)[-1]))
    if preset.style:
        return parts + [preset.style * weight * style(name) for name, weight in layers.items()]
    if preset.guide:
        # x * x is what a layer gives for growing, x * y for following: halved, both pull alike.
        share = preset.guide_share
        mixed = {name: share * guide(name) + (0.5 * (1 - share)) * layer(name) for name in layers}
        return parts + [weight * mixed[name] for name, weight in layers.items()]
    if not preset.layers and (preset.subject or preset.class_id):
        return parts
    if not preset.channels:
        return parts + [weight * layer(name, net.channel_energy.get(name)) for name, weight in layers.items()]
    _check_channels(net, layers, preset.channels)
    return parts + [weight * channel(name, index) for name, weight in layers.items() for index in preset.channels]


def _check_channels(net: Net, layers: dict[str, float], channels: tuple[int, ...]) -> None:
    for info in net.describe_layers(layers):
        wrong = [index for index in channels if not 0 <= index < info.channels]
        if wrong:
            raise NetError(f"layer {info.name} of {net.name} has channels 0 to {info.channels - 1}, not {wrong[0]}")
