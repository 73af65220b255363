"""An API with rows of every type, as it is first and as it is later, and what tables must hold."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

from reference import tree_of
from tests.load.conftest import Api

__all__ = ["DISPOSITIONS", "LATER", "NOW", "config", "held", "serve", "wanted"]

Rows = list[dict[str, Any]]
World = Mapping[str, Rows]
DISPOSITIONS = {"projects": "merge", "tasks": "merge", "events": "append", "settings": "replace"}
DECIMALS, TIMES, DATES, JSON = {"price"}, {"created_at", "due_at"}, {"born"}, {"doc"}


def project(number: int, **changes: Any) -> dict[str, Any]:
    members = [
        {"name": f"m{n} ünï", "roles": ["admin", "dev"][: n % 3], "paid": {"rate": n + 0.5}}
        for n in range(number % 4)
    ]
    return {
        "id": number,
        "name": f"Project {number} - ünïcode 名 😀 'quoted' \"twice\", a\\b\ttab\nline",
        "price": f"{number}2345678.{number:03}000001",
        "big": 9_007_199_254_740_993 + number,
        "least": -(2**63) + number,
        "ratio": number / 3,
        "active": number % 2 == 0 if number % 5 else None,
        "created_at": f"2024-02-{number:02}T03:04:05.123456+02:00",
        "born": f"19{60 + number}-05-06",
        "wakes": f"{number:02}:30:15",
        "doc": {"n": number, "list": [1, "two", None], "text": "ü"} if number % 3 else None,
        "owner": {"name": f"o{number}", "address": {"city": "Zürich", "zip": f"0{number}"}},
        "nothing": None,
        "empty": "",
        "tags": [f"t{n}" for n in range(number % 3)],
        "members": members,
        "grid": [[number, 2], [3]] if number % 2 else [],
        **changes,
    }


def task(number: int, **changes: Any) -> dict[str, Any]:
    steps = [{"title": f"s{n}", "hours": n * 0.25} for n in range(number % 3)]
    due = "2024-06-01T00:00:00Z" if number % 2 else None
    return {"id": number, "title": f"Task {number}", "due_at": due, "steps": steps, **changes}


def event(number: int) -> dict[str, Any]:
    return {"id": number, "kind": "made", "changes": [{"field": f"f{n}"} for n in range(number)]}


NOW: World = {
    "projects": [project(n) for n in range(1, 10)],
    **{f"tasks{n}": [task(10 * n + m) for m in range(n % 4)] for n in range(1, 10)},
    "events": [event(n) for n in range(3)],
    "settings": [{"name": "a", "values": [1, 2, 3]}, {"name": "b", "values": [4]}],
}
LATER: World = {
    "projects": [
        project(2, name="changed", tags=[], members=[{"name": "only", "roles": ["dev"]}]),
        project(3, members=[], grid=[[7]], owner={"name": None, "address": {"city": "Bern"}}),
        project(7, members=[{"name": "first", "roles": []}, {"name": "second"}], doc=[1, {"a": 2}]),
        project(11, extra="a new column"),
    ],
    "tasks2": [task(20, steps=[]), task(21, title="changed", steps=[{"title": "one"}])],
    "tasks3": [task(32, steps=[{"title": "x", "hours": 9.0}] * 4)],
    "tasks11": [task(110), task(112)],
    "events": [event(n) for n in range(4)],
    "settings": [{"name": "c", "values": []}],
}


def config(base_url: str) -> dict[str, Any]:
    """A parent, its child, and rows that are added or replaced; every kind of column."""
    return {
        "client": {
            "base_url": base_url,
            "paginator": {"type": "json_link", "next_url_path": "next"},
        },
        "resource_defaults": {"endpoint": {"data_selector": "data"}},
        "resources": [
            {
                "name": "projects",
                "primary_key": "id",
                "write_disposition": "merge",
                "columns": {
                    "price": {"data_type": "decimal", "precision": 20, "scale": 9},
                    "born": {"data_type": "date"},
                    "wakes": {"data_type": "time"},
                    "doc": {"data_type": "json"},
                },
                "endpoint": {"path": "projects"},
            },
            {
                "name": "tasks",
                "primary_key": "id",
                "write_disposition": "merge",
                "include_from_parent": ["big"],
                "endpoint": {"path": "projects/{resources.projects.id}/tasks"},
            },
            {"name": "events", "primary_key": "id", "write_disposition": "append"},
            {"name": "settings", "write_disposition": "replace"},
        ],
    }


def serve(api: Api, world: World) -> None:
    """Makes `api` hold `world`, the projects in pages of four."""

    def projects(query: dict[str, str]) -> Any:
        first = int(query.get("from", 0))
        more = first + 4 < len(world["projects"])
        link = f"/projects?from={first + 4}" if more else None
        return {"data": world["projects"][first : first + 4], "next": link}

    api.paths.clear()
    api.paths |= {name: {"data": world[name]} for name in ("events", "settings")}
    api.paths["projects"] = projects
    for row in world["projects"]:
        tasks = world.get(f"tasks{row['id']}", [])
        api.paths[f"projects/{row['id']}/tasks"] = {"data": tasks}


def rows_of(world: World, resource: str) -> Rows:
    """Rows of a resource as they should be loaded, parents' values with them."""
    if resource != "tasks":
        return world[resource]
    return [
        {**row, "_projects_big": parent["big"]}
        for parent in world["projects"]
        for row in world.get(f"tasks{parent['id']}", [])
    ]


