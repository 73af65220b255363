"""What Arrow tables say of every column, said in hints and stored schemas as well.

Arrow tables name the width of decimals, and whether a column takes nulls; hints and dlt's own rows
leave that out. Under a contract on data types dlt takes one beside the other for a change of type,
and throws values and rows away.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dlt.common.schema import Schema

__all__ = ["explicit", "make_explicit"]

KEYS = ("primary_key", "merge_key")
WIDTHS = {"decimal": (38, 9), "wei": (38, 0)}


def explicit(columns: Any) -> Any:
    """Column hints, a dict or a list, that leave nothing out; other forms as they are."""
    if isinstance(columns, Mapping):
        return {name: spelled_out(column) for name, column in columns.items()}
    return [spelled_out(column) for column in columns] if isinstance(columns, list) else columns


def make_explicit(schema: Schema, resource: str) -> None:
    """Completes the columns of the stored tables of a resource."""
    for name, table in schema.tables.items():
        if resource in (name, table.get("resource")):
            table["columns"] = explicit(table["columns"])


def spelled_out(column: Any) -> Any:
    if not isinstance(column, Mapping) or not column.get("data_type"):
        return column
    said = dict(column) if any(map(column.get, KEYS)) else {"nullable": True, **column}
    if said["data_type"] in WIDTHS and said.get("precision") is None:
        said["precision"], said["scale"] = WIDTHS[said["data_type"]]
    return said
