"""Each fault alone: what is loaded is what the API holds, or the run says what is missing."""

from __future__ import annotations

from typing import Any

import pytest
from tests.faults.conftest import Case, Start

from headwater.config.models import RateLimit

PAGING: dict[str, dict[str, Any]] = {
    "offset": {"type": "offset", "limit": 10},
    "offset without a total": {"type": "offset", "limit": 10, "total_path": None},
    "offset with has-more": {
        "type": "offset",
        "limit": 10,
        "total_path": None,
        "has_more_path": "meta.more",
    },
    "page number": {"type": "page_number", "base_page": 1, "total_path": None},
    "cursor": {"type": "cursor", "cursor_path": "meta.next", "cursor_param": "after"},
    "header cursor": {"type": "header_cursor", "cursor_key": "X-Next", "cursor_param": "after"},
    "next link": {"type": "json_link", "next_url_path": "paging.next"},
    "Link header": {"type": "header_link"},
}
BY_POSITION = ("offset", "offset without a total", "offset with has-more", "page number")
BY_TOKEN = ("cursor", "header cursor", "next link", "Link header")


def child(**endpoint: Any) -> list[dict[str, Any]]:
    """Projects and their tasks; `endpoint` is added to that of the tasks."""
    tasks = {"path": "projects/{project_id}/tasks", "data_selector": "data", **endpoint}
    projects = {"path": "projects", "data_selector": "data", "paginator": "single_page"}
    return [{"name": "projects", "endpoint": projects}, {"name": "tasks", "endpoint": tasks}]


@pytest.mark.parametrize("retry_after_s", [None, 0])
@pytest.mark.parametrize("fault", ["429", "500", "503", "cut", "html", "slow"])
def test_a_fault_that_passes_costs_no_row(
    case: Start, fault: str, retry_after_s: int | None
) -> None:
    """Requests are repeated, with `Retry-After` and without, until every row is there."""
    share = 0.1 if fault == "slow" else 0.4
    it = case(rows=95, faults={fault: share}, retry_after_s=retry_after_s, seed=3)
    assert it.load() == ""
    assert it.lost() == 0
    assert len(it.rows()) == 95
    assert fault == "slow" or it.report.resources[0].retries > 0


@pytest.mark.parametrize("paging", PAGING)
@pytest.mark.parametrize("cap", [1, 7, 10])
def test_a_server_that_caps_the_limit_loses_nothing(case: Start, paging: str, cap: int) -> None:
    """A page smaller than the one asked for is no end."""
    it = case(PAGING[paging], rows=34, max_limit=cap)
    assert it.load() == ""
    assert it.lost() == 0


@pytest.mark.parametrize("total_path", ["total", "meta.total"])
def test_a_total_too_high_is_said(case: Start, total_path: str) -> None:
    """A total that more rows do not come to makes the run partial; those that came are loaded."""
    paginator = {"type": "offset", "limit": 10, "total_path": total_path}
    it = case(paginator, rows=34, totals=True, total_off=5)
    assert "34 of 39 rows came" in it.load()
    assert len(it.rows()) == 34
    assert it.report.resources[0].outcome == "partial (34 of 39)"


@pytest.mark.parametrize("off", [-1, -4, -14, -24])
def test_a_total_too_low_is_not_believed(case: Start, off: int) -> None:
    """A total that the config does not demand ends no listing on a full page."""
    it = case({"type": "offset", "limit": 10}, rows=34, totals=True, total_off=off)
    assert it.load() == ""
    assert it.lost() == 0


@pytest.mark.parametrize("totals", [True, False])
def test_a_total_at_the_default_path_may_be_absent(case: Start, totals: bool) -> None:
    """With a total the report counts by it, without one an empty page is the end."""
    it = case({"type": "offset", "limit": 10}, rows=34, totals=totals)
    assert it.load() == ""
    assert it.lost() == 0
    wanted = "complete by count (34 of 34)" if totals else "complete"
    assert it.report.resources[0].outcome == wanted


