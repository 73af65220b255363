"""Random mixtures of configs and faults, a few of them; `make soak` runs hundreds."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.faults.mixture import drawn
from tests.faults.oracle import Verdict, judged
from tests.faults.soak import summary

MIXTURES = 15


@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.parametrize("seed", range(MIXTURES))
def test_a_mixture_is_complete_or_says_what_is_missing(seed: int, tmp_path: Path) -> None:
    """Tables equal what the API holds, or the run failed and the tables are as they were."""
    verdict = judged(drawn(seed), tmp_path)
    assert verdict.wrong == []
    assert verdict.complete + verdict.said >= 1


def test_mixtures_are_the_same_for_the_same_seed() -> None:
    """What a seed stands for can be repeated."""
    assert drawn(7) == drawn(7)
    assert drawn(7) != drawn(8)


def test_the_closing_line_counts_mixtures() -> None:
    """A mixture is wrong, or said what is missing at least once, or complete throughout."""
    verdicts = [
        Verdict(0, complete=2),
        Verdict(1, complete=1, said=1),
        Verdict(2, complete=1, wrong=["x"]),
    ]
    assert summary(verdicts) == ("3 mixtures (5 runs): 1 complete, 1 said what is missing, 1 wrong")
