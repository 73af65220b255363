"""Defaults: what a resource takes from `resource_defaults` and what it sets itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["merge_defaults"]

DEEP = ("params", "json")


def merge_defaults(defaults: Mapping[str, Any], item: Mapping[str, Any]) -> dict[str, Any]:
    """`item` on top of `defaults`: `params`, `json` and `columns` merge, the rest is replaced.

    An explicit None takes a default away. Source: `_merge_resource_endpoints` of dlt 1.31.
    """
    base = defaults.get("endpoint") or {}
    own = item.get("endpoint") or {}
    endpoint = {**base, **own}
    for key in DEEP:
        if isinstance(base.get(key), Mapping) and isinstance(own.get(key), Mapping):
            endpoint[key] = {**base[key], **own[key]}
    merged = {**defaults, **item}
    columns, own_columns = by_name(defaults.get("columns")), by_name(item.get("columns"))
    if columns is not None and own_columns is not None:
        merged["columns"] = {
            name: {**columns.get(name, {}), **own_columns.get(name, {})}
            for name in [*columns, *(name for name in own_columns if name not in columns)]
        }
    if endpoint.get("path") is None:
        endpoint["path"] = item["name"]
    return {**without_none(merged), "endpoint": without_none(endpoint)}


def without_none(mapping: Mapping[str, Any]) -> dict[str, Any]:
    """`mapping` without the keys that are None: the vocabulary's own default holds there."""
    return {key: value for key, value in mapping.items() if value is not None}


def by_name(columns: Any) -> dict[str, Any] | None:
    """Columns as a mapping, whether written so or as a list; None for anything else."""
    if isinstance(columns, Mapping):
        return dict(columns)
    if isinstance(columns, list) and all(isinstance(item, Mapping) for item in columns):
        return {item["name"]: dict(item) for item in columns if "name" in item}
    return None
