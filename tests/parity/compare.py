"""Two datasets side by side: what is left out of a comparison, and what is made comparable."""

from __future__ import annotations

import json
from typing import Any

from pipelines import HINTS, Dataset
from reference import tree_of

OURS = {"_dlt_deleted"}
LINKS = ("primary_key", "merge_key", "parent_key", "root_key")
WIDTHS = {(38, 9), (38, 0)}
LOAD = "<load>"


def comparable(found: Dataset) -> dict[str, Any]:
    """Columns, hints and rows of a dataset; no order, ids as links, loads by their number."""
    types = {
        table: {name: kind for name, kind in columns.items() if name not in OURS}
        for table, columns in found.types.items()
    }
    return {"types": types, "stored": stored(found), "rows": trees(found)}


def stored(found: Dataset) -> dict[str, Any]:
    """What the schema that dlt stored says of the columns of each table, defaults left out."""
    out: dict[str, Any] = {}
    for table, props in found.stored["tables"].items():
        if table.startswith("_dlt_"):
            continue
        out[table] = {
            name: {hint: column[hint] for hint in HINTS if hint_said(hint, name, column)}
            for name, column in props.get("columns", {}).items()
            if name not in OURS
        }
    return out


def hint_said(hint: str, name: str, column: dict[str, Any]) -> bool:
    """Whether a hint says something; not those of wanted.py: links, the widths of decimals."""
    default = {"nullable": True, "timezone": True}.get(hint, False)
    if name.startswith("_dlt_") and hint in LINKS:
        return False
    if (column.get("precision"), column.get("scale")) in WIDTHS and hint in ("precision", "scale"):
        return False
    return column.get(hint, default) not in (default, None)


def trees(found: Dataset) -> dict[str, Any]:
    """The rows below each root table, as trees. Shape: sorted by their text."""
    seen = {row.get("_dlt_load_id") for part in found.rows.values() for row in part}
    number = {load_id: n for n, load_id in enumerate(i for i in found.loads if i in seen)}
    rows: dict[str, list[dict[str, Any]]] = {}
    for table, part in found.rows.items():
        kinds = found.types[table]
        rows[table] = [
            {
                name: json.loads(value) if kinds[name].startswith("JSON") and value else value
                for name, value in row.items()
                if name not in OURS
            }
            for row in part
        ]
        for row in rows[table]:
            if "_dlt_load_id" in row:
                row[LOAD] = number[row["_dlt_load_id"]]
    roots = [table for table, kinds in found.types.items() if "_dlt_parent_id" not in kinds]
    out = {}
    for root in roots:
        below = {
            table: part
            for table, part in rows.items()
            if part and (table == root or table.startswith(f"{root}{found.separator}"))
        }
        check_root_ids(below, root)
        out[root] = sorted(tree_of(below, root, found.separator), key=repr)
    return out


def check_root_ids(rows: dict[str, list[dict[str, Any]]], root: str) -> None:
    """Every id is there once, and a root id is that of a row of the root table."""
    roots = {row["_dlt_id"] for row in rows.get(root, [])}
    for part in rows.values():
        assert len({row["_dlt_id"] for row in part}) == len(part)
        assert all(row["_dlt_root_id"] in roots for row in part if "_dlt_root_id" in row)
