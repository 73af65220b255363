"""Ids of rows that are added, not replaced."""

from __future__ import annotations

from typing import Any

import pytest
from tests.load.conftest import Api, Warehouse

from headwater import rest_api_source


def config(base_url: str, **hints: Any) -> dict[str, Any]:
    return {"client": {"base_url": base_url}, "resources": [{"name": "rows", **hints}]}


@pytest.mark.parametrize("odd", [False, True], ids=["fast path", "exact path"])
def test_rows_that_are_added_keep_their_own_lists(
    api: Api, warehouse: Warehouse, odd: bool
) -> None:
    """A row that comes in two runs is there twice, each time with the items that it had then."""
    source = config(api.base_url, primary_key="id", write_disposition="append")
    for tags in (["a", "b"], ["c"]):
        api.paths["rows"] = [{"id": 1, "tags": tags, "n": 1}, {"id": 2, "n": "x" if odd else 2}]
        warehouse.pipeline().run(rest_api_source(source))
    found = warehouse.rows(
        "SELECT list(t.value ORDER BY t._dlt_list_idx) FROM raw.rows r"
        " JOIN raw.rows__tags t ON t._dlt_parent_id = r._dlt_id GROUP BY r._dlt_id ORDER BY 1"
    )
    assert found == [(["a", "b"],), (["c"],)]
