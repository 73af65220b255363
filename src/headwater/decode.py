"""Stage 4, bytes become columns: the records of some pages are read into one batch.

The fast path joins the raw records and lets Arrow read them with the types known so far. What does
not fit (mixed types, integers beyond 64 bits, duplicate keys) takes the exact path for that batch
alone: Python objects, by the rules of Python's own JSON reader.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec
import pyarrow as pa

from headwater import kinds
from headwater.arrow import JSON, json_column, read_json, repeated
from headwater.kinds import Kind, Path
from headwater.objects import json_text, read_object

__all__ = ["Batch", "Decoder", "Rows", "Slice", "Tables", "objects_of", "values_of"]

Rows = pa.Table | list[Any]
OBJECT = msgspec.json.Decoder(dict[str, msgspec.Raw])
NESTED = (b"{", b"[")
# Arrow reads a list wrongly, without a word, when it is new and its first item is null.
NULL_FIRST = re.compile(rb"\[\s*null")


@dataclass(frozen=True, slots=True)
class Slice:
    """Records of one page, uncut, and what each of them carries from its parent."""

    records: Sequence[msgspec.Raw]
    carried: tuple[Any, ...] = ()
    size_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows as decoded: an Arrow table with nested columns, or a list of Python objects.

    Text that looks like a time is still text. JSON text is of Arrow's JSON type.
    """

    rows: Rows

    @property
    def count(self) -> int:
        """How many rows there are."""
        return self.rows.num_rows if isinstance(self.rows, pa.Table) else len(self.rows)


class Tables(Protocol):
    """What a decoder must know of the tables that its rows become."""

    @property
    def has_json(self) -> bool:
        """Whether any column of the root table is JSON text."""

    def is_json(self, key: str) -> bool:
        """Whether the top-level `key` becomes a column of JSON text."""

    def type_of(self, path: Path) -> str | None:
        """The data type of the column at `path`, None where it is new."""

    def keeps(self, schema: pa.Schema) -> bool:
        """Whether rows of `schema` become the same tables as the objects they were read from."""


