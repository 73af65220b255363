"""`headwater plan`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from headwater.cli.words import incremental_words, paging_words, selector_words, write_words
from headwater.config import models
from headwater.plan.graph import Step

GOLDEN = Path(__file__).parent / "golden"
Run = Callable[..., Result]


@pytest.mark.parametrize("name", ["project_tracker", "delivery"])
def test_plan_reads_as_written_down(run: Run, name: str) -> None:
    """The plan of a packaged connector is the text in golden/, with no need of key or address."""
    result = run("plan", name)
    assert result.exit_code == 0, result.stderr
    assert result.stdout == (GOLDEN / f"{name}.plan.txt").read_text(encoding="utf-8")


def test_base_url_is_shown_once_it_is_set(run: Run) -> None:
    """A parameter given with --set is in the plan."""
    result = run("plan", "project_api", "--set", "base_url=https://api.example.com")
    assert result.stdout.splitlines()[0] == "project_api  https://api.example.com"


def test_json(run: Run, good: str) -> None:
    """With --json each binding says its parents, fields and rule."""
    document = json.loads(run("plan", good, "--json").stdout)
    comments = document["resources"][1]
    assert document["base_url"] == "https://api.example.com"
    assert comments["parents"] == ["posts"]
    assert comments["bindings"] == [
        {
            "placeholder": "post_id",
            "parents": ["posts"],
            "fields": ["id"],
            "rule": "path prefix",
            "why": "the path up to it is that of posts",
            "column": "_posts_id",
        }
    ]


@pytest.mark.parametrize(
    ("paginator", "words"),
    [
        (models.OffsetPaginator(limit=10), "offset, 10 a page"),
        (models.PageNumberPaginator(), "page number"),
        (models.PageNumberPaginator(limit=5), "page number, 5 a page"),
        (models.CursorPaginator(cursor_path="next"), "cursor at next"),
        (models.CursorPaginator(cursor_path="next", limit=3), "cursor at next, 3 a page"),
        (models.HeaderCursorPaginator(), "cursor in the header next"),
        (models.JsonLinkPaginator(next_url_path="paging.next"), "next link at paging.next"),
        (models.HeaderLinkPaginator(), "Link header, rel=next"),
        (models.SinglePagePaginator(), "single page"),
        (models.AutoPaginator(), "paging told by the first answer"),
        (object(), "paged by object"),
    ],
)
def test_paging_in_words(paginator: Any, words: str) -> None:
    """Every paginator has words of its own."""
    assert paging_words(paginator) == words


@pytest.mark.parametrize(
    ("selector", "words"),
    [(None, "rows told by the first answer"), ("$", "the whole answer"), ("a.b", "rows at a.b")],
)
def test_selector_in_words(selector: str | None, words: str) -> None:
    """A selector that is missing, the root, or a path."""
    assert selector_words(selector) == words


def step(incremental: Any = None, **settings: Any) -> Step:
    resource = models.Resource(name="a", **settings)
    return Step("a", resource, models.AutoPaginator(), None, None, None, incremental=incremental)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({}, "append"),
        ({"write_disposition": "merge", "primary_key": "id"}, "merge on id"),
        ({"write_disposition": "merge", "primary_key": ["a", "b"]}, "merge on a, b"),
        ({"write_disposition": "merge", "merge_key": "day"}, "merge on day"),
        ({"write_disposition": "replace", "primary_key": "id"}, "replace, key id"),
        (
            {"write_disposition": {"disposition": "merge", "strategy": "scd2"}, "primary_key": "k"},
            "merge on k (scd2)",
        ),
    ],
)
def test_writing_in_words(settings: dict[str, Any], words: str) -> None:
    """Disposition, key and strategy."""
    assert write_words(step(**settings)) == words


@pytest.mark.parametrize(
    ("incremental", "words"),
    [
        (None, ""),
        (models.Incremental(cursor_path="at"), "incremental on at, older rows dropped here"),
        (
            models.Incremental(cursor_path="at", start_param="since"),
            "incremental on at, sent as since",
        ),
        (
            ("since", models.Incremental(cursor_path="at")),
            "incremental on at, sent as since",
        ),
    ],
)
def test_incremental_in_words(incremental: Any, words: str) -> None:
    """Whether the API is asked for new rows only, or they are picked out here."""
    assert incremental_words(step(incremental)) == words
