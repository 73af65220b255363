"""What follows a page, without any network; detection is held against dlt's own."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
import requests
from dlt.sources.helpers.rest_client.detector import PaginatorFactory, find_next_page_path
from hypothesis import assume, given
from hypothesis import strategies as st

from headwater.config.models import (
    AutoPaginator,
    CursorPaginator,
    HeaderCursorPaginator,
    HeaderLinkPaginator,
    JsonLinkPaginator,
    OffsetPaginator,
    PageNumberPaginator,
    SinglePagePaginator,
)
from headwater.errors import PagingError
from headwater.fetch.body import Body
from headwater.fetch.page import Page, Request
from headwater.fetch.paginate import (
    BodyCursor,
    BodyLink,
    HeaderLink,
    Indexed,
    SinglePage,
    detect,
    pager_of,
)

FIRST = Request("GET", "https://h/items", {"q": "1"})


def page_of(tree: Any, url: str = FIRST.url, **headers: str) -> tuple[Page, Body]:
    raw = json.dumps(tree).encode()
    return Page(FIRST, url, 200, headers, raw), Body(raw)


def after(paginator: Any, tree: Any, **headers: str) -> str | None:
    pager: Any = pager_of(paginator)
    following = pager.after(FIRST, *page_of(tree, **headers), [msgspec.Raw(b"{}")])
    return None if following is None else following.full_url


CURSOR = CursorPaginator(cursor_path="next", cursor_param="c")
NEXT = "https://h/items?q=1&c="


@pytest.mark.parametrize(
    ("paginator", "tree", "expected"),
    [
        (CURSOR, {"next": "x y"}, f"{NEXT}x+y"),
        (CURSOR, {"next": 17}, f"{NEXT}17"),
        (CURSOR, {"next": "/items?c=abc&q=9"}, f"{NEXT}abc"),
        (CURSOR, {"next": "https://h/items?c=abc"}, f"{NEXT}abc"),
        *[(CURSOR, tree, None) for tree in ({"next": None}, {"next": ""}, {"next": 0}, {}, [])],
        (
            CursorPaginator(cursor_path="response.next"),
            {"next": "z"},
            "https://h/items?q=1&cursor=z",
        ),
        (
            CursorPaginator(cursor_path="response.next", limit=5),
            {"response": {"next": "z"}, "next": "no"},
            "https://h/items?q=1&limit=5&cursor=z",
        ),
        (CursorPaginator(cursor_path="response.next"), {"response": {}, "next": "no"}, None),
        (
            CursorPaginator(cursor_path="next", has_more_path="more"),
            {"next": "z", "more": "false"},
            None,
        ),
        (
            CursorPaginator(cursor_path="next", has_more_path="more"),
            {"next": "z"},
            "https://h/items?q=1&cursor=z",
        ),
        (JsonLinkPaginator(), {"next": "?page=2"}, "https://h/items?page=2"),
        (JsonLinkPaginator(), {"next": "https://h/x"}, "https://h/x"),
        *[(JsonLinkPaginator(), tree, None) for tree in ({"next": None}, {"next": 3}, {}, [])],
        (SinglePagePaginator(), {"next": "/x"}, None),
    ],
)
def test_the_next_request_is_read_from_the_body(
    paginator: Any, tree: Any, expected: str | None
) -> None:
    """Cursors keep the params, links replace them, and what is no next page is the end."""
    assert after(paginator, tree) == expected


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ('<https://h/x?a=1>; rel="next"', "https://h/x?a=1"),
        ('<https://h/l>; rel="last", <https://h/n>; rel="next"', "https://h/n"),
        ("</n>; rel=next", "https://h/n"),
        ('</n>; title="a, b"; rel="prev next"', "https://h/n"),
        ('<https://h/l>; rel="last"', None),
        ("", None),
    ],
)
def test_the_link_header_is_read(header: str, expected: str | None) -> None:
    """The target of the relation `next` is followed, wherever it stands in the header."""
    assert after(HeaderLinkPaginator(), {}, link=header) == expected


def test_a_cursor_in_a_header_is_sent_back() -> None:
    """The header's name is found in any case."""
    paginator = HeaderCursorPaginator(cursor_key="X-Next", cursor_param="c")
    assert after(paginator, {}, **{"x-next": "t"}) == f"{NEXT}t"
    assert after(paginator, {}) is None


def test_a_link_from_https_to_http_is_refused() -> None:
    """A next link never leads to plain http, whatever hosts are allowed."""
    with pytest.raises(PagingError, match="plain http"):
        after(JsonLinkPaginator(), {"next": "http://h/items?page=2"})


