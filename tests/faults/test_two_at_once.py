"""Two processes on one pipeline: one runs, the other is refused, and the tables are right."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.faults.killed import PAGES_S, Command, differences, note, simulator_of
from tests.faults.moments import LOADING, Case, mixture_of
from tests.faults.oracle import Warehouse

from headwater.load.alone import alone, sweep
from headwater.run.journal import JournalBusy

CASE = Case(5, "sync", "append", (), changes=False, rows=12)
BUSY = "another sync of this pipeline is going on"


class Pair:
    """The same command, started twice."""

    def __init__(self, command: Command, folder: Path) -> None:
        self.command, self.folder = command, folder

    def start(self, log: str) -> subprocess.Popen[bytes]:
        self.command.log = self.folder / log
        return self.command.start()

    def wait_for(self, sign: str, process: subprocess.Popen[bytes]) -> None:
        folder = self.command.pipelines / "killed"
        while process.poll() is None and not any(folder.glob(sign)):
            time.sleep(0.0005)

    def said(self, log: str) -> list[str]:
        return (self.folder / log).read_text().splitlines()


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    with simulator_of(mixture_of(CASE)) as simulator:
        yield Pair(Command(CASE, simulator, tmp_path), tmp_path)


def is_right(pair: Pair) -> bool:
    """Whether every row of the API is in the tables once."""
    mixture, warehouse = mixture_of(CASE), Warehouse(pair.folder)
    note(warehouse, pair.command.simulator, mixture)
    return differences(warehouse, mixture) == []


@pytest.mark.parametrize(
    "sign", ["", "headwater/*.journal", "normalize/extracted/*", "load/normalized/*", LOADING]
)
def test_a_second_sync_is_refused_while_the_first_is_at_work(pair: Pair, sign: str) -> None:
    """At the same moment, while it fetches, normalises or loads: exit code 1 and one line."""
    first = pair.start("first")
    if sign:
        pair.wait_for(sign, first)
    second = pair.start("second")
    codes = [first.wait(PAGES_S), second.wait(PAGES_S)]
    if sign == "" and codes == [1, 0]:
        codes.reverse()
        refused = pair.said("first")
    else:
        refused = pair.said("second")
    if codes == [0, 0]:
        # The second had not begun before the first was over: it ran after it.
        assert sign
        return
    assert codes == [0, 1]
    assert len(refused) == 1
    assert BUSY in refused[0]
    assert is_right(pair)


def test_the_lock_lasts_as_long_as_the_sync(tmp_path: Path) -> None:
    """It is given back at the end, also of a sync that failed; another pipeline is free."""
    folder = str(tmp_path / "pipelines")
    refused = pytest.raises(JournalBusy, match=BUSY)
    with alone("one", folder), alone("two", folder), refused, alone("one", folder):
        pass
    with pytest.raises(RuntimeError, match="failed"), alone("one", folder):
        raise RuntimeError("failed")
    with alone("one", folder):
        pass


def test_what_dlt_left_half_written_is_removed(tmp_path: Path) -> None:
    """What is left of an extraction, a passing file, what a normalised package was made of.

    The last two keep dlt from ever running again.
    """
    left = [
        tmp_path / "schemas" / "65f2472d5482cacb",
        tmp_path / "normalize" / "extracted" / "1.1" / "schema.json",
        tmp_path / "normalize" / "0123456789abcdef" / "1.2" / "new_jobs" / "a.parquet",
    ]
    kept = [
        tmp_path / "load" / "normalized" / "1.1" / "schema.json",
        tmp_path / "schemas" / "api.schema.json",
        tmp_path / "normalize" / "extracted" / "1.2" / "schema.json",
        tmp_path / "headwater" / "it.journal",
    ]
    for path in (*left, *kept):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("{}")
    sweep(tmp_path)
    assert [path.exists() for path in left] == [False] * 3
    assert all(path.exists() for path in kept)
