"""Options that several commands have: look, span, machine, output; and how to act on them."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vidream.cli import values
from vidream.errors import NetError, PresetError
from vidream.looks.loading import load_look
from vidream.looks.mixture import with_networks
from vidream.looks.preset import DEFAULT_NAME, Preset
from vidream.media.codecs import CODECS
from vidream.media.formats import suffixes

if TYPE_CHECKING:
    from vidream.engine.dreamer import Dreamer
    from vidream.media import Delivery
    from vidream.networks import NetworkPool

__all__ = [
    "add_cluster",
    "add_delivery",
    "add_film_output",
    "add_like",
    "add_listen",
    "add_look",
    "add_machine",
    "add_mask",
    "add_output",
    "add_span",
    "add_wrap",
    "check_cluster",
    "chosen_preset",
    "cluster_for",
    "delivery_of",
    "dreamer_for",
    "networks_for",
    "take_like",
]

# As `vidream.motion.wrap.Wrap`, which loads torch.
WRAPS = ("none", "horizontal", "both")


def add_look(parser: argparse.ArgumentParser) -> None:
    """Add the options that choose a look."""
    group = parser.add_argument_group("look")
    group.add_argument("-p", "--preset", default=DEFAULT_NAME, metavar="NAME|FILE",
                       help="default: %(default)s; or several over time: '0:creatures, 10s:sea'")  # fmt: skip
    group.add_argument(
        "--set", action="append", default=[], metavar="FIELD=VALUE", help="change a preset field; repeatable"
    )
    group.add_argument(
        "--net",
        metavar="NAME[:SHARE],...",
        help="network in place of the preset's, or several in one dream: dreamnet:1,efficientnet_lite0:0.5",
    )
    group.add_argument(
        "--weights", metavar="FILE", type=values.path_text, help="weights for the network: .safetensors or .pth"
    )
    group.add_argument(
        "--seed",
        type=values.integer("an integer, such as 7"),
        default=0,
        metavar="N",
        help="same seed, same frames (default 0)",
    )


def add_like(parser: argparse.ArgumentParser) -> None:
    """Add --like, for commands that dream clips; see `take_like`."""
    parser.add_argument(
        "--like",
        metavar="OLD",
        type=values.path_text,
        help="dream as OLD was: a film that vidream made, or its sidecar",
    )


def add_listen(group: argparse._ArgumentGroup) -> None:
    """Add --listen, for commands that make films."""
    group.add_argument(
        "--listen",
        metavar="FILE",
        type=values.path_text,
        help="a track that the look follows, and the film's sound (default: the clip's own)",
    )


def add_mask(span: argparse._ArgumentGroup) -> None:
    """Add --mask to the options of `add_span`."""
    span.add_argument("--mask", metavar="FILE", type=values.path_text, help="picture or video, bright where to dream")


def add_wrap(span: argparse._ArgumentGroup) -> None:
    """Add --wrap to the options of `add_span`."""
    span.add_argument(
        "--wrap",
        choices=WRAPS,
        help="frames go round: horizontal, a 360-degree panorama; both, a tile (default: as the source says)",
    )


def add_span(parser: argparse.ArgumentParser) -> argparse._ArgumentGroup:
    """Add the options that say how much of the source is dreamed, and how large."""
    group = parser.add_argument_group("what is dreamed")
    group.add_argument(
        "--size",
        type=values.integer("an integer, such as 640"),
        metavar="N",
        help="longer side in px (default: as the source)",
    )
    group.add_argument("--start", type=values.seconds, default=0.0, metavar="S", help="begin here: seconds, or 1:30")
    group.add_argument("--duration", type=values.seconds, metavar="S", help="this long; a still picture is held for it")
    group.add_argument("--fps", type=values.rate, metavar="F", help="frames a second, such as 24 or 30000/1001")
    return group


def add_machine(parser: argparse.ArgumentParser) -> None:
    """Add the options that say what computes."""
    group = parser.add_argument_group("machine")
    group.add_argument("--device", default="auto", metavar="auto|cpu|cuda|mps", help="default: %(default)s")
    group.add_argument("--precision", default="auto", metavar="auto|fp32|bf16|fp16", help="default: %(default)s")
    group.add_argument(
        "--tile",
        type=values.integer("an integer, such as 512"),
        metavar="N",
        help="largest side in px computed at once; smaller needs less memory",
    )


def add_cluster(parser: argparse.ArgumentParser) -> None:
    """Add the options of a film that many workers make."""
    group = parser.add_argument_group("cluster (pip install 'vidream[cluster]')")
    group.add_argument(
        "--cluster",
        metavar="local|auto|ray://HOST:PORT",
        help="have workers on Ray make it: on this machine, or on a cluster",
    )
    group.add_argument(
        "--worker-cpus",
        type=values.integer("an integer, such as 2"),
        metavar="N",
        help="threads of a worker without a GPU (default 2; 1 where a machine has fewer than 4 CPUs)",
    )
    group.add_argument(
        "--shared-dir",
        metavar="DIR",
        type=values.path_text,
        help="a folder that all machines see, for the source (default: it is sent to them)",
    )
    group.add_argument(
        "--chunk-seconds",
        type=values.seconds,
        metavar="S",
        help="share a longer shot in pieces that turn into one another (default 20; 0: share no shot)",
    )


def check_cluster(parser: argparse.ArgumentParser, arguments: argparse.Namespace) -> None:
    """End with a usage error where options of a cluster came without one."""
    for name in ("worker_cpus", "shared_dir", "chunk_seconds"):
        if arguments.cluster is None and name in arguments.given:
            parser.error(f"--{name.replace('_', '-')} is for --cluster: add --cluster local")


@contextmanager
def cluster_for(arguments: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """The arguments of `dream` for the cluster that the options name; {} for none. Raises VidreamError."""
    if arguments.cluster is None:
        yield {}
        return
    from vidream.cluster import Cluster

    with Cluster(
        arguments.cluster,
        worker_cpus=arguments.worker_cpus,
        shared_dir=arguments.shared_dir,
        device=arguments.device,
        precision=arguments.precision,
        tile=arguments.tile,
    ) as cluster:
        pieces = {} if arguments.chunk_seconds is None else {"chunk_seconds": arguments.chunk_seconds}
        yield {"cluster": cluster, **pieces}


def add_output(parser: argparse.ArgumentParser, *, has_resume: bool = True) -> argparse._ArgumentGroup:
    """Add the options of commands that make a film. has_resume: False for one that goes on by itself."""
    group = parser.add_argument_group("output")
    replaced = "OUT where it exists" if has_resume else "dreams it knows nothing of; begin unfinished films again"
    group.add_argument("--overwrite", action="store_true", help=f"replace {replaced}")
    if has_resume:
        group.add_argument(
            "--resume", action="store_true", help="continue an unfinished film; start it where there is none"
        )
    group.add_argument(
        "--max-size",
        type=values.byte_count,
        metavar="8MB",
        help=f"largest {', '.join(suffixes('animation'))}; says which size, rate and colours were reduced",
    )
    add_delivery(group)
    group.add_argument(
        "--allow-flashes",
        action="store_true",
        help="leave what flashes more than three times a second (docs/flashes.md)",
    )
    group.add_argument("--preview", action="store_true", help="show the frames as they are made")
    group.add_argument("-q", "--quiet", action="store_true", help="print nothing but errors")
    return group


def add_delivery(group: argparse._ArgumentGroup) -> None:
    """Add the options that say how a film is stored."""
    group.add_argument(
        "--codec", metavar="NAME", help=f"{', '.join(CODECS)} (default: by OUT's suffix; .mov prores, .mkv ffv1)"
    )
    group.add_argument(
        "--bit-depth",
        type=values.integer("8, 10, 12 or 16"),
        metavar="8|10|12|16",
        help="bits a channel: 10 and more keep HDR; 16 also for .png and .tif",
    )
    group.add_argument(
        "--alpha", metavar="keep|drop", default="auto", help="what is transparent (default: where it can)"
    )
    group.add_argument(
        "--quality",
        type=values.integer("an integer from 1 to 100"),
        metavar="N",
        help="1 to 100; at 85, the default, no loss is seen",
    )


def delivery_of(arguments: argparse.Namespace) -> Delivery:
    """What the options of `add_delivery` ask for. Raises TargetError."""
    from vidream.media.delivery import Delivery

    return Delivery(arguments.codec, arguments.bit_depth, arguments.alpha, arguments.quality)


def add_film_output(group: argparse._ArgumentGroup) -> None:
    """Add to the options of `add_output` those of commands that dream clips."""
    group.add_argument(
        "--audio", choices=("all", "first", "none"), default="all", help="which tracks of sound are kept (default all)"
    )
    group.add_argument("--no-audio", action="store_const", const="none", dest="audio", help="the same as --audio none")
    group.add_argument("--sidecar", action="store_true", help="also write OUT.json: how it was made, and its figures")
    group.add_argument(
        "--loop",
        choices=("boomerang", "crossfade"),
        help="end where it begins: there and back, or cross-faded; no sound",
    )


def take_like(arguments: argparse.Namespace) -> None:
    """Take preset, seed, size and rate from the film that `--like` names, where their options were not given.

    An option that was given counts, whatever its value: `--seed 0` is seed 0. Raises VidreamError.
    """
    if not getattr(arguments, "like", None):
        return
    from vidream.rendering.recipe import Recipe

    recipe = Recipe.read(arguments.like)
    if recipe.weights and not arguments.weights:
        raise NetError(f"{arguments.like} was made with weights of its own", use={"weights": recipe.weights})
    if recipe.listen and recipe.preset.sound_names and not arguments.listen:
        raise PresetError(f"{arguments.like} follows a track of its own", use={"listen": recipe.listen["name"]})
    arguments.like_preset = recipe.preset
    if "seed" not in arguments.given:
        arguments.seed = recipe.seed
    if "size" not in arguments.given:
        arguments.size = recipe.size
    if "fps" not in arguments.given and recipe.rate:
        arguments.fps = Fraction(recipe.rate)
    if "wrap" not in arguments.given and recipe.wrap:
        arguments.wrap = recipe.wrap


def chosen_preset(arguments: argparse.Namespace) -> Preset:
    """The preset by name or file, or of the film that --like names; with --net and --set. Raises PresetError."""
    preset = getattr(arguments, "like_preset", None) or load_look(arguments.preset)
    if arguments.net:
        preset = with_networks(preset, arguments.net)
    return preset.with_settings(arguments.set)


def dreamer_for(arguments: argparse.Namespace, preset: Preset) -> Dreamer:
    """The Dreamer of `preset` on the machine that the options name."""
    from vidream.engine.dreamer import Dreamer

    set_up_process()
    # Where workers dream, this process only tells one look from another.
    is_shared = getattr(arguments, "cluster", None) is not None
    return Dreamer(
        preset,
        weights=arguments.weights,
        device="cpu" if is_shared else arguments.device,
        precision="fp32" if is_shared else arguments.precision,
        tile=arguments.tile,
        seed=arguments.seed,
    )


def networks_for(arguments: argparse.Namespace, preset: Preset) -> NetworkPool:
    """The networks on the machine that the options name; --weights are those of the preset's first one."""
    from vidream.networks import NetworkPool

    set_up_process()
    weights = {next(iter(preset.networks)): Path(arguments.weights)} if arguments.weights else {}
    return NetworkPool.on(arguments.device, arguments.precision, weights=weights)


def set_up_process() -> None:
    """Have freed buffers kept and threads wait as is best: settings of the process, the command line's to make."""
    from vidream.runtime.memory import keep_memory
    from vidream.runtime.waits import adapt_waits

    keep_memory()
    adapt_waits()
