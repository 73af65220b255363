"""Listings made never to end, or to lead away: each ends with an error that names the request."""

from __future__ import annotations

import json
import random
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from .conftest import Answer, Hostile

pytestmark = pytest.mark.timeout(20)
ROWS = [{"id": n, "name": f"row {n}"} for n in range(20)]
OFFSET = {"type": "offset", "limit": 20, "total_path": None}
CURSOR = {"type": "cursor", "cursor_path": "next", "cursor_param": "cursor"}
LINK = {"type": "json_link", "next_url_path": "next"}
KEY = "s3cr3t-k3y"


def told(hostile: Hostile, paginator: Any, body: Any, **client: Any) -> str:
    """What a load is refused with whose pages are `body` of their number and their query."""

    def answer(path: str) -> Answer:
        query = {name: values[0] for name, values in parse_qs(urlsplit(path).query).items()}
        return Answer(json.dumps(body(len(hostile.asked) - 1, query)).encode())

    hostile.answer = answer
    text = hostile.refused(paginator=paginator, client=client)
    assert "/items" in text
    return text


def shuffled(number: int, rows: list[Any]) -> list[Any]:
    return random.Random(number).sample(rows, len(rows))


@pytest.mark.parametrize(
    ("paginator", "body", "expected"),
    [
        (OFFSET, lambda n, q: {"data": ROWS}, "rows that came before"),
        (OFFSET, lambda n, q: {"data": shuffled(n, ROWS)}, "came before, in another order"),
        (
            {"type": "page_number", "total_path": None},
            lambda n, q: {"data": shuffled(n, ROWS)},
            "came before, in another order",
        ),
        (
            CURSOR,
            lambda n, q: {"data": shuffled(n, ROWS) + ROWS[:n], "next": f"c{n}"},
            "came before, in another order",
        ),
        (CURSOR, lambda n, q: {"data": [{"id": n}], "next": "same"}, "was asked before"),
        (CURSOR, lambda n, q: {"data": [], "next": "x" * (n + 1)}, "empty pages came in a row"),
        (CURSOR, lambda n, q: {"data": [{"id": n}], "next": "x" * 8**n}, ""),
        (CURSOR, lambda n, q: {"data": [{"id": n}], "next": ["a", {"b": n // 3}]}, ""),
        (LINK, lambda n, q: {"data": [{"id": n}], "next": "/items"}, "was asked before"),
        (LINK, lambda n, q: {"data": [], "next": f"/items?page={n}"}, "empty pages came in a row"),
        (LINK, lambda n, q: {"data": [], "next": "http://[::1"}, "is no http URL"),
        (LINK, lambda n, q: {"data": [], "next": "http://h:99999/"}, "is no http URL"),
        (LINK, lambda n, q: {"data": [], "next": "file:///etc/passwd"}, "is no http URL"),
        (
            {**OFFSET, "has_more_path": "more", "stop_after_empty_page": False},
            lambda n, q: {"data": [], "more": True},
            "empty pages came in a row",
        ),
    ],
)
def test_a_listing_without_end_ends(
    hostile: Hostile, paginator: Any, body: Any, expected: str
) -> None:
    """Whatever repeats, turns in a circle or brings nothing for ever is an error."""
    assert expected in told(hostile, paginator, body)
    assert len(hostile.asked) < 1100


@pytest.mark.parametrize(
    ("link", "allowed"),
    [
        ("http://localhost:{port}/items?page=2", []),
        ("//evil.example/items", []),
        ("http://169.254.169.254/latest/meta-data", ["169.254.169.254"]),
        ("http://[fe80::1]/items", ["fe80::1"]),
        ("http://metadata.google.internal/computeMetadata", ["metadata.google.internal"]),
        ("http://127.0.0.1:{port}@evil.example/", ["127.0.0.1"]),
    ],
)
@pytest.mark.parametrize("by", ["link", "redirect"])
def test_nothing_is_sent_away_from_home(
    hostile: Hostile, link: str, allowed: list[str], by: str
) -> None:
    """A link or redirect elsewhere is refused before anything is sent, and shows no key."""
    port = hostile.base_url.rsplit(":", 1)[1]
    there = link.format(port=port)
    body = json.dumps({"data": ROWS, "next": there}).encode()
    hostile.answer = lambda path: (
        Answer(body) if by == "link" else Answer(status=302, headers={"Location": there})
    )
    auth = {"type": "bearer", "token": KEY}
    text = hostile.refused(paginator=LINK, client={"auth": auth, "allowed_hosts": allowed})
    assert "not followed" in text
    assert KEY not in text
    assert len(hostile.asked) == 1


@pytest.mark.parametrize("key", [KEY, "k3y"])
@pytest.mark.parametrize("status", [401, 500, 200])
def test_no_key_is_told(hostile: Hostile, key: str, status: int) -> None:
    """Keys are masked in what is told, also short ones, also where the API echoes them."""
    hostile.answer = lambda path: Answer(f'{{"key": "{key}" <{path}>'.encode(), status=status)
    auth = {"type": "api_key", "name": "key", "api_key": key, "location": "query"}
    text = hostile.refused(client={"auth": auth})
    assert "***" in text
    assert key not in text
    assert f"key={key}" in hostile.asked[0]
