"""A session of a user's own: requests leave through it with all that it carries, as in dlt."""

from __future__ import annotations

import io
import json
import re
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests
from dlt.sources.helpers.requests import Client as DltClient
from requests.adapters import BaseAdapter, HTTPAdapter
from tests.load.beside import Answer, Asked, both, listing, one, served

from headwater import rest_api_source

TOKEN = "t0ken-of-the-session"


@pytest.fixture(autouse=True)
def no_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tries follow each other at once, three of them."""
    monkeypatch.setenv("RUNTIME__REQUEST_BACKOFF_FACTOR", "0")
    monkeypatch.setenv("RUNTIME__REQUEST_MAX_ATTEMPTS", "3")


def rows(asked: Asked) -> Any:
    number = int(asked.params.get("offset", 0))
    return {"data": [{"id": number}] if number < 3 else [], "total": 3}


class Stamping(HTTPAdapter):
    """An adapter that adds a header to what it sends."""

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:  # type: ignore[override]
        request.headers["X-Adapter"] = "stamped"
        return super().send(request, **kwargs)


class Overriding(requests.Session):
    """A session that looks at what it sends, and at what comes."""

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:
        request.headers["X-Sent-By"] = "override"
        response = super().send(request, **kwargs)
        response.headers["X-Came"] = "by override"
        return response


class Canned(BaseAdapter):
    """An adapter that asks nobody."""

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:  # type: ignore[override]
        response = requests.Response()
        response.status_code, response.url = 200, request.url or ""
        response.raw = io.BytesIO(b'{"data": [{"id": 42}]}')
        response.request = request
        return response

    def close(self) -> None:
        pass


def carrying() -> requests.Session:
    session = requests.Session()
    session.headers.update({"X-Session": "s1", "X-Client": "below"})
    session.params = {"always": "yes"}
    session.cookies.set("visit", "ab")
    session.auth = ("user", "pass")
    return session


def stamping() -> requests.Session:
    session = requests.Session()
    session.mount("http://", Stamping())
    return session


def canned() -> requests.Session:
    session = requests.Session()
    session.mount("http://", Canned())
    return session


def strict() -> requests.Session:
    session = requests.Session()
    session.hooks["response"].append(raise_error)
    return session


def raise_error(response: requests.Response, *args: Any, **kwargs: Any) -> None:
    raise ValueError("dlt never calls this")


BEARER = {"type": "bearer", "token": "above"}
PAGED = {"paginator": {"type": "offset", "limit": 1, "total_path": "total"}}


@pytest.mark.parametrize(
    ("session", "client", "endpoint"),
    [
        (carrying, {}, PAGED),
        (carrying, {"auth": BEARER, "headers": {"X-Client": "c1"}}, {"params": {"q": "x y"}}),
        (stamping, {}, {"method": "POST", "json": {"a": [1, "ü"]}}),
        (Overriding, {}, {"method": "POST", "data": {"a": "1 2"}}),
        (canned, {}, {}),
        (strict, {}, {}),
        (lambda: DltClient(raise_for_status=False).session, {"auth": BEARER}, PAGED),
    ],
    ids=["carried", "below auth", "adapter", "override", "no network", "own hooks", "dlts"],
)
def test_requests_leave_through_the_session_as_in_dlt(
    session: Any, client: dict[str, Any], endpoint: dict[str, Any], tmp_path: Path
) -> None:
    """Headers, params, cookies, auth, adapters and an overridden `send` have their effect."""

    def config(base_url: str) -> dict[str, Any]:
        return listing(base_url, {"session": session(), **client}, **endpoint)

    theirs, mine = both(lambda: rows, config, tmp_path)
    assert mine.error == theirs.error == ""
    assert sorted(map(repr, mine.asked)) == sorted(map(repr, theirs.asked))
    assert mine.rows == theirs.rows


def no_rows(response: requests.Response) -> None:
    assert isinstance(response.request.headers["X-Session"], str)
    assert response.elapsed.total_seconds() > 0
    response._content = json.dumps({"data": [{"id": response.headers["X-N"]}]}).encode()


def test_actions_see_what_the_session_brought(tmp_path: Path) -> None:
    """They are handed its own answer; what they change has effect, on every try."""

    def fresh() -> Answer:
        asked_before: list[Asked] = []

        def answer(asked: Asked) -> Any:
            asked_before.append(asked)
            return (200 if len(asked_before) > 1 else 503), {"X-N": str(len(asked_before))}, {}

        return answer

    def config(base_url: str) -> dict[str, Any]:
        session = DltClient(raise_for_status=False, request_backoff_factor=0).session
        session.headers["X-Session"] = "s1"
        return listing(base_url, {"session": session}, response_actions=[no_rows])

    theirs, mine = both(fresh, config, tmp_path)
    assert mine.error == theirs.error == ""
    assert mine.asked == theirs.asked
    assert mine.rows == theirs.rows == {"rows": [("2",)]}


@pytest.mark.parametrize(
    ("session", "tries"),
    [
        (requests.Session, 3),
        (lambda: DltClient(request_max_attempts=2, request_backoff_factor=0).session, 2),
    ],
    ids=["plain", "dlts"],
)
def test_a_session_that_tries_again_does_so_alone(
    session: Callable[[], requests.Session], tries: int, tmp_path: Path
) -> None:
    """Tries are made by the session where it makes any, else by headwater; never by both."""
    with served(lambda _: (503, {}, {})) as server:
        config = listing(server.base_url, {"session": session()})
        outcome = one(rest_api_source, server, config, tmp_path)
    assert "503" in outcome.error
    assert len(outcome.asked) == tries


def away(asked: Asked) -> Any:
    return 302, {"Location": "http://127.0.0.3:9/rows"}, {}


def at_home(asked: Asked) -> Any:
    if asked.path == "rows":
        return 302, {"Location": "/other"}, {}
    return {"data": [{"id": asked.path}]}


class Failing(requests.Session):
    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:
        raise OSError(5, "the tunnel is down")


def tokened() -> requests.Session:
    session = requests.Session()
    session.headers["Authorization"] = f"Bearer {TOKEN}"
    return session


def echo(asked: Asked) -> Any:
    return 403, {}, {"you sent": asked.header("authorization")}


def large(asked: Asked) -> Any:
    return {"data": ["x" * 2000]}


@pytest.mark.parametrize(
    ("session", "answer", "text", "sent"),
    [
        (tokened, away, r"leads from .* to http://127\.0\.0\.3:9, which is not", 1),
        (tokened, echo, r'-> 403 Forbidden.*"you sent": "(Bearer )?\*\*\*"', 1),
        (tokened, large, r"-> the answer has more than 1000 bytes once it is unpacked", 1),
        (Failing, rows, r"rows: GET .* -> client.session raised OSError: .*tunnel is down", 0),
    ],
    ids=["redirected", "echoed", "large", "raising"],
)
def test_the_rules_hold_through_a_session(
    session: Any, answer: Answer, text: str, sent: int, tmp_path: Path
) -> None:
    """No credentials leave home, none are shown, and no answer is larger than it may be."""
    with served(answer) as server:
        config = listing(server.base_url, {"session": session(), "max_body_bytes": 1000})
        outcome = one(rest_api_source, server, config, tmp_path)
    assert re.search(text, outcome.error), outcome.error
    assert TOKEN not in outcome.error
    assert len(outcome.asked) == sent


def test_redirects_at_home_are_followed(tmp_path: Path) -> None:
    """A redirect within the API leads to its rows, as in dlt."""

    def config(base_url: str) -> dict[str, Any]:
        return listing(base_url, {"session": carrying()})

    theirs, mine = both(lambda: at_home, config, tmp_path)
    assert mine.rows == theirs.rows == {"rows": [("other",)]}


@pytest.mark.parametrize("most", [1, 4])
def test_no_more_requests_at_once_than_allowed(most: int, tmp_path: Path) -> None:
    """Requests leave at once, `max_concurrency` at most."""
    lock = threading.Lock()
    now, peak = [0], [0]

    def answer(asked: Asked) -> Any:
        if asked.path == "projects":
            return {"data": [{"id": n} for n in range(12)]}
        with lock:
            now[0] += 1
            peak[0] = max(peak[0], now[0])
        time.sleep(0.05)
        with lock:
            now[0] -= 1
        return {"data": [{"id": asked.path}]}

    with served(answer) as server:
        client = {"base_url": server.base_url, "session": carrying(), "max_concurrency": most}
        single = {"paginator": "single_page", "data_selector": "data"}
        path = "projects/{resources.projects.id}/tasks"
        config = {
            "client": client,
            "resources": [
                {"name": "projects", "endpoint": {"path": "projects", **single}},
                {"name": "tasks", "endpoint": {"path": path, **single}},
            ],
        }
        outcome = one(rest_api_source, server, config, tmp_path)
    assert outcome.error == ""
    assert len(outcome.rows["tasks"]) == 12
    assert (peak[0] > 1) == (most > 1)
    assert peak[0] <= most


def test_another_session_is_another_asker(tmp_path: Path) -> None:
    """Answers kept for one session's credentials are not given to another's."""
    down = [True]

    def answer(asked: Asked) -> Any:
        if asked.params["offset"] == "2" and down[0]:
            return 404, {}, {}
        return rows(asked)

    def config(base_url: str, user: str) -> dict[str, Any]:
        session = requests.Session()
        session.headers["Authorization"] = user
        return listing(base_url, {"session": session, "max_concurrency": 1}, **PAGED)

    with served(answer) as server:
        one(rest_api_source, server, config(server.base_url, "ann"), tmp_path)
        down[0] = False
        other = one(rest_api_source, server, config(server.base_url, "bob"), tmp_path)
    assert [asked.params["offset"] for asked in other.asked] == ["0", "1", "2"]
