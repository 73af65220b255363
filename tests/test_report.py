"""A run's events become a report."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping

import pytest

from headwater.events import Event, ListingEnded, Noticed, PageRead, RequestSent, Retried, Status
from headwater.report import Ledger, Report, ResourceReport


def ticking(step_s: float = 1.0) -> Callable[[], float]:
    """A clock that moves on by `step_s` each time it is read."""
    now = iter(range(1_000_000))
    return lambda: next(now) * step_s


def report_of(
    *events: Event,
    names: Iterable[str] = ("a",),
    parents: Mapping[str, Iterable[str]] | None = None,
) -> Report:
    ledger = Ledger(names, parents=parents, clock=ticking())
    for event in events:
        ledger(event)
    return ledger.report()


def only(report: Report) -> ResourceReport:
    (item,) = report.resources
    return item


def sent(resource: str = "a") -> RequestSent:
    return RequestSent(resource, "GET https://api.x/a")


def ended(
    resource: str = "a",
    status: Status = "complete",
    rows: int = 2,
    expected: int | None = None,
    note: str = "",
) -> ListingEnded:
    return ListingEnded(resource, status, rows, expected, note)


def test_figures_of_one_listing() -> None:
    """Rows, requests, retries, waits and the time from first to last event are counted."""
    item = only(
        report_of(
            sent(),
            Retried("a", "GET https://api.x/a", "429", 1, 2.5),
            sent(),
            PageRead("a", 2, 100, 0.1),
            ended(rows=2),
        )
    )
    assert item == ResourceReport("a", 2, 2, 1, 2.5, 4.0, "complete", None, ())


@pytest.mark.parametrize(
    ("statuses", "worst"),
    [
        (["complete", "complete"], "complete"),
        (["complete", "partial"], "partial"),
        (["failed", "partial", "complete"], "failed"),
    ],
)
def test_worst_listing_decides(statuses: list[Status], worst: Status) -> None:
    """Of many listings the worst status is that of the resource, and of the run."""
    report = report_of(*[ended(status=status) for status in statuses])
    assert only(report).status == worst
    assert report.complete == (worst == "complete")


@pytest.mark.parametrize(
    ("events", "outcome"),
    [
        ([ended(rows=1200, expected=1200)], "complete by count (1,200 of 1,200)"),
        ([ended(rows=2, expected=2), ended(rows=3, expected=3)], "complete by count (5 of 5)"),
        ([ended(rows=2, expected=2), ended(rows=3)], "complete"),
        ([ended(rows=3, expected=2)], "complete"),
        ([ended(rows=0, expected=0)], "complete by count (0 of 0)"),
        ([ended(status="partial", rows=200, expected=444)], "partial (200 of 444)"),
        ([ended(status="failed", rows=0, expected=9)], "failed"),
    ],
)
def test_outcome_says_how_it_is_known(events: list[Event], outcome: str) -> None:
    """`by count` is said only where every listing named a total and the rows agree."""
    assert only(report_of(*events)).outcome == outcome


def test_notes_come_once_with_their_number() -> None:
    """Equal notes are one line; notes of listings and notices both count."""
    item = only(
        report_of(
            Noticed("a", "null id"), Noticed("a", "null id"), ended(note="server caps at 100")
        )
    )
    assert item.notes == ("null id (2 times)", "server caps at 100")


def test_order_is_that_of_the_plan() -> None:
    """Resources come in the order of the names; an unknown one comes last."""
    report = report_of(ended("z"), ended("b"), ended("a"), names=("a", "b"))
    assert [item.resource for item in report.resources] == ["a", "b", "z"]


def test_a_listing_that_never_ended_is_failed() -> None:
    """Requests without an end of any listing do not pass for complete."""
    item = only(report_of(sent(), PageRead("a", 7, 100, 0.1)))
    assert (item.status, item.rows) == ("failed", 7)
    assert item.notes == ("it was still being read when the run ended",)


def test_children_of_an_incomplete_parent_are_partial() -> None:
    """Rows of parents that were never seen are missing too, down the whole line."""
    report = report_of(
        ended("a", "failed"),
        ended("b"),
        names=("c", "b", "a"),
        parents={"b": ["a"], "c": ["b"]},
    )
    found = {item.resource: (item.status, item.notes) for item in report.resources}
    assert found == {
        "a": ("failed", ()),
        "b": ("partial", ("its parent a is failed",)),
        "c": ("partial", ("its parent b is partial",)),
    }


def test_a_child_without_parent_rows_is_complete() -> None:
    """No rows of a complete parent means nothing to ask for, which is complete."""
    report = report_of(ended("a", rows=0), names=("a", "b"), parents={"b": ["a"]})
    assert report.complete


def test_a_root_that_was_never_asked_is_failed() -> None:
    """With the parents known, silence of a root is no success."""
    item = only(report_of(parents={}))
    assert (item.status, item.notes) == ("failed", ("it was never asked for",))


def test_json() -> None:
    """The report as plain values, with totals."""
    assert report_of(sent(), ended(rows=2, expected=2)).to_json() == {
        "complete": True,
        "rows": 2,
        "requests": 1,
        "resources": [
            {
                "resource": "a",
                "status": "complete",
                "outcome": "complete by count (2 of 2)",
                "rows": 2,
                "expected": 2,
                "requests": 1,
                "retries": 0,
                "wait_s": 0.0,
                "seconds": 1.0,
                "notes": [],
            }
        ],
    }


def test_events_from_many_threads_are_all_counted() -> None:
    """No event is lost when several threads report at once."""
    ledger = Ledger(["a"])

    def many() -> None:
        for _ in range(500):
            ledger(sent())

    threads = [threading.Thread(target=many) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert only(ledger.report()).requests == 4000
