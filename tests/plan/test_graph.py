"""Plans: order, steps, and how the connectors' plans read."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.config import models
from headwater.config.read import read_config
from headwater.config.source import connector_names
from headwater.errors import ConfigError
from headwater.plan.graph import Plan, make_plan

GOLDEN = Path(__file__).parent / "golden"
Planned = Callable[..., Plan]


def as_text(plan: Plan) -> str:
    """A plan, a line for each step, binding and carried column."""
    lines: list[str] = []
    for depth, step in plan.tree():
        pad = "  " * depth
        paging = getattr(step.paginator, "type", type(step.paginator).__name__)
        lines.append(f"{pad}{step.name}  {step.method} {step.path}  {step.selector} {paging}")
        lines += [
            f"{pad}  {{{b.placeholder}}} <- {', '.join(b.parents)}"
            f".{'/'.join(map(str, b.fields))}  {b.rule}: {b.why}"
            for b in step.bindings
        ]
        lines += [f"{pad}  carries {item.column}" for item in step.includes]
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("name", connector_names())
def test_plans_of_the_connectors(name: str) -> None:
    """What each packaged connector asks, and why, is the text in golden/."""
    config = read_config(name, params={"base_url": "http://127.0.0.1"}, secret=lambda n, o: "key")
    assert as_text(make_plan(config)) == (GOLDEN / f"{name}.txt").read_text(encoding="utf-8")


def test_parents_come_first_else_the_order_written(planned: Planned) -> None:
    """A child that is written before its parent waits; nothing else moves."""
    plan = planned(c="/c/{b_id}", a="/a", bs="/b", d="/d")
    assert [step.name for step in plan.steps] == ["a", "bs", "c", "d"] or [
        step.name for step in plan.steps
    ] == ["a", "bs", "d", "c"]
    assert plan.ancestors("c") == ("bs",)
    assert [step.name for step in plan.children("bs")] == ["c"]
    assert [(depth, step.name) for depth, step in plan.tree()] == [
        (0, "a"),
        (0, "bs"),
        (1, "c"),
        (0, "d"),
    ]
    with pytest.raises(KeyError):
        plan.step("gone")


@pytest.mark.parametrize(
    ("endpoint", "client", "paginator", "selector"),
    [
        ({"path": "/a"}, {}, models.AutoPaginator(), None),
        ({"path": "/a"}, {"paginator": "header_link"}, models.HeaderLinkPaginator(), None),
        (
            {"path": "/a", "paginator": "json_link"},
            {"paginator": "header_link"},
            models.JsonLinkPaginator(),
            None,
        ),
        (
            {"path": "/a/{b_id}"},
            {"paginator": "header_link"},
            models.SinglePagePaginator(),
            "$",
        ),
        (
            {"path": "/a/{b_id}/"},
            {"paginator": "header_link"},
            models.SinglePagePaginator(),
            "$",
        ),
        (
            {"path": "/a/{b_id}", "data_selector": "data"},
            {"paginator": "header_link"},
            models.HeaderLinkPaginator(),
            "data",
        ),
        (
            {"path": "/a/{b_id}", "paginator": "json_link"},
            {"paginator": "header_link"},
            models.JsonLinkPaginator(),
            None,
        ),
        (
            {"path": "/a/{b_id}/c"},
            {"paginator": "header_link"},
            models.HeaderLinkPaginator(),
            None,
        ),
    ],
)
def test_which_paginator_holds(
    planned: Planned, endpoint: Any, client: Any, paginator: Any, selector: str | None
) -> None:
    """Endpoint, then client, then auto; an entity's path is one page before the client's."""
    top = {"client": {"base_url": "https://a.x", **client}}
    step = planned(top, bs="/b", x={"endpoint": endpoint}).step("x")
    assert (step.paginator, step.selector) == (paginator, selector)


def test_auth_and_error_handler_come_from_the_nearest(planned: Planned) -> None:
    """An endpoint's own goes before the defaults', those before the client's."""

    def top(**client: Any) -> dict[str, Any]:
        return {
            "client": {"base_url": "https://a.x", **client},
            "resource_defaults": {"endpoint": {"error_handler": {"max_retries": 2}}},
        }

    plan = planned(
        top(auth={"token": "c"}, error_handler={"max_retries": 1}),
        a={},
        b={"endpoint": {"error_handler": {"max_retries": 3}, "auth": {"token": "b"}}},
        c={"endpoint": {"error_handler": None}},
    )
    retries = [getattr(plan.step(name).error_handler, "max_retries", None) for name in "abc"]
    assert retries == [2, 3, 1]
    assert plan.step("a").auth == models.BearerAuth(token=models.BearerAuth(token="c").token)  # type: ignore[arg-type]
    assert plan.step("a").auth != plan.step("b").auth


NAMES = [f"{letter}{number}" for letter in "abcd" for number in range(3)]


@st.composite
def trees(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Resources in any order, each below any earlier one, bound by hand, by path or by name."""
    made: list[tuple[str, str]] = []
    resources: list[dict[str, Any]] = []
    for name in draw(st.lists(st.sampled_from(NAMES), unique=True, min_size=1, max_size=8)):
        plural = f"{name}s"
        if made and draw(st.booleans()):
            parent, path = draw(st.sampled_from(made))
            hole = draw(
                st.sampled_from([f"{parent[:-1]}_id", f"resources.{parent}.id", "parent_id"])
            )
            own = f"{path}/{{{hole}}}/{plural}"
        else:
            own = f"/{plural}"
        made.append((plural, own))
        resources.append({"name": plural, "endpoint": {"path": own}})
    return draw(st.permutations(resources))


@given(trees())
def test_parents_come_before_children(resources: list[dict[str, Any]]) -> None:
    """Whatever the order written, a step's parents are placed and what they carry is there."""
    config = {"client": {"base_url": "https://a.x"}, "resources": resources}
    with contextlib.suppress(ConfigError):
        plan = make_plan(read_config(config))
        placed: set[str] = set()
        carried: dict[str, set[str]] = {}
        for step in plan.steps:
            assert set(step.parents) <= placed
            assert step.name not in plan.ancestors(step.name)
            for binding in step.bindings:
                assert binding.parents == step.parents
                if binding.rule == "ancestor":
                    assert str(binding.fields[0]) in carried[step.parents[0]]
            placed.add(step.name)
            carried[step.name] = {item.column for item in step.includes}
        assert placed == {item["name"] for item in resources}


HOLES = st.sampled_from(["a_id", "b_id", "c_id", "parent_id", "resources.as.id", "resources.bs.x"])
PATHS = st.lists(
    st.sampled_from(["as", "bs", "cs"]) | HOLES.map("{{{}}}".format), min_size=1, max_size=5
).map("/".join)


@given(st.fixed_dictionaries({"as": PATHS, "bs": PATHS, "cs": PATHS}))
def test_any_paths_give_a_plan_or_a_config_error(paths: dict[str, str]) -> None:
    """No path binds a resource to itself or to its descendants, and none is a traceback."""
    resources = [{"name": name, "endpoint": path} for name, path in paths.items()]
    config = {"client": {"base_url": "https://a.x"}, "resources": resources}
    with contextlib.suppress(ConfigError):
        plan = make_plan(read_config(config))
        for step in plan.steps:
            assert step.name not in plan.ancestors(step.name)
            assert len({binding.parents for binding in step.bindings}) <= 1
