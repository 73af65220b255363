"""Random mixtures of configs and faults, each loaded and compared with what the API holds.

A mixture is drawn from its seed alone, so that `python tests/faults/soak.py --seed N` repeats it.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from headwater.simulate import Options

__all__ = ["SECRET", "Mixture", "drawn"]

SECRET = "s3cr3t-0f-the-mixture"
LATER = "2031-02-03T04:05:06Z"
AUTHS: tuple[dict[str, str] | None, ...] = (
    None,
    {"type": "bearer", "token": SECRET},
    {"type": "api_key", "name": "X-Key", "api_key": SECRET, "location": "header"},
    {"type": "api_key", "name": "key", "api_key": SECRET, "location": "query"},
    {"type": "http_basic", "username": "ada", "password": SECRET},
)
TRANSIENT = ("429", "500", "502", "503", "cut", "html")
STRUCTURES = ("root", "child", "child", "grandchild", "union")
DEMANDS = ("meta.total", "meta.pages")


@dataclass(frozen=True, slots=True)
class Mixture:
    """One config, one API that misbehaves, and how they meet.

    `certain` says that nothing stands in the way of a complete run but faults that pass. `way` is
    how it is loaded: as dlt source, as dlt source of Python objects, or by `sync`.
    """

    seed: int
    resources: tuple[dict[str, Any], ...]
    auth: dict[str, str] | None
    disposition: str
    options: Options
    way: str
    certain: bool
    changes: bool

    def config(self, base_url: str) -> dict[str, Any]:
        """The config as a dict, for an API at `base_url`."""
        client: dict[str, Any] = {"base_url": base_url, "error_handler": {"backoff_factor": 0}}
        if self.auth is not None:
            client["auth"] = self.auth
        defaults = {"primary_key": "id", "write_disposition": self.disposition}
        return {
            "client": client,
            "resource_defaults": defaults,
            "resources": [*self.resources],
        }


def drawn(seed: int) -> Mixture:
    """The mixture of a seed."""
    r = random.Random(seed)
    structure = r.choice(STRUCTURES)
    disposition = r.choice(("merge", "merge", "append", "replace"))
    total_off = r.choice((0, 0, 0, 0, -3, -1, 2, 5))
    resources = resources_of(r, structure, demands=total_off >= 0)
    rows = r.randint(1, 8) if structure in ("grandchild", "union") else r.randint(1, 40)
    if disposition != "replace" and r.random() < 0.35:
        # A parent that the API filters itself has its children asked for no more, by design.
        add_cursor(resources[0], asked=structure == "root")
    if disposition != "replace" and structure in ("child", "grandchild") and r.random() < 0.3:
        add_cursor(resources[1], asked=structure == "child")
    quirks = frozenset(
        quirk
        for quirk, share in (
            ("ignores_position", 0.05),
            ("repeats_cursor", 0.08),
            ("lists_rows_twice", 0.06),
        )
        if r.random() < share
    )
    broken: dict[str, int] = {}
    if structure == "child" and r.random() < 0.12:
        broken[r.choice(("/tasks", "tasks?", "projects"))] = r.choice((404, 500, 403))
    options = Options(
        rows=rows,
        rows_per_parent=r.choice((None, None, 0, 1, r.randint(2, 14))),
        seed=seed,
        faults=faults_of(r),
        max_limit=r.choice((None, None, r.randint(1, 9))),
        page_size=r.randint(2, 10),
        retry_after_s=r.choice((None, 0)),
        totals=r.random() < 0.5,
        auto_as=r.choice(("single_page", "header_link", "json_link", "page_number")),
        total_off=total_off,
        quirks=quirks,  # type: ignore[arg-type]
        broken=broken,
    )
    return Mixture(
        seed=seed,
        resources=tuple(resources),
        auth=r.choice(AUTHS),
        disposition=disposition,
        options=options,
        way=r.choice(("source", "source", "objects", "sync")),
        certain=not quirks and not broken and total_off <= 0,
        changes=r.random() < 0.5,
    )


def faults_of(r: random.Random) -> Mapping[str, float]:
    """Up to three kinds of faults that pass, together at most six tenths of all requests."""
    chosen = r.sample(TRANSIENT, r.choice((0, 1, 1, 2, 3)))
    faults = {name: r.choice((0.02, 0.1, 0.2)) for name in chosen}
    if r.random() < 0.1:
        faults["slow"] = 0.02
    return faults


def resources_of(r: random.Random, structure: str, *, demands: bool) -> list[dict[str, Any]]:
    """The resources of a structure, parents first."""

    def listing(name: str, path: str | None = None) -> dict[str, Any]:
        endpoint = {"path": path or name, "data_selector": "data"}
        method, paginator = paginator_of(r, demands=demands)
        if paginator is not None:
            endpoint["paginator"] = paginator
        return {"name": name, "endpoint": endpoint | method}

    if structure == "union":
        return [
            listing("epics"),
            listing("groups"),
            listing("epics_stories", "epics/{epic_id}/stories"),
            listing("groups_stories", "groups/{group_id}/stories"),
            listing("comments", "stories/{story_id}/comments"),
        ]
    out = [listing("projects")]
    if structure != "root":
        out.append(listing("tasks", "projects/{project_id}/tasks"))
    if structure == "grandchild":
        out.append(listing("notes", "tasks/{task_id}/notes"))
    return out


def paginator_of(r: random.Random, *, demands: bool) -> tuple[dict[str, Any], Any]:
    """How a listing is paged: more keys of its endpoint, and its paginator."""
    limit = r.randint(2, 12)
    offset = {"type": "offset", "limit": limit}
    number = {"type": "page_number", "base_page": r.choice((0, 1))}
    in_body = {
        "offset_param": None,
        "limit_param": None,
        "offset_body_path": "page.offset",
        "limit_body_path": "page.limit",
        "total_path": None,
    }
    token = {"cursor_path": "meta.next", "cursor_param": "after"}
    choices: list[tuple[dict[str, Any], Any]] = [
        ({}, offset),
        ({}, {**offset, "total_path": None}),
        ({}, {**offset, "total_path": None, "has_more_path": "meta.more"}),
        ({"method": "POST", "json": {"kind": "all"}}, {**offset, **in_body}),
        ({}, {**number, "total_path": None}),
        ({}, {**number, "total_path": None, "limit": limit, "limit_param": "limit"}),
        ({}, {"type": "cursor", **token}),
        ({}, {"type": "cursor", **token, "limit": limit}),
        ({}, {"type": "header_cursor", "cursor_key": "X-Next", "cursor_param": "after"}),
        ({}, {"type": "json_link", "next_url_path": "paging.next"}),
        ({}, {"type": "header_link"}),
        ({}, "single_page"),
        ({}, "auto"),
        ({}, None),
    ]
    if demands:
        choices += [
            ({}, {**offset, "total_path": "meta.total"}),
            ({}, {**number, "total_path": "meta.pages"}),
        ]
    return r.choice(choices)


def add_cursor(resource: dict[str, Any], *, asked: bool) -> None:
    """Makes a resource incremental on `updated_at`; `asked`: the API leaves out older rows."""
    resource["endpoint"]["incremental"] = {
        "cursor_path": "updated_at",
        "initial_value": "1970-01-01T00:00:00Z",
        **({"start_param": "since"} if asked else {}),
    }
