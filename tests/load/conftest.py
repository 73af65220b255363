"""A warehouse in a folder, and a tiny API whose rows a test writes down itself."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import dlt
import duckdb
import pytest
from tests.loopback import serving

Answer = Callable[[dict[str, str]], Any]


@dataclass
class Api:
    """Serves what `paths` hold: a value, or a function of the query."""

    base_url: str = ""
    paths: dict[str, Any] = field(default_factory=dict)
    seen: list[str] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)


@pytest.fixture
def api() -> Iterator[Api]:
    """A loopback API, stopped after the test."""
    held = Api()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *args: object) -> None:
            pass

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            held.seen.append(self.path)
            held.headers.append(dict(self.headers))
            found = held.paths.get(parts.path.lstrip("/"))
            query = {key: values[-1] for key, values in parse_qs(parts.query).items()}
            body = found(query) if callable(found) else found
            status = 404 if found is None else 200
            text = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

    with serving(Handler) as held.base_url:
        yield held


@dataclass
class Warehouse:
    """A DuckDB file and a pipeline into it."""

    folder: Path

    @property
    def file(self) -> Path:
        return self.folder / "it.duckdb"

    def pipeline(self, name: str = "test") -> dlt.Pipeline:
        return dlt.pipeline(
            name,
            destination=dlt.destinations.duckdb(str(self.file)),
            dataset_name="raw",
            pipelines_dir=str(self.folder / "pipelines"),
        )

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        with duckdb.connect(str(self.file), read_only=True) as database:
            return database.execute(sql).fetchall()

    def columns(self, table: str) -> dict[str, str]:
        found = self.rows(
            "SELECT column_name, data_type FROM duckdb_columns()"
            f" WHERE schema_name = 'raw' AND table_name = '{table}'"
        )
        return dict(found)

    def tables(self) -> set[str]:
        found = self.rows("SELECT table_name FROM duckdb_tables() WHERE schema_name = 'raw'")
        return {name for (name,) in found if not name.startswith("_dlt")}


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    """An empty warehouse."""
    return Warehouse(tmp_path)
