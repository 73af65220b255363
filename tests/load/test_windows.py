"""Windows cut what a cursor has not seen: no gap, no overlap, in the form of the cursor."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.errors import UsageError
from headwater.load.windows import MOST_WINDOWS, cut

NOW = datetime(2026, 3, 15, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("start", "end", "window", "wanted"),
    [
        (
            "2026-03-01",
            "2026-03-08",
            "3d",
            ["2026-03-01", "2026-03-04", "2026-03-07", "2026-03-08"],
        ),
        ("2026-03-01", None, "1w", ["2026-03-01", "2026-03-08", "2026-03-15", "2026-03-22"]),
        (
            "2026-03-15T11:00:00Z",
            None,
            "45m",
            ["2026-03-15T11:00:00Z", "2026-03-15T11:45:00Z", "2026-03-15T12:30:00Z"],
        ),
        (
            "2026-03-15T12:30:00+01:00",
            None,
            "1h",
            ["2026-03-15T12:30:00+01:00", "2026-03-15T13:30:00+01:00"],
        ),
        (
            "2026-03-15T11:30:00.5Z",
            None,
            "1h",
            ["2026-03-15T11:30:00.5Z", "2026-03-15T12:30:00.500000Z"],
        ),
        (1773576000 - 90, None, "1m", [1773576000 - 90, 1773576000 - 30, 1773576000 + 30]),
        (1773576000000 - 90000, None, "60s", [1773575910000, 1773575970000, 1773576030000]),
        (0, 25, 10, [0, 10, 20, 25]),
        ("2027-01-01", None, "1d", ["2027-01-01", "2027-01-02"]),
    ],
)
def test_windows(start: Any, end: Any, window: Any, wanted: list[Any]) -> None:
    """Dates stay dates, times keep their zone and form, numbers are seconds or milliseconds."""
    spans = cut(start, end, window, NOW)
    assert [begin for begin, _ in spans] == wanted[:-1]
    assert [stop for _, stop in spans] == wanted[1:]


@pytest.mark.parametrize(
    ("start", "end", "window", "text"),
    [
        ("soon", None, "1d", "'soon' is no date or time"),
        (None, None, "1d", "None is no number, date or time"),
        ("2026-01-01", None, 30, "write a time such as 30d"),
        ("2026-01-01", None, "1h", "shorter than what '2026-01-01' can tell apart"),
        (5, None, 10, "without an end_value"),
        ("1970-01-01T00:00:00Z", None, "1m", "of them (make them longer"),
    ],
)
def test_windows_that_cannot_be_cut(start: Any, end: Any, window: Any, text: str) -> None:
    """Each reason is said with what would be right."""
    with pytest.raises(UsageError) as caught:
        cut(start, end, window, NOW)
    assert text in str(caught.value)


@given(
    st.integers(0, 10**9),
    st.integers(1, 10**7),
    st.integers(1, 5000),
    st.integers(-(10**6), 10**6),
)
def test_numbers_leave_no_gap(start: int, span: int, parts: int, after: int) -> None:
    """Every number between the ends is in exactly one window."""
    length = max(1, span // parts)
    if span / length > MOST_WINDOWS:
        return
    spans = cut(start, start + span, length)
    number = start + after % span
    assert sum(begin <= number < stop for begin, stop in spans) == 1
    assert (spans[0][0], spans[-1][1]) == (start, start + span)


@given(st.datetimes(datetime(2020, 1, 1), datetime(2026, 3, 15)), st.integers(1, 400))
def test_times_leave_no_gap(start: datetime, days: int) -> None:
    """Windows of times follow each other up to now, and hold it."""
    text = start.replace(microsecond=0).isoformat() + "Z"
    spans = cut(text, None, f"{days}d", NOW)
    assert spans[0][0] == text
    assert all(one[1] == two[0] for one, two in pairwise(spans))
    last = [datetime.fromisoformat(edge) for edge in spans[-1]]
    assert last[1] - last[0] == timedelta(days=days)
    assert last[0] <= NOW <= last[1]
