"""Rows: the same for the same seed, keyed, typed, and consistent between parents and children."""

from __future__ import annotations

import functools
from typing import Any

import pytest

from headwater.config.read import read_config
from headwater.errors import UsageError
from headwater.plan.graph import Plan, make_plan
from headwater.simulate import Options, Simulator

PACKAGED = ("project_tracker", "project_api", "delivery", "time_tracking", "feature_flags")


@functools.cache
def packaged(name: str) -> Plan:
    config = read_config(
        name,
        params={"base_url": "http://127.0.0.1:1/x"},
        secret=lambda _name, _config: "k3y-for-tests",
    )
    return make_plan(config)


def plan_of(resources: list[Any]) -> Plan:
    client = {"base_url": "https://api.example.com/v2"}
    return make_plan(read_config({"client": client, "resources": resources}))


@pytest.mark.parametrize("name", PACKAGED)
def test_rows_do_not_depend_on_the_order_they_are_asked_in(name: str) -> None:
    """Two simulators of one seed hold the same rows, whichever resource is read first."""
    one, other = (Simulator(packaged(name), Options(rows=9)) for _ in range(2))
    names = [step.name for step in one.plan.steps]
    backwards = {item: other.truth_by_parent(item) for item in reversed(names)}
    assert {item: one.truth_by_parent(item) for item in names} == backwards


def test_another_seed_gives_other_rows() -> None:
    """The seed decides."""
    plan = packaged("project_api")
    assert Simulator(plan, Options(seed=1)).truth("resource_name") != Simulator(plan).truth(
        "resource_name"
    )


@pytest.mark.parametrize("name", PACKAGED)
def test_keys_are_unique_and_there(name: str) -> None:
    """No two entities of a resource share a primary key, over all parents."""
    simulator = Simulator(packaged(name), Options(rows=12))
    for step in simulator.plan.steps:
        rows = simulator.truth(step.name)
        keys = [row[step.resource.primary_key] for row in rows]
        assert None not in keys
        assert len(set(keys)) == len(keys) > 0, step.name


@pytest.mark.parametrize("name", PACKAGED)
def test_children_belong_to_parents(name: str) -> None:
    """The listings of a child are exactly those of the values that its parents' rows hold."""
    simulator = Simulator(packaged(name), Options(rows=12))
    for step in simulator.plan.steps:
        if step.bindings:
            binding = step.bindings[0]
            held = {
                path.first(row)
                for path, parent in zip(binding.fields, binding.parents, strict=True)
                for row in simulator.truth(parent)
            }
            assert {values[0] for values in simulator.truth_by_parent(step.name)} == held


def test_declared_types_are_kept() -> None:
    """A column's data type shows in JSON, `a__b` is nested, required ones are never null."""
    columns = {
        "id": {"data_type": "text", "nullable": False},
        "seen_at": {"data_type": "timestamp"},
        "price": {"data_type": "double", "nullable": False},
        "on": {"data_type": "bool", "nullable": False},
        "day": {"data_type": "date", "nullable": False},
        "extra": {"data_type": "json", "nullable": False},
        "person__first__name": {"data_type": "text", "nullable": False},
        "person___key": {"data_type": "bigint", "nullable": False},
    }
    resource = {"name": "things", "primary_key": "id", "columns": columns}
    rows = Simulator(plan_of([resource]), Options(rows=300)).truth("things")
    for row in rows:
        assert isinstance(row["id"], str)
        assert isinstance(row["price"], float)
        assert isinstance(row["on"], bool)
        assert len(row["day"]) == 10
        assert isinstance(row["extra"], dict)
        assert isinstance(row["person"]["first"]["name"], str)
        assert isinstance(row["person"]["_key"], int)
        assert isinstance(row["labels"], list)
    times = [row["seen_at"] for row in rows if "seen_at" in row]
    assert 5 < times.count(None) < 60
    assert len(times) < 300
    assert all(time.endswith("Z") for time in times if time)
    assert any(":" in row["id"] for row in rows)
    assert any(" " in row["id"] for row in rows)
    assert not all(row["id"].isascii() for row in rows)


