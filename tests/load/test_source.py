"""rest_api_source through dlt into DuckDB: dispositions, children, incremental, selection."""

from __future__ import annotations

import copy
from typing import Any

import dlt
import pytest
from dlt.pipeline.exceptions import PipelineStepFailed
from tests.load.conftest import Api, Warehouse

from headwater import rest_api_resources, rest_api_source
from headwater.config.read import read_config
from headwater.events import Event, Noticed
from headwater.load.source import source_of

ROWS = {"data_selector": "data", "paginator": "single_page"}


def listing(name: str, path: str | None = None, **more: Any) -> dict[str, Any]:
    return {"name": name, "endpoint": {"path": path or name, **ROWS}, **more}


def config(api: Api, *resources: Any, **defaults: Any) -> dict[str, Any]:
    settings = {"primary_key": "id", "write_disposition": "merge", **defaults}
    return {
        "client": {"base_url": api.base_url},
        "resource_defaults": settings,
        "resources": list(resources),
    }


def test_a_second_run_merges(api: Api, warehouse: Warehouse) -> None:
    """Changed rows are updated, new ones added, and lists that became empty are emptied."""
    api.paths["stories"] = {
        "data": [
            {"id": 1, "name": "one", "labels": [{"id": 7, "name": "x"}, {"id": 8, "name": "y"}]},
            {"id": 2, "name": "two", "labels": [{"id": 9, "name": "z"}], "tags": ["a"]},
        ]
    }
    wanted = config(api, listing("stories"))
    warehouse.pipeline().run(rest_api_source(wanted))
    api.paths["stories"] = {
        "data": [
            {"id": 1, "name": "uno", "labels": []},
            {"id": 2, "name": "two", "labels": [{"id": 9, "name": "zz"}], "tags": ["a", "b"]},
            {"id": 3, "name": "three"},
        ]
    }
    warehouse.pipeline().run(rest_api_source(wanted))
    assert warehouse.rows("SELECT id, name FROM raw.stories ORDER BY id") == [
        (1, "uno"),
        (2, "two"),
        (3, "three"),
    ]
    assert warehouse.rows(
        "SELECT s.id, l.id, l.name FROM raw.stories__labels l"
        " JOIN raw.stories s ON s._dlt_id = l._dlt_parent_id"
    ) == [(2, 9, "zz")]
    assert warehouse.rows("SELECT value FROM raw.stories__tags ORDER BY _dlt_list_idx") == [
        ("a",),
        ("b",),
    ]


@pytest.mark.parametrize(("disposition", "count"), [("append", 4), ("replace", 2)])
def test_append_adds_and_replace_replaces(
    api: Api, warehouse: Warehouse, disposition: str, count: int
) -> None:
    """Append keeps what is there, replace does not; child tables do as their root does."""
    api.paths["rows"] = {"data": [{"id": 1, "tags": ["a"]}, {"id": 2, "tags": ["b"]}]}
    wanted = config(api, listing("rows"), write_disposition=disposition)
    for _ in range(2):
        warehouse.pipeline().run(rest_api_source(wanted))
    assert warehouse.rows("SELECT count(*) FROM raw.rows") == [(count,)]
    assert warehouse.rows("SELECT count(*) FROM raw.rows__tags") == [(count,)]


def test_replace_empties_child_tables(api: Api, warehouse: Warehouse) -> None:
    """A replaced table whose rows have no list any more leaves no child rows behind."""
    wanted = config(api, listing("rows"), write_disposition="replace")
    api.paths["rows"] = {"data": [{"id": 1, "tags": ["a"]}]}
    warehouse.pipeline().run(rest_api_source(wanted))
    api.paths["rows"] = {"data": [{"id": 1, "tags": []}]}
    warehouse.pipeline().run(rest_api_source(wanted))
    assert warehouse.rows("SELECT count(*) FROM raw.rows__tags") == [(0,)]


def test_children_are_asked_once_for_each_parent(api: Api, warehouse: Warehouse) -> None:
    """Null parents are skipped, equal ones asked once, odd ones encoded; rows name their parent."""
    ids = ["ev:123", "a/b", "../x", "ünïcode", None, "ev:123"]
    api.paths["projects"] = {"data": [{"id": n, "key": key} for n, key in enumerate(ids)]}
    for key in ("ev%3A123", "a%2Fb", "..%2Fx", "%C3%BCn%C3%AFcode"):
        api.paths[f"projects/{key}/tasks"] = {"data": [{"id": key}]}
    wanted = config(api, listing("projects"), listing("tasks", "projects/{project_key}/tasks"))
    warehouse.pipeline().run(rest_api_source(wanted))
    assert warehouse.rows("SELECT id, _projects_key FROM raw.tasks ORDER BY id") == [
        ("%C3%BCn%C3%AFcode", "ünïcode"),
        ("..%2Fx", "../x"),
        ("a%2Fb", "a/b"),
        ("ev%3A123", "ev:123"),
    ]
    assert len([path for path in api.seen if path.endswith("tasks")]) == 4


