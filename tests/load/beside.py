"""The same config through dlt's REST source and through ours, against one server of their own."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import dlt
import duckdb
from dlt.sources.rest_api import rest_api_source as dlts
from tests.loopback import serving

from headwater import rest_api_source as ours

SHOWN = ("authorization", "cookie", "content-type")


@dataclass(frozen=True)
class Asked:
    """One request as the server saw it; of its headers those that somebody set on purpose."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...]
    headers: tuple[tuple[str, str], ...]
    body: bytes

    @property
    def params(self) -> dict[str, str]:
        return dict(self.query)

    def header(self, name: str) -> str:
        return dict(self.headers).get(name, "")

    def json(self) -> Any:
        return json.loads(self.body)


Reply = tuple[int, dict[str, str], Any]
Answer = Callable[[Asked], Any]


@dataclass
class Server:
    """Answers as `answer` does: a value, or status, headers and a value."""

    answer: Answer
    base_url: str = ""
    seen: list[Asked] = field(default_factory=list)

    def reply(self, asked: Asked) -> Reply:
        self.seen.append(asked)
        found = self.answer(asked)
        return found if isinstance(found, tuple) else (200, {}, found)


@contextmanager
def served(answer: Answer) -> Iterator[Server]:
    """A server for the length of a `with`."""
    server = Server(answer)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *args: object) -> None:
            pass

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            headers = sorted((name.lower(), value) for name, value in self.headers.items())
            shown = tuple((n, v) for n, v in headers if n.startswith("x-") or n in SHOWN)
            query = tuple(parse_qsl(parts.query, keep_blank_values=True))
            status, extra, said = server.reply(
                Asked(self.command, parts.path.lstrip("/"), query, shown, body)
            )
            text = said if isinstance(said, bytes) else json.dumps(said).encode()
            self.send_response(status)
            for name, value in {"Content-Type": "application/json", **extra}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        do_POST = do_GET

    with serving(Handler) as server.base_url:
        yield server


@dataclass
class Outcome:
    """What a run asked for, the rows that it loaded, how it failed."""

    asked: list[Asked]
    rows: dict[str, list[Any]]
    error: str = ""


def one(make: Any, server: Server, config: dict[str, Any], folder: Path) -> Outcome:
    """A run of `config` into a database of its own."""
    server.seen.clear()
    file = folder / "it.duckdb"
    pipeline = dlt.pipeline(
        "test",
        destination=dlt.destinations.duckdb(str(file)),
        dataset_name="raw",
        pipelines_dir=str(folder / "pipelines"),
    )
    error = ""
    try:
        pipeline.run(make(config))
    except Exception as failed:
        error = str(failed)
    return Outcome(list(server.seen), rows_in(file) if file.exists() else {}, error)


def rows_in(file: Path) -> dict[str, list[Any]]:
    """Every row of every table, without dlt's own columns, in order."""
    with duckdb.connect(str(file), read_only=True) as database:
        names = database.execute(
            "SELECT table_name FROM duckdb_tables() WHERE schema_name = 'raw'"
        ).fetchall()
        out = {}
        for (name,) in names:
            if not name.startswith("_dlt"):
                found = database.execute(
                    f"SELECT COLUMNS(lambda c: NOT starts_with(c, '_dlt')) FROM raw.{name}"
                )
                out[name] = sorted(found.fetchall(), key=repr)
        return out


def both(
    answer: Callable[[], Answer], config: Callable[[str], dict[str, Any]], folder: Path
) -> tuple[Outcome, Outcome]:
    """dlt's run and ours, each with a config and a server made anew."""
    outcomes = []
    for name, make in (("dlt", dlts), ("ours", ours)):
        with served(answer()) as server:
            outcomes.append(one(make, server, config(server.base_url), folder / name))
    return outcomes[0], outcomes[1]


def listing(base_url: str, client: dict[str, Any] | None = None, **endpoint: Any) -> dict[str, Any]:
    """A config of one resource `rows`."""
    endpoint = {"path": "rows", "data_selector": "data", "paginator": "single_page", **endpoint}
    return {
        "client": {"base_url": base_url, **(client or {})},
        "resources": [{"name": "rows", "endpoint": endpoint}],
    }
