"""HTTP: routing, credentials, faults, filters, and starting and stopping."""

from __future__ import annotations

import base64
import gzip
import http.client
import json
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from typing import Any
from urllib.parse import quote

import pytest

from headwater.config.read import read_config
from headwater.plan.graph import make_plan
from headwater.simulate import Simulator

PACKAGED = ("project_tracker", "project_api", "delivery", "time_tracking", "feature_flags")
KEYS = {"api_key": "k3y-for-tests", "X-Api-Key": "k3y-for-tests"}


@pytest.mark.parametrize("name", PACKAGED)
def test_packaged_connectors_are_served(simulate: Any, ask: Any, name: str) -> None:
    """Each resource of each connector answers with rows at its path, and not without the key."""
    params = {"base_url": "http://127.0.0.1:1/x"}
    config = read_config(name, params=params, secret=lambda _name, _config: "k3y-for-tests")
    simulator = simulate(make_plan(config), rows=12)
    assert simulator.base_url.endswith("/x")
    for step in simulator.plan.steps:
        values, rows = next((v, r) for v, r in simulator.truth_by_parent(step.name).items() if r)
        path = step.path
        for binding, value in zip(step.bindings, values, strict=True):
            path = path.replace(f"{{{binding.placeholder}}}", quote(str(value), safe=""))
        url = f"{simulator.base_url}{path}"
        assert ask(url).status == 401
        body = ask(f"{url}?limit=100&api_key=k3y-for-tests", **KEYS).body
        assert body[step.selector] == rows[: len(body[step.selector])]
        assert body[step.selector]


def test_values_in_paths_survive_encoding(simulate: Any, ask: Any) -> None:
    """Slashes, colons, spaces and other alphabets in a parent's key reach its children."""
    columns = {"id": {"data_type": "text", "nullable": False}}
    simulator = simulate(
        [
            {"name": "projects", "columns": columns, "primary_key": "id"},
            {"name": "tasks", "endpoint": {"path": "projects/{project_id}/tasks"}},
        ]
    )
    by_parent = simulator.truth_by_parent("tasks")
    for (key,), rows in by_parent.items():
        url = f"{simulator.base_url}/projects/{quote(key, safe='')}/tasks"
        assert ask(url).body["data"] == rows
    assert any("/" in key for (key,) in by_parent)
    assert ask(f"{simulator.base_url}/projects/nobody/tasks").status == 404


def test_literal_paths_win_over_placeholders(simulate: Any, ask: Any) -> None:
    """`/projects/archive` is the listing of that name, not the project called archive."""
    simulator = simulate(
        [
            {"name": "projects"},
            {"name": "project", "endpoint": {"path": "projects/{resources.projects.id}"}},
            {"name": "archive", "endpoint": {"path": "projects/archive"}},
        ]
    )
    first = simulator.truth("projects")[0]
    assert ask(f"{simulator.base_url}/projects/{first['id']}").body["id"] == first["id"]
    assert len(ask(f"{simulator.base_url}/projects/archive").body["data"]) == 25
    assert [seen.resource for seen in simulator.requests] == ["project", "archive"]


def test_bodies_that_are_no_json_are_refused(simulate: Any) -> None:
    """A POST with a broken body gets a 400, as from a strict API."""
    simulator = simulate([{"name": "things", "endpoint": {"method": "POST"}}])
    headers = {"Content-Type": "application/json"}
    for body in (b"{", b"\xff"):
        request = urllib.request.Request(f"{simulator.base_url}/things", body, headers)
        with pytest.raises(urllib.error.HTTPError, match="400") as caught:
            urllib.request.urlopen(request, timeout=5)
        caught.value.close()


def test_unknown_paths_and_methods(simulate: Any, ask: Any) -> None:
    """404 for what is not there, 405 for the wrong method, both as JSON."""
    simulator = simulate(["things"])
    assert ask(f"{simulator.base_url}/nothing").status == 404
    reply = ask(f"{simulator.base_url}/things", body={})
    assert (reply.status, reply.headers["Allow"]) == (405, "GET")


def test_paths_join_like_the_config_says(simulate: Any, ask: Any) -> None:
    """Relative paths stand below the base URL's path, absolute URLs at their own."""
    simulator = simulate(
        ["things", {"name": "far", "endpoint": {"path": "https://b.example.com/w/far"}}]
    )
    root = simulator.base_url.removesuffix("/v2")
    assert ask(f"{root}/v2/things").status == 200
    assert ask(f"{root}/w/far").status == 200


def test_params_fill_placeholders(simulate: Any, ask: Any) -> None:
    """A param named like a placeholder is part of the path, be it a value or a parent's field."""
    simulator = simulate(
        [
            {"name": "teams", "endpoint": {"path": "orgs/{org}/teams", "params": {"org": "a b"}}},
            {
                "name": "people",
                "endpoint": {
                    "path": "teams/{team}/people",
                    "params": {"team": "{resources.teams.id}"},
                },
            },
        ]
    )
    assert ask(f"{simulator.base_url}/orgs/a%20b/teams").body["data"] == simulator.truth("teams")
    assert ask(f"{simulator.base_url}/orgs/other/teams").status == 404
    for (key,), rows in simulator.truth_by_parent("people").items():
        assert ask(f"{simulator.base_url}/teams/{key}/people").body["data"] == rows


