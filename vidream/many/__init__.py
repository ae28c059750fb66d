"""Many clips with networks that are loaded once: a list of them, or all that come into a folder.

    dream_many(["a.mp4", "clips/*.mov"], "dreams", make=ClipMaker("eyes", size=640))
    watch_folder("inbox", "dreams", make=ClipMaker("eyes"))

What was made from what is noted in a small file in the folder of the dreams, so that another run goes on.
"""

from __future__ import annotations

from vidream.many.clip_batch import ClipBatch, ManyMade, ManyProgress, dream_many
from vidream.many.clip_journal import ClipJournal
from vidream.many.clip_maker import ClipMaker, Make
from vidream.many.clip_sources import find_sources
from vidream.many.folder_watch import FolderWatch, check_watch_extra, watch_folder

__all__ = [
    "ClipBatch",
    "ClipJournal",
    "ClipMaker",
    "FolderWatch",
    "Make",
    "ManyMade",
    "ManyProgress",
    "check_watch_extra",
    "dream_many",
    "find_sources",
    "watch_folder",
]
