"""What Arrow tables say of every column, said in hints and stored schemas as well.

Arrow tables name the width of decimals, and whether a column takes nulls; hints and dlt's own rows
leave that out. Under a contract on data types dlt takes one beside the other for a change of type,
and throws values and rows away.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
from dlt.common.schema import Schema

from headwater.tables.rules import ARROW

__all__ = ["explicit", "make_explicit"]

KEY_HINTS = ("primary_key", "merge_key")


def explicit(columns: Any, *keys: str | Sequence[str] | None) -> Any:
    """Column hints, a dict or a list, that leave nothing out; other forms as they are.

    `keys` are the resource's own: dlt says itself that these columns take no nulls.
    """
    names = [name for key in keys if key for name in ((key,) if isinstance(key, str) else key)]
    keyed = {loose(name) for name in names}
    if isinstance(columns, Mapping):
        return {name: spelled_out(name, column, keyed) for name, column in columns.items()}
    if isinstance(columns, list):
        return [spelled_out(column.get("name", ""), column, keyed) for column in columns]
    return columns


def make_explicit(schema: Schema, resource: str) -> None:
    """Completes the columns of the stored tables of a resource."""
    for name, table in schema.tables.items():
        if resource in (name, table.get("resource")):
            table["columns"] = explicit(table["columns"])


def loose(name: str) -> str:
    """What names have in common that a naming convention makes one of: `userId` and `user_id`."""
    return "".join(filter(str.isalnum, name)).lower()


def spelled_out(name: str, column: Any, keyed: set[str]) -> Any:
    if not isinstance(column, Mapping) or not column.get("data_type"):
        return column
    said = dict(column)
    if loose(name) not in keyed and not any(map(column.get, KEY_HINTS)):
        said.setdefault("nullable", True)
    kind = ARROW.get(said["data_type"])
    if isinstance(kind, pa.Decimal128Type) and said.get("precision") is None:
        said["precision"], said["scale"] = kind.precision, kind.scale
    return said