@pytest.mark.parametrize("status", [404, 500])
def test_a_parent_that_fails_for_ever_is_named(case: Start, status: int) -> None:
    """The others are read and loaded; the run names the request; the next one asks only for it."""
    it = case(resources=child(paginator="single_page"), rows=5, rows_per_parent=3)
    broken = it.api.truth("projects")[2]["id"]
    it.api.faults.broken = {f"/projects/{broken}/tasks": status}
    said = it.load()
    assert f"/projects/{broken}/tasks -> {status}" in said
    asked = {seen.path_qs for seen in it.api.requests if seen.path_qs.endswith("/tasks")}
    assert len(asked) == 5
    assert len(it.rows("tasks")) == 12
    assert len(it.rows()) == 5
    it.api.mend()
    it.api.requests.clear()
    assert it.load() == ""
    assert [seen.path_qs for seen in it.api.requests] == [f"/x/projects/{broken}/tasks"]
    assert it.lost("projects") == it.lost("tasks") == 0
    assert len(it.rows("tasks")) == 15


def limited(case: Start) -> Case:
    """An API of 121 requests that takes 40 a second."""
    resources = child(paginator="single_page")
    limit = RateLimit(requests=40, per="second")
    return case(resources=resources, rows=120, rows_per_parent=1, rate_limit=limit)


def test_a_rate_limit_costs_no_row_and_is_hardly_ever_passed(case: Start) -> None:
    """A host that takes 40 requests a second is asked for so many: few are refused."""
    it = limited(case)
    it.client = {"rate_limit": {"requests": 40, "per": "second"}, "max_concurrency": 16}
    assert it.load() == ""
    assert it.missing("tasks") == set()
    refused = sum(seen.status == 429 for seen in it.api.requests)
    assert refused / len(it.api.requests) < 0.1


def test_a_rate_limit_nobody_told_of_costs_no_row(case: Start) -> None:
    """Requests beyond it are refused, waited for as `Retry-After` says, and asked again."""
    it = limited(case)
    it.client = {"max_concurrency": 16}
    assert it.load() == ""
    assert it.missing("tasks") == set()
    assert any(seen.status == 429 for seen in it.api.requests)


def test_a_parent_that_may_be_skipped_costs_its_own_rows_only(case: Start) -> None:
    """`on_exhausted: skip` turns a parent that fails into a notice; the rest is loaded."""
    handler = {"on_exhausted": "skip", "backoff_factor": 0, "max_retries": 1}
    it = case(
        resources=child(paginator="single_page", error_handler=handler), rows=5, rows_per_parent=3
    )
    broken = it.api.truth("projects")[2]["id"]
    it.api.faults.broken = {f"/projects/{broken}/tasks": 500}
    assert it.load() == ""
    assert it.lost("tasks") == 3
    assert len(it.rows("tasks")) == 12
    assert "skipped" in it.notes("tasks")


@pytest.mark.timeout(20)
@pytest.mark.parametrize("paging", BY_POSITION)
def test_a_position_that_is_ignored_is_no_endless_listing(case: Start, paging: str) -> None:
    """A server that answers every position with its first page is found out on the second one."""
    it = case(PAGING[paging], rows=34, quirks=frozenset({"ignores_position"}))
    assert "brought rows that came before" in it.load()
    assert len(it.rows()) <= 10
    assert len(it.api.requests) < 25


@pytest.mark.timeout(20)
@pytest.mark.parametrize("paging", BY_TOKEN)
def test_a_cursor_that_is_repeated_is_no_endless_listing(case: Start, paging: str) -> None:
    """A cursor or link that names itself is an error that shows it; pages before it are loaded."""
    it = case(PAGING[paging], rows=34, quirks=frozenset({"repeats_cursor"}))
    assert "was asked before" in it.load()
    assert 0 < len(it.rows()) < 34
    assert len(it.api.requests) == 2


@pytest.mark.parametrize("paging", PAGING)
def test_rows_that_are_listed_twice_are_there_once(case: Start, paging: str) -> None:
    """Under merge a row that comes twice is one row, and its lists are there once."""
    it = case(PAGING[paging], rows=34, quirks=frozenset({"lists_rows_twice"}))
    assert it.load() == ""
    assert it.lost() == 0
    assert len(it.rows()) == 34
    assert "`id` came before in 12 rows: one of each is kept" in it.notes("projects")


