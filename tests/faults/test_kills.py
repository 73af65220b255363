"""Runs that are killed with SIGKILL and started again; `make kills` does it fifty times."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
from tests.faults.killed import Command, Undisturbed, Verdict, judged, simulator_of
from tests.faults.kills import summary
from tests.faults.moments import LATE, LOADING, Case, Moment, drawn, mixture_of
from tests.faults.oracle import Warehouse, loaded_rows

FEW, MANY = 25, 70
# How many requests such a run sends for each one that is needed; it asks some ahead.
EXPECTED = Undisturbed(requests=0, share=1.05, seconds=0.0)


@pytest.mark.parametrize(
    ("way", "disposition", "moments", "rows"),
    [
        ("run", "replace", (Moment(LATE),), MANY),
        ("sync", "append", (Moment(0.4), Moment(sign="load/normalized/*")), FEW),
        ("sync", "append", (Moment(sign="normalize/extracted/*"),), FEW),
        ("sync", "merge", (Moment(sign=LOADING),), FEW),
    ],
    ids=["late", "twice", "extracted", "while loading"],
)
def test_a_killed_run_ends_as_if_undisturbed(
    way: str, disposition: str, moments: tuple[Moment, ...], rows: int, tmp_path: Path
) -> None:
    """No row is lost or doubled, and what was fetched is not asked again."""
    case = Case(4, way, disposition, moments, changes=False, rows=rows)
    verdict = judged(case, EXPECTED, tmp_path)
    assert verdict.wrong == []
    assert len(verdict.killed_in) >= 1


def test_another_command_loads_what_was_left_and_asks_for_its_own(tmp_path: Path) -> None:
    """Only the command that was killed is ended by loading; one for other resources then runs."""
    case = Case(4, "sync", "merge", (), changes=False, rows=8)
    with simulator_of(mixture_of(case)) as simulator:
        command = Command(case, simulator, tmp_path)
        code = command.run_until(Moment(sign="normalize/extracted/*"), most=0)
        assert code == -signal.SIGKILL
        command.words += ["--resource", "events"]
        assert command.run() == ""
        assert {seen.resource for seen in simulator.requests} == {"events"}
        assert len(loaded_rows(Warehouse(tmp_path).file, "tasks", lists=False)) == 32


def test_cases_are_the_same_for_the_same_seed() -> None:
    """What a seed stands for can be repeated; every fifth is killed at 90 % of the requests."""
    assert drawn(7) == drawn(7)
    assert drawn(5).moments == drawn(10).moments == (Moment(LATE),)


def test_the_closing_line_counts_kills() -> None:
    """A case may hold two kills; the worst of the late ones is told."""
    verdicts = [
        Verdict(0, killed_in=["extract"], late=True, again=0.11),
        Verdict(1, killed_in=["extract", "load"]),
        Verdict(2),
        Verdict(3, killed_in=["load"], wrong=["x"]),
    ]
    assert summary(verdicts) == (
        "4 kills: 3 equal to an undisturbed run, 1 wrong;"
        " at 90 % the resumed run sent 11% of the requests"
    )
