"""Schema contracts hold for Arrow tables as dlt holds them for objects."""

from __future__ import annotations

import gc
from typing import Any

import pytest
from dlt.common.schema.exceptions import DataValidationError
from dlt.pipeline.exceptions import PipelineStepFailed
from dlt.sources.rest_api import rest_api_source as dlts_own
from tests.load.conftest import Api, Warehouse

from headwater import rest_api_source

FIRST = [{"id": 1, "size": 10, "tags": [{"name": "a"}]}]
COLUMN = [{"id": 2, "size": 20, "new": 1}, {"id": 3, "size": 30}]
VARIANT = [{"id": 2, "size": "wide"}, {"id": 3, "size": 30}]
TABLE = [{"id": 2, "size": 20, "notes": ["n"]}, {"id": 3, "size": 30}]
DECLARED = {
    "decimal": 1.5,
    "wei": 7,
    "bigint": 1,
    "double": 1,
    "text": 1,
    "bool": "yes",
    "timestamp": "2024-01-02T03:04:05Z",
    "date": "2024-01-02",
    "time": "03:04:05",
    "json": [1],
    "binary": "YQ==",
}
BELOW = [{"id": 2, "size": 20, "tags": [{"name": "b", "new": 1}, {"name": "c"}]}]


def config(api: Api, contract: Any) -> dict[str, Any]:
    endpoint = {"path": "rows", "data_selector": "data", "paginator": "single_page"}
    rows: dict[str, Any] = {"name": "rows", "endpoint": endpoint, "write_disposition": "append"}
    if contract is not None:
        rows["schema_contract"] = contract
    return {"client": {"base_url": api.base_url}, "resources": [rows]}


def load(api: Api, warehouse: Warehouse, rows: Any, contract: Any, **source: Any) -> None:
    api.paths["rows"] = {"data": rows}
    warehouse.pipeline().run(rest_api_source(config(api, contract), **source))


@pytest.mark.parametrize(
    ("entity", "rows"),
    [("columns", COLUMN), ("data_type", VARIANT), ("tables", TABLE), ("columns", BELOW)],
)
def test_a_frozen_schema_fails_the_run(
    api: Api, warehouse: Warehouse, entity: str, rows: Any
) -> None:
    """A new column, type or table is an error that names it, at the root and below."""
    load(api, warehouse, FIRST, None)
    with pytest.raises(PipelineStepFailed) as failed:
        load(api, warehouse, rows, {entity: "freeze"})
    error: BaseException | None = failed.value
    while error is not None and not isinstance(error, DataValidationError):
        error = error.__cause__ or error.__context__
    assert isinstance(error, DataValidationError)
    assert warehouse.rows("SELECT count(*) FROM raw.rows") == [(1,)]


@pytest.mark.parametrize(
    ("entity", "rows", "kept"),
    [("columns", COLUMN, [1, 3]), ("data_type", VARIANT, [1, 3]), ("columns", BELOW, [1, 2])],
)
def test_rows_that_break_a_contract_are_discarded(
    api: Api, warehouse: Warehouse, entity: str, rows: Any, kept: list[int]
) -> None:
    """`discard_row` drops the row itself, with what is below it, and no other."""
    load(api, warehouse, FIRST, None)
    load(api, warehouse, rows, {entity: "discard_row"})
    assert warehouse.rows("SELECT id FROM raw.rows ORDER BY id") == [(n,) for n in kept]
    assert set(warehouse.columns("rows")) == {"id", "size", "_dlt_load_id", "_dlt_id"}
    names = [("a",), ("c",)] if rows is BELOW else [("a",)]
    assert warehouse.rows("SELECT name FROM raw.rows__tags ORDER BY name") == names


@pytest.mark.parametrize(("entity", "rows"), [("columns", COLUMN), ("data_type", VARIANT)])
def test_values_that_break_a_contract_are_discarded(
    api: Api, warehouse: Warehouse, entity: str, rows: Any
) -> None:
    """`discard_value` keeps the row without the value."""
    load(api, warehouse, FIRST, None)
    load(api, warehouse, rows, {entity: "discard_value"})
    found = warehouse.rows("SELECT id, size FROM raw.rows ORDER BY id")
    assert found == [(1, 10), (2, 20 if rows is COLUMN else None), (3, 30)]
    assert set(warehouse.columns("rows")) == {"id", "size", "_dlt_load_id", "_dlt_id"}


@pytest.mark.parametrize("mode", ["discard_row", "discard_value"])
def test_new_tables_are_discarded(api: Api, warehouse: Warehouse, mode: str) -> None:
    """A list that is new has no table, its rows are not loaded; the root row stays."""
    load(api, warehouse, FIRST, None)
    load(api, warehouse, TABLE, None, schema_contract={"tables": mode})
    assert warehouse.tables() == {"rows", "rows__tags"}
    assert warehouse.rows("SELECT id FROM raw.rows ORDER BY id") == [(1,), (2,), (3,)]


