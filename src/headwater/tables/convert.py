"""Columns of text and numbers in the types that tables have, whole columns at a time."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from headwater.arrow import Column, nulls
from headwater.arrow import compute as pc
from headwater.tables.rules import ARROW, NeedsExact

__all__ = ["converted", "first_value", "split_whole"]

WHOLE_LIMIT = float(1 << 53)
UTC = pa.timestamp("us", "UTC")
NAIVE = pa.timestamp("us")
FIRST_US = -62_135_596_800_000_000
LAST_US = 253_402_300_799_999_999


def split_whole(name: str, array: Column) -> tuple[Column, Column]:
    """The whole numbers of `array` as integers, and the others as they are, nulls in between."""
    top = pc.max(pc.abs(array)).as_py()
    if top is not None and not top < WHOLE_LIMIT:
        raise NeedsExact(name)
    whole = pc.equal(array, pc.floor(array))
    none = pa.scalar(None, array.type)
    return (
        pc.cast(pc.if_else(whole, array, none), pa.int64()),
        pc.if_else(whole, none, array),
    )


def first_value(array: Column) -> Any:
    """The first value that is not null, None where all are."""
    if array.null_count == 0:
        return array[0].as_py() if len(array) else None
    found = pc.index(array.is_valid(), True).as_py()
    return None if found < 0 else array[found].as_py()


def converted(array: Column, target: str) -> Column:
    """`array` as data type `target`; only conversions that are the same in the exact path."""
    kind, wanted = array.type, ARROW[target]
    if array.null_count == len(array):
        return nulls(len(array), wanted)
    if kind.equals(wanted) and target != "json":
        return array
    try:
        match target:
            case "timestamp" if pa.types.is_string(kind):
                return times(array)
            case "date" if pa.types.is_string(kind):
                return pc.cast(array, pa.date32())
            case "double" if pa.types.is_integer(kind):
                return pc.cast(array, pa.float64(), safe=False)
            case "text" if pa.types.is_integer(kind):
                return pc.cast(array, pa.string())
            case "decimal" if pa.types.is_integer(kind):
                return pc.cast(array, wanted)
    except pa.ArrowInvalid as error:
        raise NeedsExact(str(error)) from None
    raise NeedsExact(f"{kind} as {target}")


def times(array: Column) -> Column:
    """ISO 8601 text as instants; text without a zone is UTC, digits beyond the sixth are cut off.

    Raises pa.ArrowInvalid where some have a zone and others have not, and beyond years 1 to 9999.
    """
    try:
        out = pc.cast(array, UTC)
    except pa.ArrowInvalid:
        array = pc.replace_substring_regex(array, r"(:\d\d\.\d{6})\d+", r"\1")
        try:
            out = pc.cast(array, UTC)
        except pa.ArrowInvalid:
            out = pc.assume_timezone(pc.cast(array, NAIVE), "UTC")
    ends = pc.min_max(pc.cast(out, pa.int64())).as_py()
    if ends["min"] is not None and not FIRST_US <= ends["min"] <= ends["max"] <= LAST_US:
        raise pa.ArrowInvalid("a time beyond the years 1 to 9999")
    return out
