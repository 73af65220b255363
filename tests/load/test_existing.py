"""Datasets that another way of loading began are gone on with, links and all."""

from __future__ import annotations

from typing import Any

import pytest
from dlt.sources.rest_api import rest_api_source as dlts_own
from tests.load.conftest import Api, Warehouse

from headwater import rest_api_source

FIRST = [{"id": 1, "tags": ["a", "b"], "parts": [{"list": [[1], [2]]}]}, {"id": 2, "tags": ["c"]}]
SECOND = [{"id": 2, "tags": ["d"]}, {"id": 3, "tags": ["e"], "new": [1]}]
LINKED = {
    "append": [(1, "a"), (1, "b"), (2, "c"), (2, "d"), (3, "e")],
    "merge": [(1, "a"), (1, "b"), (2, "d"), (3, "e")],
    "replace": [(2, "d"), (3, "e")],
}
each_disposition = pytest.mark.parametrize("disposition", sorted(LINKED))


def config(api: Api, disposition: str) -> dict[str, Any]:
    endpoint = {"path": "rows", "data_selector": "data", "paginator": "single_page"}
    rows = {"name": "rows", "endpoint": endpoint}
    hints = {"write_disposition": disposition, "primary_key": "id"}
    return {"client": {"base_url": api.base_url}, "resources": [{**rows, **hints}]}


def linked(warehouse: Warehouse) -> list[tuple[Any, ...]]:
    return warehouse.rows(
        "SELECT r.id, t.value FROM raw.rows__tags t JOIN raw.rows r ON r._dlt_id = t._dlt_parent_id"
        " ORDER BY 1, 2"
    )


@each_disposition
def test_a_dataset_that_dlt_began_goes_on(api: Api, warehouse: Warehouse, disposition: str) -> None:
    """The import is changed between two runs of a pipeline: nothing is lost or doubled."""
    api.paths["rows"] = {"data": FIRST}
    warehouse.pipeline().run(dlts_own(config(api, disposition)))
    api.paths["rows"] = {"data": SECOND}
    warehouse.pipeline().run(rest_api_source(config(api, disposition)))
    assert linked(warehouse) == LINKED[disposition]
    assert "_dlt_parent_id" in warehouse.columns("rows__new")


@each_disposition
def test_a_dataset_of_tables_goes_on_with_objects(
    api: Api, warehouse: Warehouse, disposition: str
) -> None:
    """Child tables that headwater made become nested ones of dlt, which links them from then on."""
    api.paths["rows"] = {"data": FIRST}
    warehouse.pipeline().run(rest_api_source(config(api, disposition)))
    api.paths["rows"] = {"data": SECOND}
    pipeline = warehouse.pipeline()
    pipeline.run(rest_api_source(config(api, disposition), backend="objects"))
    assert linked(warehouse) == LINKED[disposition]
    parents = {name: table.get("parent") for name, table in pipeline.default_schema.tables.items()}
    assert parents["rows__parts__list__list"] == "rows__parts__list"
    api.paths["rows"] = {"data": []}
    warehouse.pipeline().run(dlts_own(config(api, disposition)))
