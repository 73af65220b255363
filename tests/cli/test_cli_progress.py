"""What a run shows while it goes."""

from __future__ import annotations

import io

from rich.console import Console

from headwater.cli.progress import LiveProgress, PlainProgress
from headwater.events import ListingEnded, PageRead, RequestSent, Retried


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def live(names: list[str], clock: Clock, *, height: int = 24) -> LiveProgress:
    console = Console(file=io.StringIO(), force_terminal=True, width=80, height=height)
    return LiveProgress(names, {"b": ("a",)}, console=console, clock=clock)


def drawn(progress: LiveProgress) -> list[str]:
    console = Console(width=80, height=progress.console.size.height, color_system=None)
    with console.capture() as captured:
        console.print(progress.table())
    return [line.rstrip() for line in captured.get().splitlines()]


def test_live_table_says_who_works_and_who_waits() -> None:
    """A resource is still, at work, waiting for a retry, or done."""
    clock = Clock()
    progress = live(["a", "b", "c"], clock)
    progress(RequestSent("a", "GET https://x/a"))
    progress(PageRead("a", 1200, 10, 0.1))
    progress(ListingEnded("a", "complete", 1200))
    progress(RequestSent("b", "GET https://x/b"))
    progress(Retried("b", "GET https://x/b", "429", 1, 8.0))
    assert drawn(progress) == [
        "   resource       rows  requests",
        "✓  a             1,200         1",
        "⠋  b                 0         1  waits 8 s: 429",
        "·  c",
        "   total         1,200         2  0 s",
    ]


def test_a_child_is_done_once_it_is_quiet() -> None:
    """More parents may come: a child is done when its parents are and nothing is heard of it."""
    clock = Clock()
    progress = live(["a", "b"], clock)
    progress(ListingEnded("b", "failed", 3))
    assert not progress.settled("b")
    progress(ListingEnded("a", "complete", 1))
    assert not progress.settled("b")
    clock.now_s = 5.0
    assert progress.settled("b")
    assert "failed" in drawn(progress)[2]


def test_live_table_fits_the_terminal() -> None:
    """24 resources on 12 lines: those at work are shown, the rest is counted."""
    clock = Clock()
    names = [f"r{number}" for number in range(24)]
    progress = live(names, clock, height=12)
    for name in names[:3]:
        progress(RequestSent(name, "GET https://x"))
        progress(ListingEnded(name, "complete", 1))
    progress(RequestSent("r20", "GET https://x"))
    lines = drawn(progress)
    assert len(lines) < 12
    assert any(line.split()[1:2] == ["r20"] for line in lines)
    assert lines[-2].split("  ")[-1].strip() == "and 16 more: 16 waiting"


def test_plain_progress_is_a_line_a_resource() -> None:
    """A root is said when its listing ends, a child at the end of the run, each once."""
    clock, lines = Clock(), list[str]()
    progress = PlainProgress(["a", "b"], {"b": ("a",)}, clock=clock, write=lines.append)
    progress(RequestSent("a", "GET https://x/a"))
    clock.now_s = 2.0
    progress(ListingEnded("a", "complete", 1200, 1200))
    progress(ListingEnded("b", "complete", 1))
    assert lines == ["a: 1,200 rows, 1 request, complete by count (1,200 of 1,200), 2.0 s"]
    progress.finish(progress.ledger.report())
    assert lines[1:] == ["b: 1 row, 0 requests, complete, 0.0 s"]


def test_plain_progress_gives_a_sign_of_life() -> None:
    """A long listing is heard of every 30 s."""
    clock, lines = Clock(), list[str]()
    progress = PlainProgress(["a"], {}, clock=clock, write=lines.append)
    for second in range(0, 65, 5):
        clock.now_s = float(second)
        progress(PageRead("a", 100, 10, 0.1))
    assert lines == ["... 700 rows, 0 requests after 30 s", "... 1,300 rows, 0 requests after 60 s"]


def test_plain_progress_corrects_itself() -> None:
    """A resource that was said complete and is found failed at the end is said again."""
    clock, lines = Clock(), list[str]()
    progress = PlainProgress(["a"], {}, clock=clock, write=lines.append)
    progress(ListingEnded("a", "complete", 1))
    progress(ListingEnded("a", "failed", 0, None, "rows cannot be loaded"))
    progress.finish(progress.ledger.report())
    assert [line.split(", ")[2] for line in lines] == ["complete", "failed"]


def test_plain_progress_waits_with_a_listing_without_rows() -> None:
    """It is not called complete before a selector that matched nothing is found."""
    clock, lines = Clock(), list[str]()
    progress = PlainProgress(["a"], {}, clock=clock, write=lines.append)
    progress(ListingEnded("a", "complete", 0))
    progress(ListingEnded("a", "failed", 0, None, "data_selector `dta` matches nothing"))
    progress.finish(progress.ledger.report())
    assert [line.split(", ")[2] for line in lines] == ["failed"]


def test_plain_progress_tells_of_long_waits() -> None:
    """An API that is down is not met with silence, nor is each of many waits a line."""
    clock, lines = Clock(), list[str]()
    progress = PlainProgress(["a"], {}, clock=clock, write=lines.append)
    for second, wait_s in ((0, 1), (1, 2), (3, 4), (3.5, 4), (7, 8)):
        clock.now_s = float(second)
        progress(Retried("a", "https://x/a", "cannot connect", 1, wait_s))
    assert lines == ["a: waits 4 s: cannot connect", "a: waits 8 s: cannot connect"]
