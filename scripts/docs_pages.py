"""Pages of the docs site that are written from the code when the site is built (a hook of mkdocs, see mkdocs.yml).

Commands come from the argument parsers, preset fields from `Preset`, presets from presets/*.toml, networks and file
formats from their registries, the Python names from `vidream.__all__`. README.md, CONTRIBUTING.md and CHANGELOG.md
become pages as they stand. Run from the repository to write docs/gallery.md anew: python scripts/docs_pages.py
"""

from __future__ import annotations

import argparse
import dataclasses
import logging
import re
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent.parent
# mkdocs loads a hook by its path: the package beside this folder is the one to be described.
sys.path.insert(0, str(HERE))

import vidream  # noqa: E402
from vidream.looks.preset import Preset, preset_names  # noqa: E402

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

log = logging.getLogger("mkdocs.hooks.vidream")
GALLERY = """# Gallery

Every preset on one frame of `samples/valley.mp4`, 20 frames into its dream. Pictures: `python scripts/gallery.py`.
Use one with `vidream dream IN OUT -p NAME`; print one with `vidream presets NAME`.
"""
# In the order in which a reader meets them; a room that is not named comes after these.
ROOMS = {
    "api": "Whole files",
    "many": "Many clips",
    "looks": "Presets",
    "engine": "Dreamer",
    "objectives": "Objectives",
    "networks": "Networks",
    "temporal": "Dreams over time",
    "media": "Reading and writing",
    "rendering": "Films and their recipes",
    "zoom": "Zooms",
    "live": "Live",
    "errors": "Errors",
}
# Front matter of a page whose table needs the room of the table of contents.
WIDE = ["---", "hide: [toc]", "---", ""]


def on_files(files: Any, config: Any) -> Any:
    """mkdocs' hook: add the generated pages to the site's files."""
    from mkdocs.structure.files import File

    pages = {
        "index.md": root_page("README.md"),
        "contributing.md": root_page("CONTRIBUTING.md"),
        "changelog.md": root_page("CHANGELOG.md"),
        "samples.md": root_page("samples/README.md"),
        "reference/commands.md": commands_page(),
        "reference/preset-fields.md": fields_page(),
        "reference/presets.md": presets_page(),
        "reference/networks.md": networks_page(),
        "reference/formats.md": formats_page(),
        "reference/python.md": python_page(),
    }
    for name, text in pages.items():
        files.append(File.generated(config, name, content=text))
    icon = HERE / "vidream" / "web" / "static" / "icon.svg"
    files.append(File.generated(config, "icon.svg", abs_src_path=str(icon)))
    if (HERE / "docs" / "gallery.md").read_text(encoding="utf-8") != gallery_page():
        log.warning("docs/gallery.md differs from the presets; run: python scripts/docs_pages.py")
    return files


def root_page(name: str) -> str:
    """A Markdown file of the repository's root as a page: its links as seen from docs/."""
    text = (HERE / name).read_text(encoding="utf-8")
    text = text.replace("](docs/", "](").replace("](CONTRIBUTING.md", "](contributing.md")
    return text.replace("](CHANGELOG.md", "](changelog.md").replace("](README.md", "](index.md")


def commands_page() -> str:
    """Every command and option, from the argument parsers."""
    parser = command_parser()
    lines = ["# Commands", "", "Written from the argument parsers; `vidream COMMAND --help` prints the same.", ""]
    subparsers = next(a for a in parser._actions if isinstance(a, argparse._SubParsersAction))
    helps = {action.dest: action.help or "" for action in subparsers._choices_actions}
    for name, command in subparsers.choices.items():
        usage = " ".join(["vidream", name, *_positionals(command), "[options]"])
        lines += [f"## vidream {name}", "", _prose(command.description or helps.get(name, "")), ""]
        lines += [f"```text\n{usage}\n```", ""]
        for group in command._action_groups:
            actions = [a for a in group._group_actions if a.help != argparse.SUPPRESS and a.dest != "help"]
            if actions:
                title = (group.title or "").replace("positional arguments", "arguments").capitalize()
                head = ("argument" if title == "Arguments" else "option", "meaning")
                lines += [f"**{title}**", "", *_table(head, map(_option, actions)), ""]
    return "\n".join(lines)