class Decoder:
    """Reads the batches of one resource; remembers the kinds of values it has seen.

    `carried` names the columns that records carry from their parent. `is_json(key)` tells the
    top-level keys whose value stays JSON text, where no `tables` tell it. With `exact`, every batch
    is Python objects.
    """

    def __init__(
        self,
        carried: Sequence[str] = (),
        *,
        is_json: Callable[[str], bool] | None = None,
        tables: Tables | None = None,
        exact: bool = False,
    ) -> None:
        self.carried = tuple(carried)
        self._exact = exact
        self._tables = tables
        if tables is not None and tables.has_json:
            is_json = tables.is_json
        self._is_json = is_json
        self._json_keys: dict[str, bool] = {}
        self._kind: Kind = {}
        self._kept = pa.schema([])

    def decode(self, slices: Sequence[Slice]) -> Batch:
        """The rows of `slices`, in order. Raises DecodeError on what is no JSON text."""
        table = None if self._exact else self._fast(slices)
        if table is not None and self.carried:
            table = with_carried(table, self.carried, slices)
        return Batch(self._objects(slices) if table is None else table)

    def _objects(self, slices: Sequence[Slice]) -> list[Any]:
        """The records as Python objects; null is no record."""
        out: list[Any] = []
        for piece in slices:
            extra = dict(zip(self.carried, piece.carried, strict=True))
            for raw in piece.records:
                row = read_object(bytes(raw))
                if row is None:
                    continue
                if not self._exact and isinstance(row, dict):
                    self._kind = kinds.learned(self._kind, self._without_json(row), self._mixes)
                if extra:
                    row = {**(row if isinstance(row, dict) else {"value": row}), **extra}
                out.append(row)
        return out

    def _fast(self, slices: Sequence[Slice]) -> pa.Table | None:
        """The records as a table, None where only the exact path reads them rightly."""
        records: list[Any] = [raw for piece in slices for raw in piece.records]
        if self._is_json is not None:
            try:
                records = [self._json_as_text(raw) for raw in records]
            except (msgspec.MsgspecError, NotNested):
                return None
        text = b"\n".join(records)
        if not text:
            return pa.table({})
        # Arrow crashes on a first record that is null, and takes a later one for an empty object.
        if text.startswith(b"null") or b"\nnull" in text or not is_utf8(text):
            return None
        table = self._read(text)
        if table is None or table.num_rows != len(records) or not self._learn(table, records):
            return None
        return self._with_json(table)

    def _read(self, text: bytes) -> pa.Table | None:
        """`text` read by Arrow, with what it takes for times pinned to text."""
        new_keys = NULL_FIRST.search(text) is None
        schema = kinds.schema_of(self._kind)
        for _ in range(3):
            try:
                table = read_json(text, schema, new_keys=new_keys)
            except pa.ArrowInvalid:
                return None
            pinned = pa.schema([f.with_type(kinds.timeless(f.type)) for f in table.schema])
            if pinned.equals(table.schema):
                return table
            schema = kinds.schema_of(kinds.read(self._kind, pa.struct(list(pinned))))
        return None

    def _learn(self, table: pa.Table, records: Sequence[Any]) -> bool:
        """Takes over the types of `table`; False where the exact path must decide them."""
        row = pa.struct(list(table.schema))
        kind = self._kind
        doubtful: list[Path] = []
        for path in kinds.new_doubles(kind, row):
            match self._type_of(path):
                case "double":
                    kind = kinds.placed(kind, path, "float")
                case "bigint":
                    kind = kinds.placed(kind, path, "mixed")
                case None:
                    doubtful.append(path)
                case _:
                    return False
        if doubtful and not self._begin_with_fractions(doubtful, records):
            return False
        columns = zip(table.schema.names, table.columns, strict=True)
        if not all(kinds.sound(kind.get(name), column) for name, column in columns):
            return False
        if self._tables is not None and not table.schema.equals(self._kept):
            if not self._tables.keeps(table.schema):
                return False
            self._kept = table.schema
        self._kind = kinds.read(kind, row)
        return True

    def _begin_with_fractions(self, paths: Sequence[Path], records: Sequence[Any]) -> bool:
        """Whether the first number at each path is a fraction: it decides the column's type.

        Arrow does not tell: it reads 1 as 1.0 where fractions follow.
        """
        kind, waiting = self._kind, list(paths)
        for raw in records:
            kind = kinds.learned(kind, read_object(bytes(raw)), self._mixes)
            found = [kinds.at(kind, path) for path in waiting]
            if any(name not in (None, "float") for name in found):
                return False
            waiting = [path for path, name in zip(waiting, found, strict=True) if name is None]
            if not waiting:
                return True
        return False

    def _type_of(self, path: Path) -> str | None:
        return None if self._tables is None else self._tables.type_of(path)

    def _mixes(self, path: Path) -> bool:
        return self._type_of(path) in (None, "bigint", "double")

    def _texts(self, keys: Iterable[str]) -> list[str]:
        """Those of `keys` whose values stay JSON text."""
        known = self._json_keys
        return [key for key in keys if (known[key] if key in known else self._ask(key))]

    def _ask(self, key: str) -> bool:
        assert self._is_json is not None
        self._json_keys[key] = self._is_json(key)
        return self._json_keys[key]

    def _without_json(self, row: dict[str, Any]) -> dict[str, Any]:
        if self._is_json is None:
            return row
        return {**row, **dict.fromkeys(self._texts(row), "")}

    def _json_as_text(self, raw: msgspec.Raw) -> bytes | msgspec.Raw:
        """A record with the values of JSON columns turned into JSON text. Raises NotNested."""
        row = OBJECT.decode(raw)
        texts = self._texts(row)
        for key in texts:
            piece = bytes(row[key])
            if piece == b"null":
                continue
            if not piece.startswith(NESTED):
                raise NotNested
            row[key] = msgspec.Raw(msgspec.json.encode(json_text(read_object(piece))))
        return msgspec.json.encode(row) if texts else raw

    def _with_json(self, table: pa.Table) -> pa.Table:
        """`table` with its columns of JSON text marked by their type."""
        for name in self._texts(table.schema.names) if self._is_json is not None else ():
            index = table.schema.get_field_index(name)
            column = table.column(index)
            if pa.types.is_string(column.type):
                table = table.set_column(index, pa.field(name, JSON), json_column(column))
        return table


class NotNested(Exception):
    """A JSON column holds a value that is neither object nor list."""


def is_utf8(text: bytes) -> bool:
    try:
        return text.isascii() or bool(text.decode())
    except UnicodeDecodeError:
        return False


def with_carried(table: pa.Table, names: Sequence[str], slices: Sequence[Slice]) -> pa.Table | None:
    """`table` with the values that its rows carry from their parents; None for mixed types."""
    counts = [len(piece.records) for piece in slices]
    for index, name in enumerate(names):
        column = repeated([piece.carried[index] for piece in slices], counts)
        if column is None:
            return None
        at = table.schema.get_field_index(name)
        table = table.append_column(name, column) if at < 0 else table.set_column(at, name, column)
    return table


def values_of(rows: Rows, find: Sequence[Any]) -> list[tuple[Any, ...]]:
    """For each row the values at the paths `find`, None where there is none."""
    if isinstance(rows, list):
        return [tuple(path.first(row) for path in find) for row in rows]
    columns = [column_values(rows, path) for path in find]
    return list(zip(*columns, strict=True)) if columns else [() for _ in range(rows.num_rows)]


def column_values(table: pa.Table, path: Any) -> list[Any]:
    keys = path.keys
    if not keys or keys[0] not in table.schema.names:
        return [None] * table.num_rows if keys else [path.first(row) for row in table.to_pylist()]
    if len(keys) == 1:
        return table.column(keys[0]).to_pylist()
    return [path.first({keys[0]: value}) for value in table.column(keys[0]).to_pylist()]


def objects_of(rows: Rows) -> list[Any]:
    """The rows as Python objects, JSON text parsed."""
    if not isinstance(rows, pa.Table):
        return rows
    out: list[Any] = rows.to_pylist()
    for name in (field.name for field in rows.schema if field.type.equals(JSON)):
        for row in out:
            row[name] = None if row[name] is None else json.loads(row[name])
    return out