def wanted(resource: str, worlds: list[World], *, merges: bool) -> list[Any]:
    """The trees that a resource's tables must hold once `worlds` were loaded one by one."""
    loads = [rows_of(world, resource) for world in worlds]
    disposition = DISPOSITIONS[resource]
    if disposition == "replace":
        rows = loads[-1]
    elif disposition == "merge" and merges:
        rows = list({row["id"]: row for load in loads for row in load}.values())
    else:
        rows = [row for load in loads for row in load]
    return sorted((tree(resource, row) for row in rows), key=repr)


def tree(table: str, row: Mapping[str, Any]) -> Any:
    """A row of the API as `tree_of` shows the tables that were made of it."""
    values: dict[str, Any] = {}
    inner: list[Any] = []

    def add(path: str, value: Any) -> None:
        if isinstance(value, Mapping) and path not in JSON:
            for key, part in value.items():
                add(f"{path}__{key}", part)
        elif isinstance(value, list) and path not in JSON:
            below = f"{table}__{path}"
            inner.extend((below, n, tree(below, row_of(item))) for n, item in enumerate(value))
        elif value is not None:
            values[path] = typed(path, value)

    for key, value in row.items():
        add(key, value)
    return sorted_values(values), sorted(inner, key=repr)


def row_of(item: Any) -> Mapping[str, Any]:
    if isinstance(item, Mapping):
        return item
    return {"list": item} if isinstance(item, list) else {"value": item}


def typed(column: str, value: Any) -> Any:
    if column in DECIMALS:
        return Decimal(value).normalize()
    if column in TIMES:
        return datetime.fromisoformat(value).astimezone(UTC).isoformat()
    return repr(value) if isinstance(value, (bool, float)) else value


def sorted_values(values: dict[str, Any]) -> dict[str, Any]:
    return dict(sorted((key, shown(value)) for key, value in values.items()))


def shown(value: Any) -> Any:
    """Objects with their keys in order, so that equal ones are written alike."""
    if isinstance(value, dict):
        return {key: shown(part) for key, part in sorted(value.items())}
    return [shown(part) for part in value] if isinstance(value, list) else value


def held(tables: Mapping[str, Rows], resource: str, *, texts: bool = False) -> list[Any]:
    """The trees of a resource's tables. With `texts`, JSON columns are read from text."""
    import json

    def value_of(column: str, value: Any) -> Any:
        if isinstance(value, Decimal):
            return value.normalize()
        if column == "wakes" and isinstance(value, str):
            return time.fromisoformat(value).isoformat()  # Delta knows no times of the day
        if isinstance(value, (date, time)) and not isinstance(value, datetime):
            return value.isoformat()
        return json.loads(value) if texts and column in JSON and value is not None else value

    own = {
        name: [{key: value_of(key, value) for key, value in row.items()} for row in rows]
        for name, rows in tables.items()
        if rows and (name == resource or name.startswith(f"{resource}__"))
    }
    return sorted(tree_of(own, resource), key=repr)
