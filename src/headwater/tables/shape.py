"""The fast path to tables: columns are flattened, lists become child tables, all in Arrow."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from headwater.arrow import Column, count_up
from headwater.arrow import compute as pc
from headwater.tables.rules import (
    ARROW,
    Known,
    NeedsExact,
    Shaped,
    TableRules,
    check_required,
    strict,
)

__all__ = ["shape"]

UTC = pa.timestamp("us", "UTC")
NAIVE = pa.timestamp("us")


@dataclass(slots=True)
class Flat:
    """A table while it takes shape: scalar columns, and lists with their path of names."""

    columns: dict[str, Column] = field(default_factory=dict)
    lists: dict[tuple[str, ...], Column] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Lineage:
    """Who the rows of a child table belong to, row by row."""

    root: Column
    parent: Column


def shape(rows: pa.Table, table: TableRules, known: Known) -> tuple[list[Shaped], Known]:
    """The tables of `rows`, root first, and `known` with the columns they added.

    Raises NeedsExact where a value does not fit the type that its column has.
    """
    fresh: Known = {name: dict(columns) for name, columns in known.items()}
    flat = Flat()
    for name, column in zip(rows.schema.names, rows.columns, strict=True):
        flatten(flat, table, fresh.setdefault(table.name, {}), (), name, one_array(column))
    count = rows.num_rows
    typed = typed_columns(flat, table, fresh[table.name], count)
    ids = root_ids(typed, table, count)
    if table.load_id is not None:
        typed["_dlt_load_id"] = pa.repeat(pa.scalar(table.load_id), count)
    typed["_dlt_id"] = ids
    shaped = [finished(table, table.name, typed, fresh[table.name])]
    lineage = Lineage(ids, ids)
    for path, lists in flat.lists.items():
        child_tables(shaped, table, fresh, (table.name, *path), lists, lineage)
    if table.tombstones:
        shaped = [shaped[0], *with_tombstones(shaped[1:], table, known, fresh, ids)]
    return shaped, fresh


def one_array(column: Column) -> Column:
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


def flatten(
    flat: Flat,
    table: TableRules,
    known: dict[str, str],
    path: tuple[str, ...],
    key: str,
    array: Column,
) -> None:
    """Adds the column `key` below `path`, its fields if it is an object, to `flat`."""
    rules, kind = table.rules, array.type
    if pa.types.is_null(kind):
        return
    name = rules.identifier(key)
    joined = rules.join(*path, name) if path else name
    nested = pa.types.is_struct(kind) or pa.types.is_list(kind)
    if nested and known.get(joined) == "json":
        raise NeedsExact(joined)
    if nested and table.max_nesting < 1000:
        raise NeedsExact(joined)
    if pa.types.is_struct(kind):
        for field_, inner in zip(kind, array.flatten(), strict=True):
            flatten(flat, table, known, (*path, name), field_.name, inner)
    elif pa.types.is_list(kind):
        if pa.types.is_null(kind.value_type) and holds_nothing(array):
            return
        if (where := (*path, rules.table(key))) in flat.lists:
            raise NeedsExact(joined)
        flat.lists[where] = array
    else:
        if joined in flat.columns:
            raise NeedsExact(joined)
        flat.columns[joined] = array


def holds_nothing(lists: Column) -> bool:
    """Whether every list is null or empty."""
    return len(pc.list_flatten(lists)) == 0


def typed_columns(
    flat: Flat, table: TableRules, known: dict[str, str], count: int
) -> dict[str, Column]:
    """The scalar columns of `flat` in the types their table knows; new ones are added to `known`."""
    out: dict[str, Column] = {}
    for name, array in flat.columns.items():
        target = known.get(name)
        if target is None:
            first = first_value(array)
            if first is None:
                continue
            target = table.rules.infer(name, first)
            known[name] = target
        out[name] = converted(array, target)
    return out


def first_value(array: Column) -> Any:
    """The first value that is not null, None where all are."""
    if array.null_count == 0:
        return array[0].as_py() if len(array) else None
    found = pc.index(array.is_valid(), True).as_py()
    return None if found < 0 else array[found].as_py()


def converted(array: Column, target: str) -> Column:
    """`array` as data type `target`; only conversions that are the same in the exact path."""
    kind, wanted = array.type, ARROW[target]
    if kind.equals(wanted) and target != "timestamp":
        return array
    try:
        match target:
            case "timestamp" if pa.types.is_string(kind):
                return times(array)
            case "date" if pa.types.is_string(kind):
                return pc.cast(array, pa.date32())
            case "double" if pa.types.is_integer(kind):
                return pc.cast(array, pa.float64(), safe=False)
            case "text" if pa.types.is_integer(kind):
                return pc.cast(array, pa.string())
            case "decimal" if pa.types.is_integer(kind):
                return pc.cast(array, wanted)
    except pa.ArrowInvalid as error:
        raise NeedsExact(str(error)) from None
    raise NeedsExact(f"{kind} as {target}")


def times(array: Column) -> Column:
    """ISO 8601 text as instants; text without a zone is UTC. Raises pa.ArrowInvalid on a mixture."""
    try:
        return pc.cast(array, UTC)
    except pa.ArrowInvalid:
        return pc.assume_timezone(pc.cast(array, NAIVE), "UTC")


def root_ids(columns: dict[str, Column], table: TableRules, count: int) -> Column:
    """An id for each root row: from its key where it has one, else a random one."""
    if "_dlt_id" in columns:
        return columns.pop("_dlt_id")
    parts = [columns.get(name) for name in table.key]
    if not parts or any(part is None or part.null_count for part in parts):
        return random_ids(count)
    if any(not plain_text(part.type) for part in parts if part is not None):
        raise NeedsExact("key")
    texts = [pc.cast(part, pa.string()) for part in parts]
    if len(texts) == 1:
        return texts[0]
    escaped = [escape(text) for text in texts]
    return pc.binary_join_element_wise(*escaped, "|")


def plain_text(kind: pa.DataType) -> bool:
    """Whether Arrow and Python write values of this type alike."""
    return pa.types.is_integer(kind) or pa.types.is_string(kind)


def escape(text: Column) -> Column:
    doubled = pc.replace_substring(text, "\\", "\\\\")
    return pc.replace_substring(doubled, "|", "\\|")


def random_ids(count: int) -> Column:
    stem = uuid.uuid4().hex[:16]
    numbers = pc.cast(count_up(count), pa.string())
    return pc.binary_join_element_wise(pa.scalar(stem), numbers, "_")


def child_tables(
    shaped: list[Shaped],
    table: TableRules,
    fresh: Known,
    path: tuple[str, ...],
    lists: Column,
    lineage: Lineage,
) -> None:
    """Adds the table of a list column, and the tables below it, to `shaped`."""
    name = table.rules.join(*path)
    if pa.types.is_null(lists.type.value_type):
        if not holds_nothing(lists):
            raise NeedsExact(name)
        return
    owner = pc.list_parent_indices(lists)
    values = pc.list_flatten(lists)
    if len(values) == 0 and name not in fresh:
        return
    starts = lists.offsets.take(owner)
    index = pc.subtract(count_up(len(values)), relative(starts, lists))
    parent, root = lineage.parent.take(owner), lineage.root.take(owner)
    ids = pc.binary_join_element_wise(parent, pc.cast(index, pa.string()), "_")
    known = fresh.setdefault(name, {})
    flat = Flat()
    if pa.types.is_struct(values.type):
        if values.null_count:
            raise NeedsExact(name)
        for field_, inner in zip(values.type, values.flatten(), strict=True):
            flatten(flat, table, known, (), field_.name, inner)
    elif pa.types.is_list(values.type):
        if values.null_count:
            raise NeedsExact(name)
        flat.lists[(table.rules.table("list"),)] = values
    else:
        flat.columns[table.rules.identifier("value")] = values
    typed = typed_columns(flat, table, known, len(values))
    if table.keeps_root:
        typed["_dlt_root_id"] = root
    typed |= {"_dlt_parent_id": parent, "_dlt_list_idx": index, "_dlt_id": ids}
    shaped.append(finished(table, name, typed, known))
    for inner_path, inner_lists in flat.lists.items():
        child_tables(shaped, table, fresh, (*path, *inner_path), inner_lists, Lineage(root, ids))


def relative(starts: Column, lists: Column) -> Column:
    """Offsets counted from the first value of `lists`, which may be a slice of longer data."""
    first = lists.offsets[0].as_py() if len(lists.offsets) else 0
    return pc.subtract(pc.cast(starts, pa.int64()), pa.scalar(first, pa.int64()))


def finished(
    table: TableRules, name: str, columns: dict[str, Column], known: dict[str, str]
) -> Shaped:
    rows = pa.Table.from_arrays(list(columns.values()), names=list(columns))
    check_required(table, name, rows)
    texts = frozenset(key for key in columns if known.get(key) == "json")
    return Shaped(name, strict(table, name, rows), name == table.name, texts)


def with_tombstones(
    children: list[Shaped], table: TableRules, before: Known, fresh: Known, roots: Column
) -> list[Shaped]:
    """Child tables with a deleting row for each root that now has no row in them.

    Only for child tables that were there before this batch: no other can hold old rows.
    """
    by_name = {child.name: child for child in children}
    names = [name for name in before if name != table.name]
    for name in dict.fromkeys([*by_name, *names]):
        child = by_name.get(name)
        rows = None if child is None else child.rows
        empty = (
            roots
            if rows is None
            else pc.filter(roots, pc.invert(pc.is_in(roots, value_set=rows.column("_dlt_root_id"))))
        )
        live = (
            None
            if rows is None
            else rows.append_column(
                pa.field("_dlt_deleted", pa.bool_()), pa.nulls(rows.num_rows, pa.bool_())
            )
        )
        texts = child.json_columns if child else frozenset[str]()
        if name in before and len(empty):
            dead = tombstone_rows(empty)
            live = (
                dead if live is None else pa.concat_tables([live, dead], promote_options="default")
            )
        if live is not None and live.num_rows:
            by_name[name] = Shaped(name, strict(table, name, live), False, texts)
    return list(by_name.values())


def tombstone_rows(roots: Column) -> pa.Table:
    count = len(roots)
    ids = pc.binary_join_element_wise(roots, pa.scalar("deleted"), "_")
    return pa.table(
        {
            "_dlt_root_id": roots,
            "_dlt_parent_id": roots,
            "_dlt_list_idx": pa.repeat(pa.scalar(-1, pa.int64()), count),
            "_dlt_id": ids,
            "_dlt_deleted": pa.repeat(pa.scalar(True), count),
        }
    )
