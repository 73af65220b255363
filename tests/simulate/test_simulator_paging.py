"""Paging: every kind walked from the first page to the last yields exactly the rows there are."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest

Walk = Callable[[Any, str], list[Any]]


def offsets(ask: Any, url: str) -> list[Any]:
    rows: list[Any] = []
    while True:
        page = ask(f"{url}?offset={len(rows)}&limit=7").body["data"]
        rows += page
        if not page:
            return rows


def numbers(ask: Any, url: str) -> list[Any]:
    rows: list[Any] = []
    for number in range(1, 1 + ask(f"{url}?page=1&limit=7").body["meta"]["pages"]):
        rows += ask(f"{url}?page={number}&limit=7").body["data"]
    return rows


def cursors(ask: Any, url: str) -> list[Any]:
    rows: list[Any] = []
    cursor = ""
    while cursor is not None:
        body = ask(f"{url}?limit=7&after={quote(cursor)}").body
        rows, cursor = rows + body["data"], body["paging"]["next"]
    return rows


def header_cursors(ask: Any, url: str) -> list[Any]:
    rows: list[Any] = []
    cursor: str | None = ""
    while cursor is not None:
        reply = ask(f"{url}?cursor={quote(cursor)}")
        rows, cursor = rows + reply.body["data"], reply.headers.get("X-Next")
    return rows


def links(ask: Any, url: str) -> list[Any]:
    rows: list[Any] = []
    link: str | None = f"{url}?limit=7&kind=a%20b"
    while link is not None:
        assert "kind=a" in link
        body = ask(link).body
        rows, link = rows + body["data"], body["links"]["next"]
    return rows


def header_links(ask: Any, url: str) -> list[Any]:
    rows: list[Any] = []
    link: str | None = url
    while link is not None:
        reply = ask(link)
        found = re.fullmatch(r'<(.*)>; rel="next"', reply.headers.get("Link", ""))
        rows, link = rows + reply.body["data"], found[1] if found else None
    return rows


def posted_offsets(ask: Any, url: str) -> list[Any]:
    rows: list[Any] = []
    more = True
    while more:
        body = ask(url, body={"page": {"start": len(rows), "size": 7}}).body
        rows, more = rows + body["data"], body["more"]
    return rows


def posted_cursors(ask: Any, url: str) -> list[Any]:
    rows: list[Any] = []
    cursor = None
    while True:
        body = ask(url, body={"query": "{ things { id } }", "variables": {"after": cursor}}).body
        rows += [edge["node"] for edge in body["data"]["things"]["edges"]]
        cursor = body["data"]["things"]["pageInfo"]["endCursor"]
        if cursor is None:
            return rows


def row_cursors(ask: Any, url: str) -> list[Any]:
    rows: list[Any] = []
    more = True
    while more:
        after = f"&starting_after={rows[-1]['id']}" if rows else ""
        body = ask(f"{url}?limit=7{after}").body
        rows, more = rows + body["data"], body["has_more"]
    return rows


OFFSET_BODY = {
    "type": "offset",
    "limit": 7,
    "offset_body_path": "page.start",
    "limit_body_path": "page.size",
    "has_more_path": "more",
    "total_path": None,
}
GRAPHQL = {
    "method": "POST",
    "data_selector": "data.things.edges[*].node",
    "json": {"query": "{{ things {{ id }} }}", "variables": {}},
    "paginator": {
        "type": "cursor",
        "cursor_path": "data.things.pageInfo.endCursor",
        "cursor_body_path": "variables.after",
    },
}
NUMBERED = {"type": "page_number", "base_page": 1, "total_path": "meta.pages"}
CURSOR = {"type": "cursor", "cursor_path": "paging.next", "cursor_param": "after"}
ROW_CURSOR = {
    "type": "cursor",
    "cursor_path": "data[-1].id",
    "cursor_param": "starting_after",
    "has_more_path": "has_more",
}
HEADER_CURSOR = {"type": "header_cursor", "cursor_key": "X-Next"}
LINKED = {"type": "json_link", "next_url_path": "links.next"}
KINDS: list[tuple[dict[str, Any], Walk]] = [
    ({"paginator": {"type": "offset", "limit": 7}}, offsets),
    ({"paginator": NUMBERED}, numbers),
    ({"paginator": CURSOR}, cursors),
    ({"paginator": ROW_CURSOR}, row_cursors),
    ({"paginator": HEADER_CURSOR}, header_cursors),
    ({"paginator": LINKED}, links),
    ({"paginator": "header_link"}, header_links),
    ({"paginator": OFFSET_BODY, "method": "POST"}, posted_offsets),
    (GRAPHQL, posted_cursors),
    ({"paginator": "single_page"}, lambda ask, url: list(ask(url).body["data"])),
    ({}, lambda ask, url: list(ask(url).body["data"])),
]


@pytest.mark.parametrize("rows", [0, 7, 24])
@pytest.mark.parametrize(("endpoint", "walk"), KINDS)
def test_a_walk_to_the_end_yields_every_row(
    simulate: Any, ask: Any, endpoint: dict[str, Any], walk: Walk, rows: int
) -> None:
    """In order, once each, whether the last page is full, short or the only one."""
    simulator = simulate([{"name": "things", "endpoint": endpoint}], rows=rows)
    assert walk(ask, f"{simulator.base_url}/things") == simulator.truth("things")
    assert len(simulator.truth("things")) == rows


@pytest.mark.parametrize("kind", ["json_link", "header_link", "page_number"])
def test_auto_pages_as_the_options_say(simulate: Any, ask: Any, kind: str) -> None:
    """An endpoint without paginator can page in the ways that clients detect."""
    simulator = simulate(["things"], auto_as=kind)
    reply = ask(f"{simulator.base_url}/things")
    assert len(reply.body["data"]) == 10
    shown = {"json_link": "next" in reply.body, "header_link": "Link" in reply.headers}
    assert shown.get(kind, reply.body.get("total_pages") == 3 and reply.body["page"] == 1)


def test_totals_are_told_where_they_are_demanded(simulate: Any, ask: Any) -> None:
    """A total path of one's own is served; the default one only when the options say so."""
    plain = {"type": "offset", "limit": 5}
    named = {"type": "offset", "limit": 5, "total_path": "meta.total"}
    resources = [
        {"name": "plain", "endpoint": {"paginator": plain}},
        {"name": "named", "endpoint": {"paginator": named}},
    ]
    silent, telling = simulate(resources), simulate(resources, totals=True)
    assert ask(f"{silent.base_url}/plain").body.keys() == {"data"}
    assert ask(f"{silent.base_url}/named").body["meta"] == {"total": 25}
    assert ask(f"{telling.base_url}/plain").body["total"] == 25


