"""Cursors of listings: one for each parent, and windows; which rows of a listing are news.

A child has a cursor for each parent. One for all would skip old rows of a parent that is new, and
rows that came to a parent after it was read while others were still being read.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from itertools import repeat
from types import SimpleNamespace
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.compute as pc
from dlt.extract.incremental.lag import apply_lag_with_suppression
from dlt.extract.utils import digest_dedup_value

from headwater.config.path import parse_path
from headwater.decode import Rows
from headwater.errors import DecodeError
from headwater.load.incremental import cursor_values, incremental_of, window_of
from headwater.load.recall import Recall
from headwater.load.windows import cut
from headwater.plan.graph import Step
from headwater.run.request import Cursor

__all__ = ["LISTED_AS", "ListingCursors", "Listings", "cursors_of", "listings_of"]

LISTED_AS = "_headwater_listing"
KEY_BYTES = 8
Values = tuple[Any, ...]


@dataclass(slots=True)
class Held:
    """Where one parent's cursor is: its last value, and the rows that had just that value."""

    last: Any
    rows: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Asked:
    """One listing: whose it is, from which value on, and before which."""

    key: str
    start: Any
    before: Any = None


class Listings(Protocol):
    """Which listings the values of parents stand for, and which of their rows count."""

    def of(self, values: Values) -> Sequence[Cursor]:
        """The cursors of the listings that `values` are asked for."""

    def keep(self, rows: Rows) -> tuple[Rows, Rows]:
        """The rows that count, and the others. Raises DecodeError where that cannot be told."""


class OneListing:
    """One listing for each parent, filled with the values of dlt's own cursor, if any."""

    def __init__(self, step: Step, cursor: Any) -> None:
        self._cursor = Cursor(cursor_values(step, cursor))

    def of(self, values: Values) -> Sequence[Cursor]:
        return (self._cursor,)

    def keep(self, rows: Rows) -> tuple[Rows, Rows]:
        return rows, []


class ListingCursors:
    """The cursors of one step in one run: one a parent, or windows of dlt's own.

    `own` is dlt's incremental of the step. With `held`, the cursors of parents that earlier runs
    left, each parent has its own; `first` is where a new one begins. `identity` are columns that a
    row goes by where rows that come again must be told from news; empty, all of them.
    """

    def __init__(
        self,
        step: Step,
        own: Any,
        *,
        held: Mapping[str, Held] | None = None,
        first: Held | None = None,
        identity: Sequence[str] | None = None,
    ) -> None:
        self.own = own
        self.held: dict[str, Held] = dict(held or {})
        self._step = step
        self._path = parse_path(own.cursor_path)
        self._window = window_of(step)
        self._per_parent = held is not None
        self._before = dict(self.held)
        self._first = first
        self._identity = identity
        self._asked: list[Asked] = []

    def save(self, name: str, recall: Recall) -> None:
        """Puts the cursors into dlt's state, unless the config says where they end."""
        if self.own.end_value is None:
            recall.keep_cursors(name, self.own.cursor_path, packed(self.held))

    def of(self, values: Values) -> list[Cursor]:
        """The cursors of the listings that `values` are asked for: one, or one a window."""
        key = key_of(values)
        start = self.start_of(key) if self._per_parent else self.own.start_value
        if self._window is None or start is None:
            return [self.asked(key, start, self.own.end_value, None)]
        spans = cut(start, self.own.end_value, self._window)
        last = len(spans) - 1
        return [
            self.asked(key, begin, end, None if n == last else end)
            for n, (begin, end) in enumerate(spans)
        ]

    def start_of(self, key: str) -> Any:
        """The value that a parent's rows are asked from, its lag taken off."""
        own = self.own
        if self._first is not None and key not in self._before:
            self._before[key] = self.held[key] = self._first
        before = self._before.get(key)
        last = own.initial_value if before is None else before.last
        func = own.last_value_func
        return apply_lag_with_suppression(own.lag, func, own.initial_value, own.end_value, last)

    def asked(self, key: str, start: Any, end: Any, before: Any) -> Cursor:
        own = self.own
        values = SimpleNamespace(
            start_value=start, initial_value=own.initial_value, end_value=end, lag=own.lag
        )
        self._asked.append(Asked(key, start, before))
        return Cursor(cursor_values(self._step, values), len(self._asked) - 1)

    def keep(self, rows: Rows) -> tuple[Rows, Rows]:
        """Rows that are news, and others, without the mark of their listing; moves the cursors.

        Raises DecodeError where a row has no cursor value, or one that cannot be compared.
        """
        if not isinstance(rows, pa.Table):
            numbers = [row.pop(LISTED_AS) for row in rows]
            found = zip(rows, numbers, map(self._path.first, rows), strict=True)
            split: tuple[list[Any], list[Any]] = [], []
            for row, number, value in found:
                split[not self.takes(number, value, row)].append(row)
            return split
        table = rows.drop_columns([LISTED_AS])
        name = self._path.text
        values = table.column(name).to_pylist() if name in table.column_names else repeat(None)
        parts = self.identities(table)
        numbers = rows.column(LISTED_AS).to_pylist()
        mask = [self.takes(*one) for one in zip(numbers, values, parts, strict=False)]
        if all(mask):
            return table, []
        news = pa.array(mask, pa.bool_())
        return table.filter(news), table.filter(pc.invert(news))

    def identities(self, table: pa.Table) -> Iterable[Any]:
        """What each row of a table goes by, as far as that is asked for."""
        if self._identity is None:
            return repeat(None, table.num_rows)
        names = [name for name in self._identity if name in table.column_names]
        found: list[Any] = table.select(names or table.column_names).to_pylist()
        return found

    def takes(self, number: int, value: Any, row: Any) -> bool:
        """Whether `row` is news; its cursor value moves the cursor of its parent."""
        asked = self._asked[number]
        if value is None:
            return self.takes_without()
        try:
            return self.is_within(asked, value) and self.moved(asked, value, row)
        except TypeError:
            what = f"{value!r} and {asked.start!r} cannot be compared"
            raise DecodeError(f"cursor `{self._path.text}`: {what}") from None

    def takes_without(self) -> bool:
        missing = self.own.on_cursor_value_missing
        if missing == "raise":
            hint = "set on_cursor_value_missing to include or exclude such rows"
            raise DecodeError(f"cursor `{self._path.text}` has no value in a row ({hint})")
        return bool(missing == "include")

    def is_within(self, asked: Asked, value: Any) -> bool:
        """Whether a cursor value is one that its listing was asked for."""
        own, func = self.own, self.own.last_value_func
        if asked.before is not None and value >= asked.before:
            return False
        if not self._per_parent:
            return True
        if asked.start is not None and func((asked.start, value)) != value:
            return False
        if own.range_start == "open" and value == asked.start:
            return False
        return own.end_value is None or in_front(value, own, func)

    def moved(self, asked: Asked, value: Any, row: Any) -> bool:
        """Moves the parent's cursor to `value`; whether the row did not come in an earlier run."""
        if not self._per_parent:
            return True
        held, before = self.held.get(asked.key), self._before.get(asked.key)
        name = "" if self._identity is None else self.name_of(row)
        again = name and before is not None and not self.own.lag and value == before.last
        if again and before is not None and name in before.rows:
            return False
        if held is None or self.is_later(value, held.last):
            self.held[asked.key] = Held(value, [name] if name else [])
        elif value == held.last and name and name not in held.rows:
            self.held[asked.key] = Held(value, [*held.rows, name])
        return True

    def is_later(self, value: Any, last: Any) -> bool:
        return bool(value != last and self.own.last_value_func((last, value)) == value)

    def name_of(self, row: Any) -> str:
        values = [row.get(name) for name in self._identity or ()] or row
        single = isinstance(values, list) and len(values) == 1
        return str(digest_dedup_value(values[0] if single else values))


