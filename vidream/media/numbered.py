"""Names like `shots/%04d.png`: one picture a frame."""

from __future__ import annotations

import re
from pathlib import Path

__all__ = ["NumberedName"]

_PLACE = re.compile(r"%(0?)(\d*)d")


class NumberedName:
    """A path whose file name holds exactly one printf number, `%d` or `%04d`; `%%` is a percent sign."""

    def __init__(self, path: Path) -> None:
        """ValueError unless `path.name` is such a name; ask `matches` first."""
        if not self.matches(path):
            raise ValueError(f'"{path.name}" has not exactly one number like %04d')
        self.path = path
        self.folder = path.parent
        place = _PLACE.search(path.name.replace("%%", "\0\0"))
        assert place is not None
        self._before = path.name[: place.start()].replace("%%", "%")
        self._after = path.name[place.end() :].replace("%%", "%")
        self._place = place[0]

    @staticmethod
    def matches(path: Path) -> bool:
        """True where the file name of `path` holds exactly one printf number."""
        return len(_PLACE.findall(path.name.replace("%%", ""))) == 1

    def file(self, number: int) -> Path:
        """The path of picture `number`."""
        return self.folder / f"{self._before}{self._place % number}{self._after}"

    def existing(self) -> list[tuple[int, Path]]:
        """(number, path) of every file there that the name stands for, by number."""
        if not self.folder.is_dir():
            return []
        digits = re.compile(re.escape(self._before) + r"( *\d+)" + re.escape(self._after))
        found = []
        for entry in self.folder.iterdir():
            match = digits.fullmatch(entry.name)
            # 7.png and 0007.png are both a 7; only one of them is this name's.
            if match and self.file(int(match[1])).name == entry.name and entry.is_file():
                found.append((int(match[1]), entry))
        return sorted(found)
