"""Records as Python objects, and values as JSON text, alike wherever they are needed."""

from __future__ import annotations

import json
import math
import re
from typing import Any

import msgspec

from headwater.errors import DecodeError

__all__ = ["json_text", "read_object"]

# What may read as NaN, as infinity, or as half of a surrogate pair.
ODD = re.compile(rb"NaN|Infinity|\\u[dD]|\d[eE]\+?\d\d\d|\d{300}")


def read_object(raw: bytes) -> Any:
    """A record by the rules of Python's own JSON reader, so that it can be stored anywhere.

    NaN and infinity become None (as dlt stores them); bytes that are no UTF-8 and halves of
    surrogate pairs become U+FFFD. Raises DecodeError on what is no JSON.
    """
    try:
        value = json.loads(raw.decode("utf-8", "replace"))
    except (ValueError, RecursionError) as error:
        raise DecodeError(f"a record cannot be read: {type(error).__name__}: {error}") from None
    return storable(value) if ODD.search(raw) else value


def storable(value: Any) -> Any:
    """`value` without what no table can hold."""
    if isinstance(value, dict):
        return {storable(key): storable(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [storable(inner) for inner in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, str) and not value.isascii():
        return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return value


def json_text(value: Any) -> str:
    """Compact JSON text of `value`, letters beyond ASCII as they are."""
    try:
        return msgspec.json.encode(value).decode()
    except (TypeError, ValueError, OverflowError, msgspec.MsgspecError):
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)
