"""dlt's own normalizer and headwater's stages, side by side, on the same JSON texts."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Sequence
from types import SimpleNamespace
from typing import Any

import msgspec
import pyarrow as pa
from dlt.common.json import json as dlt_json
from dlt.common.schema import Schema
from dlt.common.schema.utils import new_table
from dlt.destinations.impl.duckdb.factory import duckdb
from dlt.normalize.items_normalizers import JsonLItemsNormalizer
from wanted import dlt_record

from headwater.decode import Decoder, Slice, objects_of
from headwater.load.rules import DltRules, Foreknown, known_types
from headwater.tables.exact import shape_exact
from headwater.tables.rules import Known, NeedsExact, Shaped, TableRules
from headwater.tables.shape import shape

ROOT = "items"
Columns = dict[str, dict[str, str]]
Tree = list[Any]
Tables = tuple[Columns, Tree]


def new_schema(columns: dict[str, str] | None = None, max_nesting: int | None = None) -> Schema:
    """A schema as a pipeline into DuckDB has it, with the root table declared."""
    schema = Schema("parity")
    declared = [{"name": name, "data_type": kind} for name, kind in (columns or {}).items()]
    schema.update_table(new_table(ROOT, columns=declared))  # type: ignore[arg-type]
    if max_nesting is not None:
        schema.tables[ROOT]["x-normalizer"] = {"max_nesting": max_nesting}
        schema.data_item_normalizer.extend_table(ROOT)
    return schema


def nesting_of(schema: Schema) -> int:
    settings: dict[str, Any] = schema.tables[ROOT].get("x-normalizer", {})  # type: ignore[assignment]
    return int(settings.get("max_nesting", 1000))


class Written:
    """Takes the place of dlt's files."""

    def __init__(self) -> None:
        self.rows: dict[str, list[dict[str, Any]]] = {}

    def write_data_item(
        self, _load: str, _schema: str, table: str, row: Any, _columns: Any
    ) -> None:
        self.rows.setdefault(table, []).append(row)


class DltFails(Exception):
    """dlt cannot make tables of the records, or gives two rows one id."""


def by_dlt(batches: Iterable[Sequence[str]], schema: Schema, *, as_is: bool = False) -> Tables:
    """The tables that dlt makes of the records, batch by batch.

    What it loses is given to it as headwater stores it, but for `as_is`. Raises DltFails.
    """
    written = Written()
    nesting = nesting_of(schema)
    is_json = Foreknown(TableRules(ROOT, DltRules(schema)), known_types(schema, ROOT, ROOT)).is_json
    config = SimpleNamespace(destination_capabilities=duckdb().capabilities())
    normalizer = JsonLItemsNormalizer(
        written,
        None,
        None,
        schema,
        "load",
        config,  # type: ignore[arg-type]
    )
    for batch in batches:
        rows = [json.loads(text) if as_is else dlt_record(text, nesting, is_json) for text in batch]
        try:
            line = dlt_json.typed_dumpb(rows)
            normalizer._normalize_chunk(ROOT, dlt_json.loadb(line), False, skip_write=False)
        except Exception as error:
            raise DltFails(str(error)) from error
    if any(len({row["_dlt_id"] for row in part}) < len(part) for part in written.rows.values()):
        raise DltFails("two lists of one row end in one table, with the same ids")
    columns = {
        name: {
            column: str(props["data_type"])
            for column, props in schema.tables[name]["columns"].items()
            if props.get("data_type") and not column.startswith("_dlt_")
        }
        for name in written.rows
    }
    return columns, tree_of(written.rows, ROOT, schema.naming.PATH_SEPARATOR)


def by_headwater(
    batches: Iterable[Sequence[str]], schema: Schema, *, exact: bool = False
) -> tuple[Tables, list[bool]]:
    """The tables that headwater makes, and which batches took the fast path to the end."""
    rules = DltRules(schema)
    known: Known = known_types(schema, ROOT, ROOT)
    nesting = nesting_of(schema)
    table = TableRules(ROOT, rules, max_nesting=nesting, keeps_root=True)
    decoder = Decoder(tables=Foreknown(table, known), exact=exact)
    out: dict[str, list[dict[str, Any]]] = {}
    fast: list[bool] = []
    for batch in batches:
        records = [msgspec.Raw(text.encode()) for text in batch]
        rows = decoder.decode([Slice(records)]).rows
        if len(rows) == 0:
            continue
        shaped, known, was_fast = shape_any(rows, table, known)
        fast.append(was_fast)
        for part in shaped:
            part.rows.validate(full=True)
            if part.rows.num_rows:
                out.setdefault(part.name, []).extend(rows_of(part))
    columns = {name: dict(known[name]) for name in out}
    return (columns, tree_of(out, ROOT, schema.naming.PATH_SEPARATOR)), fast


def three_ways(
    texts: Sequence[Sequence[str]], nesting: int | None, declared: dict[str, str]
) -> tuple[Tables, Tables, Tables | None]:
    """The tables of the records by the fast path, by the exact one, and by dlt where it can."""
    ours, _ = by_headwater(texts, new_schema(declared, nesting))
    exact, _ = by_headwater(texts, new_schema(declared, nesting), exact=True)
    try:
        return ours, exact, by_dlt(texts, new_schema(declared, nesting))
    except DltFails:
        return ours, exact, None


def shape_any(rows: Any, table: TableRules, known: Known) -> tuple[list[Shaped], Known, bool]:
    if isinstance(rows, pa.Table):
        try:
            return *shape(rows, table, known), True
        except NeedsExact:
            rows = objects_of(rows)
    return *shape_exact(rows, table, known), False


def rows_of(part: Shaped) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = part.rows.to_pylist()
    for row in rows:
        for name in part.json_columns:
            row[name] = None if row[name] is None else json.loads(row[name])
    return rows


def tree_of(rows: dict[str, list[dict[str, Any]]], root: str, separator: str = "__") -> Tree:
    """The root rows with the rows below them, keys of no meaning left out: comparable."""
    ids = {name: {row["_dlt_id"] for row in part} for name, part in rows.items()}
    below: dict[tuple[str, str], list[tuple[str, dict[str, Any]]]] = {}
    for name, children in rows.items():
        if name == root:
            continue
        above = sorted((other for other in rows if name.startswith(other + separator)), key=len)
        for child in children:
            link = child["_dlt_parent_id"]
            parent = [other for other in above if link in ids[other]][-1]
            below.setdefault((parent, link), []).append((name, child))

    def node(table: str, row: dict[str, Any]) -> Any:
        values = {
            key: plain(value)
            for key, value in sorted(row.items())
            if not key.startswith("_dlt_") and value is not None
        }
        inner = [
            (name, child["_dlt_list_idx"], node(name, child))
            for name, child in below.get((table, row["_dlt_id"]), [])
        ]
        return values, sorted(inner, key=repr)

    return [node(root, row) for row in rows.get(root, [])]


def plain(value: Any) -> Any:
    if isinstance(value, dt.datetime):
        return value.astimezone(dt.UTC).isoformat()
    if isinstance(value, (bool, float)):
        return repr(value + 0.0 if isinstance(value, float) else value)
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in sorted(value.items())}
    if isinstance(value, list):
        return [plain(inner) for inner in value]
    return value
