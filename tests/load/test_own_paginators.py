"""Paginators of a user's own: the same requests and rows as through dlt."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import pytest
from dlt.sources.helpers.rest_client.paginators import (
    BasePaginator,
    JSONResponseCursorPaginator,
    PageNumberPaginator,
)
from dlt.sources.rest_api import config_setup
from requests import Request, Response
from tests.load.beside import Answer, Asked, both, listing, one, served

from headwater import rest_api_source
from headwater.errors import ConfigError

PAGES = 3


@pytest.fixture
def registered() -> Iterator[None]:
    """What a test registers with dlt is gone after it."""
    kept = dict(config_setup.PAGINATOR_MAP)
    yield
    config_setup.PAGINATOR_MAP.clear()
    config_setup.PAGINATOR_MAP.update(kept)


class PostBody(BasePaginator):
    """Pages by a page number in the body, and says in a header where it is."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size
        self.page = 1

    def init_request(self, request: Request) -> None:
        request.json = {**(request.json or {}), "page": {"number": 1, "size": self.size}}
        request.headers["X-Client-Saw"] = request.headers["X-Client"]

    def update_state(self, response: Response, data: list[Any] | None = None) -> None:
        assert response.status_code == 200
        assert response.json()["data"] == data
        self._has_next_page = len(data or ()) == self.size

    def update_request(self, request: Request) -> None:
        self.page += 1
        request.json["page"]["number"] = self.page
        request.headers["X-Page"] = str(self.page)


class SignedCursor(JSONResponseCursorPaginator):
    """dlt's cursor, with something of its own beside it."""

    def update_state(self, response: Response, data: list[Any] | None = None) -> None:
        super().update_state(response, data)
        self.seen = response.headers["X-Seen"]

    def update_request(self, request: Request) -> None:
        super().update_request(request)
        request.params["seen"] = self.seen


class LinkInHeader(BasePaginator):
    """Follows `Link`, leaves the params behind, and goes on with POST and a form."""

    def update_state(self, response: Response, data: list[Any] | None = None) -> None:
        link = response.links.get("next", {}).get("url")
        self._has_next_page = link is not None
        self.link = urljoin(response.url, link)
        assert response.request.method in ("GET", "POST")
        assert response.elapsed.total_seconds() >= 0
        assert response.cookies["visit"] == "ab"
        assert response.reason == "OK"

    def update_request(self, request: Request) -> None:
        request.url = self.link
        request.params = {}
        request.method = "POST"
        request.data = {"again": "yes"}


def by_body(asked: Asked) -> Any:
    page = asked.json()["page"]
    count = page["size"] if page["number"] < PAGES else 1
    return {"data": [{"id": page["number"] * 10 + n} for n in range(count)]}


def by_cursor(asked: Asked) -> Any:
    number = int(asked.params.get("cursor", 1))
    following = {"next": str(number + 1)} if number < PAGES else {}
    body = {"data": [{"id": number}], "cursors": following}
    return 200, {"X-Seen": f"s{number}"}, body


def by_link(asked: Asked) -> Any:
    number = int(asked.params.get("at", 1))
    headers = {"Set-Cookie": "visit=ab; Path=/"}
    if number < PAGES:
        headers["Link"] = f'</rows?at={number + 1}>; rel="next"'
    return 200, headers, {"data": [{"id": number}]}


def config_of(paginator: Callable[[], Any], **more: Any) -> Callable[[str], dict[str, Any]]:
    def config(base_url: str) -> dict[str, Any]:
        client = {"headers": {"X-Client": "c1"}}
        return listing(base_url, client, paginator=paginator(), **more)

    return config


@pytest.mark.parametrize(
    ("answer", "paginator", "endpoint"),
    [
        (by_body, lambda: PostBody(size=2), {"method": "POST", "json": {"kind": "a"}}),
        (by_cursor, SignedCursor, {"params": {"q": "x y"}}),
        (by_link, LinkInHeader, {"params": {"q": "1"}}),
    ],
    ids=["own", "subclass", "link"],
)
def test_a_paginator_of_ones_own_pages_as_in_dlt(
    answer: Answer, paginator: Any, endpoint: dict[str, Any], tmp_path: Path
) -> None:
    """It is handed real requests and answers, and what it changes is what is sent."""
    theirs, mine = both(lambda: answer, config_of(paginator, **endpoint), tmp_path)
    assert mine.error == theirs.error == ""
    assert mine.asked == theirs.asked
    assert len(mine.asked) == PAGES
    assert mine.rows == theirs.rows


@pytest.mark.parametrize("spelled", ["mine", {"type": "mine", "base_page": 2}], ids=str)
@pytest.mark.usefixtures("registered")
def test_a_registered_paginator_is_known_by_name(spelled: Any, tmp_path: Path) -> None:
    """A class registered with dlt pages by its name, with and without arguments."""

    class Mine(PageNumberPaginator):
        def __init__(self, base_page: int = 1) -> None:
            super().__init__(base_page=base_page, total_path=None, page_param="n", maximum_page=4)

    config_setup.register_paginator("mine", Mine)

    def answer(asked: Asked) -> Any:
        return {"data": [{"id": int(asked.params["n"])}]}

    theirs, mine = both(lambda: answer, config_of(lambda: spelled), tmp_path)
    assert mine.error == theirs.error == ""
    assert mine.asked == theirs.asked
    assert mine.rows == theirs.rows