def test_parents_in_params_and_bodies(simulate: Any, ask: Any) -> None:
    """A placeholder may be filled in the query or the body as well as in the path."""
    simulator = simulate(
        [
            {"name": "posts"},
            {
                "name": "notes",
                "endpoint": {"path": "notes", "params": {"post": "p-{resources.posts.id}"}},
            },
            {
                "name": "votes",
                "endpoint": {
                    "path": "votes",
                    "method": "POST",
                    "json": {"where": {"post": "{resources.posts.id}"}},
                },
            },
        ]
    )
    for (key,), rows in simulator.truth_by_parent("notes").items():
        assert ask(f"{simulator.base_url}/notes?post=p-{key}").body["data"] == rows
    for (key,), rows in simulator.truth_by_parent("votes").items():
        assert (
            ask(f"{simulator.base_url}/votes", body={"where": {"post": key}}).body["data"] == rows
        )
    assert ask(f"{simulator.base_url}/notes").status == 400


@pytest.mark.parametrize(
    ("auth", "query", "headers"),
    [
        ({"type": "bearer", "token": "t"}, "", {"Authorization": "Bearer t"}),
        ({"type": "api_key", "name": "k", "api_key": "t"}, "", {"k": "t"}),
        ({"type": "api_key", "name": "k", "api_key": "t", "location": "query"}, "?k=t", {}),
        (
            {"type": "api_key", "name": "k", "api_key": "t", "location": "cookie"},
            "",
            {"Cookie": "k=t"},
        ),
        (
            {"type": "http_basic", "username": "u", "password": "p"},
            "",
            {"Authorization": "Basic " + base64.b64encode(b"u:p").decode()},
        ),
    ],
)
def test_keys_are_demanded(
    simulate: Any, ask: Any, auth: dict[str, str], query: str, headers: dict[str, str]
) -> None:
    """Without the right key a 401, with it rows; `secrets_checked=False` asks for none."""
    simulator = simulate(["things"], {"auth": auth})
    url = f"{simulator.base_url}/things"
    assert ask(url + query, **headers).status == 200
    assert ask(url).status == 401
    wrong = {name: value + "x" for name, value in headers.items()}
    assert ask(url + (query + "x" if query else ""), **wrong).status == 401
    assert (
        ask(f"{simulate(['things'], {'auth': auth}, secrets_checked=False).base_url}/things").status
        == 200
    )


def test_links_never_carry_the_key(simulate: Any, ask: Any) -> None:
    """A key in the query is left out of next links, which end up in logs."""
    auth = {"type": "api_key", "name": "key", "api_key": "s3cret", "location": "query"}
    simulator = simulate(["things"], {"auth": auth, "paginator": "json_link"})
    link = ask(f"{simulator.base_url}/things?key=s3cret&kind=a").body["next"]
    assert "s3cret" not in link
    assert "kind=a" in link


@pytest.mark.parametrize("extra", [{}, {"refresh_token": "r"}])
def test_oauth_tokens_are_given_and_expire(simulate: Any, ask: Any, extra: dict[str, str]) -> None:
    """The token endpoint checks the client, its token opens the API until it expires."""
    kind = "oauth2_refresh_token" if extra else "oauth2_client_credentials"
    auth = {
        "type": kind,
        "access_token_url": "https://login.example.com/oauth/token",
        "client_id": "me",
        "client_secret": "s",
        "default_token_expiration": 60,
        **extra,
    }
    simulator = simulate(["things"], {"auth": auth})
    now_s = [0.0]
    simulator.api.access.clock = lambda: now_s[0]
    token_url = simulator.base_url.removesuffix("/v2") + "/oauth/token"
    grant = "refresh_token" if extra else "client_credentials"
    form = {"grant_type": grant, "client_id": "me", "client_secret": "s", **extra}
    assert ask(token_url, body={**form, "client_secret": "no"}).status == 401
    content = urllib.parse.urlencode(form).encode()
    with urllib.request.urlopen(urllib.request.Request(token_url, content), timeout=5) as answer:
        given = json.loads(answer.read())
    headers = {"Authorization": f"Bearer {given['access_token']}"}
    assert given["expires_in"] == 60
    assert ask(f"{simulator.base_url}/things", **headers).status == 200
    now_s[0] = 61.0
    assert ask(f"{simulator.base_url}/things", **headers).status == 401
    assert ask(f"{simulator.base_url}/things").status == 401


