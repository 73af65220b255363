"""The fast path to tables: columns are flattened, lists become child tables, all in Arrow."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field

import pyarrow as pa

from headwater.arrow import Column, count_up
from headwater.arrow import compute as pc
from headwater.tables.convert import converted, first_value, split_whole
from headwater.tables.rules import (
    Known,
    NeedsExact,
    Shaped,
    TableRules,
    check_required,
    strict,
)
from headwater.tables.tombstones import with_tombstones

__all__ = ["shape"]


@dataclass(slots=True)
class Flat:
    """A table while it takes shape: scalar columns, and lists with their path of names."""

    columns: dict[str, Column] = field(default_factory=dict)
    lists: dict[tuple[str, ...], Column] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Place:
    """The rows of a table: its path of names, how deep it may nest, whose rows they are."""

    path: tuple[str, ...]
    depth: int
    root: Column
    parent: Column


@dataclass(slots=True)
class Shaping:
    """The tables of one batch while they take shape."""

    table: TableRules
    fresh: Known
    shaped: list[Shaped] = field(default_factory=list)

    def finish(self, name: str, columns: dict[str, Column], variants: frozenset[str]) -> None:
        if any(other.name == name for other in self.shaped):
            raise NeedsExact(f"two lists for {name}")
        self.shaped.append(finished(self.table, name, columns, self.fresh[name], variants))


def shape(rows: pa.Table, table: TableRules, known: Known) -> tuple[list[Shaped], Known]:
    """The tables of `rows`, root first, and `known` with the columns they added.

    Raises NeedsExact where a value does not fit the type that its column has.
    """
    fresh: Known = {name: dict(columns) for name, columns in known.items()}
    shaping = Shaping(table, fresh)
    types, count = fresh.setdefault(table.name, {}), rows.num_rows
    flat = Flat()
    for name, column in zip(rows.schema.names, rows.columns, strict=True):
        flatten(flat, table, types, (), name, one_array(column), table.max_nesting)
    typed = typed_columns(flat, table, types)
    variants = frozenset(typed) - frozenset(flat.columns)
    ids = root_ids(typed, table, count)
    if table.load_id is not None:
        typed["_dlt_load_id"] = pa.repeat(pa.scalar(table.load_id), count)
    typed["_dlt_id"] = ids
    shaping.finish(table.name, typed, variants)
    for path, lists in flat.lists.items():
        child_tables(shaping, Place((table.name, *path), table.max_nesting - 1, ids, ids), lists)
    shaped = shaping.shaped
    if table.tombstones:
        shaped = [shaped[0], *with_tombstones(shaped[1:], table, known, ids)]
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
    level: int,
) -> None:
    """Adds the column `key` below `path`, its fields if it is an object, to `flat`."""
    rules, kind = table.rules, array.type
    if pa.types.is_null(kind):
        return
    name = rules.identifier(key)
    joined = rules.join(*path, name) if path else name
    nested = pa.types.is_struct(kind) or pa.types.is_list(kind)
    if nested and (level <= 0 or known.get(joined) == "json"):
        raise NeedsExact(joined)
    if pa.types.is_struct(kind):
        for field_, inner in zip(kind, array.flatten(), strict=True):
            flatten(flat, table, known, (*path, name), field_.name, inner, level - 1)
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


def typed_columns(flat: Flat, table: TableRules, known: dict[str, str]) -> dict[str, Column]:
    """The scalar columns of `flat` in the types that their table knows; `known` gains new ones."""
    out: dict[str, Column] = {}
    for name, array in flat.columns.items():
        if isinstance(array, pa.ExtensionArray):
            if known.setdefault(name, "json") != "json":
                raise NeedsExact(name)
            out[name] = array.storage
            continue
        target = known.get(name)
        if target is None:
            first = first_value(array)
            if first is None:
                continue
            target = table.rules.infer(name, first)
            known[name] = target
        if target == "bigint" and pa.types.is_floating(array.type):
            out[name], fractions = split_whole(name, array)
            if fractions.null_count < len(fractions):
                variant = table.rules.variant(name, "double")
                if variant in flat.columns or known.setdefault(variant, "double") != "double":
                    raise NeedsExact(variant)
                out[variant] = fractions
        else:
            out[name] = converted(array, target)
    return out


def root_ids(columns: dict[str, Column], table: TableRules, count: int) -> Column:
    """An id for each root row: from its key where it has one, else a random one."""
    if "_dlt_id" in columns:
        return columns.pop("_dlt_id")
    parts = [columns.get(name) for name in table.identity]
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


def child_tables(shaping: Shaping, place: Place, lists: Column) -> None:
    """Adds the table of a list column, and the tables below it."""
    table = shaping.table
    name = table.rules.join(*place.path)
    if pa.types.is_null(lists.type.value_type) and not holds_nothing(lists):
        raise NeedsExact(name)
    values = pc.list_flatten(lists)
    if len(values) == 0 and name not in shaping.fresh:
        return
    owner = pc.list_parent_indices(lists)
    starts = lists.offsets.take(owner)
    index = pc.subtract(count_up(len(values)), relative(starts, lists))
    parent, root = place.parent.take(owner), place.root.take(owner)
    if table.stable_ids:
        ids = pc.binary_join_element_wise(parent, pc.cast(index, pa.string()), "_")
    else:
        ids = random_ids(len(values))
    types = shaping.fresh.setdefault(name, {})
    flat = items(shaping, place, types, values)
    typed = typed_columns(flat, table, types)
    variants = frozenset(typed) - frozenset(flat.columns)
    if table.keeps_root:
        typed["_dlt_root_id"] = root
    typed |= {"_dlt_parent_id": parent, "_dlt_list_idx": index, "_dlt_id": ids}
    shaping.finish(name, typed, variants)
    depth = place.depth - (2 if pa.types.is_list(values.type) else 1)
    for path, inner in flat.lists.items():
        child_tables(shaping, Place((*place.path, *path), depth, root, ids), inner)


def items(shaping: Shaping, place: Place, types: dict[str, str], values: Column) -> Flat:
    """The columns of a child table, whose rows are the `values` of lists."""
    table, flat = shaping.table, Flat()
    nested = pa.types.is_struct(values.type) or pa.types.is_list(values.type)
    if nested and values.null_count:
        raise NeedsExact(".".join(place.path))
    if pa.types.is_struct(values.type):
        for field_, inner in zip(values.type, values.flatten(), strict=True):
            flatten(flat, table, types, (), field_.name, inner, place.depth)
    elif pa.types.is_list(values.type):
        flatten(flat, table, types, (), "list", values, place.depth - 1)
    elif not pa.types.is_null(values.type):
        flat.columns[table.rules.identifier("value")] = values
    return flat


def relative(starts: Column, lists: Column) -> Column:
    """Offsets counted from the first value of `lists`, which may be a slice of longer data."""
    first = lists.offsets[0].as_py() if len(lists.offsets) else 0
    return pc.subtract(pc.cast(starts, pa.int64()), pa.scalar(first, pa.int64()))


def finished(
    table: TableRules,
    name: str,
    columns: dict[str, Column],
    known: dict[str, str],
    variants: frozenset[str],
) -> Shaped:
    rows = pa.Table.from_arrays(list(columns.values()), names=list(columns))
    check_required(table, name, rows)
    texts = frozenset(key for key in columns if known.get(key) == "json")
    return Shaped(name, strict(table, name, rows), name == table.name, texts, variants)
