"""Response actions that are code: they see every answer, and what they change has effect."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dlt
import pytest
import requests
from dlt.sources.helpers.rest_client.exceptions import IgnoreResponseException
from requests import Response
from tests.load.beside import Answer, Asked, both, listing, one, served

from headwater import rest_api_source

SEEN: list[Any] = []


@pytest.fixture(autouse=True)
def no_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tries follow each other at once, three of them."""
    monkeypatch.setenv("RUNTIME__REQUEST_BACKOFF_FACTOR", "0")
    monkeypatch.setenv("RUNTIME__REQUEST_MAX_ATTEMPTS", "3")
    SEEN.clear()


def note(response: Response, *args: Any, **kwargs: Any) -> None:
    SEEN.append((response.status_code, response.text))


def no_mail(response: Response, *args: Any, **kwargs: Any) -> Response:
    rows = [{k: v for k, v in row.items() if k != "mail"} for row in response.json()["data"]]
    response._content = json.dumps({"data": rows}).encode()
    return response


def make_good(response: Response, *args: Any, **kwargs: Any) -> None:
    response.status_code = 200
    response._content = b'{"data": [{"id": 9}]}'


def spoil(response: Response, *args: Any, **kwargs: Any) -> None:
    response.status_code = 503


def windows(response: Response, *args: Any, **kwargs: Any) -> None:
    response.encoding = "windows-1252"


def swap_json(response: Response, *args: Any, **kwargs: Any) -> None:
    response.json = lambda **_: {"data": [{"id": 5}]}  # type: ignore[method-assign]


def link(response: Response, *args: Any, **kwargs: Any) -> None:
    if "page=2" not in response.url:
        response.headers["Link"] = '<?page=2>; rel="next"'


def ignore(response: Response, *args: Any, **kwargs: Any) -> None:
    raise IgnoreResponseException


def strict(response: Response, *args: Any, **kwargs: Any) -> None:
    response.raise_for_status()


def flaky(response: Response, *args: Any, **kwargs: Any) -> None:
    SEEN.append(len(SEEN))
    if len(SEEN) < 3:
        raise requests.ConnectionError("not now")


def remember(response: Response, *args: Any, **kwargs: Any) -> None:
    state = dlt.current.source_state()
    state["seen"] = state.get("seen", 0) + 1
    SEEN.append(state["seen"])


def broken(response: Response, *args: Any, **kwargs: Any) -> None:
    raise KeyError("mail")


def people(asked: Asked) -> Any:
    return {"data": [{"id": 1, "mail": "a@x"}, {"id": 2, "mail": "b@x"}]}


def missing(asked: Asked) -> Any:
    return 404, {}, {"error": "no such list"}


def busy(times: int) -> Callable[[], Answer]:
    def fresh() -> Answer:
        left = [times]

        def answer(asked: Asked) -> Any:
            left[0] -= 1
            return (503, {}, {"data": []}) if left[0] >= 0 else people(asked)

        return answer

    return fresh


def always(answer: Answer) -> Callable[[], Answer]:
    return lambda: answer


def latin(asked: Asked) -> Any:
    return 200, {"Content-Type": "text/plain"}, '{"data": [{"name": "Zürich"}]}'.encode("cp1252")


CASES: dict[str, tuple[Callable[[], Answer], list[Any]]] = {
    "content": (always(people), [no_mail]),
    "only for a status": (always(people), [{"status_code": 404, "action": make_good}]),
    "for the status": (always(missing), [{"status_code": 404, "action": make_good}]),
    "for a text": (always(people), [{"content": "b@x", "action": [note, no_mail]}]),
    "for both": (
        always(missing),
        [{"status_code": 404, "content": "no such", "action": make_good}],
    ),
    "one after the other": (always(missing), [make_good, {"status_code": 200, "action": note}]),
    "ignored after code": (always(people), [note, {"content": "a@x", "action": "ignore"}, broken]),
    "ignored by code": (always(missing), [note, ignore, broken]),
    "every try": (busy(2), [note]),
    "no try after ignore": (busy(9), [note, {"status_code": 503, "action": "ignore"}]),
    "a status that calls for another try": (always(people), [note, spoil]),
    "status raised": (busy(1), [note, strict]),
    "connection error raised": (always(people), [flaky]),
    "encoding": (always(latin), [windows]),
    "json": (always(people), [swap_json]),
    "without condition": (always(people), [{"action": [note, no_mail]}]),
    "dlt's state": (always(people), [remember]),
    "raising": (always(people), [broken]),
    "not ignored": (always(missing), [note]),
}


@pytest.mark.parametrize("case", CASES)
def test_actions_do_as_in_dlt(case: str, tmp_path: Path) -> None:
    """They are called on the same answers, and requests, rows and success are the same."""
    answer, actions = CASES[case]
    seen: list[list[Any]] = []

    def config(base_url: str) -> dict[str, Any]:
        seen.append(list(SEEN))
        SEEN.clear()
        return listing(base_url, response_actions=actions)

    theirs, mine = both(answer, config, tmp_path)
    assert seen[1] == SEEN
    assert mine.asked == theirs.asked
    assert mine.rows == theirs.rows
    assert bool(mine.error) == bool(theirs.error), mine.error or theirs.error


