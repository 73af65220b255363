"""The exact path to tables: Python rows, value by value, with dlt's rules for types."""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Any

import pyarrow as pa

from headwater.arrow import Column
from headwater.errors import DecodeError
from headwater.objects import json_text
from headwater.tables.rules import (
    ARROW,
    Contract,
    Known,
    Shaped,
    TableRules,
    check_required,
    root_id_text,
    strict,
)
from headwater.tables.tombstones import with_tombstones

__all__ = ["shape_exact"]

WIDE = Context(prec=120)
SYSTEM = {
    "_dlt_id": pa.string(),
    "_dlt_load_id": pa.string(),
    "_dlt_root_id": pa.string(),
    "_dlt_parent_id": pa.string(),
    "_dlt_list_idx": pa.int64(),
}


@dataclass(slots=True)
class Growing:
    """A table that rows are added to: a list of values for each column, filled up with None."""

    columns: dict[str, list[Any]] = field(default_factory=dict)
    variants: set[str] = field(default_factory=set)
    count: int = 0

    def add(self, row: dict[str, Any]) -> None:
        for name, value in row.items():
            column = self.columns.get(name)
            if column is None:
                column = self.columns[name] = [None] * self.count
            column.append(value)
        self.count += 1
        for column in self.columns.values():
            if len(column) < self.count:
                column.append(None)

    def widen(self, names: Iterable[str]) -> None:
        for name in names:
            self.columns.setdefault(name, [None] * self.count)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a row stands: in which table, below whom.

    `index` tells the children of one parent apart, `position` is the place in their list.
    """

    path: tuple[str, ...]
    root: str | None = None
    parent: str | None = None
    index: int = 0
    position: int = 0
    depth: int = 0


def shape_exact(rows: Sequence[Any], table: TableRules, known: Known) -> tuple[list[Shaped], Known]:
    """The tables of `rows`, root first, and `known` with the columns they added."""
    fresh: Known = {name: dict(columns) for name, columns in known.items()}
    fresh.setdefault(table.name, {})
    growing: dict[str, Growing] = {table.name: Growing()}
    for row in rows:
        item = row if isinstance(row, dict) else {"value": row}
        add_row(item, Place((table.name,), depth=table.max_nesting), table, fresh, growing)
    shaped = [finish(table, name, part, fresh.get(name, {})) for name, part in growing.items()]
    if table.tombstones:
        roots = (
            shaped[0].rows.column("_dlt_id").combine_chunks()
            if growing[table.name].count
            else pa.array([], pa.string())
        )
        shaped = [shaped[0], *with_tombstones(shaped[1:], table, known, roots)]
    return shaped, fresh


def add_row(
    item: dict[str, Any], place: Place, table: TableRules, fresh: Known, growing: dict[str, Growing]
) -> None:
    """Adds a row to its table, and its lists to the tables below."""
    name = table.rules.join(*place.path)
    types = fresh.get(name, {})
    flat, lists = flatten(item, table, types, place.depth)
    given = flat.pop("_dlt_id", None) if place.parent is None else None
    if table.contract is None:
        row = typed(flat, table, fresh.setdefault(name, {}))
    else:
        allowed = under_contract(name, flat, table, table.contract, fresh, growing)
        if allowed is None:
            return
        row = allowed
    variants = row.keys() - flat.keys()
    if place.parent is None:
        row_id = given or root_id(row, table)
        root = row_id
        if table.load_id is not None:
            row["_dlt_load_id"] = table.load_id
    else:
        row_id = f"{place.parent}_{place.index}" if table.stable_ids else uuid.uuid4().hex
        root = place.root or ""
        if table.keeps_root:
            row["_dlt_root_id"] = root
        row |= {"_dlt_parent_id": place.parent, "_dlt_list_idx": place.position}
    row["_dlt_id"] = row_id
    growing.setdefault(name, Growing()).add(row)
    growing[name].variants |= variants
    counts: dict[str, int] = {}
    for path, values in lists.items():
        below = (*place.path, *path)
        start = counts.get(table.rules.join(*below), 0)
        counts[table.rules.join(*below)] = start + len(values)
        for position, value in enumerate(values):
            # Two lists of one row may end in one table: their rows are told apart by the count.
            inner = Place(below, root, row_id, start + position, position, place.depth - 1)
            add_value(value, inner, table, fresh, growing)


def add_value(
    value: Any, place: Place, table: TableRules, fresh: Known, growing: dict[str, Growing]
) -> None:
    """Adds an item of a list as a row."""
    if isinstance(value, list):
        place = dataclasses.replace(place, depth=place.depth - 1)
        value = {"list": value}
    elif not isinstance(value, dict):
        value = {"value": value}
    add_row(value, place, table, fresh, growing)


def flatten(
    item: dict[str, Any], table: TableRules, types: dict[str, str], depth: int
) -> tuple[dict[str, Any], dict[tuple[str, ...], list[Any]]]:
    """The scalars of a row by column name, and its lists by path.

    Order: as dlt takes them, inner objects after the row's own values, the last one first. Of two
    values for one column the later stands, unless it is null.
    """
    rules = table.rules
    flat: dict[str, Any] = {}
    lists: dict[tuple[str, ...], list[Any]] = {}
    waiting: list[tuple[dict[str, Any], int, tuple[str, ...]]] = [(item, depth, ())]
    while waiting:
        inner, level, path = waiting.pop()
        for key, value in inner.items():
            name = rules.identifier(key)
            joined = rules.join(*path, name) if path else name
            if isinstance(value, (dict, list)) and level > 0 and types.get(joined) != "json":
                if isinstance(value, dict):
                    waiting.append((value, level - 1, (*path, name)))
                else:
                    lists[(*path, rules.table(key))] = value
            elif value is not None or joined not in flat:
                flat[joined] = value
    return flat, lists


def typed(flat: dict[str, Any], table: TableRules, types: dict[str, str]) -> dict[str, Any]:
    """The row with every value in its column's type, in a variant column where it does not fit."""
    out: dict[str, Any] = {}
    for name, value in flat.items():
        if value is None:
            if name in types:
                out[name] = None
            continue
        column, fitted = fit(name, value, table, types)
        out[column] = fitted
    return out


