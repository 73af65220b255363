"""`headwater check`."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from typer.testing import Result

Run = Callable[..., Result]
Write = Callable[[str, str], str]

BAD_TEXT = """\
bad.yaml:2:3 client.base_url: `ftp://api.example.com` is no URL to load from \
(write http://host/path or https://host/path)
bad.yaml:7:7 resources.posts.paginator: `limit` is missing
bad.yaml:7:33 resources.posts.paginator.limt: unknown key `limt` (did you mean `limit`?)
bad.yaml:9:33 resources.comments.colour: unknown key `colour` (known: path, method, params, json, \
data, headers, paginator, data_selector, response_actions, incremental, auth, error_handler)
"""


def test_good_config(run: Run, good: str) -> None:
    """A right config ends with `ok`, after each alias that was taken."""
    result = run("check", good)
    assert result.exit_code == 0
    assert result.stdout == (
        "note: tracker.yaml:8:51 resources.posts.http_method: `http_method` is read as `method`\n"
        "ok: 2 resources, 1 binding inferred\n"
    )


def test_every_problem_at_once(run: Run, bad: str) -> None:
    """Every problem is named with its place and what would be right, and the exit code is 2."""
    result = run("check", bad)
    assert (result.exit_code, result.stdout, result.stderr) == (2, "", BAD_TEXT)


def test_unbound_placeholder(run: Run, write: Write) -> None:
    """What only the plan can see is a problem of the config too."""
    name = write(
        "lone.yaml",
        "client: {base_url: https://a.example.com}\n"
        "resources:\n  - {name: notes, endpoint: '/posts/{post_id}/notes'}\n",
    )
    result = run("check", name)
    assert result.exit_code == 2
    assert result.stderr == (
        "lone.yaml:3:19 resources.notes.path: nothing fills {post_id} of `/posts/{post_id}/notes`"
        " (looked at: no other resource; write {resources.parent.id} or a param `post_id`)\n"
    )


def test_missing_values_are_warnings(
    run: Run, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A parameter and a secret without a value are named, and the rest is checked all the same."""
    pytest.importorskip("headwater.load.secrets")
    monkeypatch.delenv("TOKEN", raising=False)
    name = write(
        "needs.yaml",
        "client:\n"
        '  base_url: "{params.base_url}"\n'
        '  auth: {type: bearer, token: "{secrets.token}"}\n'
        "resources:\n"
        "  - name: posts\n"
        '    endpoint: {paginator: {type: offset, limit: "{params.n}"}}\n',
    )
    result = run("check", name)
    assert result.exit_code == 0, result.stderr
    assert result.stdout == (
        "warning: needs.yaml:2:3 client.base_url: parameter `base_url` has no value"
        " (give it with --set base_url=...)\n"
        "warning: needs.yaml:3:24 client.auth.token: secret `token` has no value (set TOKEN or"
        " SOURCES__NEEDS__TOKEN in the environment, or token in .dlt/secrets.toml, at the top or"
        " under [sources.needs])\n"
        "warning: needs.yaml:6:42 resources.posts.paginator.limit: parameter `n` has no value"
        " (give it with --set n=...)\n"
        "ok: 1 resource, 0 bindings inferred\n"
    )


def test_json_of_a_good_config(run: Run, good: str) -> None:
    """With --json stdout is one document."""
    result = run("check", good, "--json")
    assert json.loads(result.stdout) == {
        "ok": True,
        "resources": 2,
        "bindings_inferred": 1,
        "notes": [
            {
                "where": "tracker.yaml:8:51 resources.posts.http_method",
                "what": "`http_method` is read as `method`",
            }
        ],
        "missing": [],
        "problems": [],
    }


def test_json_of_a_bad_config(run: Run, bad: str) -> None:
    """Problems are in the document too, each with where, what and hint."""
    result = run("check", bad, "--json")
    document = json.loads(result.stdout)
    assert result.exit_code == 2
    assert document["ok"] is False
    assert document["problems"][2] == {
        "where": "bad.yaml:7:33 resources.posts.paginator.limt",
        "what": "unknown key `limt`",
        "hint": "did you mean `limit`?",
    }
