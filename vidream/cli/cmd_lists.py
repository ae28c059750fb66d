"""vidream presets, nets, layers and doctor: what there is to dream with."""

from __future__ import annotations

import argparse

from vidream.cli import values
from vidream.looks.preset import Preset, preset_names

__all__ = ["add"]


def add(commands: argparse._SubParsersAction, common: argparse.ArgumentParser) -> None:
    """Add the commands to `vidream`. common: options that every command has."""
    presets = commands.add_parser("presets", parents=[common], help="list the looks, or print one as TOML")
    presets.add_argument("name", nargs="?", help="print this one; a start for a .toml file of your own")
    presets.set_defaults(run=_presets)
    nets = commands.add_parser("nets", parents=[common], help="networks to dream with")
    layers = commands.add_parser("layers", parents=[common], help="layers of a network")
    layers.add_argument("--net", default="dreamnet", help="default: %(default)s")
    doctor = commands.add_parser("doctor", parents=[common], help="what was found on this machine, and what to do")
    for command, run in ((nets, _nets), (layers, _layers), (doctor, _doctor)):
        command.add_argument("--json", metavar="FILE", type=values.file_path, help="write it as JSON as well")
        command.set_defaults(run=run)


def _presets(arguments: argparse.Namespace) -> None:
    if arguments.name:
        print(Preset.load(arguments.name).to_toml(), end="")
        return
    for name in preset_names():
        print(f"{name:<12}{Preset.load(name).description}")


def _nets(arguments: argparse.Namespace) -> None:
    from vidream.cli.terminal import show_nets

    show_nets(arguments.json)


def _layers(arguments: argparse.Namespace) -> None:
    from vidream.cli.terminal import show_layers

    show_layers(arguments.net, arguments.json)


def _doctor(arguments: argparse.Namespace) -> int:
    from vidream.cli.doctor import examine, show

    findings = examine()
    show(findings, arguments.json)
    return 0 if all(finding.good for finding in findings if finding.needed) else 1
