"""Whether rows can go through Arrow on their way to tables, and which columns they meet there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from headwater.arrow import fields_of
from headwater.kinds import Path
from headwater.tables.rules import Known, TableRules

__all__ = ["Fits"]


@dataclass(slots=True)
class Seen:
    """Names of the columns and tables that a schema gives; whether one came twice."""

    names: set[str]
    clash: bool = False

    def add(self, name: str) -> None:
        self.clash = self.clash or name in self.names
        self.names.add(name)


@dataclass(frozen=True, slots=True)
class Spot:
    """A place in the tables: the path of a table, the path of a column in it, levels to go."""

    table: tuple[str, ...]
    column: tuple[str, ...]
    level: int
    row_level: int


@dataclass(frozen=True, slots=True)
class Fits:
    """Answers for one resource, by the column types it had when the run began."""

    table: TableRules
    known: Known

    @property
    def has_json(self) -> bool:
        """Whether any column of the root table is JSON text."""
        return "json" in self.known.get(self.table.name, {}).values()

    def type_of(self, path: Path) -> str | None:
        """The data type of the column that values at `path` go to, None where there is none."""
        rules = self.table.rules
        tables: tuple[str, ...] = (self.table.name,)
        names: tuple[str, ...] = ()
        last: str | None = None
        for key in path:
            if key is None:
                names = names or ("list",)
                tables, names = (*tables, *names[:-1], rules.table(last or "list")), ()
            else:
                names = (*names, rules.identifier(key))
            last = key
        column = rules.join(*(names or ("value",)))
        return self.known.get(rules.join(*tables), {}).get(column)

    def keeps(self, schema: pa.Schema) -> bool:
        """Whether no two keys of `schema` share a column or table, and nothing stays nested.

        Such rows must be shaped from objects: Arrow neither keeps the order of keys nor tells a
        key that is missing from one that is null.
        """
        seen = Seen({self.table.name})
        depth = self.table.max_nesting
        self.walk(seen, Spot((self.table.name,), (), depth, depth), pa.struct(list(schema)))
        return not seen.clash

    def walk(self, seen: Seen, spot: Spot, row: pa.DataType) -> None:
        rules = self.table.rules
        for part in fields_of(row):
            name = rules.identifier(part.name)
            column = (*spot.column, name)
            if pa.types.is_null(part.type):
                continue
            if not (pa.types.is_struct(part.type) or pa.types.is_list(part.type)):
                seen.add(f"{rules.join(*spot.table)}.{rules.join(*column)}")
                continue
            known = self.known.get(rules.join(*spot.table), {}).get(rules.join(*column))
            if spot.level <= 0 or known == "json":
                seen.clash = True
            elif pa.types.is_struct(part.type):
                inner = Spot(spot.table, column, spot.level - 1, spot.row_level)
                self.walk(seen, inner, part.type)
            else:
                path = (*spot.table, *spot.column, rules.table(part.name))
                self.items(seen, path, part.type, spot.row_level - 1)

    def items(self, seen: Seen, path: tuple[str, ...], kind: Any, level: int) -> None:
        item = kind.value_type
        seen.add(self.table.rules.join(*path))
        if pa.types.is_struct(item):
            self.walk(seen, Spot(path, (), level, level), item)
        elif pa.types.is_list(item):
            if level - 1 <= 0:
                seen.clash = True
            else:
                self.items(seen, (*path, self.table.rules.table("list")), item, level - 2)