def test_start_params_filter(simulate: Any, ask: Any) -> None:
    """Rows before the start, and from the end on, are left out, whichever way the config asks."""
    cursor = {"cursor_path": "updated_at", "initial_value": "2020-01-01T00:00:00Z"}
    both = {**cursor, "start_param": "since", "end_param": "until"}
    simulator = simulate(
        [
            {"name": "a", "endpoint": {"incremental": both}},
            {
                "name": "b",
                "endpoint": {
                    "incremental": cursor,
                    "params": {"q": "updated>{incremental.start_value}"},
                },
            },
        ]
    )
    for name, query in (("a", "since={}"), ("b", "q=updated%3E{}")):
        times = sorted(row["updated_at"] for row in simulator.truth(name))
        body = ask(f"{simulator.base_url}/{name}?{query.format(times[10])}").body
        assert sorted(row["updated_at"] for row in body["data"]) == times[10:]
    times = sorted(row["updated_at"] for row in simulator.truth("a"))
    body = ask(f"{simulator.base_url}/a?since={times[5]}&until={times[9]}").body
    assert len(body["data"]) == 4


def test_faults_are_seeded_and_end(simulate: Any, ask: Any) -> None:
    """Even if every draw is a fault, the third try of a request succeeds."""
    simulator = simulate(["things"], faults={"429": 1.0}, retry_after_s=0.2)
    replies = [ask(f"{simulator.base_url}/things") for _ in range(6)]
    assert [reply.status for reply in replies] == [429, 429, 200, 429, 429, 200]
    assert replies[0].headers["Retry-After"] == "1"
    statuses = []
    for _ in range(2):
        other = simulate(["things"], faults={"500": 0.3, "503": 0.3}, seed=5)
        statuses.append([ask(f"{other.base_url}/things?n={n}").status for n in range(30)])
    assert statuses[0] == statuses[1]
    assert {200, 500, 503} == set(statuses[0])


def test_cut_and_html_faults(simulate: Any) -> None:
    """A cut answer is shorter than it said; an HTML page comes with a 200."""
    cut = simulate(["things"], faults={"cut": 1.0})
    with pytest.raises(http.client.IncompleteRead):
        urllib.request.urlopen(f"{cut.base_url}/things", timeout=5).read()
    page = simulate(["things"], faults={"html": 1.0})
    with urllib.request.urlopen(f"{page.base_url}/things", timeout=5) as answer:
        assert answer.status == 200
        assert answer.headers["Content-Type"].startswith("text/html")


def test_long_bodies_are_zipped_on_request(simulate: Any) -> None:
    """gzip where it is accepted and worth it, the same rows either way."""
    simulator = simulate(["things"])
    request = urllib.request.Request(
        f"{simulator.base_url}/things", headers={"Accept-Encoding": "gzip"}
    )
    with urllib.request.urlopen(request, timeout=5) as answer:
        assert answer.headers["Content-Encoding"] == "gzip"
        assert json.loads(gzip.decompress(answer.read()))["data"] == simulator.truth("things")


def test_changes_are_served(simulate: Any, ask: Any) -> None:
    """After `update` the next request sees the new rows."""
    simulator = simulate(["things"])
    ask(f"{simulator.base_url}/things")
    simulator.update("things", lambda row: {**row, "name": "n"} if row["id"] % 2 else None)
    body = ask(f"{simulator.base_url}/things").body
    assert body["data"] == simulator.truth("things")
    assert {row["name"] for row in body["data"]} == {"n"}


def test_stopping_does_not_wait_for_slow_answers(simulate: Any) -> None:
    """A request that is still being thought about is dropped at the stop."""
    simulator = simulate(["things"], latency_s=30.0)
    waiting = http.client.HTTPConnection("127.0.0.1", simulator.port, timeout=5)
    waiting.request("GET", "/v2/things")
    began_s = time.monotonic()
    simulator.stop()
    waiting.close()
    assert time.monotonic() - began_s < 2.0


def test_slow_faults_are_late(simulate: Any, ask: Any) -> None:
    """A slow answer is right, but takes ten times as long."""
    simulator = simulate(["things"], latency_s=0.005, faults={"slow": 1.0})
    began_s = time.monotonic()
    assert ask(f"{simulator.base_url}/things").status == 200
    assert time.monotonic() - began_s >= 0.1


def test_stopping_leaves_nothing_behind(simulate: Any, ask: Any) -> None:
    """The thread is gone, the port is free for the next start, and stopping twice is fine."""
    before = threading.active_count()
    simulator = simulate(["things"])
    kept = http.client.HTTPConnection("127.0.0.1", simulator.port, timeout=5)
    kept.request("GET", "/v2/things")
    kept.getresponse().read()
    port = simulator.port
    simulator.stop()
    simulator.stop()
    kept.close()
    assert threading.active_count() == before
    simulator.start(port)
    assert ask(f"{simulator.base_url}/things").status == 200
    with pytest.raises(OSError, match="Address already in use"):
        Simulator(simulator.plan).start(port)
