"""What dlt's state held when a run began, to be put back for the parts that fell short."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from typing import Any

import dlt

from headwater.load.journals import STATE_KEY, local_state

__all__ = ["Recall"]

RESOURCES = "resources"


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


def restore(now: Any, before: Any, key: str) -> None:
    if key in before:
        now[key] = copy.deepcopy(before[key])
    else:
        now.pop(key, None)
