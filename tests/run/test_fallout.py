"""What a failure touches: cursors that stay, tables that are not loaded."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.config.read import read_config
from headwater.plan.graph import Plan, Step, make_plan
from headwater.run.fallout import Fallout, Manner, Way, fallout

TREE = {"a": None, "b": "a", "c": "b", "d": "a", "x": None, "y": "x"}
MANNERS: list[Manner] = ["upsert", "replace", "append"]


def plan_of(parents: dict[str, str | None]) -> Plan:
    def path(name: str) -> str:
        parent = parents[name]
        return name if parent is None else f"{parent}/{{resources.{parent}.id}}/{name}"

    resources: list[Any] = [{"name": name, "endpoint": {"path": path(name)}} for name in parents]
    return make_plan(read_config({"client": {"base_url": "http://h"}, "resources": resources}))


PLAN = plan_of(TREE)


def of(failed: set[str], *, cursors: str = "", tables: str = "", **manners: Manner) -> Fallout:
    """The fallout in TREE; resources are upserted, have no cursor, and a table of their own."""

    def way(step: Step) -> Way:
        table = "shared" if step.name in tables else step.name
        return Way(table, manners.get(step.name, "upsert"), step.name in cursors)

    return fallout(PLAN, failed, way)


def test_nothing_failed() -> None:
    """A run that has every row moves every cursor and loads every table."""
    assert of(set(), cursors="abcdxy", a="append", b="replace") == Fallout((), ())


def test_cursors_of_the_whole_line_stay() -> None:
    """Ancestors must list the parent again that failed; descendants were not asked for it."""
    assert of({"b"}).kept == ("a", "b", "c")
    assert of({"c"}).kept == ("a", "b", "c")
    assert of({"x"}).kept == ("x", "y")


def test_what_is_merged_is_loaded_as_far_as_it_came() -> None:
    """Rows with a key are right by themselves; the next run adds the others."""
    assert of({"a"}, cursors="a").withheld == ()


def test_a_table_is_not_replaced_by_half_of_itself() -> None:
    """A replaced table is loaded when it is whole: parents of what failed are, children are not."""
    replaced: dict[str, Manner] = dict.fromkeys("abcdxy", "replace")
    assert of({"b"}, **replaced).withheld == ("b", "c")


def test_nothing_is_added_twice() -> None:
    """Where a cursor stays, rows come again: they are not added now, nor those of its children."""
    added: dict[str, Manner] = dict.fromkeys("abcdxy", "append")
    assert of({"c"}, **added).withheld == ("c",)
    assert of({"c"}, cursors="a", **added).withheld == ("a", "b", "c", "d")
    assert of({"c"}, cursors="a", a="append").withheld == ("a",)


def test_a_shared_table_is_withheld_as_a_whole() -> None:
    """Rows of two resources in one table cannot be told apart; cursors of both stay."""
    found = of({"x"}, x="replace", tables="xb", cursors="b")
    assert found.withheld == ("b", "x")
    assert found.kept == ("a", "b", "x", "y")


@st.composite
def cases(draw: st.DrawFn) -> tuple[set[str], dict[str, Way]]:
    failed = draw(st.sets(st.sampled_from(sorted(TREE))))
    ways = {
        name: Way(
            draw(st.sampled_from([name, name, name, "shared"])),
            draw(st.sampled_from(MANNERS)),
            draw(st.booleans()),
        )
        for name in TREE
    }
    return failed, ways


@given(cases())
def test_what_is_left_alone_is_safe(case: tuple[set[str], dict[str, Way]]) -> None:
    """Whatever the config: no failed cursor moves, no half is loaded, nothing is added twice."""
    failed, ways = case
    found = fallout(PLAN, failed, lambda step: ways[step.name])
    kept, withheld = set(found.kept), set(found.withheld)
    lost = {n for n in TREE if n in failed or failed & set(PLAN.ancestors(n))}
    assert lost | withheld <= kept
    for name in lost:
        assert set(PLAN.ancestors(name)) <= kept
        assert ways[name].manner == "upsert" or name in withheld
    for name in kept:
        again = (
            [name, *(n for n in TREE if name in PLAN.ancestors(n))] if ways[name].has_cursor else []
        )
        assert all(n in withheld for n in again if ways[n].manner == "append")
    for name in withheld:
        assert all(n in withheld for n in TREE if ways[n].table == ways[name].table)
    if not failed:
        assert not kept


@pytest.mark.parametrize("manner", MANNERS)
def test_another_family_is_not_touched(manner: Manner) -> None:
    """A failure in one family of resources leaves those of another alone."""
    found = of({"b"}, cursors="abcdxy", **dict.fromkeys("abcdxy", manner))
    assert not {"x", "y"} & {*found.kept, *found.withheld}
