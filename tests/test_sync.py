"""One sync after another: counts, places, refreshes, and what an earlier one left behind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pytest
from tests.load.conftest import Api
from tests.load.conftest import api as api_fixture

from headwater.config.read import Config, read_config
from headwater.errors import LoadError
from headwater.events import Event, Noticed
from headwater.load.runs import RUNS_TABLE
from headwater.plan.graph import make_plan
from headwater.run.outcome import Incomplete
from headwater.simulate import Options, Simulator
from headwater.sync import PartlyLoaded, Synced, sync

api = api_fixture


def config(base_url: str) -> Config:
    return read_config(
        {
            "client": {"base_url": base_url, "error_handler": {"max_retries": 0}},
            "resource_defaults": {"primary_key": "id", "write_disposition": "merge"},
            "resources": [
                {"name": "projects", "endpoint": {"path": "projects", "data_selector": "data"}},
                {
                    "name": "tasks",
                    "endpoint": {"path": "projects/{project_id}/tasks", "data_selector": "data"},
                },
            ],
        }
    )


def simulator(rows: int = 12, seed: int = 0) -> Simulator:
    return Simulator(make_plan(config("http://127.0.0.1:1")), Options(rows=rows, seed=seed))


def synced(folder: Path, api: Simulator | Api, **more: Any) -> Synced:
    settings = {"to": f"duckdb:///{folder}/it.duckdb", "dataset": "raw", **more}
    return sync(config(api.base_url), pipelines_dir=str(folder / "pipelines"), **settings)


def counted(folder: Path, table: str) -> int:
    with duckdb.connect(str(folder / "it.duckdb"), read_only=True) as database:
        found = database.execute(f'SELECT count(*) FROM raw."{table}"').fetchone()
    return found[0] if found else -1


def test_reported_rows_are_those_in_the_tables(tmp_path: Path) -> None:
    """The rows of each table that a sync reports are there, on the first run and the second."""
    with simulator() as api:
        for _ in range(2):
            result = synced(tmp_path, api)
            assert result.report.complete
            assert {t.name: t.rows for t in result.tables} == {
                t.name: counted(tmp_path, t.name) for t in result.tables
            }


def test_a_full_refresh_asks_for_everything(tmp_path: Path) -> None:
    """full_refresh loads anew: every request is sent again, and the tables hold what came."""
    with simulator() as api:
        synced(tmp_path, api)
        asked = len(api.requests)
        synced(tmp_path, api, full_refresh=True)
        assert len(api.requests) == 2 * asked
        assert counted(tmp_path, "projects") == 12


def runs(folder: Path, columns: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(folder / "it.duckdb"), read_only=True) as database:
        sql = f"SELECT {columns} FROM raw._headwater_runs ORDER BY started_at, resource"
        return database.execute(sql).fetchall()


def test_each_run_is_written_beside_the_data(tmp_path: Path) -> None:
    """`_headwater_runs` has a row for each run and resource; `run` is the id of the load."""
    with simulator() as api:
        result = synced(tmp_path, api)
        synced(tmp_path, api, full_refresh=True)
        synced(tmp_path, api)
    assert RUNS_TABLE not in {table.name for table in result.tables}
    found = runs(tmp_path, "resource, status, loaded, rows_read, requests, retries")
    once = [
        (item.resource, "complete", True, item.rows, item.requests, 0)
        for item in sorted(result.report.resources, key=lambda item: item.resource)
    ]
    assert found == once * 2, "a full refresh drops what is there"
    with duckdb.connect(str(tmp_path / "it.duckdb"), read_only=True) as database:
        loads = database.execute("SELECT load_id FROM raw._dlt_loads").fetchall()
    assert {(run,) for (run,) in runs(tmp_path, "run")} <= set(loads)


def test_a_run_that_fell_short_is_written_too(tmp_path: Path, api: Api) -> None:
    """A failed resource is there with its figures, what was withheld is marked, all else loaded."""
    api.paths["projects"] = {"data": [{"id": 1}, {"id": 2}]}
    api.paths["projects/1/tasks"] = {"data": [{"id": 3}]}
    with pytest.raises(PartlyLoaded, match="projects/2/tasks -> 404") as caught:
        synced(tmp_path, api)
    assert caught.value.synced.withheld == ()
    assert counted(tmp_path, "projects") == 2
    assert counted(tmp_path, "tasks") == 1
    found = runs(tmp_path, "resource, status, loaded, rows_read, requests, notes")
    assert found[0] == ("projects", "complete", True, 2, 1, None)
    assert found[1][:5] == ("tasks", "failed", True, 1, 2)
    assert "projects/2/tasks -> 404" in found[1][5]


def test_rows_that_cannot_be_loaded_stop_nothing_else(tmp_path: Path, api: Api) -> None:
    """Rows without their key are refused and said; the other resource is loaded."""
    api.paths["projects"] = {"data": [{"id": 1}]}
    api.paths["projects/1/tasks"] = {"data": [{"id": None, "name": "x"}, {"id": 2}]}
    with pytest.raises(PartlyLoaded, match=r"tasks: .*`id`"):
        synced(tmp_path, api)
    assert counted(tmp_path, "projects") == 1
    api.paths["projects/1/tasks"] = {"data": [{"id": 2}]}
    assert synced(tmp_path, api).report.complete
    assert counted(tmp_path, "tasks") == 1


def test_a_full_refresh_that_falls_short_drops_nothing(tmp_path: Path, api: Api) -> None:
    """Tables are dropped with the load that fills them anew, or not at all."""
    api.paths["projects"] = {"data": [{"id": 1}]}
    api.paths["projects/1/tasks"] = {"data": [{"id": 2}]}
    synced(tmp_path, api)
    del api.paths["projects/1/tasks"]
    with pytest.raises(Incomplete, match="projects/1/tasks -> 404"):
        synced(tmp_path, api, full_refresh=True)
    assert counted(tmp_path, "projects") == counted(tmp_path, "tasks") == 1


def test_a_failed_load_elsewhere_is_left_there(tmp_path: Path) -> None:
    """A sync that could not load into one place does not get in the way of another place."""
    blocked = tmp_path / "blocked"
    blocked.write_text("a file where a folder should be")
    with simulator() as api:
        with pytest.raises(LoadError, match="the next sync loads it"):
            synced(tmp_path, api, to=f"filesystem://{blocked}/lake?format=parquet")
        assert synced(tmp_path, api).report.complete
        assert counted(tmp_path, "projects") == 12


def test_a_run_that_goes_on_says_so(tmp_path: Path, api: Api) -> None:
    """Kept answers are used by the next sync, which says so, but not by a full refresh."""
    api.paths["projects"] = {"data": [{"id": 1}, {"id": 2}]}
    api.paths["projects/1/tasks"] = {"data": [{"id": 3}]}
    told: list[str] = []

    def run(**more: Any) -> Synced:
        def listen(event: Event) -> None:
            if isinstance(event, Noticed):
                told.append(event.what)

        to = f"duckdb:///{tmp_path}/it.duckdb"
        folder = str(tmp_path / "pipelines")
        read = config(api.base_url)
        return sync(read, to=to, dataset="raw", pipelines_dir=folder, listener=listen, **more)

    with pytest.raises(Incomplete, match="projects/2/tasks -> 404"):
        run()
    assert not told
    api.paths["projects/2/tasks"] = {"data": [{"id": 4}]}
    api.seen.clear()
    run()
    assert api.seen == ["/projects/2/tasks"]
    assert any("goes on where an earlier run ended" in what for what in told)
    api.seen.clear()
    run(full_refresh=True)
    assert len(api.seen) == 3
