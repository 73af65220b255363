"""What a run came to: its events folded into one line per resource."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from headwater.events import (
    Event,
    ListingEnded,
    Noticed,
    PageRead,
    RequestSent,
    Retried,
    Status,
)

__all__ = ["Ledger", "Report", "ResourceReport"]

WORST_FIRST: tuple[Status, ...] = ("failed", "partial", "complete")


@dataclass(frozen=True, slots=True)
class ResourceReport:
    """What one resource came to, over all its listings.

    `expected` is the sum of the totals the API named, None where any listing had none.
    `seconds` is the time from its first event to its last, `wait_s` the waits before retries.
    """

    resource: str
    rows: int = 0
    requests: int = 0
    retries: int = 0
    wait_s: float = 0.0
    seconds: float = 0.0
    status: Status = "complete"
    expected: int | None = None
    notes: tuple[str, ...] = ()

    @property
    def outcome(self) -> str:
        """The status in words; `complete by count (n of n)` where the API's own total agrees."""
        if self.status == "complete" and self.expected is not None and self.expected == self.rows:
            return f"complete by count ({self.rows:,} of {self.expected:,})"
        if self.status == "partial" and self.expected is not None and self.rows < self.expected:
            return f"partial ({self.rows:,} of {self.expected:,})"
        return self.status

    def to_json(self) -> dict[str, Any]:
        return {
            "resource": self.resource,
            "status": self.status,
            "outcome": self.outcome,
            "rows": self.rows,
            "expected": self.expected,
            "requests": self.requests,
            "retries": self.retries,
            "wait_s": round(self.wait_s, 3),
            "seconds": round(self.seconds, 3),
            "notes": list(self.notes),
        }

    def to_row(self) -> dict[str, Any]:
        """The report as a row of the table `_headwater_runs`. Unit: seconds."""
        return {
            "resource": self.resource,
            "status": self.status,
            "rows_expected": self.expected,
            "rows_read": self.rows,
            "requests": self.requests,
            "retries": self.retries,
            "wait_seconds": self.wait_s,
            "seconds": self.seconds,
            "notes": "\n".join(self.notes) or None,
        }


@dataclass(frozen=True, slots=True)
class Report:
    """What a run came to. Order: that of the plan."""

    resources: tuple[ResourceReport, ...] = ()

    @property
    def complete(self) -> bool:
        """Whether every row of every resource is known to be there."""
        return all(item.status == "complete" for item in self.resources)

    @property
    def rows(self) -> int:
        return sum(item.rows for item in self.resources)

    @property
    def requests(self) -> int:
        return sum(item.requests for item in self.resources)

    def to_json(self) -> dict[str, Any]:
        """The report as plain dicts and lists."""
        return {
            "complete": self.complete,
            "rows": self.rows,
            "requests": self.requests,
            "resources": [item.to_json() for item in self.resources],
        }


@dataclass(slots=True)
class Tally:
    """The running figures of one resource."""

    first_s: float | None = None
    last_s: float = 0.0
    requests: int = 0
    retries: int = 0
    wait_s: float = 0.0
    page_rows: int = 0
    listings: int = 0
    listed_rows: int = 0
    expected: int | None = 0
    statuses: set[Status] = field(default_factory=set)
    notes: dict[str, int] = field(default_factory=dict)

    def add(self, event: Event, now_s: float) -> None:
        self.first_s = now_s if self.first_s is None else self.first_s
        self.last_s = now_s
        match event:
            case RequestSent():
                self.requests += 1
            case Retried(wait_s=wait_s):
                self.retries += 1
                self.wait_s += wait_s
            case PageRead(rows=rows):
                self.page_rows += rows
            case Noticed(what=what):
                self.note(what)
            case ListingEnded():
                self.end(event)

    def end(self, event: ListingEnded) -> None:
        self.listings += 1
        self.listed_rows += event.rows
        self.statuses.add(event.status)
        known = self.expected is not None and event.expected is not None
        self.expected = (self.expected or 0) + (event.expected or 0) if known else None
        if event.note:
            self.note(event.note)

    def note(self, text: str) -> None:
        self.notes[text] = self.notes.get(text, 0) + 1

    def report(self, resource: str) -> ResourceReport:
        """The figures so far; rows are those of pages until a listing has ended."""
        notes = [f"{text} ({n} times)" if n > 1 else text for text, n in self.notes.items()]
        status: Status = next((s for s in WORST_FIRST if s in self.statuses), "complete")
        if self.first_s is not None and not self.listings and self.requests:
            status = "failed"
            notes.append("it was still being read when the run ended")
        return ResourceReport(
            resource=resource,
            rows=self.listed_rows if self.listings else self.page_rows,
            requests=self.requests,
            retries=self.retries,
            wait_s=self.wait_s,
            seconds=self.last_s - (self.last_s if self.first_s is None else self.first_s),
            status=status,
            expected=self.expected if self.listings else None,
            notes=tuple(notes),
        )


class Ledger:
    """A listener that keeps the figures of a run; it may be called from any thread.

    With `parents` (the parents of each child), a child of an incomplete parent is partial, as rows
    may be missing that were never asked for, and a resource that never was asked is failed unless
    its parents are complete. Events of a resource that is not in `names` come last in the report.
    """

    def __init__(
        self,
        names: Iterable[str] = (),
        *,
        parents: Mapping[str, Iterable[str]] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._tallies = {name: Tally() for name in names}
        self._parents = None if parents is None else {k: tuple(v) for k, v in parents.items()}
        self._clock = clock
        self._lock = threading.Lock()

    def __call__(self, event: Event) -> None:
        with self._lock:
            self._tallies.setdefault(event.resource, Tally()).add(event, self._clock())

    def report(self) -> Report:
        """The report of the events so far."""
        with self._lock:
            found = {name: tally.report(name) for name, tally in self._tallies.items()}
            unasked = {name for name, tally in self._tallies.items() if tally.first_s is None}
        if self._parents is not None:
            judged: dict[str, ResourceReport] = {}
            for name in found:
                judge(name, found, unasked, self._parents, judged)
            found = {name: judged[name] for name in found}
        return Report(tuple(found.values()))


def judge(
    name: str,
    found: Mapping[str, ResourceReport],
    unasked: set[str],
    parents: Mapping[str, tuple[str, ...]],
    judged: dict[str, ResourceReport],
) -> ResourceReport:
    """The report of `name` in the light of its parents; fills `judged`, parents first."""
    if name not in judged:
        own = found[name]
        above = [p for p in parents.get(name, ()) if p in found]
        states = [judge(parent, found, unasked, parents, judged) for parent in above]
        lacking = [item for item in states if item.status != "complete"]
        if lacking and own.status == "complete":
            note = ", ".join(f"its parent {item.resource} is {item.status}" for item in lacking)
            own = replace(own, status="partial", notes=(*own.notes, note))
        elif name in unasked and not above:
            own = replace(own, status="failed", notes=(*own.notes, "it was never asked for"))
        judged[name] = own
    return judged[name]