def fields_page() -> str:
    """Every field of a preset: name, type, default, range, meaning and source."""
    sources = tomllib.loads((HERE / "docs" / "preset-sources.toml").read_text(encoding="utf-8"))
    fields = {item.name: item for item in dataclasses.fields(Preset)}
    for name in sources.keys() - fields.keys():
        log.warning("docs/preset-sources.toml names %s, which is no field of a preset", name)
    rows = []
    for name, item in fields.items():
        default = getattr(Preset(), name)
        rows.append((
            f"`{name}`", _type_name(item.type), f"`{default!r}`" if default not in ("", (), {}) else "",
            _range(item.metadata), item.metadata.get("says", ""), item.metadata.get("source") or sources.get(name, ""),
        ))  # fmt: skip
    head = ("field", "type", "default", "range", "meaning", "source")
    return "\n".join([
        *WIDE, "# Preset fields", "",
        "Written from `vidream.Preset`. [The guide](../presets.md) says how fields are set and how they work together.",
        "", *_table(head, rows), "",
    ])  # fmt: skip


def presets_page() -> str:
    """The shipped presets: name, description, and what each changes of the defaults."""
    rows = []
    for name in preset_names():
        preset = Preset.load(name)
        changed = [
            f"`{item.name} = {_value(getattr(preset, item.name))}`"
            for item in dataclasses.fields(Preset)
            if item.name != "description" and getattr(preset, item.name) != getattr(Preset(), item.name)
        ]
        rows.append((f"`{name}`", preset.description, "<br>".join(changed)))
    head = ("preset", "description", "what it sets")
    return "\n".join(
        [*WIDE, "# Shipped presets", "", "Pictures: [gallery](../gallery.md).", "", *_table(head, rows), ""]
    )


def networks_page() -> str:
    """The networks by name, with the layers worth dreaming and where their weights come from."""
    from vidream.networks.registry import net_names, network_entry

    rows, others = [], []
    for name in net_names():
        entry = network_entry(name)
        if not entry.good_layers:
            others.append(f"`{name}`")
            continue
        state = entry.weights()
        # Not what this machine happens to have downloaded.
        weights = "downloaded at first use" if state.url else state.describe()
        layers = " ".join(
            f"**`{each}`**" if each in entry.default_layers else f"`{each}`" for each in entry.good_layers
        )
        rows.append((f"`{name}`", layers, weights))
    return "\n".join([
        *WIDE, "# Networks", "",
        "Written from the registry. The layer in bold is taken where a preset names none. "
        "`vidream layers --net NAME` lists all layers.",
        "", *_table(("network", "layers worth dreaming", "weights"), rows), "",
        "These classifiers of torchvision can be used too; name a layer with `--set layers=NAME`:", "",
        ", ".join(others) + ".", "",
    ])  # fmt: skip


def formats_page() -> str:
    """The formats that can be written."""
    from vidream.media.codecs import CODECS
    from vidream.media.formats import FORMATS

    rows = []
    for suffix, row in FORMATS.items():
        sound = f"{row.sound_encoder}; copied: {', '.join(row.copied_sound)}" if row.is_video else ""
        codecs = row.codecs if row.is_video else ()
        has_alpha = row.has_alpha or any(CODECS[name].alpha_formats for name in codecs)
        rows.append((f"`{suffix}`", " or ".join(row.kinds), ", ".join(codecs), sound, "yes" if has_alpha else ""))
    lines = _table(("suffix", "what it holds", "codecs, the default first", "sound", "alpha of the source"), rows)
    head = (
        "What OUT can be, by its suffix. Pictures can be numbered: `shots/%04d.png`. "
        "More: [films for editors](../masters.md)."
    )
    return "\n".join(["# File formats", "", head, "", *lines, ""])