def test_a_union_reads_its_parents_once(api: Api, warehouse: Warehouse) -> None:
    """Rows of several parents are asked once each, whether the parents are loaded or not."""
    api.paths["epics"] = {"data": [{"id": 1}, {"id": 2}]}
    api.paths["groups"] = {"data": [{"id": 5}]}
    api.paths["epics/1/stories"] = {"data": [{"id": 10}, {"id": 11}]}
    api.paths["epics/2/stories"] = {"data": [{"id": 11}]}
    api.paths["groups/5/stories"] = {"data": [{"id": 11}, {"id": 12}]}
    for story in (10, 11, 12):
        api.paths[f"stories/{story}/comments"] = {"data": [{"id": story * 10}]}
        api.paths[f"stories/{story}/history"] = {"data": [{"id": story * 10}]}
    resources = [
        listing("epics"),
        listing("groups"),
        listing("epics_stories", "epics/{epic_id}/stories"),
        listing("groups_stories", "groups/{group_id}/stories"),
        listing("comments", "stories/{story_id}/comments"),
        listing("history", "stories/{story_id}/history"),
    ]
    for chosen in ([], ["comments", "history"], ["epics", "history"]):
        api.seen.clear()
        source = rest_api_source(config(api, *resources))
        if chosen:
            source = source.with_resources(*chosen)
        warehouse.pipeline().run(source)
        assert sorted(api.seen) == sorted(set(api.seen)), chosen
        assert len([path for path in api.seen if "history" in path]) == 3
    assert warehouse.rows("SELECT id, _story_id FROM raw.comments ORDER BY id") == [
        (100, 10),
        (110, 11),
        (120, 12),
    ]


def test_parents_that_are_not_selected_are_read_for_their_children(
    api: Api, warehouse: Warehouse
) -> None:
    """A child alone loads; its parent is read but not loaded."""
    api.paths["projects"] = {"data": [{"id": 1}]}
    api.paths["projects/1/tasks"] = {"data": [{"id": 3}]}
    wanted = config(api, listing("projects"), listing("tasks", "projects/{project_id}/tasks"))
    warehouse.pipeline().run(rest_api_source(wanted).with_resources("tasks"))
    assert warehouse.tables() == {"tasks"}


def test_incremental_asks_from_the_last_cursor(api: Api, warehouse: Warehouse) -> None:
    """The second run sends the highest cursor seen, and loads only what is new, with children."""
    held = [
        {"id": 1, "updated_at": "2024-01-01T00:00:00Z", "tags": ["a"]},
        {"id": 2, "updated_at": "2024-02-01T00:00:00Z", "tags": []},
    ]
    api.paths["events"] = lambda query: {
        "data": [row for row in held if row["updated_at"] >= query.get("since", "")]
    }
    endpoint = {
        "path": "events",
        **ROWS,
        "incremental": {
            "cursor_path": "updated_at",
            "initial_value": "2024-01-01T00:00:00Z",
            "start_param": "since",
        },
    }
    wanted = config(api, {"name": "events", "endpoint": endpoint})
    warehouse.pipeline().run(rest_api_source(wanted))
    held.append({"id": 3, "updated_at": "2024-03-01T00:00:00Z", "tags": ["c", "d"]})
    warehouse.pipeline().run(rest_api_source(wanted))
    assert api.seen[1] == "/events?since=2024-02-01T00%3A00%3A00Z"
    assert warehouse.rows("SELECT id FROM raw.events ORDER BY id") == [(1,), (2,), (3,)]
    assert warehouse.rows("SELECT value FROM raw.events__tags ORDER BY value") == [
        ("a",),
        ("c",),
        ("d",),
    ]


