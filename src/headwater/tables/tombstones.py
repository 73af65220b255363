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