def test_a_header_that_an_action_sets_is_followed(tmp_path: Path) -> None:
    """Paging looks at the answer as the actions left it."""

    def answer(asked: Asked) -> Any:
        return {"data": [{"id": int(asked.params.get("page", 1))}]}

    def config(base_url: str) -> dict[str, Any]:
        return listing(base_url, response_actions=[link], paginator="header_link")

    theirs, mine = both(lambda: answer, config, tmp_path)
    assert mine.rows == theirs.rows == {"rows": [(1,), (2,)]}


def redirecting(asked: Asked) -> Any:
    return (302, {"Location": "/other"}, {}) if asked.path == "rows" else people(asked)


def test_actions_see_redirects_too(tmp_path: Path) -> None:
    """An answer that leads elsewhere is shown as any other."""

    def config(base_url: str) -> dict[str, Any]:
        return listing(base_url, response_actions=[note, {"status_code": 302, "action": "ignore"}])

    theirs, mine = both(lambda: redirecting, config, tmp_path)
    assert [status for status, _ in SEEN] == [302, 302]
    assert mine.asked == theirs.asked
    assert mine.rows == theirs.rows == {}


@pytest.mark.parametrize(
    ("action", "text"),
    [
        (broken, r"rows: GET .*/rows -> response action `broken` raised KeyError: 'mail'"),
        (spoil, r"rows: GET .*/rows -> 503 OK after 3 tries"),
    ],
    ids=["raising", "status"],
)
def test_what_an_action_breaks_is_said(action: Any, text: str, tmp_path: Path) -> None:
    """The error names the resource, the request and the action; nothing is loaded."""
    with served(people) as server:
        config = listing(server.base_url, response_actions=[action])
        outcome = one(rest_api_source, server, config, tmp_path)
    assert re.search(text, outcome.error), outcome.error
    assert outcome.rows == {}


def test_a_slow_action_stops_nobody(tmp_path: Path) -> None:
    """While an action of one listing takes its time, other listings go on."""
    done: list[str] = []

    def slow(response: Response) -> None:
        time.sleep(1)
        done.append("slow")

    def answer(asked: Asked) -> Any:
        done.append(asked.path)
        number = int(asked.params.get("offset", 0))
        return {"data": [{"id": number}] if number < 9 else [], "total": 9}

    with served(answer) as server:
        config = listing(server.base_url, response_actions=[slow])
        paging = {"paginator": {"type": "offset", "limit": 1}, "data_selector": "data"}
        config["resources"].append({"name": "quick", "endpoint": {"path": "quick", **paging}})
        outcome = one(rest_api_source, server, config, tmp_path)
    assert outcome.error == ""
    assert done[-1] == "slow"
    assert len(outcome.rows["quick"]) == 9


class Doubling:
    """An action that keeps something of its own from answer to answer."""

    def __init__(self) -> None:
        self.factor = 1

    def __call__(self, response: Response) -> None:
        self.factor *= 2
        rows = [{"id": row["id"], "n": row["id"] * self.factor} for row in response.json()["data"]]
        response._content = json.dumps({"data": rows, "total": 3}).encode()


def test_a_resumed_run_shows_kept_answers_to_actions_again(tmp_path: Path) -> None:
    """Answers are kept as they came: actions run again, and a run in two gives what one gives."""
    down = [True]

    def answer(asked: Asked) -> Any:
        number = int(asked.params["offset"])
        if number == 2 and down[0]:
            return 404, {}, {}
        return {"data": [{"id": number}] if number < 3 else [], "total": 3}

    def config(base_url: str) -> dict[str, Any]:
        paginator = {"type": "offset", "limit": 1, "total_path": "total"}
        actions = [{"status_code": 200, "action": Doubling()}]
        return listing(
            base_url, {"max_concurrency": 1}, paginator=paginator, response_actions=actions
        )

    with served(answer) as server:
        first = one(rest_api_source, server, config(server.base_url), tmp_path)
        down[0] = False
        second = one(rest_api_source, server, config(server.base_url), tmp_path)
    assert "404" in first.error
    assert second.error == ""
    assert [asked.params["offset"] for asked in second.asked] == ["2"]
    assert second.rows == {"rows": [(0, 0), (1, 4), (2, 16)]}


def test_a_mended_action_is_shown_what_the_broken_one_saw(tmp_path: Path) -> None:
    """Code that is changed between two runs has its effect on answers of the first one too."""

    def answer(asked: Asked) -> Any:
        number = int(asked.params["offset"])
        return 404, {}, {"data": [{"id": number}] if number < 3 else [], "total": 3}

    def run(marks: str, server: Any) -> Any:
        def mark(response: Response) -> None:
            response.status_code = 200
            row = response.json()["data"][0]
            if marks == "wrong" and row["id"] == 2:
                raise ValueError("cannot be")
            body = {"data": [{**row, "mark": marks}], "total": 3}
            response._content = json.dumps(body).encode()

        paginator = {"type": "offset", "limit": 1, "total_path": "total"}
        client = {"max_concurrency": 1}
        config = listing(server.base_url, client, paginator=paginator, response_actions=[mark])
        return one(rest_api_source, server, config, tmp_path)

    with served(answer) as server:
        first = run("wrong", server)
        second = run("right", server)
    assert "response action `mark` raised ValueError: cannot be" in first.error
    assert [asked.params["offset"] for asked in second.asked] == ["2"]
    assert second.rows == {"rows": [(0, "right"), (1, "right"), (2, "right")]}
