"""Cursors of children and windows: every row once, and only what is new is asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import dlt
import pytest
from dlt.pipeline.exceptions import PipelineStepFailed
from hypothesis import given
from hypothesis import strategies as st
from tests.load.conftest import Api, Warehouse
from tests.load.test_source import ROWS, config, listing

from headwater import rest_api_resources, rest_api_source
from headwater.config.read import read_config
from headwater.decode import Rows
from headwater.errors import ConfigError, HeadwaterError
from headwater.load.cursors import LISTED_AS, ListingCursors, key_of, packed, unpacked
from headwater.load.incremental import incremental_of
from headwater.plan.graph import Step, make_plan
from headwater.sync import sync

START = "2024-01-01T00:00:00Z"
Held = dict[str, list[dict[str, Any]]]


def row(number: int, month: int, **more: Any) -> dict[str, Any]:
    return {"id": number, "at": f"2024-{month:02}-01T00:00:00Z", **more}


def serve(api: Api, held: Held) -> None:
    """Projects by id, their tasks from `since` on and before `until`."""
    api.paths["projects"] = lambda query: {"data": [{"id": int(n)} for n in held]}
    for number in held:
        api.paths[f"projects/{number}/tasks"] = answer(held[number])


def answer(rows: list[dict[str, Any]]) -> Callable[[dict[str, str]], Any]:
    def page(query: dict[str, str]) -> Any:
        since, until = query.get("since", ""), query.get("until", "9")
        return {"data": [one for one in rows if since <= one["at"] <= until]}

    return page


def tasks(disposition: str = "append", **incremental: Any) -> dict[str, Any]:
    out = listing("tasks", "projects/{project_id}/tasks", write_disposition=disposition)
    cursor = {"cursor_path": "at", "initial_value": START, "start_param": "since"}
    out["endpoint"]["incremental"] = {**cursor, **incremental}
    return out


def asked(api: Api, word: str = "tasks") -> list[str]:
    """The query of each request for tasks since the last call, as `since` or `since..until`."""
    out = []
    for path in [path for path in api.seen if word in path]:
        query = {key: found[-1] for key, found in parse_qs(urlsplit(path).query).items()}
        end = f"..{query['until'][:7]}" if "until" in query else ""
        out.append(f"{urlsplit(path).path} {query.get('since', '')[:7]}{end}")
    api.seen.clear()
    return sorted(out)


@pytest.mark.parametrize("disposition", ["append", "merge"])
@pytest.mark.parametrize("backend", ["arrow", "objects"])
def test_each_parent_has_a_cursor(
    api: Api, warehouse: Warehouse, disposition: str, backend: Any
) -> None:
    """Each parent is asked from its own last row on; a new parent's old rows are not skipped."""
    held = {"1": [row(1, 2), row(2, 5)], "2": [row(3, 3)]}
    wanted = config(api, listing("projects"), tasks(disposition))

    def run() -> list[tuple[Any, ...]]:
        serve(api, held)
        warehouse.pipeline().run(rest_api_source(wanted, backend=backend))
        return warehouse.rows("SELECT id FROM raw.tasks ORDER BY id")

    assert run() == [(1,), (2,), (3,)]
    assert asked(api) == ["/projects/1/tasks 2024-01", "/projects/2/tasks 2024-01"]
    held["2"].append(row(4, 4))
    held["3"] = [row(5, 1)]
    assert run() == [(1,), (2,), (3,), (4,), (5,)]
    assert asked(api) == [
        "/projects/1/tasks 2024-05",
        "/projects/2/tasks 2024-03",
        "/projects/3/tasks 2024-01",
    ]
    # A row with just the last value is news, the others of that value are not.
    held["1"].append(row(6, 5))
    assert run() == [(1,), (2,), (3,), (4,), (5,), (6,)]
    assert run() == [(1,), (2,), (3,), (4,), (5,), (6,)]


def test_a_cursor_the_api_does_not_take_filters_rows(api: Api, warehouse: Warehouse) -> None:
    """Where no request carries the cursor, all rows come, and those that are news are added."""
    held = {"1": [row(1, 2)], "2": [row(2, 6)]}
    wanted = config(api, listing("projects"), tasks(start_param=None))
    for number in range(3, 6):
        serve(api, held)
        warehouse.pipeline().run(rest_api_source(wanted))
        held["1"].append(row(number, number))
        held[str(number)] = [row(number * 10, 1)]
    assert warehouse.rows("SELECT id FROM raw.tasks ORDER BY id") == [
        (1,), (2,), (3,), (4,), (30,), (40,),
    ]  # fmt: skip


