"""The step of a dlt pipe in which rows become tables, and hints are set for them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, ClassVar

import dlt
import pyarrow as pa
from dlt.extract.items import DataItemWithMeta
from dlt.extract.items_transform import ItemTransform

from headwater.decode import Rows, objects_of
from headwater.errors import DecodeError
from headwater.load.contract import contract_of
from headwater.load.current import (
    TableHints,
    as_hinted_now,
    current_load_id,
    current_resource,
    current_schema,
    declared_columns,
    had_root_ids,
    is_selected,
    root_table,
)
from headwater.load.explicit import make_explicit
from headwater.load.formats import file_format, formats_of
from headwater.load.merging import Merging, child_hints, merging_of
from headwater.load.nested import nests
from headwater.load.noise import drop_hint_noise
from headwater.load.rules import DltRules, Foreknown, known_types
from headwater.tables.exact import shape_exact
from headwater.tables.keys import FirstOnly, KeyWatch
from headwater.tables.rules import Known, NeedsExact, Shaped, TableRules
from headwater.tables.shape import shape

SAID = {
    Merging.NONE: "the destination cannot merge: rows are added, also those there already",
    Merging.UPSERT: "the destination cannot delete: lists that became shorter keep their old rows",
}
IDENTITIES = ("guid", "uuid", "_id", "key", "slug")

__all__ = ["Shape", "foreknown"]


def raised(error: DecodeError) -> None:
    raise error


class Shape(ItemTransform[Any, Any]):
    """Turns rows into flat tables; comes after the incremental step, which sees root rows only."""

    placement_affinity: ClassVar[float] = 2

    def __init__(
        self,
        hints: TableHints,
        notice: Callable[[str], None],
        refuse: Callable[[DecodeError], None] = raised,
        written: Callable[[str, int], None] = lambda _table, _rows: None,
        repeats: Callable[[str], None] = lambda _: None,
    ) -> None:
        super().__init__(lambda item: item)
        self.hints = hints
        self.notice = notice
        self.refuse = refuse
        self.written = written
        self.repeats = repeats
        self._rules: TableRules | None = None
        self._known: Known = {}
        self._hinted: set[tuple[str, frozenset[str], frozenset[str]]] = set()
        self._keys = KeyWatch()
        self._first = FirstOnly()
        self._merging = Merging.NONE
        self._formats: tuple[str, ...] = ()
        self._passes = False

    def bind(self, pipe: Any) -> Shape:
        drop_hint_noise()
        make_explicit(current_schema(), self.hints.resource)
        return Shape(self.hints, self.notice, self.refuse, self.written, self.repeats)

    def __call__(self, item: Any, meta: Any = None) -> Iterator[Any]:
        rows = item if isinstance(item, (list, pa.Table)) else [item]
        if len(rows) == 0:
            yield []
            return
        table = self._rules
        if table is None:
            if not is_selected(self.hints.resource):
                # dlt throws these rows away once children have seen them.
                yield DataItemWithMeta(meta, item)
                return
            table = self.open(contracted=True)
            self.settle_key(rows)
            if self._passes:
                self.notice(
                    "dlt made its child tables and goes on with them; a full refresh is faster"
                )
            table = self._rules or table
        if self._passes:
            # What dlt made in an earlier run it goes on with: Arrow tables cannot be nested ones.
            yield DataItemWithMeta(meta, list(objects_of(rows)))
            return
        if self._merging in (Merging.DELTA, Merging.UPSERT):
            rows = self.once(rows, table)
        try:
            tables = self.shaped(rows, table)
        except DecodeError as error:
            self.refuse(error)
            yield []
            return
        if not tables[0].rows.num_rows:
            return
        self.watch_keys(tables[0])
        for shaped in tables:
            yield from self.marked(shaped, meta)

    def once(self, rows: Rows, table: TableRules) -> Rows:
        """The rows whose key did not come before: an upsert takes none twice, and would fail."""
        seen = self._first.dropped
        out: Rows = self._first.of(rows, table.key, table.rules.identifier)
        if self._first.dropped and not seen:
            self.notice("rows whose key came before in this run are left out")
        return out

    def watch_keys(self, root: Shaped) -> None:
        """Tells of rows whose key came before in this run: one of each is kept."""
        if not self.hints.merges_alone:
            return
        ids = root.rows.column("_dlt_id").combine_chunks()
        parents = self.parents_of(root) if self.hints.carried else None
        repeated = self._keys.repeated
        self._keys.add(ids, parents)
        if self._keys.repeated > repeated:
            key = "`, `".join(self._rules.key if self._rules else self.hints.key)
            self.repeats(self._keys.notice(key, self.hints.carried))

    def parents_of(self, root: Shaped) -> Sequence[object] | None:
        """What the rows carry of their parents, a tuple a row."""
        rules = self._rules.rules if self._rules else DltRules(current_schema())
        names = [rules.identifier(name) for name in self.hints.carried]
        columns = [root.rows.column(n).to_pylist() for n in names if n in root.rows.schema.names]
        return list(zip(*columns, strict=True)) if columns else None

    def open(self, *, contracted: bool = False) -> TableRules:
        """The rules of this run's schema, and the types it knows.

        The contract is read where dlt extracts: the schema may change while another thread asks.
        """
        schema = current_schema()
        rules = DltRules(schema)
        hints = self.hints = as_hinted_now(self.hints)
        name = rules.table(hints.table)
        self._passes = nests(schema, name)
        self._known = known_types(schema, hints.resource, name)
        types = self._known.setdefault(name, {})
        required: set[str] = set()
        for written, props in declared_columns(hints.resource).items():
            column = rules.identifier(written)
            if props.get("data_type"):
                types.setdefault(column, props["data_type"])
            if props.get("nullable") is False:
                required.add(column)
        key = tuple(rules.identifier(column) for column in hints.key)
        keyed = hints.disposition == "merge" and bool(hints.key)
        root = root_table(hints.resource)
        self._merging = merging = merging_of(root) if keyed else Merging.NONE
        self._formats = formats_of(root)
        if keyed and merging in SAID:
            self.notice(SAID[merging])
        stored = frozenset(known for known in self._known if known != name)
        self._rules = TableRules(
            name=name,
            rules=rules,
            key=key,
            stable_ids=merging is not Merging.NONE,
            required=frozenset({*required, *key}),
            keeps_root=merging is not Merging.NONE
            or hints.root_key
            or had_root_ids(schema, hints.resource),
            tombstones=merging in (Merging.DELETE_INSERT, Merging.DELTA),
            wiped=stored if merging is Merging.DELTA else None,
            max_nesting=1000 if hints.max_nesting is None else hints.max_nesting,
            load_id=current_load_id(),
            contract=contract_of(schema, current_resource(hints.resource)) if contracted else None,
        )
        return self._rules

    def settle_key(self, rows: Rows) -> None:
        """Takes the identity that the rows do have, where only resource_defaults name another.

        Rows of an activity log have a `guid`, say, while the defaults say `id`: merging by a key
        that no row has would lose all rows but one.
        """
        table = self._rules
        if table is None or not self.hints.key_is_default or len(table.key) != 1:
            return
        keys = {table.rules.identifier(name): name for name in keys_of(rows)}
        if table.key[0] in keys:
            return
        found = next((name for name in IDENTITIES if name in keys), None)
        if found is None:
            return
        required = (table.required - set(table.key)) | {found}
        self._rules = dataclasses.replace(table, key=(found,), required=required)
        self.notice(f"primary key `{table.key[0]}` of the defaults is in no row: `{found}` is used")
        self.hint(primary_key=found)

    def shaped(self, rows: Rows, table: TableRules) -> list[Shaped]:
        if isinstance(rows, pa.Table):
            try:
                tables, known = shape(rows, table, self._known)
                if table.contract is None or known == self._known:
                    self._known = known
                    return tables
            except NeedsExact:
                pass
            rows = objects_of(rows)
        tables, self._known = shape_exact(rows, table, self._known)
        return tables

    def marked(self, shaped: Shaped, meta: Any) -> Iterator[Any]:
        """A table as dlt takes it, its hints set.

        Hints are set on the resource at once, not sent along with the rows: items of a resource
        that has children do not reach dlt's extractor in the order they were sent in.
        """
        self.written(shaped.name, shaped.live)
        mark = (shaped.name, shaped.json_columns, shaped.variants)
        if mark not in self._hinted:
            self.set_hints(shaped, is_new=all(name != shaped.name for name, *_ in self._hinted))
            self._hinted.add(mark)
        yield (
            DataItemWithMeta(meta, shaped.rows)
            if shaped.is_root
            else dlt.mark.with_table_name(shaped.rows, shaped.name)
        )

    def set_hints(self, shaped: Shaped, *, is_new: bool) -> None:
        """The hints of a table that is new, or has new JSON or variant columns."""
        columns: dict[str, Any] = {name: {"data_type": "json"} for name in shaped.json_columns}
        for name in shaped.variants:
            columns[name] = {**columns.get(name, {}), "variant": True}
        columns["_dlt_id"] = {"unique": True, "row_key": True}
        own = self.hints.disposition
        form = file_format(self._formats, self._known.get(shaped.name, {}).values(), own)
        if shaped.is_root:
            self.hint(**form, columns=columns)
            return
        merges = self._merging is not Merging.NONE
        settings: dict[str, Any] = {
            "table_name": shaped.name,
            "write_disposition": "append" if own == "merge" and not merges else own,
            "create_table_variant": True,
            "primary_key": "",
            "merge_key": "",
            **form,
            **child_hints(self._merging),
        }
        if self._rules is not None and self._rules.tombstones:
            columns["_dlt_deleted"] = {"data_type": "bool", "hard_delete": True}
        if is_new:
            # A variant begins as a copy of the resource's own hints: its columns must go first.
            self.hint(**settings, columns={})
        self.hint(**settings, columns=columns)

    def hint(self, **hints: Any) -> None:
        resource = current_resource(self.hints.resource)
        if resource is not None:
            resource.apply_hints(**hints)


def foreknown(hints: TableHints) -> Foreknown | None:
    """What a decoder must know of the tables of a resource that is being extracted.

    None where dlt makes the tables, as it did in an earlier run.
    """
    opened = Shape(hints, lambda _: None)
    rules = opened.open()
    return None if opened._passes else Foreknown(rules, opened._known)


def keys_of(rows: Rows) -> list[str]:
    """The keys that rows have at their top level."""
    if isinstance(rows, pa.Table):
        return list(rows.schema.names)
    return [str(key) for key in rows[0]] if isinstance(rows[0], Mapping) else []
