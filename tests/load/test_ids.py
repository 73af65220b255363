"""Ids of rows: each is in its table once, and lists hang on the row they came with."""

from __future__ import annotations

from typing import Any

from tests.load.conftest import Api, Warehouse

from headwater import rest_api_source

ROWS = [{"id": 1, "tags": ["a", "b"]}, {"id": 2, "tags": ["c"]}]


def config(api: Api, disposition: str) -> dict[str, Any]:
    endpoint = {"path": "rows", "data_selector": "data", "paginator": "single_page"}
    hints = {"write_disposition": disposition, "primary_key": "id"}
    rows = {"name": "rows", "endpoint": endpoint, **hints}
    return {"client": {"base_url": api.base_url}, "resources": [rows]}


def test_rows_appended_again_have_lists_of_their_own(api: Api, warehouse: Warehouse) -> None:
    """One key twice under `append` is two rows with an id each, and each has its own children."""
    api.paths["rows"] = {"data": ROWS}
    for _ in range(2):
        warehouse.pipeline().run(rest_api_source(config(api, "append")))
    linked = warehouse.rows(
        "SELECT r.id, t.value FROM raw.rows__tags t JOIN raw.rows r ON r._dlt_id = t._dlt_parent_id"
        " ORDER BY 1, 2"
    )
    assert linked == sorted(2 * [(1, "a"), (1, "b"), (2, "c")])


def test_the_stored_schema_names_row_keys_and_variants(api: Api, warehouse: Warehouse) -> None:
    """`_dlt_id` is the row key of every table, and a column for other types is a variant."""
    api.paths["rows"] = {"data": [*ROWS, {"id": 3, "tags": [1], "size": 1}, {"id": 4, "size": "x"}]}
    pipeline = warehouse.pipeline()
    pipeline.run(rest_api_source(config(api, "merge")))
    tables = pipeline.default_schema.tables
    for name in ("rows", "rows__tags"):
        column = tables[name]["columns"]["_dlt_id"]
        assert column.get("row_key")
        assert column.get("unique")
    assert tables["rows"]["columns"]["size__v_text"].get("variant")
    assert not tables["rows"]["columns"]["size"].get("variant")
