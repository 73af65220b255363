"""A process that died between the warehouse's commit of a file and dlt's note of it."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import dlt
import pytest
from tests.load.conftest import Api, Warehouse
from tests.load.conftest import api as api_fixture
from tests.load.conftest import warehouse as warehouse_fixture

from headwater.config.read import Config, read_config
from headwater.load.source import source_of
from headwater.sync import sync

api, warehouse = api_fixture, warehouse_fixture
NAME = "died"


def config(api: Api, disposition: str) -> Config:
    cursor = {"cursor_path": "at", "initial_value": 0}
    endpoint = {"path": "rows", "data_selector": "data", "incremental": cursor}
    rows: Any = {"name": "rows", "endpoint": endpoint, "write_disposition": disposition}
    rows["primary_key"] = "id"
    return read_config({"client": {"base_url": api.base_url}, "resources": [rows]})


def died_after_the_commit(pipeline: dlt.Pipeline, config: Config) -> int:
    """Loads, then puts the folder back to where dlt had begun every file; how many there were."""
    pipeline.extract(source_of(config, name=config.name))
    pipeline.normalize()
    folder = Path(pipeline.working_dir)
    before = folder.with_name("before")
    shutil.copytree(folder, before)
    pipeline.load()
    shutil.rmtree(folder)
    before.rename(folder)
    files = [*folder.glob("load/normalized/*/new_jobs/*.parquet")]
    for path in files:
        path.rename(path.parents[1] / "started_jobs" / path.name)
    return len(files)


@pytest.mark.parametrize("disposition", ["append", "replace", "merge"])
def test_rows_that_had_arrived_are_there_once(
    api: Api, warehouse: Warehouse, disposition: str
) -> None:
    """The same command loads the begun files again, lists too, and no row is there twice."""
    api.paths["rows"] = {"data": [{"id": n, "at": n, "tags": ["a", "b"]} for n in range(1500)]}
    wanted = config(api, disposition)
    assert died_after_the_commit(warehouse.pipeline(NAME), wanted) == 2
    assert warehouse.rows("SELECT count(*) FROM raw.rows") == [(1500,)]
    to, folder = f"duckdb:///{warehouse.file}", str(warehouse.folder / "pipelines")
    sync(wanted, to=to, dataset="raw", pipeline_name=NAME, pipelines_dir=folder)
    assert warehouse.rows("SELECT count(*), count(DISTINCT id) FROM raw.rows") == [(1500, 1500)]
    assert warehouse.rows("SELECT count(*) FROM raw.rows__tags") == [(3000,)]