def test_lag_asks_again_for_the_rows_before_it(api: Api, warehouse: Warehouse) -> None:
    """A lag in seconds is taken off each parent's cursor, but does not go before the beginning."""
    held = {"1": [row(1, 3)], "2": [row(2, 1)]}
    wanted = config(api, listing("projects"), tasks("merge", lag=61 * 86400))

    def run() -> list[str]:
        serve(api, held)
        asked(api)
        warehouse.pipeline().run(rest_api_source(wanted))
        return asked(api)

    run()
    assert run() == ["/projects/1/tasks 2024-01", "/projects/2/tasks 2024-01"]
    held["1"].append(row(3, 12))
    run()
    assert run() == ["/projects/1/tasks 2024-10", "/projects/2/tasks 2024-01"]


def test_the_cursor_that_dlt_kept_is_gone_on_with(api: Api, warehouse: Warehouse) -> None:
    """Where dlt's source added rows by one cursor for all parents, they are not added again."""
    from dlt.sources.rest_api import rest_api_source as by_dlt

    held = {"1": [row(1, 2)], "2": [row(2, 6)]}
    child = tasks()
    child["endpoint"]["path"] = "projects/{resources.projects.id}/tasks"
    wanted: Any = config(api, listing("projects", write_disposition="replace"), child)
    serve(api, held)
    warehouse.pipeline().run(by_dlt(wanted))
    held["2"].append(row(3, 7))
    serve(api, held)
    warehouse.pipeline().run(rest_api_source(wanted))
    assert warehouse.rows("SELECT id FROM raw.tasks ORDER BY id") == [(1,), (2,), (3,)]


@pytest.mark.parametrize("disposition", ["append", "merge"])
def test_cursors_of_a_run_that_fell_short_stay(
    api: Api, warehouse: Warehouse, disposition: str
) -> None:
    """After a sync in which one parent failed, every row comes, and none twice."""
    held = {"1": [row(1, 2)], "2": [row(2, 6)]}
    serve(api, held)
    lost = api.paths.pop("projects/2/tasks")
    wanted = config(api, listing("projects"), tasks(disposition))
    wanted["client"]["error_handler"] = {"max_retries": 0}

    def run() -> None:
        to, folder = f"duckdb:///{warehouse.file}", str(warehouse.folder / "pipelines")
        sync(read_config(wanted), to=to, dataset="raw", pipelines_dir=folder)

    with pytest.raises(HeadwaterError, match="404 Not Found"):
        run()
    api.paths["projects/2/tasks"] = lost
    for _ in range(2):
        run()
    assert warehouse.rows("SELECT id FROM raw.tasks ORDER BY id") == [(1,), (2,)]


def test_windows_are_asked_for_on_their_own(api: Api, warehouse: Warehouse) -> None:
    """Requests cut the span from the cursor to now; a row between two windows is there once."""
    rows = [row(n, n) for n in range(1, 13)]
    api.paths["events"] = answer(rows)
    cursor = {
        "cursor_path": "at",
        "initial_value": "2024-01-01T00:00:00Z",
        "end_value": "2025-01-01T00:00:00Z",
        "start_param": "since",
        "end_param": "until",
        "window": "91d",
    }
    endpoint = {"path": "events", **ROWS, "incremental": cursor}
    wanted = config(api, {"name": "events", "endpoint": endpoint}, write_disposition="append")
    warehouse.pipeline().run(rest_api_source(wanted))
    assert asked(api, "events") == [
        "/events 2024-01..2024-04",
        "/events 2024-04..2024-07",
        "/events 2024-07..2024-09",
        "/events 2024-09..2024-12",
        "/events 2024-12..2025-01",
    ]
    found = warehouse.rows("SELECT id FROM raw.events ORDER BY id")
    assert found == [(n,) for n in range(1, 13)]