@pytest.mark.parametrize(
    ("paginator", "position", "url", "body"),
    [
        (OffsetPaginator(limit=5), 10, "https://h/items?q=1&offset=10&limit=5", None),
        (OffsetPaginator(limit=5, limit_param="q"), 0, "https://h/items?q=5&offset=0", None),
        (
            OffsetPaginator(limit=5, offset_body_path="p.from", limit_body_path="p.size"),
            3,
            "https://h/items?q=1",
            {"p": {"from": 3, "size": 5}},
        ),
        (PageNumberPaginator(page_param="p"), 2, "https://h/items?q=1&p=2", None),
        (PageNumberPaginator(limit=9), 2, "https://h/items?q=1&page=2&limit=9", None),
    ],
)
def test_a_position_is_written_into_the_request(
    paginator: Any, position: int, url: str, body: Any
) -> None:
    """Position and limit win over params of the same name, in the query or in the body."""
    pager = pager_of(paginator)
    assert isinstance(pager, Indexed)
    request = pager.at(FIRST, position)
    assert (request.full_url, request.json) == (url, body)


@pytest.mark.parametrize(
    ("total", "end"),
    [(5, 5), ("5", 5), (5.0, 5), (5.5, None), (True, None), (None, None), (-1, None), ("?", None)],
)
def test_totals_are_whole_numbers(total: Any, end: int | None) -> None:
    """A total is a count, also as text; anything else is none, an error where it is demanded."""
    pager: Any = pager_of(OffsetPaginator(limit=1))
    assert pager.facts(page_of({"total": total})[1]).end == end
    demanding: Any = pager_of(OffsetPaginator(limit=1, total_required=True))
    if end is None:
        with pytest.raises(PagingError, match="total_path `total` is not in the answer"):
            demanding.facts(page_of({"total": total})[1])


KEYS = ["next", "next_cursor", "Next", "href", "url", "total_pages", "pages", "meta", "links", "id"]
VALUES = st.sampled_from([None, "abc", "/x?page=2", "http://h/x", 3, "4", 0])
TREES = st.dictionaries(
    st.sampled_from(KEYS),
    VALUES | st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=3) | st.just([{"next": "x"}]),
    max_size=5,
)


def spelled(paginator: Any) -> tuple[str, str]:
    kind = type(paginator).__name__
    path = getattr(paginator, "next_url_path", None) or getattr(paginator, "cursor_path", None)
    return kind, str(path or getattr(paginator, "total_path", None) or "")


OURS = {
    HeaderLink: "HeaderLinkPaginator",
    BodyLink: "JSONLinkPaginator",
    BodyCursor: "JSONResponseCursorPaginator",
    Indexed: "PageNumberPaginator",
    SinglePage: "SinglePagePaginator",
}


def counts_are_counts(tree: dict[str, Any]) -> bool:
    """Whether no count of pages is other text: dlt looks at the first one only."""
    return all(
        counts_are_counts(value)
        if isinstance(value, dict)
        else key not in ("total_pages", "pages") or value in (None, 3, "4", 0)
        for key, value in tree.items()
    )


@given(TREES, st.booleans())
def test_paging_is_detected_as_dlt_does(tree: Any, linked: bool) -> None:
    """With one sign of a next page, kind and path of the pager are those of dlt's detector."""
    header = '<https://h/n>; rel="next"' if linked else ""
    assume(counts_are_counts(tree))
    path, _ = find_next_page_path(tree)
    rest = json.loads(json.dumps(tree))
    if path:
        inner = rest
        for key in path[:-1]:
            inner = inner[key]
        del inner[path[-1]]
        assume(find_next_page_path(rest) == (None, None))
    response = requests.Response()
    response._content = json.dumps(tree).encode()
    response.headers["Link"] = header
    reference, _ = PaginatorFactory().create_paginator(response)
    pager, _ = detect(*page_of(tree, link=header))
    kind, where = spelled(reference)
    assert OURS[type(pager)] == kind
    if isinstance(pager, (BodyLink, BodyCursor)):
        assert str(pager.path) == where
    if isinstance(pager, Indexed):
        assert str(pager.total_path) == where


@pytest.mark.parametrize(("named", "start"), [(0, 0), (1, 1), (None, 1), ("0", 0)])
def test_counted_pages_begin_where_the_body_says(named: Any, start: int) -> None:
    """The first page is number one, unless the body itself calls it zero."""
    pager, _ = detect(*page_of({"page": named, "total_pages": 3}))
    assert isinstance(pager, Indexed)
    assert pager.start == start


def test_what_shows_itself_has_no_pager_before_the_first_page() -> None:
    """Auto paging is left open until an answer came."""
    assert pager_of(AutoPaginator()) is None
