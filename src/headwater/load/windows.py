"""Windows: what a cursor has not seen yet, cut into parts that are asked for on their own."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any, TypeAlias

from dlt.common.time import datetime_obj_to_str, detect_datetime_format, ensure_datetime

from headwater.errors import UsageError

__all__ = ["MOST_WINDOWS", "cut"]

MOST_WINDOWS = 10_000
# A number of so many seconds since 1970, or more, is one of milliseconds.
EPOCH_MS = 1e11

UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}

Span: TypeAlias = tuple[Any, Any]


def cut(start: Any, end: Any, window: str | float, now: datetime | None = None) -> list[Span]:
    """Windows from `start` to `end`, or until one holds `now`; each begins where the last ended.

    `start` is a number, or text of a date or time, whose form the windows keep. A `window` such as
    "30d" of numbers is one of seconds since 1970, or of milliseconds where they are that large. The
    last window is as long as the others where there is no `end`: a run that goes on later asks for
    the same ones. Raises UsageError on what is no such cursor, and on more than 10,000 windows.
    """
    now = now or datetime.now(UTC)
    if isinstance(start, bool) or not isinstance(start, (int, float, str)):
        raise UsageError(f"window: {start!r} is no number, date or time to begin at")
    if isinstance(start, str):
        return of_text(start, end, window, now)
    return of_numbers(start, end, window, now)


def of_numbers(start: float, end: Any, window: str | float, now: datetime) -> list[Span]:
    if isinstance(window, str):
        unit = 1000 if start >= EPOCH_MS else 1
        length: float = window_length(window).total_seconds() * unit
        last = end if end is not None else now.timestamp() * unit
    else:
        length = window
        if end is None:
            raise UsageError("window: a number, without an end_value (write a time such as 30d)")
        last = end
    if isinstance(start, int) and float(length).is_integer():
        length = int(length)
    count = counted((last - start) / length)
    edges = [start + length * n for n in range(count + 1)]
    return spans(edges, end)


def of_text(start: str, end: Any, window: str | float, now: datetime) -> list[Span]:
    form = detect_datetime_format(start)
    if form is None:
        raise UsageError(f"window: {start!r} is no date or time to begin at (write 2024-01-31)")
    if not isinstance(window, str):
        raise UsageError(f"window: {window} of dates (write a time such as 30d)")
    length = window_length(window)
    first = ensure_datetime(start)
    last = ensure_datetime(end) if end is not None else now
    if first.tzinfo is None or last.tzinfo is None:
        first, last = (x if x.tzinfo else x.replace(tzinfo=UTC) for x in (first, last))
    count = counted((last - first) / length)
    edges = [start, *(shown(first + length * n, form) for n in range(1, count + 1))]
    if len(set(edges)) < len(edges):
        raise UsageError(f"window: {window} is shorter than what {start!r} can tell apart")
    return spans(edges, end)


def window_length(window: str) -> timedelta:
    """The time that `30d` is; s, m, h, d and w are known."""
    return timedelta(**{UNITS[window[-1]]: float(window[:-1])})


def counted(ratio: float) -> int:
    """How many windows there are, one at least. Raises UsageError where they are too many."""
    count = max(1, math.ceil(ratio) if not ratio.is_integer() else int(ratio))
    if count > MOST_WINDOWS:
        raise UsageError(f"window: {count:,} of them (make them longer, or begin later)")
    return count


def spans(edges: list[Any], end: Any) -> list[Span]:
    if end is not None:
        edges[-1] = end
    return list(pairwise(edges))


def shown(moment: datetime, form: str) -> str:
    moment = datetime.fromisoformat(moment.isoformat())
    if form.endswith("Z") or "%z" not in form.replace("%:z", "%z"):
        moment = moment.astimezone(UTC)
    return str(datetime_obj_to_str(moment, form))
