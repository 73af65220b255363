"""When a run is killed, and the config that it loads.

A case is drawn from its seed alone, so that `python tests/faults/kills.py --seed N` repeats it;
the very moment of a kill differs by what the machine does meanwhile.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

from tests.faults.mixture import Mixture

from headwater.simulate import Options

__all__ = ["ALL_ASKED", "LATE", "Case", "Moment", "drawn", "mixture_of"]

LATE = 0.9
LOADING = "load/normalized/*/started_jobs/*"
ALL_ASKED = "all asked"
SIGNS = (ALL_ASKED, "normalize/extracted/*", "load/new/*", "load/normalized/*", LOADING)


@dataclass(frozen=True, slots=True)
class Moment:
    """When a run is killed: after a share of its requests, or some time after a sign it left.

    `sign` is a pattern of files in the pipeline's folder; the first one is that of no request more.
    """

    asked: float = 1.0
    sign: str = ""
    later_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Case:
    """A config, how it is loaded, and when the run is killed; `changes`: a whole run went before.

    `way` is the command line ("sync") or `pipeline.run` ("run").
    """

    seed: int
    way: str
    disposition: str
    moments: tuple[Moment, ...]
    changes: bool
    rows: int = 120


def drawn(seed: int) -> Case:
    """The case of a seed: of five, one is killed at 90 %, two while fetching, two later on."""
    r = random.Random(seed)
    late = Moment(sign=r.choice(SIGNS), later_s=r.choice((0.0, 0.02, 0.1, 0.4, 1.0)) * r.random())
    moments = [(Moment(LATE), late, Moment(r.random()), late, Moment(r.random()))[seed % 5]]
    if seed % 5 and r.random() < 0.25:
        late = Moment(sign=r.choice(SIGNS), later_s=0.3 * r.random())
        moments.append(r.choice((Moment(0.05 * r.random()), late)))
    return Case(
        seed=seed,
        way=r.choice(("sync", "run")),
        disposition=r.choice(("merge", "merge", "replace", "append")),
        moments=tuple(moments),
        changes=r.random() < 0.25,
    )


def mixture_of(case: Case) -> Mixture:
    """A feed that is added to by cursor, and three generations, in about 2,000 requests."""

    def listing(name: str, path: str, limit: int) -> dict[str, Any]:
        paginator = {"type": "offset", "limit": limit, "total_path": None}
        return {
            "name": name,
            "endpoint": {"path": path, "data_selector": "data", "paginator": paginator},
        }

    events = {**listing("events", "events", 1), "write_disposition": "append"}
    cursor = {"cursor_path": "updated_at", "initial_value": "1970-01-01T00:00:00Z"}
    events["endpoint"]["incremental"] = cursor
    return Mixture(
        seed=case.seed,
        resources=(
            events,
            listing("projects", "projects", 4),
            listing("tasks", "projects/{project_id}/tasks", 2),
            listing("notes", "tasks/{task_id}/notes", 2),
        ),
        auth=None,
        disposition=case.disposition,
        options=Options(rows=case.rows, rows_per_parent=4, seed=case.seed),
        way=case.way,
        certain=True,
        changes=case.changes,
    )