def test_windows_begin_where_the_last_run_ended(api: Api, warehouse: Warehouse) -> None:
    """The cursor of a windowed listing moves as without windows, of a root and of a child."""
    held = {"1": [row(1, 2), row(2, 11)]}
    serve(api, held)
    windows = {"end_param": "until", "window": "52w"}
    api.paths["events"] = answer(held["1"])
    endpoint = {
        "path": "events",
        **ROWS,
        "incremental": tasks(**windows)["endpoint"]["incremental"],
    }
    wanted = config(
        api, listing("projects"), tasks(**windows), {"name": "events", "endpoint": endpoint}
    )
    warehouse.pipeline().run(rest_api_source(wanted))
    first = [path.split()[1] for path in asked(api)]
    held["1"].append(row(3, 12))
    warehouse.pipeline().run(rest_api_source(wanted))
    assert first[0].startswith("2024-01..2024-12")
    assert " 2024-11.." in asked(api)[0]
    for table in ("tasks", "events"):
        assert warehouse.rows(f"SELECT id FROM raw.{table} ORDER BY id") == [(1,), (2,), (3,)]


@pytest.mark.parametrize("steps", [[], [{"map": lambda row: {**row, "more": 1}}]])
def test_grandchildren_are_asked_for_rows_that_are_no_news(
    api: Api, warehouse: Warehouse, steps: list[Any]
) -> None:
    """A child's row that its cursor leaves out has its children read, and is not added twice."""
    held = {"1": [row(1, 2)], "2": [row(2, 3)]}
    serve(api, held)
    for number in (1, 2, 3):
        api.paths[f"tasks/{number}/notes"] = {"data": [{"id": number}]}
    child = {**tasks(start_param=None), "processing_steps": steps}
    wanted = config(api, listing("projects"), child, listing("notes", "tasks/{task_id}/notes"))
    warehouse.pipeline().run(rest_api_source(wanted))
    api.paths["tasks/1/notes"] = {"data": [{"id": 1}, {"id": 10}]}
    held["2"].append(row(3, 4))
    warehouse.pipeline().run(rest_api_source(wanted))
    assert warehouse.rows("SELECT id FROM raw.notes ORDER BY id") == [(1,), (2,), (3,), (10,)]
    assert warehouse.rows("SELECT id FROM raw.tasks ORDER BY id") == [(1,), (2,), (3,)]


def test_children_of_changed_parents_only(api: Api, warehouse: Warehouse) -> None:
    """With only_changed_parents, children are asked for the parents that the cursor let pass."""
    stories = [row(1, 1), row(2, 2)]
    api.paths["stories"] = {"data": stories}
    for number in (1, 2, 3):
        api.paths[f"stories/{number}/comments"] = {"data": [{"id": number}]}
    parent = listing("stories")
    parent["endpoint"]["incremental"] = {"cursor_path": "at", "initial_value": START}
    child = listing("comments", "stories/{story_id}/comments", only_changed_parents=True)
    wanted = config(api, parent, child)
    warehouse.pipeline().run(rest_api_source(wanted))
    assert len(asked(api, "comments")) == 2
    stories += [row(3, 3)]
    warehouse.pipeline().run(rest_api_source(wanted))
    assert asked(api, "comments") == ["/stories/3/comments "]
    assert warehouse.rows("SELECT id FROM raw.comments ORDER BY id") == [(1,), (2,), (3,)]
    assert warehouse.rows("SELECT id FROM raw.stories ORDER BY id") == [(1,), (2,), (3,)]


def test_cursors_survive_a_new_name_of_the_source(api: Api, warehouse: Warehouse) -> None:
    """A source function that is renamed goes on with the cursors, of roots and of children."""
    held = {"1": [row(1, 2)]}
    serve(api, held)
    api.paths["events"] = answer(held["1"])
    endpoint = {"path": "events", **ROWS, "incremental": tasks()["endpoint"]["incremental"]}
    wanted = config(
        api,
        listing("projects"),
        tasks(),
        {"name": "events", "endpoint": endpoint},
        write_disposition="append",
    )

    def source(name: str) -> Any:
        return dlt.source(lambda: rest_api_resources(wanted), name=name)()

    warehouse.pipeline().run(source("before"))
    held["1"].append(row(2, 3))
    asked(api)
    warehouse.pipeline().run(source("after"))
    assert asked(api) == ["/projects/1/tasks 2024-02"]
    for table in ("tasks", "events"):
        assert warehouse.rows(f"SELECT id FROM raw.{table} ORDER BY id") == [(1,), (2,)]