def cursors_of(step: Step, recall: Recall, *, tells_news: bool) -> ListingCursors:
    """The cursors of the parents of `step`, as `recall` knows them.

    With `tells_news`, rows that come again are left out. Where dlt kept one cursor for all parents,
    they begin there: what is before it was added already.
    """
    own = incremental_of(step)
    key = step.resource.primary_key if own.primary_key is None else own.primary_key
    text = recall.cursors(step.name, own.cursor_path)
    identity = (key,) if isinstance(key, str) else tuple(key or ())
    if not tells_news or key == ():
        return ListingCursors(step, own, held=unpacked(text))
    shared = None if text else recall.shared_cursor(step.name, own.cursor_path)
    first = None if shared is None else Held(shared["last_value"], shared["unique_hashes"])
    return ListingCursors(step, own, held=unpacked(text), first=first, identity=identity)


def listings_of(step: Step, cursor: Any) -> Listings:
    """The listings of a step whose cursor, if any, is dlt's."""
    if cursor is not None and window_of(step) is not None:
        return ListingCursors(step, cursor)
    return OneListing(step, cursor)


def in_front(value: Any, own: Any, func: Any) -> bool:
    """Whether `value` is within the range that `end_value` ends."""
    if value == own.end_value:
        return bool(own.range_end == "closed")
    return bool(func((value, own.end_value)) == own.end_value)


def key_of(values: Values) -> str:
    """A short name for the values that a parent is asked by."""
    text = json.dumps([[type(value).__name__, str(value)] for value in values]).encode()
    return base64.b64encode(blake2b(text, digest_size=KEY_BYTES).digest()).decode().rstrip("=")


def packed(held: Mapping[str, Held]) -> str:
    """Cursors as one short text: about 20 bytes a parent."""
    rows = sorted([key, one.last, *one.rows] for key, one in held.items())
    text = json.dumps(rows, separators=(",", ":"), default=str)
    return base64.b85encode(zlib.compress(text.encode(), 9)).decode()


def unpacked(text: str | None) -> dict[str, Held]:
    """The cursors in what `packed` wrote; none of nothing."""
    if not text:
        return {}
    rows = json.loads(zlib.decompress(base64.b85decode(text)))
    return {key: Held(last, found) for key, last, *found in rows}
