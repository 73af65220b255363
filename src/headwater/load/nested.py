"""Tables below a root that dlt links itself, for the resources whose rows it gets as objects."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from dlt.common.schema import Schema
from dlt.common.schema.utils import get_root_table
from dlt.extract.items_transform import ItemTransform

__all__ = ["Nested", "nests"]

LINKS = {"_dlt_parent_id": "parent_key", "_dlt_root_id": "root_key"}
OF_ROOTS = ("resource", "write_disposition", "variant_name")
OF_KEYS = ("primary_key", "merge_key", "hard_delete")


class Nested(ItemTransform[Any, Any]):
    """Turns the child tables that headwater made in an earlier run into dlt's nested ones.

    dlt would take their rows for rows of a root table otherwise, and not link them.
    """

    placement_affinity: ClassVar[float] = 2

    def __init__(self, resource: str, schema: Callable[[], Schema]) -> None:
        super().__init__(lambda item: item)
        self.resource = resource
        self.schema = schema
        self._done = False

    def bind(self, pipe: Any) -> Nested:
        return Nested(self.resource, self.schema)

    def __call__(self, item: Any, meta: Any = None) -> Any:
        if not self._done:
            make_nested(self.schema(), self.resource)
            self._done = True
        return item


def nests(schema: Schema, table: str) -> bool:
    """Whether dlt made tables below `table` in an earlier run: it alone can add to them."""
    return any(
        stored.get("parent") and get_root_table(schema.tables, name)["name"] == table
        for name, stored in list(schema.tables.items())
    )


def make_nested(schema: Schema, resource: str) -> None:
    """Changes the tables in `schema` that headwater made below those of `resource`."""
    own = [name for name, table in schema.tables.items() if table.get("resource") == resource]
    separator = schema.naming.PATH_SEPARATOR
    for name in sorted(own, key=len):
        table: Any = schema.tables[name]
        above = [other for other in own if name.startswith(f"{other}{separator}")]
        if "_dlt_parent_id" not in table["columns"] or table.get("parent") or not above:
            continue
        for key in OF_ROOTS:
            table.pop(key, None)
        for column, props in table["columns"].items():
            for key in OF_KEYS:
                props.pop(key, None)
            if column in LINKS:
                props[LINKS[column]] = True
        table["parent"] = max(above, key=len)
