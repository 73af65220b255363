"""Files that a killed process was loading: what the warehouse may have of them is taken out again.

dlt loads such a file once more. Where the process died between the warehouse's commit and dlt's
note of it, the rows would be there twice. Rows of a file are known by their `_dlt_id`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dlt
import pyarrow.parquet as parquet
from dlt.common.storages.load_package import PackageStorage, ParsedLoadJobFileName
from dlt.destinations.exceptions import DatabaseUndefinedRelation

__all__ = ["take_back"]

AT_ONCE = 1000
ROW_ID = "_dlt_id"
STARTED = "load/normalized/*/started_jobs/*.parquet"


def take_back(pipeline: dlt.Pipeline) -> None:
    """Deletes the rows of files that are to be loaded again. Merged tables are left to dlt.

    What is merged goes through a staging table, where dlt looks for copies itself.
    """
    files = list(started_files(Path(pipeline.working_dir)))
    if not files or not pipeline.default_schema_name or is_folder(pipeline):
        return
    tables = pipeline.default_schema.tables
    with pipeline.sql_client() as client:
        for path, table in files:
            if table in tables and tables[table].get("write_disposition") != "merge":
                delete_rows(client, table, ids_in(path))


def is_folder(pipeline: dlt.Pipeline) -> bool:
    """Whether the destination is a folder, where a file that is written again replaces itself."""
    destination = pipeline.destination
    return destination is None or destination.destination_type.endswith(".filesystem")


def started_files(working_dir: Path) -> Iterator[tuple[Path, str]]:
    """Files, with their tables, that dlt had begun to load and not noted as loaded."""
    for path in working_dir.glob(STARTED):
        noted = path.parents[1] / PackageStorage.PENDING_TRANSITIONS_FOLDER / path.name
        if not noted.exists():
            yield path, ParsedLoadJobFileName.parse(path.name).table_name


def ids_in(path: Path) -> list[str]:
    if ROW_ID not in parquet.read_schema(path).names:
        return []
    return [str(one) for one in parquet.read_table(path, columns=[ROW_ID]).column(0).to_pylist()]


def delete_rows(client: Any, table: str, ids: list[str]) -> None:
    """Deletes rows by id; nothing where the table is not there yet."""
    place, column = client.make_qualified_table_name(table), client.escape_column_name(ROW_ID)
    for start in range(0, len(ids), AT_ONCE):
        chunk = ids[start : start + AT_ONCE]
        marks = ", ".join(["%s"] * len(chunk))
        try:
            client.execute_sql(f"DELETE FROM {place} WHERE {column} IN ({marks})", *chunk)
        except DatabaseUndefinedRelation:
            return