def python_page() -> str:
    """The public names, room by room; their docstrings are rendered by mkdocstrings."""
    homes = vidream._HOMES
    lines = ["# Python API", "", "Every name is imported from `vidream`: `from vidream import Dreamer, Preset`.", ""]
    for room in [*ROOMS, *sorted(set(homes.values()) - set(ROOMS))]:
        names = [name for name in vidream.__all__ if homes[name] == room]
        if names:
            lines += [f"## {ROOMS.get(room, room)}", ""]
            for name in names:
                lines += [f"::: vidream.{name}", "    options:", "      heading_level: 3", ""]
    return "\n".join(lines)


def gallery_page() -> str:
    """The text of docs/gallery.md: two pictures a row."""
    cells = []
    for name in preset_names():
        preset = Preset.load(name)
        if (HERE / "docs" / "gallery" / f"{name}.jpg").is_file():
            cells.append(f"![{name}](gallery/{name}.jpg)<br>**{name}**: {preset.description}")
        else:
            cells.append(f"**{name}**: {preset.description} (with {preset.net}, which downloads its weights)")
    rows = [f"| {left} | {right} |" for left, right in zip(cells[::2], [*cells[1::2], ""], strict=False)]
    return "\n".join([GALLERY, "| | |", "|---|---|", *rows, ""])


def command_parser() -> argparse.ArgumentParser:
    """The parser of `vidream`."""
    from vidream import cli

    return cli.command_parser()


def _positionals(command: argparse.ArgumentParser) -> list[str]:
    names = []
    for action in command._actions:
        if not action.option_strings:
            name = str(action.metavar or action.dest)
            names.append(f"[{name}]" if action.nargs in ("?", "*") else name)
    return names


def _option(action: argparse.Action) -> tuple[str, str]:
    spelled = ", ".join(f"`{option}`" for option in action.option_strings) or f"`{action.metavar or action.dest}`"
    if action.option_strings and action.nargs != 0 and not isinstance(action, argparse.BooleanOptionalAction):
        value = action.metavar or (action.choices and "{" + ",".join(map(str, action.choices)) + "}")
        spelled += f" `{value or action.dest.upper()}`"
    values = {**vars(action), "prog": "vidream"}
    return spelled, _prose((action.help or "") % values)


def _type_name(annotation: Any) -> str:
    text = str(annotation)
    for long, short in (
        ("Mapping[str, float]", "weights"),
        ("tuple[int, ...]", "integers"),
        ("tuple[str, ...]", "texts"),
    ):
        text = text.replace(long, short)
    return {"str": "text", "int": "integer", "float": "number", "bool": "true or false"}.get(text, text)


def _range(metadata: Mapping[str, Any]) -> str:
    if "allowed" in metadata:
        return ", ".join(f"`{value}`" for value in metadata["allowed"])
    return f"{metadata['low']:,g} to {metadata['high']:,g}" if metadata.get("low") is not None else ""


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{name} = {weight}" for name, weight in value.items()) + " }"
    return str(list(value)) if isinstance(value, tuple) else repr(value)


def _prose(text: str) -> str:
    """Help text as Markdown: names in angle brackets and stars stay what they are."""
    return re.sub(r"([*_<>])", r"\\\1", text.strip())


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> list[str]:
    cells = [list(head), *(list(row) for row in rows)]
    lines = ["| " + " | ".join(map(_cell, row)) + " |" for row in cells]
    return [lines[0], "|" + "---|" * len(cells[0]), *lines[1:]]


def _cell(text: str) -> str:
    """One line; a bar outside of code would end the cell."""
    parts = text.replace("\n", " ").split("`")
    return "`".join(part if index % 2 else part.replace("|", "\\|") for index, part in enumerate(parts))


if __name__ == "__main__":
    (HERE / "docs" / "gallery.md").write_text(gallery_page(), encoding="utf-8")
