"""Whole pipelines into DuckDB, dlt's REST source and headwater's, from one loopback API."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import dlt

Pages = Mapping[str, Sequence[Sequence[str]]]
"""JSON texts of records, page by page, by resource."""


@contextmanager
def api(pages: Pages) -> Iterator[str]:
    """The address of an API that answers `/{resource}/{page}` and links to the next page."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            name, number = self.path.strip("/").split("/")
            records = pages[name][int(number)]
            more = int(number) + 1 < len(pages[name])
            link = json.dumps(f"/{name}/{int(number) + 1}" if more else None)
            body = f'{{"data":[{",".join(records)}],"next":{link}}}'.encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()


def config(url: str, pages: Pages, disposition: str, hints: Mapping[str, Any]) -> dict[str, Any]:
    key = {"primary_key": "id"} if disposition == "merge" else {}
    return {
        "client": {"base_url": url, "paginator": {"type": "json_link", "next_url_path": "next"}},
        "resources": [
            {
                "name": name,
                "endpoint": {"path": f"{name}/0", "data_selector": "data"},
                "write_disposition": disposition,
                **key,
                **hints,
            }
            for name in pages
        ],
    }


def load(
    make: Any, where: Path, runs: Sequence[Pages], disposition: str, **hints: Any
) -> dict[str, Any]:
    """Loads the runs one after the other, and gives the tables as they are then."""
    nesting = hints.pop("max_table_nesting", None)
    pipeline = dlt.pipeline(
        "parity", pipelines_dir=str(where), dataset_name="d",
        destination=dlt.destinations.duckdb(str(where / "db.duckdb")),
    )  # fmt: skip
    for pages in runs:
        with api(pages) as url:
            source = make(config(url, pages, disposition, hints), max_table_nesting=nesting)
            pipeline.run(source)
    with pipeline.sql_client() as client:
        columns = client.execute_sql(
            "SELECT table_name, column_name, data_type FROM information_schema.columns"
            " WHERE table_schema = 'd' AND table_name NOT LIKE '\\_dlt\\_%' ESCAPE '\\'"
        )
        types: dict[str, dict[str, str]] = {}
        for table, column, kind in columns or []:
            types.setdefault(table, {})[column] = kind
        rows: dict[str, list[dict[str, Any]]] = {}
        for table, names in types.items():
            quoted = ", ".join(f'"{name}"' for name in names)
            found = client.execute_sql(f'SELECT {quoted} FROM d."{table}"') or []
            rows[table] = [dict(zip(names, row, strict=True)) for row in found]
    return {"types": types, "rows": rows}
