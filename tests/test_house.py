"""The plan of the house: import floors, exports, sizes of rooms."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

import vidream

PACKAGE = Path(vidream.__file__).parent
FLOORS = [
    {"errors"},
    {"runtime"},
    {"looks"},
    {"motion"},
    {"media", "networks"},
    {"sound"},
    {"objectives", "outputs"},
    {"engine"},
    {"temporal", "sound"},
    {"rendering"},
    {"live", "zoom", "cluster"},
    {"api"},
    {"many"},
    {"web", "training", "bench"},
    {"cli"},
    {"__init__", "__main__"},
]
FILES = sorted(PACKAGE.rglob("*.py"))


def room_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return parts[0]


def floor_of(room: str) -> int:
    found = [index for index, rooms in enumerate(FLOORS) if room in rooms]
    assert found, f"{room} stands on no floor: give it one in FLOORS"
    return found[0]


def imported_rooms(path: Path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "vidream":
            parts = node.module.split(".")
            yield from ([parts[1]] if len(parts) > 1 else [alias.name for alias in node.names])
        elif isinstance(node, ast.Import):
            yield from (a.name.split(".")[1] for a in node.names if a.name.startswith("vidream."))


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_down_only(path):
    room = room_of(path)
    for other in imported_rooms(path):
        if other in {room, "__version__"}:
            continue
        assert floor_of(other) < floor_of(room), f"{room} imports {other}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_room_and_no_function_grows_too_long(path):
    text = path.read_text(encoding="utf-8")
    assert text.count("\n") <= 330
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            # What a function says of itself may be long; what it does may not.
            begin = node.body[1] if ast.get_docstring(node) and len(node.body) > 1 else node
            assert (node.end_lineno or 0) - begin.lineno < 60, node.name


def test_every_exported_name_is_there_and_documented():
    for name in vidream.__all__:
        assert inspect.getdoc(getattr(vidream, name)), name
    with pytest.raises(AttributeError):
        _ = vidream.nothing_of_the_kind


@pytest.mark.parametrize("room", sorted(room for rooms in FLOORS for room in rooms - {"__init__", "__main__"}))
def test_every_room_lists_its_exports(room):
    module = importlib.import_module(f"vidream.{room}")
    assert module.__doc__
    for name in module.__all__:
        assert hasattr(module, name)
        # A function called like its module would hide it.
        assert name != room or not inspect.isfunction(getattr(module, name))


def test_no_two_modules_have_one_stem():
    stems = Counter(path.stem for path in FILES if path.stem not in ("__init__", "__main__"))
    assert [stem for stem, count in stems.items() if count > 1] == []


def test_no_two_public_classes_have_one_name():
    homes: dict[str, list[str]] = {}
    for path in FILES:
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                homes.setdefault(node.name, []).append(str(path.relative_to(PACKAGE)))
    assert {name: paths for name, paths in homes.items() if len(paths) > 1} == {}


def test_the_root_of_the_package_holds_at_most_8_modules():
    assert len(list(PACKAGE.glob("*.py"))) <= 8


def test_importing_vidream_loads_nothing_heavy():
    code = "import sys, vidream; sys.exit(any(name in sys.modules for name in ('torch', 'cv2', 'numpy')))"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_the_version_stands_in_one_place():
    project = (PACKAGE.parent / "pyproject.toml").read_text(encoding="utf-8")
    assert 'dynamic = ["version"]' in project and 'path = "vidream/__init__.py"' in project
    written = [path for path in FILES if re.search(r"^__version__ = ", path.read_text(encoding="utf-8"), re.MULTILINE)]
    assert written == [PACKAGE / "__init__.py"]
    assert vidream.__version__ not in project


def test_type_checkers_see_the_types_of_the_package():
    assert (PACKAGE / "py.typed").is_file()
