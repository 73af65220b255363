"""The command line as a process, against simulated APIs: results, exit codes, secrets."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import duckdb
import pytest

from headwater.config.read import read_config
from headwater.plan.graph import make_plan
from headwater.simulate import Options, Simulator

SECRET = "hunter2-0123456789"
WRONG = "hunter2-abcdefghij"
CONFIG = """\
name: tracker
client:
  base_url: "{params.base_url}"
  auth: {type: bearer, token: "{secrets.tracker_token}"}
  error_handler: {max_retries: 0}
resource_defaults: {primary_key: id, write_disposition: merge}
resources:
  - name: projects
    endpoint:
      path: /v1/projects
      data_selector: data
      paginator: {type: offset, limit: 4, total_path: total}
  - name: boards
    endpoint: {path: "/v1/projects/{resources.projects.id}/boards", data_selector: data}
  - name: cards
    endpoint: {path: "/v1/projects/{project_id}/boards/{board_id}/cards", data_selector: data}
"""
Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """Folders of dlt inside the test's own, and the key that the simulated API knows."""
    (tmp_path / "tracker.yaml").write_text(CONFIG, encoding="utf-8")
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("RUNTIME__", "SOURCES__"))}
    return {
        **kept,
        "PIPELINES_DIR": str(tmp_path / "pipelines"),
        "DLT_DATA_DIR": str(tmp_path / "dlt"),
        "HOME": str(tmp_path),
        "TRACKER_TOKEN": SECRET,
        "NO_COLOR": "1",
    }


def words(*arguments: str) -> list[str]:
    return [sys.executable, "-c", "from headwater.cli import main; main()", *arguments]


@pytest.fixture
def run(tmp_path: Path, environment: dict[str, str]) -> Run:
    """Runs `headwater` as a process; no secret may be in anything it says."""

    def started(*arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            words(*arguments),
            cwd=tmp_path,
            env={**environment, **more},
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
        )
        assert "hunter2" not in done.stdout + done.stderr
        assert "nanobind" not in done.stderr
        return done

    return started


@pytest.fixture
def api(tmp_path: Path, environment: dict[str, str]) -> Iterator[Callable[..., str]]:
    """Starts the API that the config describes; gives its address."""
    with ExitStack() as stack:

        def started(**options: Any) -> str:
            params = {"base_url": "http://127.0.0.1"}
            config = read_config(
                tmp_path / "tracker.yaml", params=params, secret=lambda name, of: SECRET
            )
            simulator = Simulator(make_plan(config), Options(totals=True, **options))
            return stack.enter_context(simulator).base_url

        yield started


def test_a_sync_loads_every_row(run: Run, api: Callable[..., str], tmp_path: Path) -> None:
    """Exit code 0: the tables hold what the report says, grandchildren carry their ancestors."""
    done = run("sync", "tracker.yaml", "--set", f"base_url={api(rows=9)}", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    document = json.loads(done.stdout)
    assert document["ok"] is True
    assert document["dataset"] == "tracker_data"
    outcomes = {item["resource"]: item["outcome"] for item in document["resources"]}
    assert outcomes["projects"] == "complete by count (9 of 9)"
    assert outcomes["cards"].startswith("complete")
    rows = {item["resource"]: item["rows"] for item in document["resources"]}
    with duckdb.connect(str(tmp_path / "tracker.duckdb"), read_only=True) as database:
        for name, count in rows.items():
            found = database.execute(f'select count(*) from "tracker_data"."{name}"').fetchone()
            assert found == (count,)
        orphans = database.execute(
            "select count(*) from tracker_data.cards where _projects_id is null"
            " or _projects_id not in (select id from tracker_data.projects)"
        ).fetchone()
        assert orphans == (0,)


def test_a_sync_in_words(run: Run, api: Callable[..., str]) -> None:
    """A line for each resource with its outcome, where the rows are, and a query that works."""
    url = api(rows=5)
    done = run("sync", "tracker.yaml", "--set", f"base_url={url}", "--dataset", "raw")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].split() == ["resource", "rows", "requests", "seconds", "status"]
    assert lines[1].split(maxsplit=4)[4] == "complete by count (5 of 5)"
    assert any(line.startswith("where: /") and line.endswith("/tracker.duckdb") for line in lines)
    assert "dlt" not in done.stderr.lower()


