"""What dlt's state held when a run began, to be put back for the parts that fell short."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from typing import Any

import dlt
from dlt.common.configuration.container import Container
from dlt.common.pipeline import StateInjectableContext

from headwater.load.journals import STATE_KEY, local_state, name_of
from headwater.plan.graph import Plan

__all__ = ["Recall", "adopt_state"]

RESOURCES = "resources"
CURSORS = "headwater_cursors"


def adopt_state(plan: Plan) -> None:
    """Takes over the state that a source of another name left for the same API and resources.

    dlt keeps state by the name of the source, which often is that of a function: renamed, it would
    begin anew, beside tables that are full.
    """
    try:
        state: Any = dlt.current.source_state()
        sources: Any = Container()[StateInjectableContext].state.get("sources", {})
        one_dataset = dlt.current.pipeline().config.use_single_dataset
    except Exception:
        return
    name = name_of(plan)
    others = [other for other in sources.values() if name in other.get(STATE_KEY, {})]
    if len(others) == 1 and name not in state.get(STATE_KEY, {}) and one_dataset:
        kept = copy.deepcopy(others[0].get(RESOURCES, {}))
        state[RESOURCES] = {step.name: kept[step.name] for step in plan.steps if step.name in kept}


class Recall:
    """The state of a source as it is now. It can be put back as long as the run is going on."""

    def __init__(self) -> None:
        self._states: tuple[Any, ...] = ()
        try:
            self._states = dlt.current.source_state(), local_state()
        except Exception:
            return
        self._before = copy.deepcopy(self._states)

    def put_back(self, resources: Iterable[str]) -> None:
        """Takes back what the run changed for `resources`, and that its rows arrived.

        The journal of the run is thus gone on with: what it has is not asked again.
        """
        if not self._states:
            return
        for state, was in zip(self._states, self._before, strict=True):
            restore(state, was, STATE_KEY)
        now = self._states[0].setdefault(RESOURCES, {})
        before = self._before[0].get(RESOURCES, {})
        for name in resources:
            restore(now, before, name)

    def cursors(self, resource: str, path: str) -> str | None:
        """What was kept of a resource's cursors on `path`."""
        kept = self._resource(resource).get(CURSORS, {})
        found: str | None = kept.get(path)
        return found

    def keep_cursors(self, resource: str, path: str, text: str) -> None:
        self._resource(resource)[CURSORS] = {path: text}

    def shared_cursor(self, resource: str, path: str) -> Any:
        """What dlt kept of one cursor for all parents, None where it kept none."""
        found = self._resource(resource).get("incremental", {}).get(path, {})
        return found if found.get("last_value") is not None else None

    def _resource(self, name: str) -> Any:
        if not self._states:
            return {}
        return self._states[0].setdefault(RESOURCES, {}).setdefault(name, {})


def restore(now: Any, before: Any, key: str) -> None:
    if key in before:
        now[key] = copy.deepcopy(before[key])
    else:
        now.pop(key, None)
