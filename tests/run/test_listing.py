"""Whole listings against a scripted API: every row once, in order, and an end to everything."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from aiohttp import web
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headwater.config.models import (
    CursorPaginator,
    HeaderLinkPaginator,
    JsonLinkPaginator,
    OffsetPaginator,
    PageNumberPaginator,
    ResponseAction,
)
from headwater.errors import FetchError, PagingError
from headwater.events import ListingEnded, Noticed, PageRead, Retried
from headwater.fetch.paginate import pager_of

pytestmark = pytest.mark.timeout(20)
Read = Callable[..., Any]
ROWS = [{"id": n} for n in range(444)]


def answer(body: Any, status: int = 200, **headers: str) -> web.Response:
    return web.Response(
        body=json.dumps(body).encode(),
        status=status,
        headers={"Content-Type": "application/json", **headers},
    )


def offsets(rows: list[Any], *, cap: int = 10**6, **facts: Any) -> Any:
    async def handler(request: web.BaseRequest) -> web.Response:
        start = int(request.query.get("offset", 0))
        size = min(int(request.query.get("limit", 10)), cap)
        return answer({"data": rows[start : start + size], **facts})

    return handler


def pages(rows: list[Any], size: int, *, base: int, name: str, missing: int = 200) -> Any:
    count = -(-len(rows) // size)

    async def handler(request: web.BaseRequest) -> web.Response:
        page = int(request.query.get("page", base)) - base
        if page >= count and missing != 200:
            return answer({"detail": "no such page"}, missing)
        return answer({"data": rows[page * size : (page + 1) * size], name: count})

    return handler


def test_a_capped_limit_loses_no_rows(read_listing: Read) -> None:
    """Asked for 250 and given 100 a page, all 444 rows come, and the cap is told."""
    out = read_listing(offsets(ROWS, cap=100), pager_of(OffsetPaginator(limit=250)))
    assert (out.rows, out.error) == (ROWS, None)
    assert "the server caps `limit`: 250 asked, 100 a page" in [e.what for e in out.of(Noticed)]


@pytest.mark.parametrize("total", [{}, {"total": 30}])
def test_among_many_listings_nothing_is_asked_in_vain(
    read_listing: Read, total: dict[str, int]
) -> None:
    """Pages that nobody knows of are not asked ahead where other listings wait for their turn."""
    pager = pager_of(OffsetPaginator(limit=10))
    out = read_listing(offsets(ROWS[:30], **total), pager, crowd=4)
    assert out.rows == ROWS[:30]
    assert len(out.asked) == 4


def test_a_listing_short_of_its_total_is_partial(read_listing: Read) -> None:
    """Where the API names 444 and 200 come, the listing ends as partial with both figures."""
    out = read_listing(offsets(ROWS[:200], total=444), pager_of(OffsetPaginator(limit=100)))
    (end,) = out.of(ListingEnded)
    assert (end.status, end.rows, end.expected) == ("partial", 200, 444)
    assert out.listing.reasons == ["200 of 444 rows came"]


@pytest.mark.parametrize("base", [0, 1])
def test_counted_pages_are_found_and_read_once_each(read_listing: Read, base: int) -> None:
    """Auto paging reads pages counted from 1, and from 0 where the body says so, once each."""

    async def handler(request: web.BaseRequest) -> web.Response:
        page = int(request.query.get("page", base))
        rows = ROWS[(page - base) * 100 : (page - base + 1) * 100]
        return answer({"page": page, "data": rows, "total_pages": 5})

    assert read_listing(handler, None).rows == ROWS


@pytest.mark.parametrize(
    ("paginator", "facts"),
    [
        (OffsetPaginator(limit=10), {}),
        (PageNumberPaginator(), {"total": 50}),
        (CursorPaginator(cursor_path="next", cursor_param="after"), {"next": "same"}),
        (JsonLinkPaginator(next_url_path="next"), {"next": "/items?x=1"}),
    ],
)
def test_the_same_page_for_ever_is_an_error(read_listing: Read, paginator: Any, facts: Any) -> None:
    """An API that ignores the offset, repeats a cursor or links to itself ends with its name."""

    async def handler(request: web.BaseRequest) -> web.Response:
        return answer({"data": ROWS[:10], **facts})

    out = read_listing(handler, pager_of(paginator))
    assert isinstance(out.error, PagingError)
    assert "/items" in str(out.error)
    assert out.rows == ROWS[:10]


@pytest.mark.parametrize("paginator", [CursorPaginator(cursor_path="next"), JsonLinkPaginator()])
def test_a_circle_of_new_rows_names_what_came_twice(read_listing: Read, paginator: Any) -> None:
    """A cursor or link that was followed before is named, even where the rows are new."""
    served = iter(range(100))

    async def handler(request: web.BaseRequest) -> web.Response:
        link = "/items?cursor=a"
        token = link if isinstance(paginator, JsonLinkPaginator) else "a"
        return answer({"data": [next(served)], "next": token})

    out = read_listing(handler, pager_of(paginator))
    assert "cursor=a -> was asked before" in str(out.error)


def test_a_link_to_another_host_is_refused_before_it_is_asked(read_listing: Read) -> None:
    """A next link elsewhere is an error that names both, and nothing is sent there."""

    async def handler(request: web.BaseRequest) -> web.Response:
        return answer({"data": [1]}, Link='<http://localhost:9/items?page=2>; rel="next"')

    out = read_listing(handler, pager_of(HeaderLinkPaginator()))
    assert "to http://localhost:9, which is not followed" in str(out.error)
    assert out.asked == ["/items"]


def test_errors_with_status_200_are_no_empty_page(read_listing: Read) -> None:
    """An answer that has errors and nothing under the selector fails the listing with its text."""

    async def handler(request: web.BaseRequest) -> web.Response:
        return answer({"data": None, "errors": [{"message": "quota"}]})

    out = read_listing(handler, pager_of(OffsetPaginator(limit=10)))
    assert 'errors and no rows: [{"message": "quota"}]' in str(out.error)


@pytest.mark.parametrize("selector", ["data", None])
def test_an_answer_with_empty_errors_matches_nothing(read_listing: Read, selector: Any) -> None:
    """`{"errors": []}` is an answer in which no selector matched, found or given."""

    async def handler(request: web.BaseRequest) -> web.Response:
        return answer({"errors": []})

    out = read_listing(handler, pager_of(OffsetPaginator(limit=10)), selector=selector)
    selected = out.listing.selected
    assert (out.rows, selected.answers, selected.matched, selected.keys) == ([], 1, 0, ("errors",))


@pytest.mark.parametrize("bad", ["html", "cut", "empty", "reset", "half", "gzip"])
def test_unreadable_answers_are_asked_again(read_listing: Read, bad: str) -> None:
    """HTML, cut-off or empty bodies and closed connections are failures that are repeated."""
    seen: dict[str, int] = {}

    async def handler(request: web.BaseRequest) -> web.StreamResponse:
        key = request.path_qs
        seen[key] = seen.get(key, 0) + 1
        good = await offsets(ROWS[:30])(request)
        if seen[key] > 1:
            return good
        if bad in ("reset", "cut"):
            response = web.StreamResponse()
            response.content_length = 100
            await response.prepare(request)
            if bad == "cut":
                await response.write(b'{"data": [')
            request.transport.close()
            return response
        bodies = {"html": b"<html>", "empty": b"", "half": good.body[:20], "gzip": b"no gzip"}
        headers = {"Content-Encoding": "gzip"} if bad == "gzip" else {}
        return web.Response(body=bodies[bad], headers=headers)

    out = read_listing(handler, pager_of(OffsetPaginator(limit=10)))
    assert (out.rows, out.error) == (ROWS[:30], None)
    assert len(out.of(Retried)) >= 3


def test_html_for_good_fails_after_the_tries_of_the_rule(read_listing: Read) -> None:
    """A body that never is JSON ends with its first line and the number of tries."""

    async def handler(request: web.BaseRequest) -> web.Response:
        return web.Response(text="<h1>Maintenance</h1>\nlater")

    out = read_listing(handler, pager_of(OffsetPaginator(limit=10)))
    assert isinstance(out.error, FetchError)
    assert "it begins with `<h1>Maintenance</h1>` after 5 tries" in str(out.error)


def test_pages_ahead_that_fail_do_not_matter_once_the_listing_ended(read_listing: Read) -> None:
    """Requests past the last page may fail: the listing ended before it was their turn."""

    async def handler(request: web.BaseRequest) -> web.Response:
        start = int(request.query["offset"])
        if start > 60:
            return answer({"error": "out of range"}, 404)
        await asyncio.sleep(0.01)
        return answer({"data": ROWS[start : min(start + 10, 60)]})

    out = read_listing(handler, pager_of(OffsetPaginator(limit=10)), concurrency=8)
    assert (out.rows, out.error, out.left_over) == (ROWS[:60], None, 0)
    assert sum(event.rows for event in out.of(PageRead)) == 60


def test_stopping_early_leaves_nothing_under_way(read_listing: Read) -> None:
    """A reader that stops after one page leaves no task behind."""
    out = read_listing(offsets(ROWS, total=444), pager_of(OffsetPaginator(limit=10)), take=10)
    assert (len(out.rows), out.left_over) == (10, 0)


def test_pages_of_odd_lengths_come_whole_without_a_storm(read_listing: Read) -> None:
    """Pages that vary in length are read once each; few requests are made in vain."""

    async def handler(request: web.BaseRequest) -> web.Response:
        start = int(request.query["offset"])
        return answer({"data": ROWS[start : start + 7 + start % 3], "total": 444})

    out = read_listing(handler, pager_of(OffsetPaginator(limit=10)), concurrency=16)
    assert (out.rows, out.error) == (ROWS, None)
    assert len(out.asked) < 2 * len(out.of(PageRead))


def test_a_count_of_pages_ends_where_the_api_has_no_page(read_listing: Read) -> None:
    """A full last page is followed by one more question; that there is none is the end."""
    handler = pages(ROWS[:40], 10, base=1, name="total", missing=404)
    out = read_listing(handler, pager_of(PageNumberPaginator(base_page=1)))
    assert (out.rows, out.error) == (ROWS[:40], None)


@pytest.mark.parametrize(
    ("action", "rows"),
    [
        ({"status_code": 404}, 20),
        ({"status_code": "404"}, 20),
        ({"content": "no such"}, 20),
        ({"status_code": 404, "content": "no such"}, 20),
        ({"status_code": 403}, None),
        ({"status_code": 404, "content": "other"}, None),
    ],
)
def test_ignored_answers_end_a_listing_silently(
    read_listing: Read, action: dict[str, Any], rows: int | None
) -> None:
    """The first action `ignore` that fits ends paging, before any repeat, without a word."""

    async def handler(request: web.BaseRequest) -> web.Response:
        start = int(request.query["offset"])
        if start >= 20:
            return answer({"error": "no such page"}, 404)
        return answer({"data": ROWS[start : start + 10]})

    actions = [ResponseAction(action="ignore", **action)]
    out = read_listing(handler, pager_of(OffsetPaginator(limit=10)), actions=actions)
    if rows is None:
        assert out.error is not None
    else:
        assert (out.rows, out.error) == (ROWS[:rows], None)
        assert not out.of(Noticed)


def test_rows_with_numbers_that_are_no_json_are_not_lost(read_listing: Read) -> None:
    """A body with NaN, which Python reads and others do not, is read as dlt reads it."""

    async def handler(request: web.BaseRequest) -> web.Response:
        start = int(request.query["offset"])
        return web.Response(body=b'{"data": [{"x": NaN}]}' if not start else b'{"data": []}')

    out = read_listing(handler, pager_of(OffsetPaginator(limit=10)))
    assert (len(out.rows), out.listing.selected.matched) == (1, 2)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    count=st.integers(0, 60),
    limit=st.integers(1, 20),
    cap=st.integers(1, 20),
    total=st.sampled_from(["absent", "right", "text", "page", "none", "less"]),
    by_rows=st.booleans(),
    concurrency=st.integers(1, 16),
    jitter=st.lists(st.integers(0, 3), min_size=1, max_size=8),
)
def test_rows_come_once_and_in_order_whatever_the_api(
    read_listing: Read,
    count: int,
    limit: int,
    cap: int,
    total: str,
    by_rows: bool,
    concurrency: int,
    jitter: list[int],
) -> None:
    """Any page size, cap, total (right, wrong or none), latency and concurrency: every row once."""
    rows = [{"id": n} for n in range(count)]
    turns = iter(range(10**6))

    async def handler(request: web.BaseRequest) -> web.Response:
        await asyncio.sleep(jitter[next(turns) % len(jitter)] / 2000)
        size = min(limit, cap)
        start = int(request.query["offset"]) if by_rows else int(request.query["page"]) * size
        page = rows[start : start + size]
        right = count if by_rows else -(-count // size)
        facts = {"right": right, "text": str(right), "page": len(page), "none": None}
        facts["less"] = max(0, right - size)
        if total == "absent" or (total == "page" and not by_rows):
            return answer({"data": page})
        return answer({"data": page, "total": facts[total]})

    paginator = (
        OffsetPaginator(limit=limit) if by_rows else PageNumberPaginator(limit=size_of(limit, cap))
    )
    out = read_listing(handler, pager_of(paginator), concurrency=concurrency)
    assert out.error is None
    assert out.rows == rows
    assert out.left_over == 0


def size_of(limit: int, cap: int) -> int:
    return min(limit, cap)
