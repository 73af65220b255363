"""What follows a page: tables of pages and totals, without any network."""

from __future__ import annotations

from typing import Any

import pytest

from headwater.config.models import OffsetPaginator, PageNumberPaginator
from headwater.errors import PagingError
from headwater.fetch.paginate import Facts, Indexed, pager_of
from headwater.run.course import MOST_EMPTY, Course, Short


def course(pager: Any, most: int = 16) -> Course:
    made = pager_of(pager)
    assert isinstance(made, Indexed)
    return Course(made, most)


def test_a_page_shorter_than_asked_for_is_doubted_until_one_so_long_was_all() -> None:
    """It may be as long as the server allows; a resource's listings share what they learn."""
    short = Short()

    def goes_on(count: int, *then: int) -> list[bool]:
        made = pager_of(OFFSET)
        assert isinstance(made, Indexed)
        one = Course(made, 16, short)
        out = [one.after(rows, Facts(end=count)) for rows in (count, *then)]
        assert one.weigh() == []
        return out

    assert goes_on(3, 0) == [True, False]
    assert goes_on(3) == goes_on(2) == [False]
    assert goes_on(5, 5, 0) == [True, True, False]
    assert goes_on(5, 0) == [True, False]
    assert goes_on(4) == [False]


OFFSET = OffsetPaginator(limit=10)
DEMAND = OffsetPaginator(limit=10, total_path="total", total_required=True)


@pytest.mark.parametrize(
    ("paginator", "pages", "going"),
    [
        (OFFSET, [(10, None)], True),
        (OFFSET, [(10, None), (3, None)], True),
        (OFFSET, [(10, None), (0, None)], False),
        (OFFSET, [(10, 13), (3, 13)], False),
        (OFFSET, [(10, 20), (10, 20)], True),
        (DEMAND, [(10, 20), (10, 20)], False),
        (OFFSET, [(10, 5)], True),
        (OFFSET, [(10, 5), (10, 5), (0, None)], False),
        (OFFSET, [(3, 3)], True),
        (OFFSET, [(3, 3), (0, None)], False),
        (OffsetPaginator(limit=10, stop_after_short_page=True), [(3, 3)], False),
        (OffsetPaginator(limit=10, stop_after_short_page=True), [(3, None)], False),
        (OffsetPaginator(limit=10, stop_after_short_page=True), [(10, None)], True),
        (OffsetPaginator(limit=10, maximum_offset=20), [(10, None), (10, None)], False),
        (OffsetPaginator(limit=10, stop_after_empty_page=False), [(0, 30)], True),
        (OffsetPaginator(limit=10, stop_after_empty_page=False), [(0, 30)] * 3, False),
        (PageNumberPaginator(base_page=1), [(10, 4), (10, 4), (7, 4)], False),
        (PageNumberPaginator(base_page=1), [(10, 444)], True),
        (PageNumberPaginator(stop_after_empty_page=False, maximum_page=3), [(0, None)], True),
        (PageNumberPaginator(stop_after_empty_page=False, maximum_page=3), [(0, None)] * 3, False),
    ],
)
def test_a_listing_goes_on_exactly_while_there_may_be_rows(
    paginator: Any, pages: list[tuple[int, int | None]], going: bool
) -> None:
    """Totals, limits, maxima and empty pages end a listing as the config reference says."""
    state = course(paginator)
    answers = [state.after(count, Facts(end)) for count, end in pages]
    assert answers[-1] is going


def test_the_offset_moves_by_rows_and_a_cap_is_told() -> None:
    """A server that caps the limit is read at its own page size, and the report says so."""
    state = course(OffsetPaginator(limit=250))
    state.after(100, Facts())
    assert state.position == 100
    state.after(100, Facts())
    assert (state.position, state.notes) == (
        200,
        ["the server caps `limit`: 250 asked, 100 a page"],
    )


def test_missing_rows_are_counted_against_the_total() -> None:
    """A listing with fewer rows than its total says how many of how many came."""
    state = course(OFFSET)
    state.after(10, Facts(25))
    state.after(0, Facts(25))
    assert state.weigh() == ["10 of 25 rows came"]


def test_a_total_that_moves_is_told_with_figures() -> None:
    """A total that changes while the listing is read is noted with both of its values."""
    state = course(OFFSET)
    state.after(10, Facts(12))
    state.after(5, Facts(15))
    assert (state.weigh(), state.notes) == (
        [],
        ["the total moved from 12 to 15 while it was read"],
    )


def test_empty_pages_do_not_go_on_for_ever() -> None:
    """An API that always promises more and never sends a row is given up."""
    state = course(OffsetPaginator(limit=1, stop_after_empty_page=False, has_more_path="more"))
    assert all(state.after(0, Facts(more=True)) for _ in range(MOST_EMPTY))
    with pytest.raises(PagingError, match=f"{MOST_EMPTY} empty pages"):
        state.after(0, Facts(more=True))


def test_asking_ahead_shrinks_when_pages_are_out_of_step() -> None:
    """An API whose pages vary in length is asked page by page in the end, not sixteen at once."""
    state = course(OFFSET)
    state.after(10, Facts(1000))
    assert len(state.upcoming()) == 16
    state.missed()
    state.missed()
    state.after(9, Facts(1000))
    assert state.upcoming() == [19]
