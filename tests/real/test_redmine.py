"""Redmine, which caps `limit` at 100 whatever is asked for: every issue arrives all the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dlt
import duckdb
import pytest
from tests.real.conftest import Redmine

from headwater import rest_api_source
from headwater.config.read import read_config
from headwater.sync import sync

pytestmark = pytest.mark.timeout(300)
PAGINATORS: dict[str, dict[str, Any]] = {
    "no total": {"type": "offset", "limit": 250, "total_path": None},
    "a total that is demanded": {"type": "offset", "limit": 250, "total_path": "total_count"},
}


def config(redmine: Redmine, paginator: dict[str, Any], **auth: Any) -> dict[str, Any]:
    key = {"type": "api_key", "name": "X-Redmine-API-Key", "location": "header", **auth}
    return {
        "client": {"base_url": redmine.base_url, "auth": {**key, "api_key": redmine.key}},
        "resource_defaults": {"primary_key": "id", "write_disposition": "merge"},
        "resources": [
            {
                "name": "issues",
                "endpoint": {
                    "path": "issues.json",
                    "params": {"status_id": "*", "sort": "id"},
                    "data_selector": "issues",
                    "paginator": paginator,
                },
            }
        ],
    }


def loaded(file: Path) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(file), read_only=True) as database:
        return database.execute("SELECT id, subject FROM raw.issues ORDER BY id").fetchall()


@pytest.mark.parametrize("paging", PAGINATORS)
def test_every_issue_arrives_though_the_limit_is_capped(
    redmine: Redmine, tmp_path: Path, paging: str
) -> None:
    """With `limit: 250` and a server that gives 100 a page, all 444 issues are loaded."""
    file = tmp_path / "it.duckdb"
    pipeline = dlt.pipeline(
        "redmine",
        destination=dlt.destinations.duckdb(str(file)),
        dataset_name="raw",
        pipelines_dir=str(tmp_path / "pipelines"),
    )
    pipeline.run(rest_api_source(config(redmine, PAGINATORS[paging])))
    wanted = [(n, f"Issue number {n} ünï") for n in range(1, redmine.issues + 1)]
    assert loaded(file) == wanted


def test_the_report_counts_the_issues_and_names_the_cap(redmine: Redmine, tmp_path: Path) -> None:
    """The report says `complete by count (444 of 444)` and which page size the server gives."""
    read = read_config(config(redmine, PAGINATORS["a total that is demanded"]))
    done = sync(
        read,
        to=f"duckdb:///{tmp_path}/it.duckdb",
        dataset="raw",
        pipelines_dir=str(tmp_path / "pipelines"),
    )
    (issues,) = done.report.resources
    assert issues.outcome == "complete by count (444 of 444)"
    assert issues.notes == ("the server caps `limit`: 250 asked, 100 a page",)


def test_the_key_may_stand_in_the_query(redmine: Redmine, tmp_path: Path) -> None:
    """A key in the query works, and no note, report or table holds it."""
    wanted = config(redmine, PAGINATORS["no total"], name="key", location="query")
    done = sync(
        read_config(wanted),
        to=f"duckdb:///{tmp_path}/it.duckdb",
        dataset="raw",
        pipelines_dir=str(tmp_path / "pipelines"),
    )
    assert done.report.rows == redmine.issues
    assert redmine.key not in str(done.report.to_json())