def test_a_cursor_path_below_response_means_the_body(simulate: Any, ask: Any) -> None:
    """`response.next` is served as `next`, the way the documented APIs answer."""
    paginator = {
        "type": "cursor",
        "cursor_path": "response.next",
        "cursor_param": "next",
        "limit": 1,
    }
    simulator = simulate([{"name": "things", "endpoint": {"paginator": paginator}}])
    body = ask(f"{simulator.base_url}/things?limit=1").body
    assert len(body["data"]) == 1
    assert isinstance(body["next"], str)


def test_the_server_caps_page_sizes_silently(simulate: Any, ask: Any) -> None:
    """`max_limit` wins over what is asked for, with a 200."""
    paginator = {"type": "offset", "limit": 20}
    simulator = simulate([{"name": "things", "endpoint": {"paginator": paginator}}], max_limit=4)
    assert len(ask(f"{simulator.base_url}/things?limit=20").body["data"]) == 4
    assert ask(f"{simulator.base_url}/things?limit=20&offset=999").body["data"] == []


@pytest.mark.parametrize("query", ["limit=ten", "limit=-1", "offset=1.5", "offset=-3"])
def test_bad_numbers_are_refused(simulate: Any, ask: Any, query: str) -> None:
    """A limit or offset that is no whole number gets a 400 that names it."""
    paginator = {"type": "offset", "limit": 20}
    simulator = simulate([{"name": "things", "endpoint": {"paginator": paginator}}])
    reply = ask(f"{simulator.base_url}/things?{query}")
    assert reply.status == 400
    assert query.split("=", maxsplit=1)[0] in reply.body["error"]


def test_an_unknown_cursor_is_refused(simulate: Any, ask: Any) -> None:
    """A cursor that no page gave out gets a 400."""
    simulator = simulate([{"name": "things", "endpoint": {"paginator": "cursor"}}])
    for cursor in ("x", "MTA6", "größe"):
        assert ask(f"{simulator.base_url}/things?cursor={quote(cursor)}").status == 400


@pytest.mark.parametrize(
    ("selector", "keys"),
    [
        ("items", ["items"]),
        ("result.items", ["result", "items"]),
        ("$.rows[*]", ["rows"]),
        ("$", []),
    ],
)
def test_rows_stand_where_the_selector_looks(
    simulate: Any, ask: Any, selector: str, keys: list[str]
) -> None:
    """The envelope follows the selector; `$` is a bare list."""
    simulator = simulate([{"name": "things", "endpoint": {"data_selector": selector}}])
    body = ask(f"{simulator.base_url}/things").body
    for key in keys:
        body = body[key]
    assert body == simulator.truth("things")
