"""Files that a killed process was loading: what the warehouse may have of them is taken out again.

dlt loads such a file once more. Where the process died between the warehouse's commit and dlt's
note of it, the rows would be there twice.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import dlt
from dlt.common.storages.load_package import PackageStorage

from headwater.load.claims import let_go, take_over
from headwater.load.undo import undo_of

__all__ = ["take_back"]

PACKAGES = "load/normalized/*"
STARTED = f"{PackageStorage.STARTED_JOBS_FOLDER}/*"


def take_back(pipeline: dlt.Pipeline) -> None:
    """Deletes the rows of files that are to be loaded again, where their process has died.

    SQL databases and Delta tables have them; a plain file that is written again replaces itself.
    """
    folder = Path(pipeline.working_dir)
    for package in sorted(folder.glob(PACKAGES)):
        files = list(begun(package))
        if not files or pipeline.destination is None or not take_over(folder, package.name):
            continue
        try:
            schema = pipeline.get_load_package_info(package.name).schema_name
            with pipeline.destination_client(schema) as client:
                undo = undo_of(client, package.name)
                for path in files:
                    undo(path)
        except BaseException:
            let_go(folder, package.name)
            raise


def begun(package: Path) -> Iterator[Path]:
    """Files that dlt had begun to load and not noted as loaded."""
    for path in sorted(package.glob(STARTED)):
        if not (package / PackageStorage.PENDING_TRANSITIONS_FOLDER / path.name).exists():
            yield path
