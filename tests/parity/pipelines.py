"""Whole pipelines into DuckDB, dlt's REST source and headwater's, from one loopback API."""

from __future__ import annotations

import copy
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import dlt
from tests.loopback import serving
from worlds import Drawn, World, with_id

HINTS = (
    "data_type", "nullable", "primary_key", "merge_key", "unique", "precision", "scale",
    "timezone", "variant", "row_key", "parent_key", "root_key",
)  # fmt: skip


@dataclass(frozen=True)
class Dataset:
    """What is at the destination, and what dlt knows of it.

    `stored` is the schema in `_dlt_version`; `loads` are the ids of the loads in their order.
    """

    types: dict[str, dict[str, str]]
    rows: dict[str, list[dict[str, Any]]]
    stored: dict[str, Any]
    loads: list[str]
    separator: str


@contextmanager
def api(world: World) -> Iterator[str]:
    """The address of an API that answers `/{run}/{resource}/{page}` and links to the next page.

    `/{run}/{resource}/of/{id}` are the records of a child for one parent.
    """
    drawn = {resource.name: resource for resource in world.resources}

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            run, name, *rest = unquote(self.path).strip("/").split("/")
            pages = drawn[name].runs[int(run)]
            number, link = int(rest[-1]), "null"
            if rest[0] == "of":
                texts = of_parent(pages, number)
            else:
                texts = pages[number]
                link = f'"/{run}/{quote(name)}/{number + 1}"' if number + 1 < len(pages) else "null"
            body = f'{{"data":[{",".join(texts)}],"next":{link}}}'.encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    with serving(Handler) as url:
        yield url


def of_parent(pages: list[list[str]], number: int) -> list[str]:
    """The records of the child of parent `number`: the first page, under ids of their own.

    They are alike for every parent, since the first value of a column decides its type and parents
    may be asked in any order.
    """
    return [with_id(text, number * 100 + n) for n, text in enumerate(pages[0])]


STEPS: dict[str, Any] = {
    "filter": {"filter": lambda row: row["id"] % 3 != 1},
    "map": {"map": lambda row: {**row, "mapped": {"again": [row["id"]]}}},
    "yield_map": {"yield_map": lambda row: [row, {**row, "id": row["id"] + 1000}]},
}


def configured(drawn: Drawn) -> list[dict[str, Any]]:
    """The resource, and its child, as a config has them."""
    name = drawn.name
    endpoint: dict[str, Any] = {"path": f"{quote(name)}/0", "data_selector": "data"}
    root = {"name": name, "endpoint": endpoint, **copy.deepcopy(drawn.hints)}
    if drawn.cursor:
        missing = {"on_cursor_value_missing": "include"}
        endpoint["incremental"] = {"cursor_path": drawn.cursor, **missing}
    if drawn.steps:
        root["processing_steps"] = [STEPS[drawn.steps]]
    if drawn.child is None:
        return [root]
    path = f"{name}/of/{{resources.{name}.id}}"
    endpoint = {"path": path, "data_selector": "data", "paginator": "single_page"}
    return [root, {"name": f"{name}_sub", "endpoint": endpoint, **copy.deepcopy(drawn.child)}]


def config(url: str, world: World) -> dict[str, Any]:
    paginator = {"type": "json_link", "next_url_path": "next"}
    return {
        "client": {"base_url": url, "paginator": paginator},
        "resources": [part for drawn in world.resources for part in configured(drawn)],
    }


@contextmanager
def named_by(naming: str | None) -> Iterator[None]:
    """dlt's settings with a naming convention in them."""
    if naming is not None:
        os.environ["SCHEMA__NAMING"] = naming
    try:
        yield
    finally:
        os.environ.pop("SCHEMA__NAMING", None)


def load(make: Any, where: Path, world: World, url: str) -> Dataset:
    """Loads the runs one after the other, and gives the dataset as it is then."""
    pipeline = dlt.pipeline(
        "parity", pipelines_dir=str(where), dataset_name="d",
        destination=dlt.destinations.duckdb(str(where / "db.duckdb")),
    )  # fmt: skip
    count = max(len(drawn.runs) for drawn in world.resources)
    for run in range(count):
        part = tuple(drawn for drawn in world.resources if run < len(drawn.runs))
        pipeline.run(make(config(f"{url}/{run}", world.of(part)), **copy.deepcopy(world.source)))
    return dataset(pipeline)


def dataset(pipeline: dlt.Pipeline) -> Dataset:
    with pipeline.sql_client() as client:
        columns = client.execute_sql(
            "SELECT table_name, column_name, data_type, is_nullable FROM information_schema.columns"
            " WHERE table_schema = 'd' AND table_name NOT LIKE '\\_dlt\\_%' ESCAPE '\\'"
        )
        types: dict[str, dict[str, str]] = {}
        for table, column, kind, nullable in columns or []:
            never = "" if nullable == "YES" else " NOT NULL"
            types.setdefault(table, {})[column] = f"{kind}{never}"
        rows: dict[str, list[dict[str, Any]]] = {}
        for table, names in types.items():
            quoted = ", ".join(f'"{name}"' for name in names)
            found = client.execute_sql(f'SELECT {quoted} FROM d."{table}"') or []
            rows[table] = [dict(zip(names, row, strict=True)) for row in found]
        schemas = client.execute_sql(
            "SELECT schema FROM d._dlt_version ORDER BY inserted_at DESC LIMIT 1"
        )
        loads = client.execute_sql("SELECT load_id, status FROM d._dlt_loads ORDER BY inserted_at")
    assert all(status == 0 for _, status in loads or [])
    stored = json.loads((schemas or [("{}",)])[0][0])
    assert stored["version_hash"] == pipeline.default_schema.version_hash
    separator = str(pipeline.default_schema.naming.PATH_SEPARATOR)
    return Dataset(types, rows, stored, [load_id for load_id, _ in loads or []], separator)
