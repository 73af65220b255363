"""Places that tables go to, each with a way to load and an independent way to read."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dlt
import duckdb

__all__ = ["KINDS", "Place", "Tables"]

KINDS = ("duckdb", "postgres", "parquet", "delta")
Tables = dict[str, list[dict[str, Any]]]


@dataclass
class Place:
    """One dataset at one destination. `merges` says whether rows are replaced by key there."""

    kind: str
    folder: Path
    postgres_url: str = ""
    dataset: str = "raw"
    more: dict[str, Any] = field(default_factory=dict)

    @property
    def merges(self) -> bool:
        return self.kind != "parquet"

    @property
    def url(self) -> str:
        """What `headwater sync --to` takes."""
        match self.kind:
            case "duckdb":
                return f"duckdb:///{self.folder}/it.duckdb"
            case "postgres":
                return self.postgres_url
        return f"filesystem:///{self.folder}/lake?format={self.kind}"

    def load(self, source: Any) -> None:
        """Runs a plain dlt pipeline into the place."""
        lake = (self.folder / "lake").as_uri()
        destinations: Mapping[str, Callable[[], Any]] = {
            "duckdb": lambda: dlt.destinations.duckdb(str(self.folder / "it.duckdb")),
            "postgres": lambda: dlt.destinations.postgres(self.postgres_url),
            "parquet": lambda: dlt.destinations.filesystem(lake),
            "delta": lambda: dlt.destinations.filesystem(lake),
        }
        pipeline = dlt.pipeline(
            "places",
            destination=destinations[self.kind](),
            dataset_name=self.dataset,
            pipelines_dir=str(self.folder / "pipelines"),
        )
        settings: dict[str, Any] = {
            "parquet": {"loader_file_format": "parquet"},
            "delta": {"table_format": "delta"},
        }.get(self.kind, {})
        pipeline.run(source, **{**settings, **self.more})

    def tables(self) -> Tables:
        """Every row of every table, dlt's own tables left out."""
        match self.kind:
            case "duckdb":
                found = in_duckdb(self.folder / "it.duckdb", self.dataset)
            case "postgres":
                found = in_postgres(self.postgres_url, self.dataset)
            case _:
                found = in_folder(self.folder / "lake" / self.dataset, self.kind)
        return {name: rows for name, rows in found if not name.startswith("_dlt_")}


Found = Iterator[tuple[str, list[dict[str, Any]]]]


def in_duckdb(file: Path, dataset: str) -> Found:
    with duckdb.connect(str(file), read_only=True) as database:
        database.execute("SET TimeZone = 'UTC'")
        names = database.execute(
            "SELECT table_name FROM duckdb_tables() WHERE schema_name = ?", [dataset]
        ).fetchall()
        for (name,) in names:
            asked = database.execute(f'SELECT * FROM "{dataset}"."{name}"')
            columns = [column[0] for column in asked.description or ()]
            json_columns = [c[0] for c in asked.description or () if str(c[1]) == "JSON"]
            rows = [dict(zip(columns, row, strict=True)) for row in asked.fetchall()]
            yield name, [read_texts(row, json_columns) for row in rows]


def in_postgres(url: str, dataset: str) -> Found:
    import psycopg2

    connection = psycopg2.connect(url, options="-c timezone=UTC")
    try:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT table_name FROM information_schema.tables WHERE table_schema = %s",
                [dataset],
            )
            for (name,) in cursor.fetchall():
                cursor.execute(f'SELECT * FROM "{dataset}"."{name}"')
                columns = [column.name for column in cursor.description or ()]
                yield name, [dict(zip(columns, row, strict=True)) for row in cursor.fetchall()]
    finally:
        connection.close()


def in_folder(folder: Path, kind: str) -> Found:
    """Tables of files; JSON stands in them as text."""
    for table in sorted(path for path in folder.iterdir() if path.is_dir()):
        if table.name.startswith("_dlt"):
            continue
        files = sorted(str(path) for path in table.rglob("*.parquet"))
        if kind == "delta":
            from deltalake import DeltaTable

            yield table.name, DeltaTable(str(table)).to_pyarrow_table().to_pylist()
        elif files:
            read = duckdb.read_parquet(files, union_by_name=True).to_arrow_table()
            yield table.name, read.to_pylist()


def read_texts(row: dict[str, Any], columns: list[str]) -> dict[str, Any]:
    return {k: json.loads(v) if k in columns and v is not None else v for k, v in row.items()}