def test_children_are_asked_for_parents_that_did_not_change(api: Api, warehouse: Warehouse) -> None:
    """A parent whose row is filtered by its cursor still has its children read."""
    api.paths["epics"] = {"data": [{"id": 1, "updated_at": "2024-01-01T00:00:00Z"}]}
    api.paths["epics/1/comments"] = {"data": [{"id": 1}]}
    epics = listing("epics")
    epics["endpoint"] |= {
        "incremental": {"cursor_path": "updated_at", "initial_value": "1970-01-01T00:00:00Z"}
    }
    wanted = config(api, epics, listing("comments", "epics/{epic_id}/comments"))
    warehouse.pipeline().run(rest_api_source(wanted))
    api.paths["epics/1/comments"] = {"data": [{"id": 1}, {"id": 2}]}
    warehouse.pipeline().run(rest_api_source(wanted))
    assert warehouse.rows("SELECT id FROM raw.comments ORDER BY id") == [(1,), (2,)]


def test_a_cursor_may_be_a_list(api: Api, warehouse: Warehouse) -> None:
    """Lists have an order in Python, none in Arrow; versions are often written so."""
    rows = listing("rows", write_disposition="append")
    rows["endpoint"]["incremental"] = {"cursor_path": "version"}
    for versions in ([[1, 2], [1, 10]], [[1, 10], [1, 3], [2, 0]]):
        api.paths["rows"] = {"data": [{"id": 0, "version": version} for version in versions]}
        warehouse.pipeline().run(rest_api_source(config(api, rows)))
    found = warehouse.rows(
        "SELECT list(value ORDER BY _dlt_list_idx) FROM raw.rows__version"
        " GROUP BY _dlt_parent_id ORDER BY 1"
    )
    assert found == [([1, 2],), ([1, 10],), ([2, 0],)]


def test_declared_columns_arrive_with_their_type(api: Api, warehouse: Warehouse) -> None:
    """A declared column has its type even where rows hold only nulls, or not even the key."""
    api.paths["rows"] = {"data": [{"id": 1, "when": None}, {"id": 2}]}
    columns = {"when": {"data_type": "timestamp"}, "extra": {"data_type": "json"}}
    warehouse.pipeline().run(rest_api_source(config(api, listing("rows", columns=columns))))
    found = warehouse.columns("rows")
    assert found["when"] == "TIMESTAMP WITH TIME ZONE"
    assert found["extra"] == "JSON"


def test_a_key_of_the_defaults_that_no_row_has_gives_way(api: Api, warehouse: Warehouse) -> None:
    """Rows with a `guid` and no `id` are merged by `guid` where only the defaults said `id`."""
    api.paths["activity"] = {"data": [{"guid": "a"}, {"guid": "b"}]}
    wanted = config(api, listing("activity"))
    for _ in range(2):
        warehouse.pipeline().run(rest_api_source(wanted))
    assert warehouse.rows("SELECT guid FROM raw.activity ORDER BY guid") == [("a",), ("b",)]


def test_a_key_that_rows_lack_is_an_error(api: Api, warehouse: Warehouse) -> None:
    """A primary key that a resource names itself, and rows do not have, loads nothing."""
    api.paths["rows"] = {"data": [{"guid": "a"}, {"guid": "b"}]}
    wanted = config(api, listing("rows", primary_key="id"))
    with pytest.raises(PipelineStepFailed, match="primary key `id`: 2 of 2 rows have no `id`"):
        warehouse.pipeline().run(rest_api_source(wanted))
    assert not warehouse.file.exists() or warehouse.tables() == set()


def test_a_failed_run_loads_nothing_and_the_next_one_works(api: Api, warehouse: Warehouse) -> None:
    """One child that fails stops the load, names the request, and leaves nothing behind."""
    api.paths["projects"] = {"data": [{"id": 1}, {"id": 2}]}
    api.paths["projects/1/tasks"] = {"data": [{"id": 3}]}
    wanted = config(api, listing("projects"), listing("tasks", "projects/{project_id}/tasks"))
    with pytest.raises(PipelineStepFailed, match=r"projects/2/tasks -> 404"):
        warehouse.pipeline().run(rest_api_source(wanted))
    assert not warehouse.file.exists() or warehouse.tables() == set()
    api.paths["projects/2/tasks"] = {"data": [{"id": 4}]}
    warehouse.pipeline().run(rest_api_source(wanted))
    assert warehouse.rows("SELECT id FROM raw.tasks ORDER BY id") == [(3,), (4,)]


def test_what_came_is_loaded_where_that_is_asked_for(api: Api, warehouse: Warehouse) -> None:
    """With on_incomplete="load" the complete listings are loaded."""
    api.paths["projects"] = {"data": [{"id": 1}, {"id": 2}]}
    api.paths["projects/1/tasks"] = {"data": [{"id": 3}]}
    wanted = config(api, listing("projects"), listing("tasks", "projects/{project_id}/tasks"))
    warehouse.pipeline().run(rest_api_source(wanted, on_incomplete="load"))
    assert warehouse.rows("SELECT id FROM raw.tasks") == [(3,)]


