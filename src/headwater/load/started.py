"""Files that a killed process was loading: what the warehouse may have of them is taken out again.

dlt loads such a file once more. Where the process died between the warehouse's commit and dlt's
note of it, the rows would be there twice.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import dlt
from dlt.common.storages.load_package import PackageStorage

from headwater.load.claims import Claim, remove_marks
from headwater.load.undo import undo_of

__all__ = ["claimed", "release", "take_back"]

PACKAGES = "load/normalized/*"
STARTED = f"{PackageStorage.STARTED_JOBS_FOLDER}/*"
held: dict[Path, list[Claim]] = {}


@contextlib.contextmanager
def claimed(pipeline: dlt.Pipeline) -> Iterator[None]:
    """For the length of a load: what a killed run had loaded is taken back before."""
    try:
        take_back(pipeline)
        yield
    finally:
        release(pipeline)


def take_back(pipeline: dlt.Pipeline) -> None:
    """Claims the packages that are to be loaded, and deletes the rows of files that were begun.

    Nothing is deleted where another process is loading, or one began that held no claim.
    """
    if pipeline.destination is None:
        return
    folder = Path(pipeline.working_dir)
    for package in sorted(folder.glob(PACKAGES)):
        try:
            claim = Claim(folder, package.name)
        except (BlockingIOError, FileNotFoundError):
            continue
        held.setdefault(folder, []).append(claim)
        # Listed under the lock: what nobody is loading does not change.
        files = list(begun(package))
        if not files:
            claim.begin()
        elif claim.has_begun:
            undo(pipeline, package.name, files)


def release(pipeline: dlt.Pipeline) -> None:
    """Gives back what `take_back` has claimed."""
    folder = Path(pipeline.working_dir)
    for claim in held.pop(folder, ()):
        claim.release()
    remove_marks(folder)


def undo(pipeline: dlt.Pipeline, load_id: str, files: list[Path]) -> None:
    schema = pipeline.get_load_package_info(load_id).schema_name
    with pipeline.destination_client(schema) as client:
        take_out = undo_of(pipeline.destination.destination_type, client, load_id)
        for path in files:
            take_out(path)


def begun(package: Path) -> Iterator[Path]:
    """Files that dlt had begun to load and not noted as loaded."""
    for path in sorted(package.glob(STARTED)):
        if not (package / PackageStorage.PENDING_TRANSITIONS_FOLDER / path.name).exists():
            yield path
