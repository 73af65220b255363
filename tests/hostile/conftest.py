"""An API that answers with bytes as hostile as a test writes them, loaded into DuckDB."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import dlt
import duckdb
import pytest
from tests.loopback import serving

from headwater.load.source import rest_api_source


@dataclass
class Answer:
    """What goes over the wire; `length` may lie."""

    body: bytes = b"{}"
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Hostile:
    """A loopback server, and a warehouse that its answers are loaded into."""

    folder: Path
    answer: Callable[[str], Answer] = lambda path: Answer()
    base_url: str = ""
    asked: list[str] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)

    def load(self, *answers: bytes, client: Any = None, **endpoint: Any) -> Any:
        """Loads the resource `items`; with `answers`, those and then empty pages are its pages."""
        if answers:
            left = list(answers)
            self.answer = lambda path: Answer(left.pop(0) if left else b'{"data": []}')
        endpoint = {"path": "items", "paginator": "single_page", "data_selector": "data"} | endpoint
        handler = {"max_retries": 1, "backoff_factor": 0}
        config: Any = {
            "client": {"base_url": self.base_url, "error_handler": handler, **(client or {})},
            "resources": [{"name": "items", "endpoint": endpoint}],
        }
        pipeline = dlt.pipeline(
            "hostile",
            destination=dlt.destinations.duckdb(str(self.folder / "it.duckdb")),
            dataset_name="raw",
            pipelines_dir=str(self.folder / "pipelines"),
        )
        return pipeline.run(rest_api_source(config, name="hostile"))

    def refused(self, *answers: bytes, **how: Any) -> str:
        """What is told of a load that fails, which it must, in our own words."""
        with pytest.raises(Exception) as caught:  # noqa: PT011
            self.load(*answers, **how)
        error: BaseException | None = caught.value
        told = str(error)
        while error is not None and not type(error).__module__.startswith("headwater"):
            error = error.__cause__ or error.__context__
        assert error is not None, f"not in our words: {told[:500]}"
        assert len(str(error)) < 5000
        return str(error)

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        with duckdb.connect(str(self.folder / "it.duckdb"), read_only=True) as database:
            return database.execute(sql).fetchall()

    def columns(self, table: str = "items") -> list[str]:
        return [
            name
            for (name,) in self.rows(
                "SELECT column_name FROM duckdb_columns() WHERE schema_name = 'raw'"
                f" AND table_name = '{table}' AND column_name NOT LIKE '\\_dlt%' ESCAPE '\\'"
            )
        ]


@pytest.fixture
def hostile(tmp_path: Path) -> Iterator[Hostile]:
    """A hostile API, stopped after the test."""
    held = Hostile(tmp_path)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *args: object) -> None:
            pass

        def do_GET(self) -> None:
            held.asked.append(self.path)
            held.headers.append(dict(self.headers))
            answer = held.answer(self.path)
            head = [f"HTTP/1.1 {answer.status} Some"]
            head += [f"{name}: {value}" for name, value in answer.headers.items()]
            if "Content-Length" not in answer.headers:
                head.append(f"Content-Length: {len(answer.body)}")
            try:
                self.wfile.write("\r\n".join([*head, "", ""]).encode() + answer.body)
            except OSError:
                self.close_connection = True
            if "Content-Length" in answer.headers:
                self.close_connection = True

    with serving(Handler) as held.base_url:
        yield held
