"""Whole extractions against the simulator: parents, children, unions, and what fell short."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from headwater.config.read import read_config
from headwater.decode import Batch, Decoder, objects_of
from headwater.events import Event, ListingEnded
from headwater.fetch.auth import Masker
from headwater.fetch.client import Client, Settings
from headwater.fetch.retry import RetryRule
from headwater.plan.graph import make_plan
from headwater.run.extraction import Extraction, Incomplete
from headwater.run.reader import Reader, no_cursor
from headwater.simulate import Options, Simulator
from headwater.simulate.api import Answer

pytestmark = pytest.mark.timeout(20)
LISTED = {"paginator": {"type": "offset", "limit": 10}, "data_selector": "data"}


def listed(path: str, **endpoint: Any) -> dict[str, Any]:
    return {"path": path, **LISTED, **endpoint}


CHAIN = [
    {"name": "projects", "primary_key": "id", "endpoint": listed("projects")},
    {"name": "tasks", "primary_key": "id", "endpoint": listed("projects/{project_id}/tasks")},
]
UNION = [
    {"name": "epics", "primary_key": "id", "endpoint": listed("epics")},
    {"name": "groups", "primary_key": "id", "endpoint": listed("groups")},
    {"name": "epics_stories", "primary_key": "id", "endpoint": listed("epics/{epic_id}/stories")},
    {
        "name": "groups_stories",
        "primary_key": "id",
        "endpoint": listed("groups/{group_id}/stories"),
    },
    {"name": "comments", "primary_key": "id", "endpoint": listed("stories/{story_id}/comments")},
]


class Run:
    """One run over a plan, pulled much as dlt pulls it: heads together, children as rows come."""

    def __init__(
        self, resources: list[Any], base_url: str, order: Callable[[list[str]], list[str]]
    ):
        config = read_config({"client": {"base_url": base_url}, "resources": resources})
        self.plan = make_plan(config)
        self.events: list[Event] = []
        self.rows: dict[str, list[Any]] = {step.name: [] for step in self.plan.steps}
        self.order = order
        self.crash: BaseException | None = None
        settings = Settings(base_url=base_url, headers={}, retries=RetryRule(max_retries=1))

        async def sleep(wait_s: float) -> None:
            await asyncio.sleep(0)

        reader = Reader(
            self.plan,
            lambda: Client(settings, masker=Masker([]), listener=self.events.append, sleep=sleep),
            listener=self.events.append,
            decoder_of=lambda step: Decoder([i.column for i in step.includes]),
        )
        self.run = Extraction(self.plan, reader)

    def __call__(self, *names: str) -> Mapping[str, list[Any]]:
        taking_part = self.order(list(names or self.rows))
        for name in taking_part:
            self.run.join(name)

        async def take(name: str, batch: Batch) -> None:
            self.rows[name] += objects_of(batch.rows)
            if not batch.count:
                return
            for child in self.plan.children(name):
                if len(child.parents) == 1 and child.name in taking_part:
                    token = self.run.token(name)
                    batches = self.run.children(child, batch.rows, no_cursor, token)
                    del token
                    async for inner in batches:
                        await take(child.name, inner)

        async def head(name: str) -> None:
            async for batch in self.run.head(self.plan.step(name), no_cursor):
                await take(name, batch)

        async def everything() -> None:
            heads = [n for n in taking_part if len(self.plan.step(n).parents) != 1]
            await asyncio.gather(*(head(name) for name in heads))

        asyncio.run(asyncio.wait_for(everything(), 15))
        return self.rows


def simulator(resources: list[Any], **options: Any) -> Simulator:
    config = read_config({"client": {"base_url": "http://h/v1"}, "resources": resources})
    return Simulator(make_plan(config), Options(**options))


def ids(rows: list[Any]) -> list[str]:
    return sorted(str(row["id"]) for row in rows)


@pytest.mark.parametrize("order", [list, lambda names: names[::-1]], ids=["as written", "reversed"])
@pytest.mark.parametrize("resources", [CHAIN, UNION], ids=["chain", "union"])
def test_every_row_of_every_resource_comes(resources: list[Any], order: Any) -> None:
    """In whatever order heads are pulled, parents, children and unions are read whole."""
    with simulator(resources, rows=25) as api:
        rows = Run(resources, api.base_url, order)()
        for step in api.plan.steps:
            expected = {*ids(api.truth(step.name))}
            assert {*ids(rows[step.name])} == expected, step.name
        asked = [seen.path_qs for seen in api.requests]
    assert len(asked) == len(set(asked))


def test_a_union_alone_drives_its_parents() -> None:
    """Parents that nobody else reads are read for the union, and their rows are not handed out."""
    with simulator(UNION, rows=12) as api:
        rows = Run(UNION, api.base_url, list)("comments")
        assert ids(rows["comments"]) == ids(api.truth("comments"))
    assert rows["epics"] == []


def test_one_bad_parent_does_not_sink_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    """A 404 for one parent fails the run at its end; all other rows came before that."""
    with simulator(CHAIN, rows=12) as api:
        api.add("projects", {"id": "gone", "name": "x"})
        plain = api.api.answer
        bad = Answer(404, b'{"error": "gone"}', "tasks")
        monkeypatch.setattr(
            api.api, "answer", lambda asked: bad if "/gone/" in asked.path else plain(asked)
        )
        run = Run(CHAIN, api.base_url, list)
        with pytest.raises(Incomplete, match=r"tasks: GET .*/projects/gone/tasks.* -> 404"):
            run()
        by_parent = api.truth_by_parent("tasks").items()
        others = [row for parent, rows in by_parent if parent != ("gone",) for row in rows]
        assert ids(run.rows["tasks"]) == ids(others)
    (failed,) = [e for e in run.events if isinstance(e, ListingEnded) and e.status == "failed"]
    assert (failed.resource, failed.rows) == ("tasks", 0)


def test_a_listing_that_fails_tells_what_it_had(monkeypatch: pytest.MonkeyPatch) -> None:
    """The rows that came before a page failed are handed on, and their number is told."""
    with simulator(CHAIN[:1], rows=25) as api:
        plain = api.api.answer
        bad = Answer(403, b"{}", "projects")
        monkeypatch.setattr(
            api.api, "answer", lambda asked: bad if asked.query["offset"] == "20" else plain(asked)
        )
        run = Run(CHAIN[:1], api.base_url, list)
        with pytest.raises(Incomplete, match=r"projects: GET .*offset=20.* -> 403"):
            run()
    (failed,) = [e for e in run.events if isinstance(e, ListingEnded)]
    assert (failed.status, failed.rows, len(run.rows["projects"])) == ("failed", 20, 20)


def test_a_partial_listing_fails_the_run_with_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    """A listing short of its total is among the failures, in figures."""
    from headwater.run.course import Course

    monkeypatch.setattr(Course, "weigh", lambda self: ["200 of 444 rows came"])
    with simulator(CHAIN[:1], rows=5) as api, pytest.raises(Incomplete) as caught:
        Run(CHAIN[:1], api.base_url, list)()
    assert str(caught.value) == "projects: partial: 200 of 444 rows came"


@pytest.mark.parametrize("name", ["projects", "tasks"])
def test_a_selector_that_never_matches_fails_the_run(name: str) -> None:
    """A data_selector with a typo is an error that shows the keys there are."""
    wrong = [
        {**r, "endpoint": {**r["endpoint"], "data_selector": "dtaa"}} if r["name"] == name else r
        for r in CHAIN
    ]
    with simulator(CHAIN, rows=12) as api, pytest.raises(Incomplete) as caught:
        Run(wrong, api.base_url, list)()
    assert f"{name}: data_selector `dtaa` matches nothing in any of" in str(caught.value)
    assert "keys there: data" in str(caught.value)


@pytest.mark.parametrize("names", [(), ("comments",)], ids=["all", "driven"])
def test_a_crash_surfaces(monkeypatch: pytest.MonkeyPatch, names: tuple[str, ...]) -> None:
    """An exception that is no failure of a request ends the run, wherever it comes from."""
    from headwater.run.listing import Listing

    plain = Listing.opened

    def opened(self: Any, page: Any) -> Any:
        if "/epics/" in page.url:
            raise ZeroDivisionError
        return plain(self, page)

    monkeypatch.setattr(Listing, "opened", opened)
    with simulator(UNION, rows=5) as api, pytest.raises(ZeroDivisionError):
        Run(UNION, api.base_url, list)(*names)
