"""Which process loads a package, so that another one can tell whether it died.

A package that headwater makes is marked by a file beside the journal. Who loads it holds a lock on
that file meanwhile, and writes down that somebody has begun under this rule.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

import dlt

from headwater.load.current import current_load_id
from headwater.load.journals import FOLDER
from headwater.load.locks import Lock

__all__ = ["SUFFIX", "Claim", "mark", "remove_marks"]

SUFFIX = ".claim"
BEGUN = "begun"
# Where dlt has a package that is not loaded yet.
PLACES = ("normalize/*", "load/new", "load/normalized")


class Claim:
    """The right to load a package. Raises BlockingIOError where somebody else has it.

    Raises FileNotFoundError for a package that has no mark. `folder` is the pipeline's.
    """

    def __init__(self, folder: Path, load_id: str) -> None:
        self._path = path_of(folder, load_id)
        self._path.stat()
        self._lock = Lock(self._path)

    @property
    def has_begun(self) -> bool:
        """Whether an earlier holder began to load."""
        return self._path.read_text() == BEGUN

    def begin(self) -> None:
        self._path.write_text(BEGUN)

    def release(self) -> None:
        self._lock.release()


def mark() -> None:
    """Marks the package that is being extracted; nothing where rows are only looked at."""
    load_id = current_load_id()
    if load_id is None:
        return
    path = path_of(Path(dlt.current.pipeline().working_dir), load_id)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(0o600)


def remove_marks(folder: Path) -> None:
    """Removes the marks of packages that are loaded, or were dropped."""
    for path in (folder / FOLDER).glob(f"*{SUFFIX}"):
        if not is_pending(folder, path.name.removesuffix(SUFFIX)):
            with contextlib.suppress(OSError):
                path.unlink()


def path_of(folder: Path, load_id: str) -> Path:
    return folder / FOLDER / f"{load_id}{SUFFIX}"


def is_pending(folder: Path, load_id: str) -> bool:
    return any(found for place in PLACES for found in folder.glob(f"{place}/{load_id}"))