@pytest.mark.parametrize(
    ("cursor", "text"),
    [
        ({"window": "30d"}, "no request says where a window ends (set end_param"),
        ({"window": "30d", "end_param": "u", "initial_value": None}, "nowhere to begin"),
        ({"window": "30d", "end_param": "u", "row_order": "asc"}, "leave out row_order"),
        ({"window": "a month", "end_param": "u"}, "window"),
    ],
)
def test_windows_that_mean_nothing(api: Api, cursor: dict[str, Any], text: str) -> None:
    """A window without an end to ask for, or a beginning, is said before any request."""
    with pytest.raises(ConfigError) as caught:
        rest_api_source(config(api, listing("projects"), tasks(**cursor)))
    assert text in str(caught.value)
    assert api.seen == []


def test_only_changed_parents_needs_a_cursor(api: Api) -> None:
    """Without a cursor on its one parent, nothing tells what changed."""
    child = listing("comments", "stories/{story_id}/comments", only_changed_parents=True)
    with pytest.raises(ConfigError, match="its parent `stories` has no cursor"):
        rest_api_source(config(api, listing("stories"), child))
    with pytest.raises(ConfigError, match="`stories` has no parents"):
        rest_api_source(config(api, listing("stories", only_changed_parents=True)))


def test_a_row_without_a_cursor_value_is_said(api: Api, warehouse: Warehouse) -> None:
    """A child's row without a cursor value is an error, unless the config says what to do."""
    serve(api, {"1": []})
    api.paths["projects/1/tasks"] = {"data": [row(1, 1), {"id": 2}]}
    with pytest.raises(PipelineStepFailed, match="cursor `at` has no value in a row"):
        warehouse.pipeline().run(rest_api_source(config(api, listing("projects"), tasks())))
    for choice, wanted in (("include", [(1,), (2,)]), ("exclude", [(1,)])):
        child = tasks("replace", on_cursor_value_missing=choice)
        warehouse.pipeline().run(rest_api_source(config(api, listing("projects"), child)))
        assert warehouse.rows("SELECT id FROM raw.tasks ORDER BY id") == wanted


def step_of(**incremental: Any) -> Step:
    resources: list[Any] = [
        {"name": "projects", "endpoint": {"path": "projects"}},
        tasks(**incremental),
    ]
    return make_plan(
        read_config({"client": {"base_url": "http://h"}, "resources": resources})
    ).step("tasks")


def test_the_state_of_many_parents_is_small() -> None:
    """Cursors of 10,000 parents are less than 300 kB of state, and come back as they were."""
    step = step_of()
    cursors = ListingCursors(step, incremental_of(step), held={}, identity=("id",))
    for parent in range(10_000):
        number = cursors.of((parent,))[0].number
        at = f"2024-{parent % 12 + 1:02}-{parent % 28 + 1:02}T{parent % 24:02}:00:00Z"
        cursors.keep([{"id": parent, "at": at, LISTED_AS: number}])
    text = packed(cursors.held)
    assert len(text) < 300_000
    assert unpacked(text) == cursors.held
    assert unpacked(None) == {}


@given(
    st.lists(
        st.dictionaries(
            st.integers(1, 3), st.lists(st.integers(1, 9), max_size=4), min_size=1, max_size=3
        ),
        max_size=4,
    )
)
def test_every_row_is_added_once(runs: list[dict[int, list[int]]]) -> None:
    """Whatever comes to which parent in which run, a row at or after its cursor is added once.

    Each run adds rows with the cursor values given to the parents given; a row that comes behind
    its parent's cursor is one that no cursor finds.
    """
    step = step_of(initial_value=0)
    there: dict[int, list[tuple[int, int]]] = {}
    added: list[int] = []
    kept: str | None = None
    wanted: set[int] = set()
    count = 0
    for news in runs:
        highest = {p: max(a for _, a in rows) for p, rows in there.items() if rows}
        for parent, values in news.items():
            for value in values:
                count += 1
                there.setdefault(parent, []).append((count, value))
                if value >= highest.get(parent, 0):
                    wanted.add(count)
        cursors = ListingCursors(step, incremental_of(step), held=unpacked(kept), identity=("id",))
        for parent, rows in there.items():
            cursor = cursors.of((parent,))[0]
            start = cursor.values["params.since"]
            page: Rows = [
                {"id": n, "at": at, LISTED_AS: cursor.number} for n, at in rows if at >= start
            ]
            added += [one["id"] for one in cursors.keep(page)[0]]
        kept = packed(cursors.held)
    assert sorted(added) == sorted(wanted)


def test_parents_are_told_apart() -> None:
    """Keys of parents differ by value and type."""
    assert (
        len({key_of((v,)) for v in (1, "1", 1.0, None, "")} | {key_of((1, 2)), key_of((12,))}) == 7
    )
