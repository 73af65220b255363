"""What dlt's state held when a run began, to be put back for the parts that fell short."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from typing import Any

import dlt

from headwater.load.journals import STATE_KEY

__all__ = ["Recall"]

RESOURCES = "resources"


class Recall:
    """The state of a source as it is now. It can be put back as long as the run is going on."""

    def __init__(self) -> None:
        self._state: Any = None
        self._before: Any = None
        try:
            self._state = dlt.current.source_state()
        except Exception:
            return
        self._before = copy.deepcopy(self._state)

    def put_back(self, resources: Iterable[str]) -> None:
        """Takes back what the run changed for `resources`, and that its rows arrived.

        The journal of the run is thus gone on with: what it has is not asked again.
        """
        if self._state is None:
            return
        restore(self._state, self._before, STATE_KEY)
        now = self._state.setdefault(RESOURCES, {})
        before = self._before.get(RESOURCES, {})
        for name in resources:
            restore(now, before, name)


def restore(now: Any, before: Any, key: str) -> None:
    if key in before:
        now[key] = copy.deepcopy(before[key])
    else:
        now.pop(key, None)