def under_contract(
    name: str,
    flat: dict[str, Any],
    table: TableRules,
    contract: Contract,
    fresh: Known,
    growing: dict[str, Growing],
) -> dict[str, Any] | None:
    """The row as `typed`, without the columns that may not be added; None where it must go."""
    before = fresh.get(name, {})
    trial = dict(before)
    row = typed(flat, table, trial)
    new = {column: kind for column, kind in trial.items() if column not in before}
    verdict = contract.judge(name, new, frozenset(new) - frozenset(flat))
    admitted = {column: kind for column, kind in new.items() if column in verdict.columns}
    if verdict.keeps_row:
        fresh.setdefault(name, {}).update(admitted)
        refused = set(new) - set(admitted)
        return {column: value for column, value in row.items() if column not in refused}
    if admitted and name in growing:
        # What the row brought besides may be added, though the row itself goes.
        fresh[name].update(admitted)
        growing[name].widen(admitted)
        growing[name].variants |= admitted.keys() - flat.keys()
    return None


def fit(
    name: str, value: Any, table: TableRules, types: dict[str, str], depth: int = 0
) -> tuple[str, Any]:
    """The column for `value` and the value in its type; `depth` is 0 for `name` as it is in the
    data, 1 for its variant, 2 for the variant of that."""
    rules = table.rules
    natural = rules.natural(value)
    target = types.get(name)
    if natural == "bigint" and target != "bool" and too_wide(value):
        natural, value = "text", str(value)
    if target is None:
        choose = (rules.infer, rules.detect)[depth] if depth < 2 else None
        target = choose(name, value) if choose else natural
    try:
        fitted = value if target == natural else rules.coerce(target, natural, value)
        if target == "bigint" and too_wide(fitted):
            raise OverflowError("an integer beyond 64 bits")
    except (ValueError, SyntaxError, OverflowError) as error:
        if depth == 2:
            what = f"column {name}: a value of type {natural} fits no column"
            raise DecodeError(f"{what} ({error})") from None
        return fit(rules.variant(name, natural), value, table, types, depth + 1)
    types.setdefault(name, target)
    return name, json_text(fitted) if target == "json" else scaled(fitted, target)


def scaled(value: Any, target: str) -> Any:
    """A decimal with as many digits after the point as its column has, rounded; others as are."""
    digits = {"decimal": 9, "wei": 0}.get(target)
    if digits is None or not isinstance(value, Decimal) or not value.is_finite():
        return value
    return value.quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP, WIDE)


def too_wide(value: int) -> bool:
    return not -(2**63) <= value < 2**63


def root_id(row: dict[str, Any], table: TableRules) -> str:
    values = tuple(row.get(name) for name in table.identity)
    if not values or any(value is None for value in values):
        return uuid.uuid4().hex
    return root_id_text(values)


def finish(table: TableRules, name: str, growing: Growing, types: dict[str, str]) -> Shaped:
    columns: dict[str, Column] = {}
    for column, values in ordered(growing.columns):
        kind = SYSTEM.get(column) or ARROW[types[column]]
        try:
            columns[column] = pa.array(values, kind)
        except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError) as error:
            raise DecodeError(f"table {name}, column {column}: {error}") from None
    rows = pa.Table.from_arrays(list(columns.values()), names=list(columns))
    check_required(table, name, rows)
    texts = frozenset(column for column in growing.columns if types.get(column) == "json")
    variants = frozenset(growing.variants)
    return Shaped(name, strict(table, name, rows), name == table.name, texts, variants)


def ordered(columns: dict[str, list[Any]]) -> Iterator[tuple[str, list[Any]]]:
    """Columns of the data first, those of the system after them."""
    yield from ((name, values) for name, values in columns.items() if name not in SYSTEM)
    yield from ((name, values) for name, values in columns.items() if name in SYSTEM)