@pytest.mark.parametrize(
    ("case", "text"),
    [
        ("down", "cannot connect"),
        ("refused", "401 Unauthorized"),
        ("html", "the answer is not JSON"),
        ("500", "500 Internal Server Error"),
    ],
)
@pytest.mark.parametrize("debug", [False, True])
def test_what_is_not_complete_is_exit_code_1(
    run: Run, api: Callable[..., str], case: str, text: str, debug: bool
) -> None:
    """An API that is down, refuses the key, or answers with errors: one line, and no secret."""
    if case == "down":
        url = "http://127.0.0.1:9"
    else:
        url = api(rows=5, faults={} if case == "refused" else {case: 1.0})
    token = WRONG if case == "refused" else SECRET
    flags = ["--debug"] if debug else []
    done = run("sync", "tracker.yaml", "--set", f"base_url={url}", *flags, TRACKER_TOKEN=token)
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last.startswith("projects: GET http://127.0.0.1:")
    assert text in last
    assert ("Traceback" in done.stderr) is debug


def test_what_is_missing_stands_in_the_document(run: Run, api: Callable[..., str]) -> None:
    """With --json a run that fell short has its problems, and the figures of what was loaded."""
    url = api(rows=5, broken={"/boards": 500})
    done = run("sync", "tracker.yaml", "--set", f"base_url={url}", "--json")
    assert done.returncode == 1
    document = json.loads(done.stdout)
    assert document["ok"] is False
    assert "/boards -> 500" in document["problems"][0]["what"]
    assert {item["resource"]: item["status"] for item in document["resources"]} == {
        "projects": "complete",
        "boards": "failed",
        "cards": "partial",
    }
    assert [
        table["name"] for table in document["tables"] if table["name"] == table["resource"]
    ] == ["projects"]


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--to", "foo"], "--to foo: unknown destination"),
        (["--to", "x.duckdb"], "(a DuckDB file is written duckdb:///x.duckdb)"),
        (["--to", "/x/y.db"], "(a DuckDB file is written duckdb:////x/y.db)"),
        (["--to", "duckdb:///tracker.duckdb", "--dataset", "tracker"], "write --dataset"),
        (["--set", "base_url=127.0.0.1"], "is no URL to load from"),
        (["--set", "colour=red"], "has no parameter `colour`"),
        (["--resource", "projcts"], "did you mean `projects`?"),
        (["--debug", "--to", "ftp://u:hunter2-pw@host/x"], "unknown kind of destination `ftp`"),
    ],
)
def test_what_is_wrong_is_exit_code_2(run: Run, arguments: list[str], text: str) -> None:
    """A wrong config, destination, address or name is said before any request."""
    first = [] if "base_url=127.0.0.1" in arguments else ["--set", "base_url=http://127.0.0.1:9"]
    done = run("sync", "tracker.yaml", *first, *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert text in done.stderr


def test_a_secret_that_is_missing_is_exit_code_2(run: Run) -> None:
    """It is named with every place where it may be set."""
    done = run("sync", "tracker.yaml", "--set", "base_url=http://127.0.0.1:9", TRACKER_TOKEN="")
    assert done.returncode == 2
    assert "secret `tracker_token` has no value (set TRACKER_TOKEN or " in done.stderr


def test_ctrl_c_is_exit_code_130(
    environment: dict[str, str], api: Callable[..., str], tmp_path: Path
) -> None:
    """An interrupted sync says so and nothing else."""
    url = api(rows=400, latency_s=0.3)
    process = subprocess.Popen(
        words("sync", "tracker.yaml", "--set", f"base_url={url}", "--json"),
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline_s = time.monotonic() + 30
    while not list((tmp_path / "pipelines").rglob("*.json")) and time.monotonic() < deadline_s:
        time.sleep(0.05)
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert errors.splitlines()[-1] == "interrupted"
    assert "asynchronous generator" not in errors
    assert process.returncode == 130


def test_the_demo(run: Run, tmp_path: Path) -> None:
    """Five systems in one file; what is printed is what is there."""
    done = run("demo", "--rows", "5")
    assert (done.returncode, done.stderr) == (0, "")
    heads = [line for line in done.stdout.splitlines() if " requests, " in line]
    assert [head.split(":")[0] for head in heads] == [
        "delivery",
        "feature_flags",
        "project_api",
        "project_tracker",
        "time_tracking",
    ]
    with duckdb.connect(str(tmp_path / "headwater-demo.duckdb"), read_only=True) as database:
        stories = database.execute("select count(*) from project_tracker.stories").fetchone()
    line = next(line for line in done.stdout.splitlines() if line.split()[:1] == ["stories"])
    assert stories == (int(line.split()[1]),)
    assert not (tmp_path / "dlt").exists()
