"""`headwater sync` and `headwater demo`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import duckdb
import pytest
from typer.testing import Result

from headwater.cli.demo import tables_in
from headwater.cli.reading import draft
from headwater.cli.sync import as_document, show_result, wanted
from headwater.errors import UsageError
from headwater.report import Report, ResourceReport

Run = Callable[..., Result]
REPORT = Report(
    (
        ResourceReport("posts", 200, 4, 1, 2.0, 1.26, "partial", 444, ("the server caps at 100",)),
        ResourceReport("tags", 3, 1, 0, 0.0, 0.1, "complete", 3),
    )
)
SYNCED = SimpleNamespace(
    report=REPORT,
    withheld=("users",),
    destination="duckdb",
    location="/tmp/tracker.duckdb",
    dataset="raw",
    tables=(SimpleNamespace(name="posts", rows=200, resource="posts"),),
    query="select * from raw.posts limit 5",
    seconds=1.5,
)


def test_unknown_resource(run: Run, good: str) -> None:
    """A resource that does not exist is exit code 2, with the nearest name."""
    result = run("sync", good, "--resource", "coments")
    assert result.exit_code == 2
    assert result.stderr == (
        "--resource coments: there is no such resource (did you mean `comments`?)\n"
    )


def test_chosen_resources_bring_their_parents(run: Run, good: str) -> None:
    """What is read is what was chosen and all it needs, in the order of the plan."""
    plan = draft("delivery", {}).plan
    assert wanted(plan, ["story_history"]) == [
        "epics",
        "epics_stories",
        "groups",
        "groups_stories",
        "iterations",
        "iterations_stories",
        "story_history",
    ]
    assert len(wanted(plan, [])) == 24
    with pytest.raises(UsageError):
        wanted(plan, ["nothing"])


def test_what_a_run_ends_with(capsys: pytest.CaptureFixture[str]) -> None:
    """A line for each resource, what was noticed, where the rows are, and what is not complete."""
    show_result(cast("Any", SYNCED))
    assert (
        capsys.readouterr().out
        == """\
resource  rows  requests  retries  seconds  status
posts      200         4        1      1.3  partial (200 of 444)
tags         3         1        0      0.1  complete by count (3 of 3)

posts: the server caps at 100

200 rows in 1 table of dataset raw, 1.5 s
where: /tmp/tracker.duckdb
try:   select * from raw.posts limit 5

warning: not complete: posts
warning: not loaded, left as before: users
"""
    )


def test_what_the_error_says_is_said_once(capsys: pytest.CaptureFixture[str]) -> None:
    """A note that the error repeats is not in the result above it."""
    show_result(cast("Any", SYNCED), ["posts: the server caps at 100"])
    assert "caps" not in capsys.readouterr().out


def test_a_run_as_json() -> None:
    """The document holds the report, the tables, and where they are."""
    document = as_document(cast("Any", SYNCED))
    assert (document["ok"], document["rows"], document["requests"]) == (False, 203, 5)
    assert document["tables"] == [{"name": "posts", "rows": 200, "resource": "posts"}]
    assert document["resources"][0]["notes"] == ["the server caps at 100"]
    assert (document["dataset"], document["seconds"]) == ("raw", 1.5)


def test_tables_are_counted_in_the_file(tmp_path: Path) -> None:
    """The demo's figures are DuckDB's own; dlt's tables are left out."""
    path = tmp_path / "demo.duckdb"
    with duckdb.connect(str(path)) as database:
        database.execute("create schema raw")
        database.execute("create table raw.posts as select * from range(7)")
        database.execute("create table raw._dlt_loads as select 1 as load_id")
    assert tables_in(path, "raw") == [("posts", 7)]
