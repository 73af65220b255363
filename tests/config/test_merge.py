"""Defaults, against dlt's own merging."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from dlt.sources.rest_api.config_setup import _merge_resource_endpoints
from hypothesis import given
from hypothesis import strategies as st

from headwater.config import models
from headwater.config.merge import merge_defaults
from headwater.config.read import read_config

VALUES = st.integers(0, 3) | st.text("ab", max_size=2)
DICTS = st.dictionaries(st.sampled_from("pqr"), VALUES, max_size=3)
COLUMNS = st.dictionaries(
    st.sampled_from(["c", "d"]),
    st.dictionaries(st.sampled_from(["data_type", "nullable"]), VALUES, max_size=2),
    max_size=2,
)
ENDPOINTS = {
    "params": DICTS,
    "json": DICTS,
    "headers": DICTS,
    "data_selector": st.sampled_from("ab") | st.none(),
    "paginator": st.sampled_from([{"type": "auto"}, {"type": "single_page"}]) | st.none(),
}
SETTINGS = {
    "primary_key": st.sampled_from(["id", "key"]) | st.none(),
    "write_disposition": st.sampled_from(["append", "merge"]),
}


def resource(named: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(
        {**named, "endpoint": st.fixed_dictionaries({}, optional=ENDPOINTS)}, optional=SETTINGS
    )


@given(defaults=resource({}), item=resource({"name": st.just("a")}))
def test_merging_is_dlts(defaults: dict[str, Any], item: dict[str, Any]) -> None:
    """Only params and json merge, the rest is replaced, explicit None overrides: as in dlt."""
    theirs: Any = _merge_resource_endpoints(copy.deepcopy(defaults), copy.deepcopy(item))  # type: ignore[arg-type]
    ours = merge_defaults(defaults, item)
    endpoint = {k: v for k, v in theirs.pop("endpoint").items() if v is not None}
    assert ours.pop("endpoint") == {"path": "a", **endpoint}
    assert ours == {key: value for key, value in theirs.items() if value is not None}


@pytest.mark.parametrize(
    ("defaults", "own", "merged"),
    [
        ({"c": {"data_type": "text"}}, {}, {"c": {"data_type": "text"}}),
        (
            {"c": {"data_type": "text", "nullable": False}},
            {"c": {"data_type": "bool"}, "d": {}},
            {"c": {"data_type": "bool", "nullable": False}, "d": {}},
        ),
        (
            [{"name": "c", "data_type": "text"}],
            {"c": {"nullable": False}},
            {"c": {"name": "c", "data_type": "text", "nullable": False}},
        ),
    ],
)
def test_columns_merge_by_hint(defaults: Any, own: Any, merged: Any) -> None:
    """A column of both has the hints of both, its own first."""
    item = {"name": "a", "columns": own}
    assert merge_defaults({"columns": defaults}, item)["columns"] == merged


@pytest.mark.parametrize(
    ("defaults", "own", "field", "value"),
    [
        ({"paginator": "single_page"}, {"paginator": None}, "paginator", None),
        ({"data_selector": "data"}, {"data_selector": None}, "data_selector", None),
        ({"params": {"a": 1}}, {"params": None}, "params", None),
        ({"json": {"a": 1}}, {"json": None}, "json", None),
        ({"headers": {"a": 1}}, {"headers": {"b": 2}}, "headers", {"b": 2}),
        ({"params": {"a": 1}}, {"params": {"b": 2}}, "params", {"a": 1, "b": 2}),
        ({"params": {"a": 1}}, {"params": {"a": None}}, "params", {"a": None}),
        ({"method": "POST"}, {"method": None}, "method", "GET"),
        (
            {"paginator": {"type": "offset", "limit": 5}},
            {"paginator": {"type": "offset", "limit": 9}},
            "paginator",
            models.OffsetPaginator(limit=9),
        ),
        ({"error_handler": {"max_retries": 1}}, {"error_handler": None}, "error_handler", None),
    ],
)
def test_defaults_of_the_endpoint(defaults: Any, own: Any, field: str, value: Any) -> None:
    """What a resource sets itself, and None above all, goes before the default."""
    config = read_config(
        {
            "client": {"base_url": "https://a.x"},
            "resource_defaults": {"endpoint": defaults},
            "resources": [{"name": "a", "endpoint": own}],
        }
    )
    (item,) = config.resources
    assert isinstance(item, models.Resource)
    assert getattr(item.endpoint, field) == value


@pytest.mark.parametrize(
    ("own", "key", "from_defaults"),
    [({}, "id", True), ({"primary_key": "k"}, "k", False), ({"primary_key": None}, None, True)],
)
def test_keys_of_the_defaults_are_remembered(own: Any, key: Any, from_defaults: bool) -> None:
    """Whether a primary key was written for this resource or for all of them."""
    config = read_config(
        {
            "client": {"base_url": "https://a.x"},
            "resource_defaults": {"primary_key": "id"},
            "resources": [{"name": "a", **own}],
        }
    )
    (item,) = config.resources
    assert isinstance(item, models.Resource)
    assert item.primary_key == key
    assert config.default_keys == ({"a"} if from_defaults else frozenset())
