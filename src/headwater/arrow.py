"""The parts of pyarrow whose type stubs lag behind the library, under names of our own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import pyarrow as pa
import pyarrow.compute
import pyarrow.json

__all__ = [
    "JSON",
    "Column",
    "compute",
    "count_up",
    "fields_of",
    "json_column",
    "nulls",
    "read_json",
]

Column: TypeAlias = Any
"""An Arrow array."""

compute: Any = pyarrow.compute

JSON = pa.json_(pa.string())
"""The type of JSON text."""


def count_up(length: int) -> Column:
    """The integers from 0 to `length` - 1, 64 bits wide."""
    module: Any = pa
    return compute.cast(module.arange(0, length), pa.int64())


def nulls(length: int, kind: pa.DataType) -> Column:
    """Nothing but nulls."""
    module: Any = pa
    return module.nulls(length, kind)


def fields_of(struct: Any) -> list[pa.Field[Any]]:
    """The fields of a struct type."""
    return list(struct)


def json_column(texts: Column) -> Column:
    """A chunked column of strings as one of JSON text."""
    module: Any = pa
    chunks = [pa.ExtensionArray.from_storage(JSON, chunk) for chunk in texts.chunks]
    return module.chunked_array(chunks, JSON)


def read_json(text: bytes, schema: pa.Schema, *, new_keys: bool) -> pa.Table:
    """Records parted by white space as one chunk, `schema` its types as far as it goes.

    Raises pa.ArrowInvalid where types are mixed, and on new keys unless `new_keys`.
    """
    module: Any = pyarrow.json
    read = module.ReadOptions(use_threads=False, block_size=len(text) + 1)
    parse = module.ParseOptions(
        explicit_schema=schema,
        newlines_in_values=True,
        unexpected_field_behavior="infer" if new_keys else "error",
    )
    table: pa.Table = module.read_json(
        pa.BufferReader(text), read_options=read, parse_options=parse
    )
    return table


def repeated(values: Sequence[Any], counts: Sequence[int]) -> Column | None:
    """Each value as often as its count says; None where values are not of one plain type."""
    types = {type(value) for value in values if value is not None}
    if len(types) > 1 or not types <= {str, int, bool}:
        return None
    try:
        distinct = pa.array(values)
    except (pa.ArrowInvalid, OverflowError, UnicodeEncodeError):
        return None
    if pa.types.is_unsigned_integer(distinct.type):
        return None
    index = pa.array([i for i, count in enumerate(counts) for _ in range(count)], pa.int64())
    return distinct.take(index)
