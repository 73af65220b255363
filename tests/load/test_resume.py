"""Runs that ended early: what was fetched is not asked again, and nothing is lost or doubled."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import Any

import pytest
from dlt.pipeline.exceptions import PipelineStepFailed
from tests.load.conftest import Api, Warehouse
from tests.load.test_source import config, listing

from headwater import rest_api_source

PARENTS = 40


def family(api: Api) -> dict[str, Any]:
    api.paths["projects"] = {"data": [{"id": n} for n in range(PARENTS)]}
    for n in range(PARENTS):
        api.paths[f"projects/{n}/tasks"] = {"data": [{"id": n * 10 + k} for k in range(3)]}
    return config(api, listing("projects"), listing("tasks", "projects/{project_id}/tasks"))


def test_a_run_after_a_failure_asks_for_what_is_missing(api: Api, warehouse: Warehouse) -> None:
    """One parent that failed is asked again; the others are not, and all rows are there."""
    wanted = family(api)
    missing = api.paths.pop("projects/7/tasks")
    with pytest.raises(PipelineStepFailed, match="projects/7/tasks"):
        warehouse.pipeline().run(rest_api_source(wanted))
    api.seen.clear()
    api.paths["projects/7/tasks"] = missing
    warehouse.pipeline().run(rest_api_source(wanted))
    assert api.seen == ["/projects/7/tasks"]
    assert warehouse.rows("SELECT count(*), count(DISTINCT id) FROM raw.tasks") == [(120, 120)]


def test_a_run_after_a_complete_one_asks_for_everything(api: Api, warehouse: Warehouse) -> None:
    """A run whose rows arrived leaves nothing that a later run would take for news."""
    wanted = family(api)
    for _ in range(2):
        api.seen.clear()
        warehouse.pipeline().run(rest_api_source(wanted))
        assert len(api.seen) == PARENTS + 1


def test_nothing_is_asked_ahead_of_pages_that_are_there(api: Api, warehouse: Warehouse) -> None:
    """A listing without a total that was read to its end is not asked beyond it again."""

    def page(query: dict[str, str]) -> Any:
        offset = int(query["offset"])
        return {"data": [{"id": offset}] if offset < 40 else []}

    api.paths["rows"] = page
    paginator = {"type": "offset", "limit": 1, "total_path": None}
    rows = listing("rows")
    rows["endpoint"]["paginator"] = paginator
    wanted = config(api, rows, listing("others"))
    with pytest.raises(PipelineStepFailed, match="others -> 404"):
        warehouse.pipeline().run(rest_api_source(wanted))
    api.seen.clear()
    api.paths["others"] = {"data": [{"id": 1}]}
    warehouse.pipeline().run(rest_api_source(wanted))
    assert api.seen == ["/others"]
    assert warehouse.rows("SELECT count(*) FROM raw.rows") == [(40,)]


def test_a_refresh_asks_for_everything(api: Api, warehouse: Warehouse) -> None:
    """A run that drops dlt's state does not take the answers of the run before it."""
    wanted = family(api)
    warehouse.pipeline().run(rest_api_source(wanted))
    api.seen.clear()
    warehouse.pipeline().run(rest_api_source(wanted), refresh="drop_sources")
    assert len(api.seen) == PARENTS + 1


def test_pages_that_are_wrong_are_asked_again(api: Api, warehouse: Warehouse) -> None:
    """Rows without their key are not kept: the next run sees what the API has by then."""
    wanted = config(api, listing("rows", primary_key="id"))
    api.paths["rows"] = {"data": [{"key": 1}]}
    with pytest.raises(PipelineStepFailed, match="primary key"):
        warehouse.pipeline().run(rest_api_source(wanted))
    api.paths["rows"] = {"data": [{"id": 1}]}
    warehouse.pipeline().run(rest_api_source(wanted))
    assert warehouse.rows("SELECT id FROM raw.rows") == [(1,)]


@pytest.mark.parametrize("share", [0.3, 0.9])
def test_a_killed_run_goes_on_where_it_was(
    api: Api, warehouse: Warehouse, tmp_path: Path, share: float
) -> None:
    """After kill -9 the same command asks only for what had not come, and loads every row once."""
    wanted = family(api)
    held = threading_gate(api, int((PARENTS + 1) * share))
    script = tmp_path / "run.py"
    script.write_text(
        textwrap.dedent(
            f"""
            import os
            os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
            import dlt
            from headwater import rest_api_source
            config = {wanted!r}
            config["client"]["max_concurrency"] = 2
            dlt.pipeline("test", destination=dlt.destinations.duckdb({str(warehouse.file)!r}),
                dataset_name="raw", pipelines_dir={str(warehouse.folder / "pipelines")!r},
            ).run(rest_api_source(config))
            """
        )
    )
    process = subprocess.Popen([sys.executable, str(script)], stderr=subprocess.PIPE)
    deadline_s = time.monotonic() + 30
    while len(api.seen) <= held and process.poll() is None and time.monotonic() < deadline_s:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    asked = len(api.seen)
    api.seen.clear()
    open_gate(api)
    wanted["client"]["max_concurrency"] = 2
    warehouse.pipeline().run(rest_api_source(wanted))
    assert len(api.seen) <= PARENTS + 1 - asked + 3
    assert warehouse.rows("SELECT count(*), count(DISTINCT id) FROM raw.tasks") == [(120, 120)]
    assert warehouse.rows("SELECT count(*) FROM raw.projects") == [(PARENTS,)]


def threading_gate(api: Api, most: int) -> int:
    """Lets `most` requests be answered, and holds those that follow."""
    import threading

    gate = threading.Event()
    for path, body in list(api.paths.items()):

        def answer(query: dict[str, str], body: Any = body) -> Any:
            if len(api.seen) > most:
                gate.wait(20)
            return body

        api.paths[path] = answer
    api.paths["_gate"] = gate
    return most


def open_gate(api: Api) -> None:
    api.paths["_gate"].set()
