"""Processes that die while they load into Postgres."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.destinations.conftest import Postgres
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
destination = dlt.destinations.postgres(url)
folders = {"dataset_name": dataset, "pipelines_dir": folder}
pipeline = dlt.pipeline("died", destination=destination, **folders)
pipeline.run(rest_api_source(config))
"""


@pytest.mark.parametrize(
    ("disposition", "dies"), [("append", "rows__tags"), ("merge", "rows")], ids=["added", "staged"]
)
def test_rows_that_had_arrived_are_there_once(
    disposition: str, dies: str, api: Api, postgres: Postgres, tmp_path: Path
) -> None:
    """The same command loads a file again that was committed, and no row is there twice.

    Rows travel as INSERT statements here; `merge` has no key and adds what it finds staged.
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
    dataset = f"died_{disposition}_{len(dies)}"
    words = [sys.executable, "-c", DIES, json.dumps(config), postgres.url, str(tmp_path), dataset]
    settings = {**os.environ, "RUNTIME__DLTHUB_TELEMETRY": "false"}
    for name, code in ((dies, 9), ("", 0)):
        ended = subprocess.run([*words, name], env=settings, capture_output=True, check=False)
        assert ended.returncode == code, ended.stderr.decode()[-2000:]
    tables = Place("postgres", tmp_path, postgres.url, dataset).tables()
    assert {n: len(found) for n, found in tables.items()} == {"rows": 1501, "rows__tags": 3000}
