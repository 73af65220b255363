"""Locks: held by one process, and by none that it leaves behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from headwater.load.locks import Lock

FORKS = """
import os, sys, time
from pathlib import Path
from headwater.load.locks import Lock
lock = Lock(Path(sys.argv[1]))
if not os.fork():
    print(os.getpid(), flush=True)
time.sleep(60)
"""


def test_a_lock_is_had_once(tmp_path: Path) -> None:
    """Not twice in one process either; released, it is free, and may be released again."""
    lock = Lock(tmp_path / "lock")
    with pytest.raises(BlockingIOError):
        Lock(tmp_path / "lock")
    lock.release()
    lock.release()
    Lock(tmp_path / "lock").release()


def test_children_of_a_killed_process_do_not_keep_it(tmp_path: Path) -> None:
    """dlt's workers live on when the process is killed that forked them."""
    words = [sys.executable, "-c", FORKS, str(tmp_path / "lock")]
    with subprocess.Popen(words, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        child = int(process.stdout.readline())
        try:
            with pytest.raises(BlockingIOError):
                Lock(tmp_path / "lock")
            process.kill()
            process.wait()
            os.kill(child, 0)
            Lock(tmp_path / "lock").release()
        finally:
            os.kill(child, signal.SIGKILL)
