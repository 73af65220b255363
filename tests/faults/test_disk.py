"""A disk that is full, at every stage of a run: one line says so, and nothing is lost by it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.faults.killed import Command, differences, needed_requests, note, simulator_of
from tests.faults.moments import Case, mixture_of
from tests.faults.oracle import Warehouse

from headwater.simulate import Simulator

CASE = Case(3, "sync", "merge", (), changes=False, rows=12)
ROOM = "make room and run again"
LIMITED = """
import os, resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, 40_000))
os.execv(sys.argv[1], sys.argv[1:])
"""


class Disk:
    """A command whose dlt folder lies on a disk of its own, inside a private mount namespace."""

    def __init__(self, simulator: Simulator, folder: Path) -> None:
        self.simulator, self.folder = simulator, folder
        self.command = Command(CASE, simulator, folder)
        self.disk = folder / "disk"
        self.kept = folder / "kept"
        for path in (self.disk, self.kept):
            path.mkdir()
        self.command.environment["DLT_DATA_DIR"] = str(self.disk)
        self.words = self.command.words

    def run(self, size_kb: int) -> str:
        """Runs it on a disk of this size that holds what the last run left; what went wrong."""
        script = (
            f'mount -t tmpfs -o size={size_kb}k tmpfs "{self.disk}"'
            f' && cp -a "{self.kept}/." "{self.disk}/" && "$@"; code=$?;'
            f' rm -rf "{self.kept}"; cp -a "{self.disk}" "{self.kept}"; exit $code'
        )
        self.command.words = ["unshare", "-m", "sh", "-c", script, "sh", *self.words]
        return self.command.run()


def mountable() -> bool:
    """Whether a private mount namespace can be had here."""
    script = "mount -t tmpfs -o size=100k tmpfs /mnt"
    try:
        found = subprocess.run(["unshare", "-m", "sh", "-c", script], capture_output=True)
    except OSError:
        return False
    return found.returncode == 0


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    with simulator_of(mixture_of(CASE)) as simulator:
        yield Disk(simulator, tmp_path)


def is_one_line(said: str) -> bool:
    """Whether the command ended with exit code 1 and one line that says what to do."""
    lines = [line for line in said.splitlines() if ROOM in line]
    return said.startswith("exit code 1:") and len(lines) == 1 and "Traceback" not in said


@pytest.mark.skipif(not mountable(), reason="no disk can be mounted here")
@pytest.mark.parametrize("size_kb", [60, 160, 360, 440, 520])
def test_a_full_disk_is_said_and_costs_no_row(disk: Disk, size_kb: int) -> None:
    """Whoever runs into it, the journal, dlt or the load: after room is made the run goes on.

    What was kept is not asked again. A disk that is large enough for all of it is no fault.
    """
    mixture, warehouse = mixture_of(CASE), Warehouse(disk.folder)
    said = disk.run(size_kb)
    before = len(disk.simulator.requests)
    if said:
        assert is_one_line(said), said
        assert disk.run(100_000) == ""
        assert len(disk.simulator.requests) + before <= 1.4 * needed_requests(
            disk.simulator, mixture
        )
    note(warehouse, disk.simulator, mixture)
    assert differences(warehouse, mixture) == []


def test_a_file_that_may_not_grow_is_said_and_costs_no_row(tmp_path: Path) -> None:
    """The same where no disk can be mounted: the kernel refuses to let any file grow further."""
    mixture, warehouse = mixture_of(CASE), Warehouse(tmp_path)
    with simulator_of(mixture) as simulator:
        command = Command(CASE, simulator, tmp_path)
        plain = command.words
        command.words = [sys.executable, "-c", LIMITED, *plain]
        said = command.run()
        assert is_one_line(said), said
        before = len(simulator.requests)
        command.words = plain
        assert command.run() == ""
        assert len(simulator.requests) + before <= 1.4 * needed_requests(simulator, mixture)
        note(warehouse, simulator, mixture)
    assert differences(warehouse, mixture) == []