def test_a_new_table_may_begin_under_a_contract(api: Api, warehouse: Warehouse) -> None:
    """The first run of a table brings its columns; a child table those of its first row."""
    rows = [{"id": 1, "tags": [{"name": "a"}]}, {"id": 2, "more": 1, "tags": [{"late": 1}]}]
    load(api, warehouse, rows, {"columns": "discard_value"})
    assert warehouse.rows("SELECT id, more FROM raw.rows ORDER BY id") == [(1, None), (2, 1)]
    assert set(warehouse.columns("rows__tags")) == {
        "name", "_dlt_id", "_dlt_parent_id", "_dlt_list_idx",
    }  # fmt: skip


def test_a_null_never_breaks_a_contract(api: Api, warehouse: Warehouse) -> None:
    """A row that has only null in a column that is refused stays, wherever it comes."""
    load(api, warehouse, FIRST, None)
    rows = [{"id": 2, "new": None}, {"id": 3, "new": 1}, {"id": 4, "new": None}]
    load(api, warehouse, rows, {"columns": "discard_row"})
    assert warehouse.rows("SELECT id FROM raw.rows ORDER BY id") == [(1,), (2,), (4,)]


@pytest.mark.parametrize("steps", [[], [{"yield_map": lambda row: [row]}]])
def test_a_new_table_takes_the_columns_of_every_page(
    api: Api, warehouse: Warehouse, steps: list[Any]
) -> None:
    """Also where `max_table_nesting` is set, and in the next run no more."""
    given = config(api, {"columns": "discard_value"})
    given["resources"][0] |= {"max_table_nesting": 0, "processing_steps": steps}
    given["resources"][0]["endpoint"]["paginator"] = {"type": "json_link", "next_url_path": "next"}
    for number in range(4):
        following = f"rows{number + 1}" if number < 3 else None
        rows = [{"id": number, f"c{number}": number}]
        api.paths[f"rows{number or ''}"] = {"data": rows, "next": following}
    source = rest_api_source(given)
    warehouse.pipeline().run(source)
    columns = {"id", "c0", "c1", "c2", "c3", "_dlt_load_id", "_dlt_id"}
    assert set(warehouse.columns("rows")) == columns
    api.paths["rows"] = {"data": [{"id": 9, "late": 1}], "next": None}
    warehouse.pipeline().run(source)
    assert set(warehouse.columns("rows")) == columns
    assert warehouse.rows("SELECT count(*) FROM raw.rows") == [(5,)]


def test_a_declared_key_takes_no_nulls(api: Api, warehouse: Warehouse) -> None:
    """Whatever else a contract asks for; also where key and column are written differently."""
    given = config(api, {"data_type": "freeze"})
    columns = {"id": {"data_type": "text"}, "other_key": {"data_type": "text"}}
    given["resources"][0] |= {"primary_key": ["id", "otherKey"], "columns": columns}
    api.paths["rows"] = {"data": [{"id": 1, "otherKey": 2}]}
    warehouse.pipeline().run(rest_api_source(given))
    sql = "SELECT is_nullable FROM duckdb_columns() WHERE column_name IN ('id', 'other_key')"
    assert warehouse.rows(sql) == [(False,), (False,)]


@pytest.mark.parametrize("mode", ["freeze", "discard_row", "discard_value"])
def test_declared_columns_break_no_contract(api: Api, warehouse: Warehouse, mode: str) -> None:
    """Not where children are read, nor where dlt stored the columns as they are declared."""
    columns = {f"of_{kind}": {"data_type": kind} for kind in DECLARED}
    row = {"id": 1, **{f"of_{kind}": value for kind, value in DECLARED.items()}}
    api.paths |= {"rows": {"data": [row]}, "rows/1/notes": {"data": [{"id": 7}]}}
    given = config(api, {"data_type": mode})
    given["resources"][0]["columns"] = columns
    endpoint = {**given["resources"][0]["endpoint"], "path": "rows/{resources.rows.id}/notes"}
    given["resources"].append({"name": "notes", "endpoint": endpoint})
    sources = {"ours": [rest_api_source] * 2, "begun by dlt": [dlts_own, rest_api_source]}
    count = f"SELECT count(COLUMNS(*)) FROM (SELECT {', '.join(columns)} FROM raw.rows)"
    for name, makers in sources.items():
        place = Warehouse(warehouse.folder / name)
        place.folder.mkdir()
        for make in makers:
            place.pipeline().run(make(given))
        assert place.rows(count) == [(2,) * len(columns)]


@pytest.mark.timeout(20)
def test_a_contract_by_entity_lets_a_run_with_children_end(api: Api, warehouse: Warehouse) -> None:
    """dlt keeps the rows in a cycle of frames and an error then, which no count of references ends.

    It is the collector that finds them; left to itself it may not come by for the rest of the run.
    """
    api.paths |= {"rows": {"data": FIRST}, "rows/1/notes": {"data": [{"id": 7}]}}
    given = config(api, {"columns": "evolve"})
    endpoint = {**given["resources"][0]["endpoint"], "path": "rows/{resources.rows.id}/notes"}
    given["resources"].append({"name": "notes", "endpoint": endpoint})
    gc.disable()
    try:
        warehouse.pipeline().run(rest_api_source(given))
    finally:
        gc.enable()
    assert warehouse.rows("SELECT id FROM raw.notes") == [(7,)]
