"""The thousand classes of ImageNet (ILSVRC 2012) by name, and groups of them that people ask for."""

from __future__ import annotations

import importlib.util
from functools import cache
from pathlib import Path

__all__ = ["imagenet_classes", "imagenet_groups"]

# Animals and food are neighbours in the list: (first, last) of each run.
_RUNS = {
    "dogs": ((151, 268),),
    "cats": ((281, 293),),
    "birds": ((7, 24), (80, 100), (127, 146)),
    "reptiles": ((33, 68),),
    "fish": ((0, 6), (389, 397)),
    "insects": ((300, 326),),
    "wildlife": ((101, 106), (269, 280), (286, 299), (330, 388)),
    "food": ((924, 945), (947, 957), (959, 967)),
}
_MEMBERS = {
    "vehicles": (
        "airliner, airship, ambulance, beach wagon, bicycle-built-for-two, bullet train, cab, canoe, convertible, "
        "electric locomotive, fire engine, fireboat, garbage truck, go-kart, gondola, half track, jeep, limousine, "
        "liner, minibus, minivan, Model T, moped, motor scooter, mountain bike, moving van, passenger car, pickup, "
        "police van, racer, recreational vehicle, school bus, schooner, snowmobile, snowplow, space shuttle, "
        "speedboat, sports car, steam locomotive, streetcar, submarine, tank, tow truck, tractor, trailer truck, "
        "trimaran, trolleybus, warplane, yawl"
    ),
    "buildings": (
        "altar, barn, beacon, bell cote, boathouse, castle, church, cinema, cliff dwelling, dome, greenhouse, "
        "library, megalith, mobile home, monastery, mosque, obelisk, palace, planetarium, steel arch bridge, stupa, "
        "suspension bridge, thatch, tile roof, triumphal arch, vault, viaduct, water tower, yurt"
    ),
    "flowers": "cardoon, daisy, rapeseed, yellow lady's slipper",
    "instruments": (
        "accordion, acoustic guitar, banjo, bassoon, cello, chime, cornet, drum, electric guitar, flute, French horn, "
        "gong, grand piano, harmonica, harp, maraca, marimba, oboe, ocarina, organ, panpipe, sax, steel drum, "
        "trombone, upright, violin"
    ),
}


@cache
def imagenet_classes() -> tuple[str, ...]:
    """The names of the classes, in the order of the logits, as torchvision has them."""
    # Its list alone, by the file's path: the whole of torchvision takes seconds to load.
    package = importlib.util.find_spec("torchvision")
    path = Path(package.origin or "").parent / "models" / "_meta.py" if package else Path()
    spec = importlib.util.spec_from_file_location("vidream._imagenet_names", path) if path.is_file() else None
    if spec is not None and spec.loader is not None:
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        names = getattr(module, "_IMAGENET_CATEGORIES", None)
        if names is not None:
            return tuple(names)
    from torchvision.models import ResNet18_Weights

    return tuple(ResNet18_Weights.DEFAULT.meta["categories"])


@cache
def imagenet_groups() -> dict[str, tuple[str, ...]]:
    """Group -> names of its classes."""
    names = imagenet_classes()
    groups = {
        group: tuple(name for first, last in runs for name in names[first : last + 1]) for group, runs in _RUNS.items()
    }
    return groups | {group: tuple(members.split(", ")) for group, members in _MEMBERS.items()}