def test_a_selector_that_never_matches_is_an_error(api: Api, warehouse: Warehouse) -> None:
    """A selector with a typo says which keys there are, and loads nothing."""
    api.paths["rows"] = {"dat": [{"id": 1}], "total": 1}
    with pytest.raises(
        PipelineStepFailed, match=r"`data` matches nothing .*keys there: dat, total"
    ):
        warehouse.pipeline().run(rest_api_source(config(api, listing("rows"))))


def test_processing_steps_see_dicts(api: Api, warehouse: Warehouse) -> None:
    """filter, map and yield_map of the config are handed plain dicts, children see the outcome."""
    api.paths["rows"] = {"data": [{"id": 1, "name": "a"}, {"id": 2, "name": "b"}]}
    api.paths["rows/2/items"] = {"data": [{"id": 9}]}
    steps = [
        {"filter": lambda row: row["id"] > 1},
        {"map": lambda row: {**row, "name": row["name"].upper()}},
    ]
    wanted = config(
        api, listing("rows", processing_steps=steps), listing("items", "rows/{row_id}/items")
    )
    warehouse.pipeline().run(rest_api_source(wanted))
    assert warehouse.rows("SELECT id, name FROM raw.rows") == [(2, "B")]
    assert warehouse.rows("SELECT id FROM raw.items") == [(9,)]


def test_objects_backend_gives_dicts(api: Api, warehouse: Warehouse) -> None:
    """backend="objects" hands dlt plain dicts, for add_map and friends."""
    api.paths["rows"] = {"data": [{"id": 1, "tags": ["a"]}]}
    source = rest_api_source(config(api, listing("rows")), backend="objects")
    source.resources["rows"].add_map(lambda row: {**row, "seen": True})
    assert list(source.resources["rows"]) == [{"id": 1, "tags": ["a"], "seen": True}]
    warehouse.pipeline().run(source)
    assert warehouse.rows("SELECT id, seen FROM raw.rows") == [(1, True)]
    assert "rows__tags" in warehouse.tables()


def test_the_config_passed_in_is_not_changed(api: Api) -> None:
    """A config can be used again: building sources leaves it as it was."""
    columns = {"when": {"data_type": "timestamp"}}
    tasks = listing("tasks", "projects/{project_id}/tasks", columns=columns)
    wanted = config(api, listing("projects"), tasks)
    before = copy.deepcopy(wanted)
    rest_api_source(wanted).resources["tasks"].compute_table_schema()
    rest_api_resources(wanted)
    assert wanted == before


def test_resources_can_be_put_into_a_source_of_ones_own(api: Api, warehouse: Warehouse) -> None:
    """rest_api_resources gives DltResources for `yield from` in a source function."""
    api.paths["rows"] = {"data": [{"id": 1}]}

    @dlt.source
    def mine() -> Any:
        yield from rest_api_resources(config(api, listing("rows")))

    warehouse.pipeline().run(mine())
    assert warehouse.rows("SELECT id FROM raw.rows") == [(1,)]


def test_a_limit_stops_a_listing(api: Api, warehouse: Warehouse) -> None:
    """add_limit(1) loads one page of a root listing, and the run ends."""

    def page(query: dict[str, str]) -> Any:
        offset = int(query["offset"])
        return {"data": [{"id": offset + n} for n in range(2)] if offset < 20 else []}

    api.paths["rows"] = page
    rows = {
        "name": "rows",
        "endpoint": {
            "path": "rows",
            "data_selector": "data",
            "paginator": {"type": "offset", "limit": 2},
        },
    }
    source = rest_api_source(config(api, rows))
    warehouse.pipeline().run(source.add_limit(1))
    assert warehouse.rows("SELECT id FROM raw.rows ORDER BY id") == [(0,), (1,)]


def test_the_key_is_sent_and_never_shown(
    api: Api, warehouse: Warehouse, caplog: pytest.LogCaptureFixture
) -> None:
    """A key in the query reaches the API and no exception, log or repr."""
    key = "s3cr3t/with+odd chars"
    wanted = config(api, listing("rows"))
    wanted["client"]["auth"] = {
        "type": "api_key",
        "name": "key",
        "api_key": key,
        "location": "query",
    }
    source = rest_api_source(wanted)
    with pytest.raises(PipelineStepFailed) as caught:
        warehouse.pipeline().run(source)
    assert "key=s3cr3t%2Fwith%2Bodd+chars" in api.seen[0]
    error: BaseException | None = caught.value
    while error is not None:
        assert "s3cr3t" not in f"{error!r} {error}"
        error = error.__cause__ or error.__context__
    assert "s3cr3t" not in caplog.text


