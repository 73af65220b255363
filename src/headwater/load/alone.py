"""One sync of a pipeline at a time, from the moment dlt opens its folder to the end of the load."""

from __future__ import annotations

import contextlib
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from dlt.common.pipeline import get_dlt_pipelines_dir

from headwater.load.locks import Lock
from headwater.run.journal import JournalBusy

__all__ = ["alone", "sweep"]

EXTRACTED = "extracted"
WRITTEN_INTO = ("", "schemas", "normalize", "normalize/extracted", "load", "load/normalized")
NORMALISED = ("load/normalized", "load/loaded")
PASSING = re.compile("[0-9a-f]{16}")


@contextlib.contextmanager
def alone(pipeline_name: str, pipelines_dir: str | None) -> Iterator[None]:
    """Keeps other syncs of a pipeline out. Raises JournalBusy where another one is at work.

    The lock lies beside the pipeline's folder: dlt removes that folder with all that is in it.
    """
    folder = Path(pipelines_dir or get_dlt_pipelines_dir())
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{pipeline_name}.lock"
    try:
        lock = Lock(path)
    except BlockingIOError:
        what = "another sync of this pipeline is going on"
        raise JournalBusy(f"{path}: {what} (wait for it to end, then run again)") from None
    try:
        sweep(folder / pipeline_name)
        yield
    finally:
        lock.release()


def sweep(working_dir: Path) -> None:
    """Removes what killed runs, and runs on a full disk, had begun to write for dlt.

    dlt never comes back to what was being extracted. A file that it wrote under a passing name in
    the folder of schemas it takes for a schema, and then cannot run at all. Nor can it where it
    was killed between putting a normalised package in place and removing what that was made of.
    """
    for path in working_dir.glob("normalize/*/"):
        if path.name != EXTRACTED:
            shutil.rmtree(path, ignore_errors=True)
    for path in working_dir.glob(f"normalize/{EXTRACTED}/*/"):
        if any((working_dir / place / path.name).exists() for place in NORMALISED):
            shutil.rmtree(path, ignore_errors=True)
    for folder in WRITTEN_INTO:
        for path in (working_dir / folder).glob("*"):
            if PASSING.fullmatch(path.name) and path.is_file():
                path.unlink()
