"""Which journal a run goes on with: dlt's state tells whether the last run arrived."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import dlt
from dlt.common.configuration.container import Container
from dlt.common.pipeline import StateInjectableContext
from dlt.common.storages.load_package import load_package_state

from headwater.plan.graph import Plan
from headwater.run.journal import Journal, new_run, run_to_resume

__all__ = ["FOLDER", "STATE_KEY", "journal_of", "local_state", "name_of"]

FOLDER = "headwater"
STATE_KEY = "headwater_runs"


def journal_of(plan: Plan) -> Journal | None:
    """The journal of the run that begins, None where rows are only looked at, without a load.

    The id of the run goes into dlt's state, which is saved with the data: a later run that finds
    the id of the journal in the state knows that its rows arrived, and starts a journal anew. The
    pipeline's local state has it too, for a refresh drops the state of the source.
    """
    try:
        load_package_state()
        folder = Path(dlt.current.pipeline().working_dir) / FOLDER
        states: Any = dlt.current.source_state(), local_state()
    except Exception:
        return None
    known = [state.setdefault(STATE_KEY, {}) for state in states]
    name = name_of(plan)
    path = folder / f"{name}.journal"
    run = run_to_resume(path, [runs.get(name) for runs in known]) or new_run()
    for runs in known:
        runs[name] = run
    return Journal(path, run)


def local_state() -> dict[str, Any]:
    """What the pipeline's state holds that is not saved in the warehouse."""
    state: Any = Container()[StateInjectableContext].state
    found: dict[str, Any] = state["_local"]
    return found


def name_of(plan: Plan) -> str:
    """A file name for an API and its resources."""
    said = [plan.config.client.base_url, *(step.name for step in plan.steps)]
    digest = hashlib.blake2b("\n".join(said).encode(), digest_size=6).hexdigest()
    plain = "".join(c if c.isalnum() else "_" for c in plan.config.name)
    return f"{plain}-{digest}"
