"""Keys of one run: whether each row's key came once, and from which parent."""

from __future__ import annotations

from collections.abc import Sequence

from headwater.arrow import Column

__all__ = ["KeyWatch"]

MOST = 1_000_000


class KeyWatch:
    """Remembers the ids of a run's rows, up to a million; of more it says nothing.

    `repeated` rows had an id that came before, `strays` of them under another parent.
    """

    __slots__ = ("_parents", "_seen", "repeated", "strays")

    def __init__(self) -> None:
        self.repeated = 0
        self.strays = 0
        self._seen: set[str] | None = set()
        self._parents: dict[str, object] = {}

    def add(self, ids: Column, parents: Sequence[object] | None = None) -> bool:
        """Whether all ids so far are known to be different.

        `parents` says under which parent each row was listed. Shape of both: one array, as many
        values; no id is null.
        """
        if self._seen is None:
            return False
        before = len(self._seen)
        names = ids.to_pylist()
        self._seen.update(names)
        self.repeated += before + len(names) - len(self._seen)
        if parents is not None:
            for name, parent in zip(names, parents, strict=True):
                self.strays += self._parents.setdefault(name, parent) != parent
        if len(self._seen) > MOST:
            self._seen = None
            self._parents.clear()
        return self._seen is not None and self.repeated == 0

    def notice(self, key: str, columns: tuple[str, ...] = ()) -> str:
        """What to tell of repeated keys, empty where there were none; `key` is what rows go by.

        `columns` are those that rows carry of their parents.
        """
        if self.strays:
            hint = ", ".join(f"`{name}`" for name in (*columns, key))
            what = f"`{key}` is that of a row of another parent in {rows(self.strays)}"
            return f"{what}: one of each is kept (primary_key: [{hint}] keeps all)"
        if self.repeated:
            return f"`{key}` came before in {rows(self.repeated)}: one of each is kept"
        return ""


def rows(count: int) -> str:
    return "1 row" if count == 1 else f"{count:,} rows"