def test_rows_that_come_twice_are_loaded_once(api: Api, warehouse: Warehouse) -> None:
    """A key that comes again, on a later page or the same one, leaves one row with its children."""

    def page(query: dict[str, str]) -> Any:
        offset = int(query["offset"])
        numbers = range(offset, min(20, offset + 5))
        return {"data": [{"id": n % 7, "n": n, "tags": [n % 7, "x"]} for n in numbers]}

    api.paths["rows"] = page
    paginator = {"type": "offset", "limit": 5}
    endpoint = {"path": "rows", "data_selector": "data", "paginator": paginator}
    wanted = config(api, {"name": "rows", "endpoint": endpoint})
    for _ in range(2):
        warehouse.pipeline().run(rest_api_source(wanted))
        assert warehouse.rows("SELECT count(*), count(DISTINCT id) FROM raw.rows") == [(7, 7)]
        assert warehouse.rows("SELECT count(*), count(DISTINCT _dlt_id) FROM raw.rows__tags") == [
            (14, 14)
        ]


def test_hints_changed_in_code_hold(api: Api, warehouse: Warehouse) -> None:
    """A disposition given to pipeline.run wins over that of the config, for child tables too."""
    wanted = config(api, listing("rows"))
    api.paths["rows"] = {"data": [{"id": 1, "tags": ["a"]}, {"id": 2, "tags": ["b"]}]}
    warehouse.pipeline().run(rest_api_source(wanted))
    api.paths["rows"] = {"data": [{"id": 3, "tags": ["c"]}]}
    warehouse.pipeline().run(rest_api_source(wanted), write_disposition="replace")
    assert warehouse.rows("SELECT id FROM raw.rows") == [(3,)]
    assert warehouse.rows("SELECT value FROM raw.rows__tags") == [("c",)]


def test_parallelized_sources_load_alike(api: Api, warehouse: Warehouse) -> None:
    """parallelized=True, which dlt takes for its own source, changes nothing here."""
    api.paths["rows"] = {"data": [{"id": 1}]}
    source = rest_api_source(config(api, listing("rows")), name="mine", parallelized=True)
    warehouse.pipeline().run(source)
    assert warehouse.rows("SELECT id FROM raw.rows") == [(1,)]
    assert source.name == "mine"


def test_steps_added_in_code_see_dicts(api: Api, warehouse: Warehouse) -> None:
    """add_map and add_filter get plain dicts, as with dlt; tables are of what they give."""
    api.paths["rows"] = {"data": [{"id": 1, "tags": ["a"]}, {"id": 2, "tags": []}]}
    source = rest_api_source(config(api, listing("rows")))
    source.resources["rows"].add_filter(lambda row: row["id"] == 1)
    source.resources["rows"].add_map(lambda row: {**row, "more": row["id"] + 1})
    warehouse.pipeline().run(source)
    assert warehouse.rows("SELECT id, more FROM raw.rows") == [(1, 2)]
    assert warehouse.rows("SELECT value FROM raw.rows__tags") == [("a",)]


def test_keys_that_meet_across_parents_are_said(api: Api, warehouse: Warehouse) -> None:
    """Rows numbered anew under each parent replace each other: the key that keeps all is named."""
    api.paths["projects"] = {"data": [{"id": 1}, {"id": 2}]}
    for n in (1, 2):
        api.paths[f"projects/{n}/tasks"] = {"data": [{"id": 1, "of": n}, {"id": n * 10}]}
    wanted = config(api, listing("projects"), listing("tasks", "projects/{project_id}/tasks"))
    events: list[Event] = []

    def run() -> list[str]:
        events.clear()
        source = source_of(read_config(wanted), name="rest_api", listener=events.append)
        warehouse.pipeline().run(source, refresh="drop_sources")
        return [event.what for event in events if isinstance(event, Noticed)]

    what = "`id` is that of a row of another parent in 1 row: one of each is kept"
    assert run() == [f"{what} (primary_key: [`_projects_id`, `id`] keeps all)"]
    wanted["resources"][1]["primary_key"] = ["_projects_id", "id"]
    assert run() == []
    assert warehouse.rows("SELECT count(*) FROM raw.tasks") == [(4,)]