@pytest.mark.parametrize("paging", ["offset", "page number"])
def test_rows_inserted_while_read_come_twice_and_are_there_once(case: Start, paging: str) -> None:
    """A row put in front moves the others to the next page: none that was there is lost."""
    it = case(PAGING[paging], rows=34, quirks=frozenset({"inserts_between_pages"}), totals=True)
    before = {row["id"] for row in it.api.truth("projects")}
    assert it.load() == ""
    assert before <= {dict(row)["id"] for row in it.rows()}


def test_rows_deleted_while_read_are_noted_where_there_is_a_total(case: Start) -> None:
    """Offset paging skips a row for each one deleted in front; the moving total tells of it."""
    quirks = frozenset({"deletes_between_pages"})
    it = case({"type": "offset", "limit": 10}, rows=34, totals=True, quirks=quirks)
    said = it.load()
    assert said or "the total moved from 34 to" in it.notes("projects")


INCREMENTAL = {"cursor_path": "updated_at", "initial_value": "1970-01-01T00:00:00Z"}


@pytest.mark.parametrize("disposition", ["append", "replace", "merge"])
@pytest.mark.parametrize("cursor", [False, True])
def test_the_run_after_a_failure_makes_up_for_it(
    case: Start, disposition: str, cursor: bool
) -> None:
    """What was complete is loaded at once, the rest by the next run: no row lost, none doubled."""
    resources = child(paginator="single_page")
    if cursor:
        resources[0]["endpoint"]["incremental"] = INCREMENTAL
    for resource in resources:
        resource["write_disposition"] = disposition
    it = case(resources=resources, rows=6, rows_per_parent=3)
    broken = it.api.truth("projects")[2]["id"]
    it.api.faults.broken = {f"/projects/{broken}/tasks": 500}
    assert f"/projects/{broken}/tasks -> 500" in it.load()
    appended_later = disposition == "append" and cursor
    assert len(it.rows()) == (0 if appended_later else 6)
    assert len(it.rows("tasks")) == (15 if disposition == "merge" else 0)
    it.api.mend()
    assert it.load() == ""
    assert it.missing() == it.missing("tasks") == set()
    twice = disposition == "append" and not cursor
    assert len(it.rows()) == (12 if twice else 6)
    assert len(it.rows("tasks")) == 18


@pytest.mark.parametrize("disposition", ["append", "replace", "merge"])
def test_a_resource_that_fails_leaves_its_table_as_it_was(case: Start, disposition: str) -> None:
    """Of two listings one fails half-way: its table keeps what it had, the other is loaded."""
    paging = {"type": "cursor", "cursor_path": "meta.next", "cursor_param": "after", "limit": 10}
    resources = [
        {
            "name": name,
            "endpoint": {"path": name, "data_selector": "data", "paginator": paging},
            "write_disposition": disposition,
        }
        for name in ("projects", "users")
    ]
    it = case(resources=resources, rows=34)
    assert it.load() == ""
    assert len(it.rows()) == len(it.rows("users")) == 34
    it.api.faults.broken = {"/users?limit=10&after": 500}
    assert "/users?limit=10&after" in it.load()
    both = 2 if disposition == "append" else 1
    assert (len(it.rows()), len(it.rows("users"))) == (34 * both, 34)
    assert it.missing() == it.missing("users") == set()


def test_no_fault_shows_the_key(case: Start, capfd: pytest.CaptureFixture[str]) -> None:
    """A key in the query is in no error, report or output, whatever goes wrong."""
    it = case(rows=34, broken={"offset=20": 500})
    key = {"type": "api_key", "name": "key", "api_key": "k3y-0f-one", "location": "query"}
    plain = it.config
    it.config = lambda url: plain(url) | {"client": {**plain(url)["client"], "auth": key}}  # type: ignore[method-assign]
    said = it.load()
    assert "offset=20" in said
    assert "k3y-0f-one" not in said
    assert "k3y-0f-one" not in str(it.report.to_json())
    assert "k3y-0f-one" not in "".join(capfd.readouterr())


def test_a_child_with_a_cursor_loses_no_row(case: Start) -> None:
    """Rows of parents that are read late are not skipped for those that were read before."""
    resources = child(paginator="single_page", incremental=INCREMENTAL)
    it = case(resources=resources, rows=60, rows_per_parent=4, latency_s=0.01)
    assert it.load() == ""
    assert it.lost("tasks") == 0