@pytest.mark.usefixtures("registered")
def test_a_registered_name_may_take_the_place_of_one_of_dlts(tmp_path: Path) -> None:
    """`cursor` means what was registered for it last."""
    config_setup.register_paginator("cursor", SignedCursor)  # type: ignore[arg-type]
    theirs, mine = both(lambda: by_cursor, config_of(lambda: "cursor"), tmp_path)
    assert mine.asked == theirs.asked
    assert [asked.params.get("seen") for asked in mine.asked] == [None, "s1", "s2"]


def test_each_parent_has_a_paginator_of_its_own(tmp_path: Path) -> None:
    """A paginator keeps its state within one listing, also where listings are read at once."""

    def answer(asked: Asked) -> Any:
        if asked.path == "projects":
            return {"data": [{"id": n} for n in range(5)]}
        number = int(asked.params.get("cursor", 1))
        following = {"next": str(number + 1)} if number < PAGES else {}
        rows = [{"id": f"{asked.path}-{number}"}]
        return 200, {"X-Seen": f"{asked.path}{number}"}, {"data": rows, "cursors": following}

    def config(base_url: str) -> dict[str, Any]:
        out = listing(base_url)
        selector = {"data_selector": "data"}
        path = "projects/{resources.projects.id}/tasks"
        out["resources"] = [
            {"name": "projects", "endpoint": {"path": "projects", "paginator": "single_page"}},
            {"name": "tasks", "endpoint": {"path": path, "paginator": SignedCursor(), **selector}},
        ]
        return out

    theirs, mine = both(lambda: answer, config, tmp_path)
    assert sorted(map(repr, mine.asked)) == sorted(map(repr, theirs.asked))
    assert mine.rows == theirs.rows
    assert len(mine.rows["tasks"]) == 5 * PAGES


class Raises(SignedCursor):
    def update_state(self, response: Response, data: list[Any] | None = None) -> None:
        raise KeyError("cursors")


class SetsAuth(SignedCursor):
    def update_request(self, request: Request) -> None:
        request.auth = ("user", "pass")


class Circles(BasePaginator):
    def update_state(self, response: Response, data: list[Any] | None = None) -> None:
        pass

    def update_request(self, request: Request) -> None:
        pass


class Counts(Circles):
    """The page is told in a header alone."""

    number = 1

    def update_request(self, request: Request) -> None:
        self.number += 1
        self._has_next_page = self.number <= PAGES
        request.headers["X-Page"] = str(self.number)


@pytest.mark.parametrize(
    ("paginator", "text"),
    [
        (Raises(), "rows: GET .*/rows -> paginator Raises raised KeyError: 'cursors'"),
        (SetsAuth(), "paginator SetsAuth raised ValueError: it sets `auth` of the request"),
        (Circles(), "/rows -> was asked before: the API pages in a circle"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_paginator_that_goes_wrong_ends_its_listing(
    paginator: BasePaginator, text: str, tmp_path: Path
) -> None:
    """The error names the resource, the request and the paginator; nothing is loaded."""
    with served(by_cursor) as server:
        config = listing(server.base_url, paginator=paginator)
        outcome = one(rest_api_source, server, config, tmp_path)
    assert re.search(text, outcome.error), outcome.error
    assert outcome.rows == {}


def test_requests_may_differ_in_a_header_alone(tmp_path: Path) -> None:
    """A request that differs in its headers is not the same request again."""

    def answer(asked: Asked) -> Any:
        return {"data": [{"id": int(asked.header("x-page") or 1)}]}

    theirs, mine = both(lambda: answer, config_of(Counts), tmp_path)
    assert mine.error == ""
    assert mine.asked == theirs.asked
    assert mine.rows == theirs.rows == {"rows": [(1,), (2,), (3,)]}


@pytest.mark.usefixtures("registered")
def test_a_paginator_that_cannot_be_made_is_a_mistake_of_the_config() -> None:
    """A registered class with other arguments, and one that cannot be copied, are named."""
    config_setup.register_paginator("posted", PostBody)
    with pytest.raises(ConfigError, match=r"resources\.rows\.endpoint\.paginator: .*size"):
        rest_api_source(listing("http://127.0.0.1:1", paginator="posted"))
    locked = SignedCursor()
    locked.lock = threading.Lock()  # type: ignore[attr-defined]
    with pytest.raises(ConfigError, match=r"resources\.rows\.endpoint\.paginator: cannot pickle"):
        rest_api_source(listing("http://127.0.0.1:1", paginator=locked))


def test_a_resumed_run_pages_as_one_run_does(tmp_path: Path) -> None:
    """A paginator is shown kept answers as it was shown them: it comes to the same requests."""
    down = [True]

    def answer(asked: Asked) -> Any:
        late = asked.params.get("cursor") == "3" and down[0]
        return (404, {}, {}) if late else by_cursor(asked)

    with served(answer) as server:
        config = listing(server.base_url, paginator=SignedCursor())
        first = one(rest_api_source, server, config, tmp_path)
        down[0] = False
        second = one(rest_api_source, server, config, tmp_path)
    assert "404" in first.error
    assert [asked.params for asked in second.asked] == [{"cursor": "3", "seen": "s2"}]
    assert second.rows == {"rows": [(1,), (2,), (3,)]}
