"""What a run shows while it goes: a live table on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Protocol

import typer

from headwater.cli.show import amount
from headwater.events import Event, ListingEnded, Retried
from headwater.report import Ledger, Report, ResourceReport

if TYPE_CHECKING:
    from rich.console import Console
    from rich.live import Live
    from rich.table import Table
    from rich.text import Text

    from headwater.plan.graph import Plan

__all__ = ["LiveProgress", "PlainProgress", "Progress", "SilentProgress", "progress_for"]

SETTLED_AFTER_S = 0.7
HEARTBEAT_S = 30.0
SILENT_S = 5.0
SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"


class Progress(Protocol):
    """A listener that shows what it hears until it is closed."""

    def __enter__(self) -> Progress: ...
    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...
    def __call__(self, event: Event) -> None: ...
    def finish(self, report: Report) -> None:
        """The run is over and came to `report`."""


def progress_for(plan: Plan, names: list[str], *, silent: bool = False) -> Progress:
    """The progress that suits stderr; `names` are the resources that will be read, in order."""
    if silent:
        return SilentProgress()
    parents = {name: plan.step(name).parents for name in names}
    if sys.stderr.isatty():
        return LiveProgress(names, parents)
    return PlainProgress(names, parents)


class SilentProgress:
    """Shows nothing."""

    def __enter__(self) -> SilentProgress:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        return None

    def __call__(self, event: Event) -> None:
        return None

    def finish(self, report: Report) -> None:
        return None


class PlainProgress(SilentProgress):
    """One line on stderr for each resource when it is over, and one every 30 s of a long run.

    A resource without parents is over when its listing is; of the others only the end of the run
    tells, and of one without rows, which may yet be found to have lost them. Requests that wait to
    be sent again are told of when nothing else was for some seconds.
    """

    def __init__(
        self,
        names: list[str],
        parents: dict[str, tuple[str, ...]],
        *,
        clock: Callable[[], float] = time.monotonic,
        write: Callable[[str], None] = lambda line: typer.echo(line, err=True),
    ) -> None:
        self.ledger = Ledger(names, clock=clock)
        self.parents = parents
        self.clock = clock
        self.write = write
        self.started_s = self.said_s = clock()
        self.said: dict[str, str] = {}
        self.lock = threading.Lock()

    def __call__(self, event: Event) -> None:
        self.ledger(event)
        with self.lock:
            ended = isinstance(event, ListingEnded) and event.rows > 0
            silent_s = self.clock() - self.said_s
            if ended and not self.parents.get(event.resource):
                report = self.ledger.report()
                self.say(next(r for r in report.resources if r.resource == event.resource))
            elif isinstance(event, Retried) and silent_s + event.wait_s >= SILENT_S:
                self.said_s = self.clock()
                self.write(f"{event.resource}: waits {event.wait_s:.0f} s: {event.why}")
            elif silent_s >= HEARTBEAT_S:
                self.beat()

    def finish(self, report: Report) -> None:
        with self.lock:
            for item in report.resources:
                # A listing that ended well may be found wanting when all are over.
                if self.said.get(item.resource) != item.outcome:
                    self.say(item)

    def say(self, item: ResourceReport) -> None:
        self.said[item.resource] = item.outcome
        self.said_s = self.clock()
        figures = f"{amount(item.rows, 'row')}, {amount(item.requests, 'request')}"
        self.write(f"{item.resource}: {figures}, {item.outcome}, {item.seconds:.1f} s")

    def beat(self) -> None:
        self.said_s = self.clock()
        report = self.ledger.report()
        figures = f"{amount(report.rows, 'row')}, {amount(report.requests, 'request')}"
        self.write(f"... {figures} after {self.said_s - self.started_s:.0f} s")


class LiveProgress(SilentProgress):
    """A table on the terminal, never higher than it, gone when the run is over."""

    def __init__(
        self,
        names: list[str],
        parents: dict[str, tuple[str, ...]],
        *,
        console: Console | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        from rich.console import Console

        self.console = console or Console(stderr=True, highlight=False)
        self.ledger = Ledger(names, clock=clock)
        self.parents = parents
        self.clock = clock
        self.started_s = clock()
        self.heard_s: dict[str, float] = {}
        self.ended: set[str] = set()
        self.waits: dict[str, tuple[float, str]] = {}
        self.live: Live | None = None

    def __enter__(self) -> LiveProgress:
        from rich.live import Live

        self.live = Live(
            get_renderable=self.table, console=self.console, refresh_per_second=8, transient=True
        )
        self.live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.live is not None:
            self.live.stop()

    def __call__(self, event: Event) -> None:
        self.ledger(event)
        self.heard_s[event.resource] = self.clock()
        if isinstance(event, ListingEnded):
            self.ended.add(event.resource)
        if isinstance(event, Retried):
            self.waits[event.resource] = (self.clock() + event.wait_s, event.why)

    def settled(self, name: str) -> bool:
        """Whether nothing more is to come: sure for a root, a child must have been quiet."""
        above = self.parents.get(name, ())
        if name not in self.ended or not all(self.settled(parent) for parent in above):
            return False
        return not above or self.clock() - self.heard_s[name] > SETTLED_AFTER_S

    def table(self) -> Table:
        """What the terminal shows now."""
        from rich.table import Table
        from rich.text import Text

        report = self.ledger.report()
        done = {item.resource for item in report.resources if self.settled(item.resource)}
        room = max(self.console.size.height - 4, 3)
        shown = self.fitting(report.resources, done, room)
        table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
        table.add_column("", width=1)
        table.add_column("resource", no_wrap=True, overflow="ellipsis")
        table.add_column("rows", justify="right", no_wrap=True, min_width=9)
        table.add_column("requests", justify="right", no_wrap=True)
        table.add_column("", no_wrap=True, overflow="ellipsis")
        for item in shown:
            figures = (f"{item.rows:,}", f"{item.requests:,}") if item.requests else ("", "")
            table.add_row(self.mark(item, done), item.resource, *figures, self.remark(item))
        hidden = [item for item in report.resources if item not in shown]
        if hidden:
            ready = sum(item.resource in done for item in hidden)
            rest = f"{len(hidden) - ready} waiting" if len(hidden) > ready else ""
            words = ", ".join(part for part in (f"{ready} done" if ready else "", rest) if part)
            table.add_row("", Text(f"and {len(hidden)} more: {words}", "dim"))
        seconds = self.clock() - self.started_s
        total = Text(f"{seconds:.0f} s", "dim")
        table.add_row("", "total", f"{report.rows:,}", f"{report.requests:,}", total, style="bold")
        return table

    def fitting(
        self, items: tuple[ResourceReport, ...], done: set[str], room: int
    ) -> list[ResourceReport]:
        """The resources that the terminal has room for: those at work, then the last heard of."""
        if len(items) <= room:
            return list(items)

        def weight(item: ResourceReport) -> tuple[bool, float]:
            heard = self.heard_s.get(item.resource)
            return (heard is None or item.resource in done, -(heard or 0.0))

        chosen = {item.resource for item in sorted(items, key=weight)[:room]}
        return [item for item in items if item.resource in chosen]

    def mark(self, item: ResourceReport, done: set[str]) -> Text:
        from rich.text import Text

        if item.resource not in self.heard_s:
            return Text("·", "dim")
        if item.resource in done:
            return Text("✓", "green") if item.status == "complete" else Text("✗", "red")
        return Text(SPINNER[int(self.clock() * 8) % len(SPINNER)], "cyan")

    def remark(self, item: ResourceReport) -> Text:
        from rich.text import Text

        until_s, why = self.waits.get(item.resource, (0.0, ""))
        left_s = until_s - self.clock()
        if left_s > 0:
            return Text(f"waits {left_s:.0f} s: {why}", "yellow")
        if item.resource in self.ended and item.status != "complete":
            return Text(item.status, "red")
        return Text(f"{item.retries:,} retried" if item.retries else "", "dim")
