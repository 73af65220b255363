"""What dlt knows of the run that is going on: its schema, its package, the hints of a resource."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import dlt
from dlt.common.schema import Schema
from dlt.common.storages.load_package import load_package_state

__all__ = [
    "TableHints",
    "as_hinted_now",
    "current_load_id",
    "current_resource",
    "current_schema",
    "declared_columns",
    "had_root_ids",
    "is_selected",
    "root_table",
]


@dataclass(frozen=True, slots=True)
class TableHints:
    """What a resource's tables need to know of its hints.

    `merges_alone` says that rows are merged by key, and no other resource writes to the table.
    `carried` are the columns of parents that rows carry.
    """

    resource: str
    table: str
    disposition: str
    key: tuple[str, ...]
    key_is_default: bool
    max_nesting: int | None
    root_key: bool
    merges_alone: bool
    carried: tuple[str, ...] = ()


def current_schema() -> Schema:
    """The schema that is extracted into; one of our own where no pipeline runs."""
    try:
        return dlt.current.source_schema()
    except Exception:
        return Schema("rest_api")


def current_load_id() -> str | None:
    try:
        return load_package_state()["load_id"]
    except Exception:
        return None


def current_resource(name: str) -> Any:
    """The resource that is being extracted; None where no pipeline runs."""
    try:
        return dlt.current.source().resources[name]
    except Exception:
        return None


def root_table(resource: str) -> Any:
    """The table hints of the resource that is being extracted; None where no pipeline runs."""
    found = current_resource(resource)
    return None if found is None else found.compute_table_schema()


def is_selected(name: str) -> bool:
    resource = current_resource(name)
    return resource is None or bool(resource.selected)


def had_root_ids(schema: Schema, resource: str) -> bool:
    """Whether child tables of the resource came to carry the root's id in an earlier run."""
    return any(
        table.get("resource") == resource and "_dlt_root_id" in table["columns"]
        for table in list(schema.tables.values())
    )


def as_hinted_now(hints: TableHints) -> TableHints:
    """`hints` with the disposition and key that the resource has by now: code may change them."""
    resource = current_resource(hints.resource)
    if resource is None:
        return hints
    table = resource.compute_table_schema()
    disposition = str(table.get("write_disposition") or hints.disposition)
    key = tuple(name for name, column in table["columns"].items() if column.get("primary_key"))
    same = disposition == hints.disposition and set(key) == set(hints.key)
    return (
        hints
        if same
        else dataclasses.replace(
            hints,
            disposition=disposition,
            key=key,
            merges_alone=hints.merges_alone and disposition == "merge" and bool(key),
        )
    )


def declared_columns(resource: str) -> Mapping[str, Any]:
    """The column hints of the resource that is being extracted."""
    found = current_resource(resource)
    columns = None if found is None else found.columns
    return columns if isinstance(columns, Mapping) else {}
