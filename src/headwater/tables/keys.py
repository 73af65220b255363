"""Keys of one run: whether each row's key came once."""

from __future__ import annotations

from headwater.arrow import Column

__all__ = ["KeyWatch"]

MOST = 1_000_000


class KeyWatch:
    """Remembers the ids of a run's rows, up to a million; of more it says nothing."""

    __slots__ = ("_seen", "repeated")

    def __init__(self) -> None:
        self.repeated = 0
        self._seen: set[str] | None = set()

    def add(self, ids: Column) -> bool:
        """Whether all ids so far are known to be different. Shape: one array, no nulls."""
        if self._seen is None:
            return False
        before = len(self._seen)
        self._seen.update(ids.to_pylist())
        self.repeated += before + len(ids) - len(self._seen)
        if len(self._seen) > MOST:
            self._seen = None
        return self._seen is not None and self.repeated == 0
