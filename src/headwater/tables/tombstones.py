"""Rows that delete: they empty the child tables of roots whose lists are empty now."""

from __future__ import annotations

import pyarrow as pa

from headwater.arrow import Column
from headwater.arrow import compute as pc
from headwater.tables.rules import Known, Shaped, TableRules, strict

__all__ = ["with_tombstones"]


def with_tombstones(
    children: list[Shaped], table: TableRules, before: Known, roots: Column
) -> list[Shaped]:
    """Child tables with a deleting row for each root that now has no row in them.

    Only for child tables that were there before this batch: no other can hold old rows. Where
    `table.wiped` names child tables, those get a deleting row for every root.
    """
    by_name = {child.name: child for child in children}
    names = table.wiped if table.wiped is not None else set(before) - {table.name}
    for name in dict.fromkeys([*by_name, *(known for known in before if known in names)]):
        child = by_name.get(name)
        parts = [] if child is None else [marked_live(child.rows)]
        dead = roots_to_empty(roots, child, table) if name in names else roots[:0]
        if len(dead):
            parts.append(tombstone_rows(dead))
        rows = pa.concat_tables(parts, promote_options="default") if parts else None
        if rows is not None and rows.num_rows:
            texts = child.json_columns if child else frozenset[str]()
            variants = child.variants if child else frozenset[str]()
            by_name[name] = Shaped(name, strict(table, name, rows), False, texts, variants)
    return list(by_name.values())


def marked_live(rows: pa.Table) -> pa.Table:
    field = pa.field("_dlt_deleted", pa.bool_())
    return rows.append_column(field, pa.nulls(rows.num_rows, pa.bool_()))


def roots_to_empty(roots: Column, child: Shaped | None, table: TableRules) -> Column:
    """The ids of roots whose old rows in a child table must be deleted by a row that says so."""
    if table.wiped is not None:
        return pc.unique(roots)
    if child is None:
        return roots
    there = pc.is_in(roots, value_set=child.rows.column("_dlt_root_id"))
    return pc.filter(roots, pc.invert(there))


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
