"""Stage 4, bytes become columns: the records of some pages are read into one batch.

The fast path joins the raw records and lets Arrow read them with the types known so far. What does
not fit (mixed types, integers beyond 64 bits, duplicate keys) takes the exact path for that batch
alone: Python objects, by the rules of Python's own JSON reader.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.json as pj

from headwater.arrow import Column
from headwater.errors import DecodeError

__all__ = ["Batch", "Decoder", "Rows", "Slice"]

Rows = pa.Table | list[Any]
OBJECT = msgspec.json.Decoder(dict[str, msgspec.Raw])
BLOCK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Slice:
    """Records of one page, uncut, and what each of them carries from its parent."""

    records: Sequence[msgspec.Raw]
    carried: tuple[Any, ...] = ()
    size_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows as decoded: an Arrow table with nested columns, or a list of Python objects.

    Text that looks like a time is still text.
    """

    rows: Rows

    @property
    def count(self) -> int:
        """How many rows there are."""
        return self.rows.num_rows if isinstance(self.rows, pa.Table) else len(self.rows)


class Decoder:
    """Reads the batches of one resource; remembers the types it has seen.

    `carried` names the columns that records carry from their parent. `is_json(key)` tells the
    top-level keys whose value stays JSON text. With `exact`, every batch is Python objects.
    """

    def __init__(
        self,
        carried: Sequence[str] = (),
        *,
        is_json: Callable[[str], bool] | None = None,
        exact: bool = False,
    ) -> None:
        self.carried = tuple(carried)
        self._exact = exact
        self._is_json = is_json
        self._known: pa.Schema = pa.schema([])
        self._json_keys: dict[str, bool] = {}

    def decode(self, slices: Sequence[Slice]) -> Batch:
        """The rows of `slices`, in order. Raises DecodeError on what is no JSON text."""
        if self._exact:
            return Batch(self._objects(slices))
        table = self._fast(slices)
        if table is None:
            return Batch(self._objects(slices))
        return Batch(self._with_carried(table, slices) if self.carried else table)

    def _objects(self, slices: Sequence[Slice]) -> list[Any]:
        out: list[Any] = []
        for piece in slices:
            extra = dict(zip(self.carried, piece.carried, strict=True))
            for raw in piece.records:
                row = read_object(bytes(raw))
                if row is None:
                    continue
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
            except msgspec.MsgspecError:
                return None
        text = b"\n".join(records)
        if not text:
            return pa.table({})
        if not text.isascii():
            try:
                text.decode()
            except UnicodeDecodeError:
                return None
        table = self._read(text, lines=len(records))
        if table is None or table.num_rows != len(records):
            return None
        if self._order_decides(table.schema):
            return None
        self._known = widen(self._known, table.schema)
        return table

    def _read(self, text: bytes, lines: int) -> pa.Table | None:
        """`text` read by Arrow, with what it takes for times pinned to text."""
        one_block = text.count(b"\n") >= lines
        block_bytes = len(text) + 1 if one_block else max(BLOCK_BYTES, longest(text))
        options = pj.ReadOptions(use_threads=True, block_size=block_bytes)
        schema = self._known
        for _ in range(3):
            parse = pj.ParseOptions(
                explicit_schema=schema,
                newlines_in_values=one_block,
                unexpected_field_behavior="infer",
            )
            try:
                table = pj.read_json(
                    pa.BufferReader(text), read_options=options, parse_options=parse
                )
            except pa.ArrowInvalid:
                return None
            pinned = pa.schema([field.with_type(timeless(field.type)) for field in table.schema])
            if pinned.equals(table.schema):
                return table
            schema = widen(self._known, pinned)
        return None

    def _order_decides(self, schema: pa.Schema) -> bool:
        """Whether a column is new and read as fractions: it may begin with whole numbers.

        The type of a column is that of its first value, which Arrow does not tell.
        """
        for field in schema:
            index = self._known.get_field_index(field.name)
            known = self._known.field(index).type if index >= 0 else None
            if has_new_double(field.type, known):
                return True
        return False

    def learn(self, schema: pa.Schema) -> None:
        """Pins the types of columns that are known before any row came."""
        self._known = widen(self._known, schema)

    def _json_as_text(self, raw: msgspec.Raw) -> bytes:
        """A record with the values of JSON columns turned into JSON text."""
        assert self._is_json is not None
        out: list[bytes] = []
        for key, value in OBJECT.decode(raw).items():
            piece = bytes(value)
            as_text = self._json_keys.get(key)
            if as_text is None:
                as_text = self._json_keys[key] = self._is_json(key)
            if as_text and piece != b"null":
                piece = msgspec.json.encode(piece.decode())
            out.append(msgspec.json.encode(key) + b":" + piece)
        return b"{" + b",".join(out) + b"}"

    def _with_carried(self, table: pa.Table, slices: Sequence[Slice]) -> pa.Table:
        """`table` with the values that its rows carry from their parents."""
        for index, name in enumerate(self.carried):
            values = [piece.carried[index] for piece in slices]
            counts = [len(piece.records) for piece in slices]
            column = repeated(values, counts)
            at = table.schema.get_field_index(name)
            table = (
                table.append_column(name, column) if at < 0 else table.set_column(at, name, column)
            )
        return table


