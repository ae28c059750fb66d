"""FileSending: how the files of a film come to the machines of its workers."""

from __future__ import annotations

import contextlib
import hashlib
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

from vidream.cluster.cluster import Hand
from vidream.cluster.task import FileFact, FilmTask
from vidream.errors import SourceError
from vidream.media.disk import disk_trouble
from vidream.rendering.render_settings import file_print

__all__ = ["FileSending"]

BLOCK_BYTES = 8 * 2**20


class FileSending:
    """Sends the source, the mask, guides and weights to machines that do not see them.

    A worker looks first whether a file lies at the driver's own path, with the same content. Where `shared_dir` is
    given, files are copied there once. Else they go through Ray, to one worker a machine, a block at a time: what is
    under way is never more than a block a machine.
    """

    def __init__(self, ray: Any, task: FilmTask, shared_dir: Path | None) -> None:
        self._ray = ray
        paths = task.files
        # Files of one folder stay in one: they may be numbered pictures.
        folders = {
            folder: f"files-{number}" for number, folder in enumerate(dict.fromkeys(path.parent for path in paths))
        }
        self.files = [
            FileFact(path, path.absolute(), file_print(path), f"{folders[path.parent]}/{path.name}") for path in paths
        ]
        if shared_dir is not None:
            self.files = _shared(self.files, shared_dir)
        # Machine -> its worker that receives, the numbers of the files that are to be sent, and the next byte.
        self._under_way: dict[str, tuple[Hand, list[int], int]] = {}
        self.sent_bytes = 0
        self._shared_dir = shared_dir

    @property
    def words(self) -> str:
        if self.sent_bytes:
            return f"sources go to the workers through Ray ({self.sent_bytes / 1e6:.1f} MB)"
        if self._shared_dir is not None:
            return f'workers read the source in "{self._shared_dir}"'
        return "workers read the source where it lies"

    def is_under_way(self, hand: Hand) -> bool:
        """True where files are being sent to the machine of `hand`."""
        return hand.node.identity in self._under_way

    def wanted(self, hand: Hand, numbers: list[int]) -> bool:
        """Note which files the machine of `hand` lacks; True where there are any."""
        if numbers:
            self._under_way.setdefault(hand.node.identity, (hand, numbers, 0))
        return bool(numbers)

    def next_block(self, hand: Hand) -> bool:
        """Send `hand` what comes next; False where its machine has all. SourceError where a file cannot be read."""
        receiver, numbers, at = self._under_way.get(hand.node.identity, (hand, [], 0))
        if receiver is not hand:
            return True  # a fellow receives for this machine
        while numbers:
            fact = self.files[numbers[0]]
            try:
                with fact.place.open("rb") as file:
                    file.seek(at)
                    data = file.read(BLOCK_BYTES)
            except OSError as error:
                raise SourceError(f'"{fact.path}" cannot be read ({error.strerror or error}); check the file') from None
            if data or at == 0:
                self.sent_bytes += len(data)
                self._under_way[hand.node.identity] = (hand, numbers, at + max(len(data), 1))
                hand.ask("receive", fact.name, at, data)
                return True
            numbers, at = numbers[1:], 0
        self._under_way.pop(hand.node.identity, None)
        return False

    def forget(self, hand: Hand) -> None:
        """The worker is gone: where it received, another begins again."""
        if self._under_way.get(hand.node.identity, (None,))[0] is hand:
            del self._under_way[hand.node.identity]


def _shared(files: list[FileFact], folder: Path) -> list[FileFact]:
    """The same files, those that lie elsewhere copied into a folder of `folder` that is named by what they hold."""
    found = []
    names = {
        parent: hashlib.blake2b(
            "".join(f"{fact.name} {fact.known}" for fact in files if fact.path.parent == parent).encode(), digest_size=8
        ).hexdigest()
        for parent in {fact.path.parent for fact in files}
    }
    for fact in files:
        target = fact.place
        if folder not in target.parents:
            target = folder / f"vidream-{names[fact.path.parent]}" / fact.path.name
            _copy(fact, target)
        found.append(replace(fact, place=target))
    return found


def _copy(fact: FileFact, target: Path) -> None:
    with contextlib.suppress(SourceError):
        if target.is_file() and file_print(target) == fact.known:
            return
    try:
        target.parent.mkdir(exist_ok=True)
        part = target.with_name(f"{target.name}.part")
        shutil.copyfile(fact.place, part)
        part.replace(target)
    except OSError as error:
        raise disk_trouble(target, error) from None
