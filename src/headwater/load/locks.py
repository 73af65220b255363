"""Locks on files that keep processes out of each other's way; the kernel frees a dead one's."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

__all__ = ["Lock"]


class Lock:
    """A lock that this process holds until it releases it or ends.

    Raises BlockingIOError where another one has it, or this process already. Forked children do
    not keep it: those of a killed process may live on.
    """

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        HELD.add(self)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self.release()
            raise

    def release(self) -> None:
        if self in HELD:
            HELD.remove(self)
            os.close(self._file)


HELD: set[Lock] = set()


def close_all() -> None:
    """Closes a child's copies; the locks stay with the parent."""
    for lock in list(HELD):
        lock.release()


os.register_at_fork(after_in_child=close_all)
