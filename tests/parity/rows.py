"""Rows of JSON text of every awkward shape, in batches."""

from __future__ import annotations

import itertools
import json
from typing import Any

from hypothesis import strategies as st

KEYS = [
    "id", "a", "b", "A", "aB", "a_b", "a__b", "x y", "x-y", "😀", "", "value", "list",
    "Ünïcode", "a__b__c", "1st", "_", "b_", "verylongkey" * 9, "created_at",
]  # fmt: skip


class Literal(str):
    """A number as it stands in the text."""

    __slots__ = ()


NUMBERS = [
    "0", "-0", "-0.0", "1", "2.0", "1.5", "1e5", "1E2", "-1.25e-7", "9007199254740993", "1e16",
    "9223372036854775807", "-9223372036854775808", "0.1", "123456789.123456789012345", "1e400",
    "-1E999", "NaN", "Infinity", "-Infinity", "4.5e15", "9007199254740992.0",
]  # fmt: skip
TIMES = [
    "2024-01-02T03:04:05Z", "2024-01-02T03:04:05.123Z", "2024-01-02T03:04:05.1234567Z",
    "2024-01-02T03:04:05+02:00", "2024-01-02T03:04:05-0530", "2024-01-02T03:04:05",
    "2024-01-02 03:04:05.5", "2024-01-02 03:04", "2024-01-02", "03:04:05", "20240102T030405Z",
    "2024-01-02T03:04:05,5Z", "2024-13-02T03:04:05Z", "0000-01-02T03:04:05Z", "2024", "2024-W01",
    "1700-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "2024-01-02T03:04:05.12345678901",
    "2024-02-30T00:00:00Z", "2024-01-02T24:00:00Z", "2024-01-02T03Z", "2024-01-02T03:04:05 Z",
]  # fmt: skip
TEXTS = [
    "", "x", "null", "true", "1", "1.5", "{}", "[1, 2]", '"q"', "ünï😀", "a\nb", "\u0000", "NaN",
    "\ud800x", "-", "0x10", "yes", " 7 ",
]  # fmt: skip

numbers = st.sampled_from(NUMBERS).map(Literal)
scalars = st.one_of(
    st.none(), st.booleans(), st.integers(-3, 3), numbers, st.sampled_from(TEXTS),
    st.sampled_from(TIMES), st.text(max_size=3),
)  # fmt: skip
keys = st.sampled_from(KEYS)


def nested(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from([*KEYS[:8], "", "c"]), inner, max_size=3),
    )


chaos = st.recursive(scalars, nested, max_leaves=6)
wild_rows = st.lists(st.dictionaries(keys, chaos, max_size=4), min_size=1, max_size=8)

# Columns of one kind each, as tidy APIs have them, so that the fast path has something to read.
KINDS: list[st.SearchStrategy[Any]] = [
    st.integers(-5, 5),
    st.floats(allow_nan=False, allow_infinity=False, width=32),
    st.one_of(st.integers(-5, 5), st.sampled_from([1.5, 2.0, -7.25]), numbers),
    st.sampled_from([text for text in TEXTS if text != "\ud800x"]),
    st.sampled_from(TIMES[:5]),
    st.sampled_from(TIMES),
    st.booleans(),
]


@st.composite
def kinds(draw: st.DrawFn, depth: int = 2) -> st.SearchStrategy[Any]:
    """A strategy for the values of one column."""
    which = draw(st.integers(0, len(KINDS) - 1 + (4 if depth else 0)))
    if which < len(KINDS):
        return KINDS[which]
    inner = draw(kinds(depth - 1))
    if which == len(KINDS):
        return st.lists(st.one_of(inner, st.none()) if draw(st.booleans()) else inner, max_size=3)
    names = draw(st.lists(keys, min_size=1, max_size=3, unique=True))
    fields = {name: draw(kinds(depth - 1)) for name in names}
    row = st.fixed_dictionaries({}, optional=fields)
    return row if which == len(KINDS) + 1 else st.lists(row, max_size=3)


@st.composite
def tidy_rows(draw: st.DrawFn) -> list[Any]:
    names = draw(st.lists(keys, min_size=1, max_size=4, unique=True))
    columns = {name: draw(kinds()) for name in names}
    maybe = {name: st.one_of(st.none(), kind) for name, kind in columns.items()}
    noise = draw(st.sampled_from([0, 0, 0, 1]))
    rows = st.lists(st.fixed_dictionaries({}, optional=maybe), min_size=1, max_size=10)
    out = draw(rows)
    return [*out, *draw(wild_rows)] if noise else out


def text_of(value: Any) -> str:
    """`value` as JSON text, literals as they are."""
    if isinstance(value, Literal):
        return str(value)
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(k)}:{text_of(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(text_of(inner) for inner in value) + "]"
    return json.dumps(value)


@st.composite
def batches(draw: st.DrawFn) -> list[list[str]]:
    """JSON texts of rows, cut into batches."""
    rows = draw(st.one_of(tidy_rows(), tidy_rows(), wild_rows))
    texts = [text_of(row) for row in rows]
    cuts = sorted(draw(st.sets(st.integers(1, len(texts)), max_size=3)) - {len(texts)})
    edges = [0, *cuts, len(texts)]
    return [texts[a:b] for a, b in itertools.pairwise(edges)]


DECLARED = {"a": "json", "b": "double", "a_b": "text", "x_y": "timestamp", "id": "bigint"}
nestings = st.sampled_from([None, None, None, 0, 1, 2])
declarations: st.SearchStrategy[dict[str, str]] = st.sampled_from([{}, {}, DECLARED])


def unlike_dlt(text: str) -> bool:
    """Whether dlt cannot read or load the record, or stores it in another way on purpose."""
    odd = ("NaN", "Infinity", "\\ud8", "1e400", "-1E999", "\\u0000", '"":')
    return any(mark in text for mark in odd)