def test_undeclared_rows_look_like_an_api() -> None:
    """Without columns there are the fields that most APIs have."""
    rows = Simulator(plan_of(["users"])).truth("users")
    wanted = {
        "id",
        "name",
        "kind",
        "created_at",
        "updated_at",
        "amount",
        "active",
        "labels",
        "tags",
        "owner",
    }
    assert all(wanted <= row.keys() for row in rows)
    assert all(row["created_at"] <= row["updated_at"] for row in rows)


def test_fields_that_children_ask_for_exist() -> None:
    """Bound and included fields are in the parent's rows, unless those carry them already."""
    resources = [
        {"name": "projects"},
        {
            "name": "boards",
            "endpoint": {"path": "projects/{project_key}/boards"},
            "include_from_parent": ["region"],
        },
        {"name": "cards", "endpoint": {"path": "projects/{project_key}/boards/{board_id}/cards"}},
    ]
    simulator = Simulator(plan_of(resources))
    projects = simulator.truth("projects")
    assert len({row["key"] for row in projects}) == len(projects)
    assert all(row["region"] for row in projects)
    boards = {
        (*values, row["id"])
        for values, rows in simulator.truth_by_parent("boards").items()
        for row in rows
    }
    assert set(simulator.truth_by_parent("cards")) == boards
    assert not any("_projects_key" in row for row in simulator.truth("boards"))


def test_a_pool_has_one_row_for_one_id() -> None:
    """Producers of one placeholder overlap; an id stands for the same row in all of them."""
    simulator = Simulator(packaged("delivery"))
    producers = ("epics_stories", "groups_stories", "iterations_stories")
    rows = [row for name in producers for row in simulator.truth(name)]
    by_id = {row["id"]: row for row in rows}
    assert len(by_id) < len(rows)
    assert all(by_id[row["id"]] == row for row in rows)
    assert set(simulator.truth_by_parent("story_history")) == {(key,) for key in by_id}


def test_sizes_follow_the_options() -> None:
    """`rows` per root, `rows_per_parent` below each parent, else varying with some empty."""
    plan = packaged("project_tracker")
    exact = Simulator(plan, Options(rows=7, rows_per_parent=3))
    assert len(exact.truth("projects")) == 7
    assert {len(rows) for rows in exact.truth_by_parent("labels").values()} == {3}
    varied = {len(rows) for rows in Simulator(plan).truth_by_parent("labels").values()}
    assert 0 in varied
    assert len(varied) > 3


def test_update_changes_and_deletes() -> None:
    """A change is seen by the next reader, a deleted parent has no children, others keep theirs."""
    simulator = Simulator(packaged("project_tracker"))
    before = simulator.truth_by_parent("stories")
    gone, *kept = [row["id"] for row in simulator.truth("projects")]
    simulator.update("projects", lambda row: None if row["id"] == gone else {**row, "name": "new"})
    assert [row["name"] for row in simulator.truth("projects")] == ["new"] * len(kept)
    assert simulator.truth_by_parent("stories") == {(key,): before[(key,)] for key in kept}


def test_added_rows_come_last() -> None:
    """A row can be put at the end of one listing."""
    simulator = Simulator(packaged("project_tracker"))
    first = simulator.truth("projects")[0]["id"]
    simulator.add("labels", {"id": 1, "name": "x"}, parents=(first,))
    assert simulator.truth_by_parent("labels")[(first,)][-1] == {"id": 1, "name": "x"}
    with pytest.raises(KeyError):
        simulator.add("labels", {"id": 2}, parents=(0,))


@pytest.mark.parametrize(
    ("faults", "text"),
    [
        ({"bang": 0.5}, "fault `bang`: unknown (an error status such as 429, or cut, html, slow)"),
        ({"429": 2.0}, "fault `429`: 2.0 is no share (0 to 1)"),
        ({"429": 0.7, "500": 0.7}, "faults: shares add up to more than 1"),
    ],
)
def test_options_refuse_what_cannot_be(faults: dict[str, float], text: str) -> None:
    """A fault that nobody knows is named at once."""
    with pytest.raises(UsageError) as caught:
        Options(faults=faults)
    assert str(caught.value) == text
