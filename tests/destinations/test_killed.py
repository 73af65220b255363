"""Processes that die while they load into Postgres or a Delta table."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.destinations.places import Place
from tests.load.conftest import Api

DIES = """
import json, os, sys, dlt
from dlt.common.storages.load_package import PackageStorage
from headwater import rest_api_source
config, url, folder, dataset, dies = json.loads(sys.argv[1]), *sys.argv[2:]
note = PackageStorage.save_pending_transition

def die(storage, load_id, name, *rest):
    if dies and name.startswith(f"{dies}."):
        os._exit(9)
    note(storage, load_id, name, *rest)

PackageStorage.save_pending_transition = die
is_postgres = url.startswith("postgresql")
destination = (dlt.destinations.postgres if is_postgres else dlt.destinations.filesystem)(url)
folders = {"dataset_name": dataset, "pipelines_dir": folder}
pipeline = dlt.pipeline("died", destination=destination, **folders)
if is_postgres:
    pipeline.run(rest_api_source(config))
else:
    # dlt makes the nested tables: they have no disposition of their own.
    pipeline.run(rest_api_source(config, backend="objects"), table_format="delta")
"""


@pytest.mark.parametrize(
    ("place", "disposition", "dies"),
    [
        ("postgres", "append", "rows__tags"),
        ("postgres", "merge", "rows"),
        ("delta", "append", "rows__tags"),
    ],
    ids=["postgres", "postgres, staged", "delta"],
    indirect=["place"],
)
def test_rows_that_had_arrived_are_there_once(
    place: Place, disposition: str, dies: str, api: Api, tmp_path: Path
) -> None:
    """The same command loads a file again that was committed, and no row is there twice.

    Rows travel to Postgres as INSERT statements; `merge` has no key and adds what is staged.
    """
    rows = [{"id": n, "text": "it's 100 %, \\ or so;\n", "tags": ["a", "b"]} for n in range(1500)]
    api.paths["rows"] = {"data": [*rows, {"id": 1500, "text": None, "more": {"a": [1.5]}}]}
    endpoint: dict[str, Any] = {"path": "rows", "data_selector": "data"}
    columns = {"more__a": {"data_type": "json"}}
    resource = {"name": "rows", "endpoint": endpoint, "write_disposition": disposition}
    config = {
        "client": {"base_url": api.base_url},
        "resources": [{**resource, "columns": columns}],
    }
    place.dataset = f"died_{disposition}"
    url = place.url if place.kind == "postgres" else (tmp_path / "lake").as_uri()
    words = [sys.executable, "-c", DIES, json.dumps(config), url, str(tmp_path), place.dataset]
    settings = {**os.environ, "RUNTIME__DLTHUB_TELEMETRY": "false"}
    for name, code in ((dies, 9), ("", 0)):
        ended = subprocess.run([*words, name], env=settings, capture_output=True, check=False)
        assert ended.returncode == code, ended.stderr.decode()[-2000:]
    tables = place.tables()
    assert {n: len(found) for n, found in tables.items()} == {"rows": 1501, "rows__tags": 3000}
