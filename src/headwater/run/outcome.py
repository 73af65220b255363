"""What a run knows of each of its steps: how far it is, and what it fell short of."""

from __future__ import annotations

import gc
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from headwater.errors import HeadwaterError
from headwater.plan.graph import Plan, Step
from headwater.run.listing import Selected

__all__ = ["Failure", "Incomplete", "Progress", "Stale", "Token", "is_outside", "mismatch", "skips"]

SHOWN_FAILURES = 5
STALE_AFTER_S = 0.1


@dataclass(frozen=True, slots=True)
class Failure:
    """A listing that did not end well, in one line."""

    resource: str
    text: str


class Incomplete(HeadwaterError):
    """A run that does not have every row; its text lists what is missing."""

    def __init__(self, failures: Iterable[Failure]) -> None:
        self.failures = tuple(failures)
        alike = Counter(f"{f.resource}: {f.text}" for f in self.failures)
        lines = [text if n == 1 else f"{text} ({n} times)" for text, n in alike.items()]
        more = len(lines) - SHOWN_FAILURES
        shown = lines[:SHOWN_FAILURES] + ([f"and {more} more"] if more > 0 else [])
        super().__init__("\n".join(shown))


class Token:
    """Lives as long as rows are on their way to the children of a resource."""

    __slots__ = ("__weakref__", "_live")

    def __init__(self, live: set[int]) -> None:
        self._live = live
        live.add(id(self))

    def __del__(self) -> None:
        self._live.discard(id(self))


class Stale:
    """Frees tokens that only garbage holds, which would keep a run waiting for ever.

    An error that was caught below, in dlt's validation say, can hold the frames it passed through,
    and they their rows, until Python's collector comes by. While nothing is made it never comes.
    """

    def __init__(self) -> None:
        self._seen: set[int] = set()
        self._pause_s = STALE_AFTER_S
        self._next_s = 0.0

    def look(self, live: set[int]) -> None:
        """Takes the ids of the living tokens; collects where they are the same for some time."""
        now = time.monotonic()
        if live != self._seen:
            self._seen, self._pause_s, self._next_s = live, STALE_AFTER_S, now + STALE_AFTER_S
        elif live and now >= self._next_s:
            gc.collect()
            ended = time.monotonic()
            self._pause_s = max(2 * self._pause_s, 20 * (ended - now))
            self._next_s = ended + self._pause_s


@dataclass(slots=True)
class Progress:
    """How far one step is: whether it takes part, generators at work, rows on their way.

    `outside` rows begin with a resource that was handed in built, whose end nobody tells.
    """

    joined: bool = False
    outside: bool = False
    driven: bool = False
    finished: bool = False
    working: int = 0
    live: set[int] = field(default_factory=set)
    stopped: Callable[[], bool] | None = None


def is_outside(plan: Plan, step: Step) -> bool:
    """Whether the rows that `step` starts from are read by somebody else, who tells no end."""
    if step.external is not None:
        return True
    return len(step.parents) == 1 and is_outside(plan, plan.step(step.parents[0]))


def skips(step: Step) -> bool:
    """Whether the config takes a failure of this step for a warning."""
    return step.error_handler is not None and step.error_handler.on_exhausted == "skip"


def mismatch(selector: str | None, selected: Selected) -> str:
    """What is told of a selector that did not match in every answer."""
    keys = ", ".join(selected.keys) or "none"
    what = (
        "no list of rows is" if selector is None else f"data_selector `{selector}` matches nothing"
    )
    missed = selected.answers - selected.matched
    of = f"{missed} of " if selected.matched else "any of "
    return f"{what} in {of}{selected.answers} answers (keys there: {keys})"
