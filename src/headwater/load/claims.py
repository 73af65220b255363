"""Which process a load package belongs to, so that another one can tell that it died.

A claim is a lock on a file beside the journal, from the time a package is begun until its process
ends or the package is loaded.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

import dlt

from headwater.load.current import current_load_id
from headwater.load.journals import FOLDER
from headwater.load.locks import Lock

__all__ = ["claim", "let_go", "take_over"]

SUFFIX = ".claim"
# Where dlt has a package that is not loaded yet.
PLACES = ("normalize/*", "load/new", "load/normalized")
held: dict[Path, Lock] = {}


def claim() -> None:
    """Claims the package that is being extracted; nothing where rows are only looked at."""
    load_id = current_load_id()
    if load_id is None:
        return
    folder = Path(dlt.current.pipeline().working_dir)
    remove_old(folder)
    path = path_of(folder, load_id)
    path.parent.mkdir(parents=True, exist_ok=True)
    lock(path)


def take_over(folder: Path, load_id: str) -> bool:
    """Whether the process that made a package has died: it belongs to this one then.

    `folder` is the pipeline's. Packages that are not headwater's were never claimed.
    """
    path = path_of(folder, load_id)
    return path.exists() and lock(path)


def let_go(folder: Path, load_id: str) -> None:
    """Gives a claim back."""
    found = held.pop(path_of(folder, load_id), None)
    if found is not None:
        found.release()


def path_of(folder: Path, load_id: str) -> Path:
    return folder.absolute() / FOLDER / f"{load_id}{SUFFIX}"


def lock(path: Path) -> bool:
    """Whether the lock came to this process with this call."""
    try:
        held[path] = Lock(path)
    except BlockingIOError:
        return False
    return True


def remove_old(folder: Path) -> None:
    """Removes the claims on packages that are loaded, or were dropped."""
    for path in (folder.absolute() / FOLDER).glob(f"*{SUFFIX}"):
        load_id = path.name.removesuffix(SUFFIX)
        if not any(found for place in PLACES for found in folder.glob(f"{place}/{load_id}")):
            let_go(folder, load_id)
            with contextlib.suppress(OSError):
                path.unlink()
