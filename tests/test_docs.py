"""The documentation against the code: commands that are shown, links, and the pages that are written from the code."""

from __future__ import annotations

import dataclasses
import importlib.util
import re
import shlex
import sys
from pathlib import Path

import pytest

from vidream import Preset
from vidream.looks.loading import load_look
from vidream.looks.preset import preset_names

HERE = Path(__file__).parent.parent
PAGES = [HERE / "README.md", HERE / "CONTRIBUTING.md", *sorted((HERE / "docs").glob("*.md"))]


@pytest.fixture(scope="module")
def pages():
    """scripts/docs_pages.py, the maker of the generated pages."""
    spec = importlib.util.spec_from_file_location("docs_pages", HERE / "scripts" / "docs_pages.py")
    module = importlib.util.module_from_spec(spec)
    path = list(sys.path)
    spec.loader.exec_module(module)
    sys.path[:] = path
    return module


def shown_commands():
    for page in PAGES:
        for block in re.findall(r"```sh\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL):
            for line in block.splitlines():
                for words in re.findall(r"(?:^|/|machine )vidream ([a-z]+\b.*)", line):
                    yield pytest.param(words, id=f"{page.name}: {words.partition('#')[0].strip()}")


@pytest.mark.parametrize("words", list(shown_commands()))
def test_a_command_that_the_docs_show_is_understood(words, pages):
    arguments = pages.command_parser().parse_args(shlex.split(words, comments=True))
    if check := getattr(arguments, "check", None):
        check(arguments)
    if hasattr(arguments, "set"):
        load_look(arguments.preset).with_settings(arguments.set)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_within_the_repository_lead_to_files(page):
    for target in re.findall(r"\]\(([^)#:\s]+)[^)]*\)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), target


def test_every_field_of_a_preset_is_in_the_table_with_its_range_and_source(pages):
    rows = {line.split("`")[1]: line for line in pages.fields_page().splitlines() if line.startswith("| `")}
    assert list(rows) == [item.name for item in dataclasses.fields(Preset)]
    assert "0 to 1" in rows["keep"] and "0.97" in rows["keep"]
    assert "`dis`, `farneback`" in rows["flow"] and "arXiv:1508.06576" in rows["style"]


def test_every_preset_and_every_option_is_on_its_page(pages):
    assert all(f"| `{name}` |" in pages.presets_page() for name in preset_names())
    text = pages.commands_page()
    assert "## vidream zoom" in text and "`--centre`, `--center` `X,Y|PATH`" in text
    # Defaults are filled in, and no placeholder of argparse is left.
    assert "%(" not in text and "default: creatures" in text


def test_every_public_name_is_on_the_python_page(pages):
    import vidream

    text = pages.python_page().splitlines()
    assert sorted(line.removeprefix("::: vidream.") for line in text if line.startswith(":::")) == vidream.__all__


def test_the_gallery_is_that_of_the_presets(pages):
    written = (HERE / "docs" / "gallery.md").read_text(encoding="utf-8")
    assert written == pages.gallery_page(), "run: python scripts/docs_pages.py"
