"""What kinds of values the keys of a resource have been seen to hold, as a tree."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias

import pyarrow as pa

from headwater.arrow import Column, fields_of
from headwater.arrow import compute as pc

__all__ = [
    "Kind",
    "Path",
    "at",
    "learned",
    "new_doubles",
    "placed",
    "read",
    "schema_of",
    "sound",
    "timeless",
]

Kind: TypeAlias = Any
"""None (nothing seen), a name in SCALARS, a dict for an object, a list of one for a list."""

Path: TypeAlias = tuple[str | None, ...]
"""Keys from the top; None stands for the items of a list."""

SCALARS: Mapping[str, pa.DataType] = {
    "bool": pa.bool_(),
    "int": pa.int64(),
    "float": pa.float64(),
    "mixed": pa.float64(),
    "text": pa.string(),
}
"""`mixed` began with whole numbers and has fractions since."""

NAMES: Mapping[type, str] = {bool: "bool", int: "int", float: "float", str: "text"}
WHOLE_LIMIT = float(1 << 53)
Mixes = Callable[[Path], bool]


def learned(before: Kind, value: Any, mixes: Mixes, path: Path = ()) -> Kind:
    """`before` and what `value`, a Python object, adds to it: the first value decides.

    `mixes(path)` says whether a column of whole numbers may be read as fractions from now on.
    """
    if value is None:
        return before
    before = anew(before, value)
    if isinstance(value, dict):
        if before is not None and not isinstance(before, dict):
            return before
        inner = dict(before or {})
        for key, part in value.items():
            inner[key] = learned(inner.get(key), part, mixes, (*path, key))
        return inner
    if isinstance(value, list):
        if before is not None and not isinstance(before, list):
            return before
        item = before[0] if before else None
        for part in value:
            item = learned(item, part, mixes, (*path, None))
        return [item]
    if before is None:
        return first_kind(value)
    if before == "int" and type(value) is float and not value.is_integer() and mixes(path):
        return "mixed"
    return before


def anew(before: Kind, like: Any) -> Kind:
    """`before`, None where it is another container than `like` that nothing was seen in."""
    other = isinstance(before, (dict, list)) and not isinstance(like, type(before))
    return None if other and arrow_type(before) is None else before


def first_kind(value: Any) -> Kind:
    name = NAMES.get(type(value))
    too_wide = name == "int" and not -(2**63) <= value < 2**63
    return "text" if too_wide else name


def read(before: Kind, kind: Any) -> Kind:
    """`before` and what a column of the Arrow type `kind`, read with it, adds to it."""
    if pa.types.is_struct(kind):
        inner = dict(anew(before, {}) or {})
        for field in kind:
            inner[field.name] = read(inner.get(field.name), field.type)
        return inner
    if pa.types.is_list(kind):
        before = anew(before, [])
        return [read(before[0] if before else None, kind.value_type)]
    before = anew(before, None)
    if before is not None or pa.types.is_null(kind):
        return before
    return next((name for name, type_ in SCALARS.items() if type_.equals(kind)), None)


def arrow_type(kind: Kind) -> pa.DataType | None:
    """The Arrow type of `kind`, without what nothing was seen of; None if nothing is left."""
    if isinstance(kind, dict):
        inner = [(name, arrow_type(part)) for name, part in kind.items()]
        fields = [pa.field(name, part) for name, part in inner if part is not None]
        return pa.struct(fields) if fields else None
    if isinstance(kind, list):
        item = arrow_type(kind[0])
        return None if item is None else pa.list_(item)
    return None if kind is None else SCALARS[kind]


def schema_of(kind: Kind) -> pa.Schema:
    """The schema of rows of `kind`."""
    row = arrow_type(kind)
    return pa.schema([] if row is None else fields_of(row))


def timeless(kind: pa.DataType) -> pa.DataType:
    """`kind` with everything that Arrow guesses to be a time turned back into text."""
    if pa.types.is_temporal(kind):
        return pa.string()
    if pa.types.is_struct(kind):
        return pa.struct([field.with_type(timeless(field.type)) for field in kind])
    if pa.types.is_list(kind):
        return pa.list_(timeless(kind.value_type))
    return kind


def new_doubles(before: Kind, kind: Any, path: Path = ()) -> Iterator[Path]:
    """Paths of columns that are read as fractions and were not known."""
    if pa.types.is_floating(kind):
        if before is None:
            yield path
    elif pa.types.is_struct(kind):
        known = before if isinstance(before, dict) else {}
        for field in kind:
            yield from new_doubles(known.get(field.name), field.type, (*path, field.name))
    elif pa.types.is_list(kind):
        item = before[0] if isinstance(before, list) else None
        yield from new_doubles(item, kind.value_type, (*path, None))


def placed(kind: Kind, path: Path, name: str) -> Kind:
    """`kind` with the scalar `name` at `path`."""
    if not path:
        return name
    key, rest = path[0], path[1:]
    if key is None:
        return [placed(kind[0] if kind else None, rest, name)]
    return {**(kind or {}), key: placed((kind or {}).get(key), rest, name)}


def at(kind: Kind, path: Path) -> Kind:
    """What is known at `path`, None where nothing is."""
    for key in path:
        if isinstance(kind, dict):
            kind = kind.get(key)
        elif isinstance(kind, list):
            kind = kind[0]
    return kind


def sound(kind: Kind, column: Column) -> bool:
    """Whether fractions are finite, and whole numbers among them small enough to be told apart."""
    if pa.types.is_floating(column.type):
        if kind != "mixed":
            return bool(pc.all(pc.is_finite(column)).as_py() is not False)
        top = pc.max(pc.abs(column)).as_py()
        return top is None or top < WHOLE_LIMIT
    if pa.types.is_struct(column.type) and has_fractions(column.type):
        known = kind if isinstance(kind, dict) else {}
        parts = zip(column.type, column.flatten(), strict=True)
        return all(sound(known.get(field.name), part) for field, part in parts)
    if pa.types.is_list(column.type) and has_fractions(column.type):
        return sound(kind[0] if isinstance(kind, list) else None, pc.list_flatten(column))
    return True


def has_fractions(kind: pa.DataType) -> bool:
    if pa.types.is_struct(kind):
        return any(has_fractions(field.type) for field in kind)
    return has_fractions(kind.value_type) if pa.types.is_list(kind) else pa.types.is_floating(kind)
