"""What the tables of a resource are made by: naming, known types, keys, rules for values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import pyarrow as pa

from headwater.errors import DecodeError

__all__ = [
    "ARROW",
    "Contract",
    "Known",
    "NeedsExact",
    "Rules",
    "Shaped",
    "TableRules",
    "Verdict",
    "check_required",
    "root_id_text",
    "strict",
]

ARROW: Mapping[str, pa.DataType] = {
    "text": pa.string(),
    "json": pa.string(),
    "bigint": pa.int64(),
    "double": pa.float64(),
    "bool": pa.bool_(),
    "timestamp": pa.timestamp("us", "UTC"),
    "date": pa.date32(),
    "time": pa.time64("us"),
    "binary": pa.binary(),
    "decimal": pa.decimal128(38, 9),
    "wei": pa.decimal128(38, 0),
}

Known = dict[str, dict[str, str]]


class NeedsExact(Exception):
    """A batch holds something that only the exact path shapes rightly."""


class Rules(Protocol):
    """The destination's naming and value rules, given by the loading stage."""

    def identifier(self, key: str) -> str:
        """A column name of `key`."""

    def table(self, key: str) -> str:
        """A table name of `key`."""

    def join(self, *parts: str) -> str:
        """The name of a nested column or table."""

    def infer(self, column: str, value: Any) -> str:
        """The data type of a new column whose first value is `value`."""

    def detect(self, column: str, value: Any) -> str:
        """As `infer`, for a variant column: its name tells nothing."""

    def natural(self, value: Any) -> str:
        """The data type that a Python value has by itself."""

    def coerce(self, to: str, natural: str, value: Any) -> Any:
        """`value` as data type `to`. Raises ValueError where it does not fit."""

    def variant(self, column: str, natural: str) -> str:
        """The name of the column for values that do not fit `column`."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a row may stay, and which of the columns that are new to its table."""

    keeps_row: bool
    columns: frozenset[str] = frozenset()


class Contract(Protocol):
    """What may change of the tables, given by the loading stage."""

    def judge(self, table: str, new: Mapping[str, str], variants: frozenset[str]) -> Verdict:
        """What becomes of a row whose table would gain the columns `new`."""


@dataclass(frozen=True, slots=True)
class TableRules:
    """How one resource becomes tables.

    `key` are the key columns in their normalised names, empty where rows have no identity.
    `stable_ids` makes the ids of rows from their keys, and those of child rows from their parents':
    only where a key is in a table once; else they are random.
    `required` are the columns that may not be null, those of the key among them.
    `keeps_root` adds the root's id to child rows; `tombstones` adds rows that empty old children:
    those of emptied lists, or where `wiped` names child tables, of every root in these tables.
    `contract` is asked about new tables and columns, None where all may be added.
    """

    name: str
    rules: Rules
    key: tuple[str, ...] = ()
    stable_ids: bool = True
    required: frozenset[str] = frozenset()
    keeps_root: bool = False
    tombstones: bool = False
    wiped: frozenset[str] | None = None
    max_nesting: int = 1000
    load_id: str | None = None
    contract: Contract | None = None

    @property
    def identity(self) -> tuple[str, ...]:
        """The columns that ids are made from, none where ids are random."""
        return self.key if self.stable_ids else ()


@dataclass(frozen=True, slots=True)
class Shaped:
    """One flat table. `json_columns` hold JSON text, `variants` what fits no other column."""

    name: str
    rows: pa.Table
    is_root: bool
    json_columns: frozenset[str] = frozenset()
    variants: frozenset[str] = frozenset()

    @property
    def live(self) -> int:
        """How many rows there are beside those that only delete others."""
        at = self.rows.schema.get_field_index("_dlt_deleted")
        return self.rows.num_rows if at < 0 else self.rows.column(at).null_count


def check_required(table: TableRules, name: str, rows: pa.Table) -> None:
    """Raises DecodeError where a root column that may not be null is, or is missing."""
    if name != table.name or not rows.num_rows:
        return
    for column in sorted(table.required):
        at = rows.schema.get_field_index(column)
        nulls = rows.num_rows if at < 0 else rows.column(at).null_count
        if not nulls:
            continue
        what = "primary key" if column in table.key else "column"
        there = ", ".join(n for n in rows.schema.names if not n.startswith("_dlt_"))
        found = f"{nulls} of {rows.num_rows} rows have no `{column}`"
        hint = f"columns there: {there}" if at < 0 else "declared as never null"
        raise DecodeError(f"{name}: {what} `{column}`: {found} ({hint})")


SYSTEM_COLUMNS = frozenset(
    {"_dlt_id", "_dlt_load_id", "_dlt_root_id", "_dlt_parent_id", "_dlt_list_idx"}
)


def strict(table: TableRules, name: str, rows: pa.Table) -> pa.Table:
    """`rows` in a schema that says which columns may hold nulls: the same for every batch."""
    never = SYSTEM_COLUMNS | (table.required if name == table.name else frozenset())
    fields = [field.with_nullable(field.name not in never) for field in rows.schema]
    return pa.Table.from_arrays(rows.columns, schema=pa.schema(fields))


def root_id_text(values: tuple[Any, ...]) -> str:
    """The id of a row with these key values: the value itself, several joined by `|`, escaped."""
    if len(values) == 1:
        return str(values[0])
    return "|".join(str(v).replace("\\", "\\\\").replace("|", "\\|") for v in values)
