"""How rows of a file are taken out of a warehouse again: they are known by their `_dlt_id`."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.dataset as dataset
import pyarrow.parquet as parquet
from dlt.common.destination.exceptions import (
    DestinationUndefinedEntity,
    OpenTableFormatNotSupported,
)
from dlt.common.schema.typing import C_DLT_ID, C_DLT_LOAD_ID
from dlt.common.schema.utils import get_nested_tables, has_column_with_prop
from dlt.common.storages import FileStorage
from dlt.common.storages.load_package import ParsedLoadJobFileName
from dlt.common.utils import chunks
from dlt.destinations.exceptions import DatabaseUndefinedRelation
from dlt.destinations.job_client_impl import SqlJobClientWithStagingDataset
from dlt.destinations.job_impl import ReferenceFollowupJobRequest

__all__ = ["undo_of"]

AT_ONCE = 1000


def undo_of(destination_type: str, client: Any, load_id: str) -> Callable[[Path], None]:
    """What takes a file of the package `load_id` out of the destination that `client` is for.

    Others than these are left alone: BigQuery, say, knows a file that it has loaded by its name.
    """
    match destination_type.rpartition(".")[2]:
        case "duckdb" | "motherduck" | "postgres":
            return SqlUndo(client, load_id).file
        case "filesystem":
            return lambda path: undo_in_delta(client, load_id, path)
    return lambda path: None


def undo_in_delta(client: Any, load_id: str, path: Path) -> None:
    """Takes out what a reference file added to a Delta table; what merges or replaces needs not."""
    job = ParsedLoadJobFileName.parse(path.name)
    if job.file_format != "reference" or job.table_name not in client.schema.tables:
        return
    # A nested table has the disposition of its root.
    if client.prepare_load_table(job.table_name)["write_disposition"] != "append":
        return
    try:
        delta = client.load_open_table("delta", job.table_name)
    except (DestinationUndefinedEntity, OpenTableFormatNotSupported):
        return
    files = dataset.dataset(ReferenceFollowupJobRequest.resolve_references(str(path)))
    if C_DLT_ID in files.schema.names:
        ids, same = files.to_table(columns=[C_DLT_ID]), f"source.{C_DLT_ID} = target.{C_DLT_ID}"
        if C_DLT_LOAD_ID in files.schema.names:
            same += f" AND target.{C_DLT_LOAD_ID} = '{load_id}'"
        found = delta.merge(ids, same, source_alias="source", target_alias="target")
        found.when_matched_delete().execute()


@dataclass(frozen=True, slots=True)
class SqlUndo:
    """Takes out of a warehouse what it has of the files of a package."""

    client: SqlJobClientWithStagingDataset
    load_id: str

    def file(self, path: Path) -> None:
        job = ParsedLoadJobFileName.parse(path.name)
        table = job.table_name
        if table not in self.client.schema.tables:
            return
        if job.file_format == "sql":
            self.merged(table)
            return
        place = self.place_of(table)
        if job.file_format == "insert_values":
            for rows in self.selects(path):
                self.delete(place, table, rows)
        elif job.file_format in READERS:
            for ids in chunks(READERS[job.file_format](path), AT_ONCE):
                self.delete(place, table, ", ".join(["%s"] * len(ids)), *ids)

    def merged(self, table: str) -> None:
        """Takes out rows that came from the staging dataset by no key; by a key they replace."""
        tables = self.client.schema.tables
        root = tables[table]
        keyed = any(has_column_with_prop(root, key) for key in ("primary_key", "merge_key"))
        is_scd2 = root.get("x-merge-strategy") == "scd2"
        if keyed or is_scd2 or root.get("write_disposition") != "merge":
            return
        for nested in get_nested_tables(tables, table):
            name = str(nested["name"])
            staged = f"SELECT {self.quoted(C_DLT_ID)} FROM {self.staged(name)}"
            self.delete(self.final(name), name, staged)

    def delete(self, place: str, table: str, ids: str, *values: str) -> None:
        """Deletes rows of `table` by id, in `place`; only what came with this package.

        `ids` is SQL, its marks are filled in with `values`.
        """
        sql = f"DELETE FROM {place} WHERE {self.quoted(C_DLT_ID)} IN ({ids})"
        if C_DLT_LOAD_ID in self.client.schema.tables[table]["columns"]:
            sql += f" AND {self.quoted(C_DLT_LOAD_ID)} = '{self.load_id}'"
        with contextlib.suppress(DatabaseUndefinedRelation):
            self.client.sql_client.execute_sql(sql, *values)

    def place_of(self, table: str) -> str:
        staged = self.client.should_load_data_to_staging_dataset(table)
        return self.staged(table) if staged else self.final(table)

    def final(self, table: str) -> str:
        return self.client.sql_client.make_qualified_table_name(table)

    def staged(self, table: str) -> str:
        with self.client.sql_client.with_staging_dataset():
            return self.final(table)

    def quoted(self, column: str) -> str:
        return self.client.sql_client.escape_column_name(column)

    def selects(self, path: Path) -> Iterator[str]:
        """The ids of a file of INSERT statements: the warehouse reads its rows itself.

        dlt writes each row on a line.
        """
        with FileStorage.open_zipsafe_ro(str(path), "r", encoding="utf-8") as file:
            head = file.readline().removeprefix("INSERT INTO {}").strip()
            columns = self.client.capabilities.casefold_identifier(head)
            column = self.quoted(C_DLT_ID)
            if column not in columns or file.readline() != "VALUES\n":
                return
            for lines in chunks(file, AT_ONCE):
                rows = "".join(lines).rstrip(",;\n")
                yield f"SELECT found.{column} FROM (VALUES {rows}) AS found{columns}"


def ids_in_parquet(path: Path) -> Iterator[str]:
    with parquet.ParquetFile(path) as file:
        if C_DLT_ID in file.schema_arrow.names:
            for batch in file.iter_batches(columns=[C_DLT_ID]):
                yield from map(str, batch.column(0).to_pylist())


def ids_in_jsonl(path: Path) -> Iterator[str]:
    with FileStorage.open_zipsafe_ro(str(path), "r", encoding="utf-8") as file:
        rows = (json.loads(line) for line in file)
        yield from (str(row[C_DLT_ID]) for row in rows if C_DLT_ID in row)


READERS: dict[str, Callable[[Path], Iterator[str]]] = {
    "parquet": ids_in_parquet,
    "jsonl": ids_in_jsonl,
    "typed-jsonl": ids_in_jsonl,
}