def read_object(raw: bytes) -> Any:
    try:
        return json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise DecodeError(f"a record cannot be read: {type(error).__name__}: {error}") from None


def repeated(values: Sequence[Any], counts: Sequence[int]) -> Column:
    """Each value as often as its count says. Raises pa.ArrowInvalid on mixed types."""
    distinct = pa.array(values)
    index = pa.array([i for i, count in enumerate(counts) for _ in range(count)], pa.int64())
    return distinct.take(index)


def longest(text: bytes) -> int:
    """A block size that holds the longest line; the average is a safe guess for short ones."""
    if len(text) <= BLOCK_BYTES:
        return len(text) + 1
    return max(map(len, text.split(b"\n"))) + 1


def timeless(kind: pa.DataType) -> pa.DataType:
    """`kind` with everything that Arrow guesses to be a time turned back into text."""
    if pa.types.is_temporal(kind):
        return pa.string()
    if pa.types.is_struct(kind):
        return pa.struct([field.with_type(timeless(field.type)) for field in kind])
    if pa.types.is_list(kind):
        return pa.list_(timeless(kind.value_type))
    return kind


def settled(kind: pa.DataType) -> pa.DataType | None:
    """`kind` without parts that only nulls or emptiness were seen of; None if nothing is left."""
    if pa.types.is_null(kind):
        return None
    if pa.types.is_struct(kind):
        inner = [(field.name, settled(field.type)) for field in kind]
        fields = [pa.field(name, part) for name, part in inner if part is not None]
        return pa.struct(fields) if fields else None
    if pa.types.is_list(kind):
        item = settled(kind.value_type)
        return None if item is None else pa.list_(item)
    return kind


def widen(known: pa.Schema, seen: pa.Schema) -> pa.Schema:
    """`known` with the settled types of `seen`, which were read with `known` and so contain it."""
    fields: dict[str, pa.DataType] = {field.name: field.type for field in known}
    for field in seen:
        part = settled(field.type)
        if part is not None:
            fields[field.name] = part
    return pa.schema(list(fields.items()))


def has_new_double(kind: Any, known: Any) -> bool:
    if pa.types.is_floating(kind):
        return known is None
    if pa.types.is_struct(kind):
        inner = {field.name: field.type for field in known} if is_struct(known) else {}
        return any(has_new_double(field.type, inner.get(field.name)) for field in kind)
    if pa.types.is_list(kind):
        item = known.value_type if known is not None and pa.types.is_list(known) else None
        return has_new_double(kind.value_type, item)
    return False


def is_struct(kind: Any) -> bool:
    return kind is not None and pa.types.is_struct(kind)


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
    """The rows as Python objects."""
    return rows.to_pylist() if isinstance(rows, pa.Table) else rows
