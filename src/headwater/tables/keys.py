"""Keys of one run: whether each row's key came once, and from which parent."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from headwater.arrow import Column

__all__ = ["FirstOnly", "KeyWatch"]

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

    def add(self, ids: Column, parents: Sequence[object] | None = None) -> None:
        """Takes in the ids of some rows; `parents` says under which parent each was listed.

        Shape of both: one array, as many values; no id is null.
        """
        if self._seen is None:
            return
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


class FirstOnly:
    """Lets the first row of each key of a run pass, for tables that take no key twice."""

    __slots__ = ("_seen", "dropped")

    def __init__(self) -> None:
        self.dropped = 0
        self._seen: set[Any] = set()

    def of(self, rows: Any, key: tuple[str, ...], identifier: Callable[[str], str]) -> Any:
        """`rows`, an Arrow table or a list of dicts, without those whose key came before."""
        if not isinstance(rows, list):
            names = [name for name in rows.schema.names if identifier(name) in key]
            records = rows.select(names).to_pylist()
        else:
            records = [
                {k: v for k, v in row.items() if identifier(k) in key}
                if isinstance(row, dict)
                else {}
                for row in rows
            ]
        kept = [n for n, record in enumerate(records) if self.is_first(record, key, identifier)]
        self.dropped += len(records) - len(kept)
        if len(kept) == len(records):
            return rows
        return [rows[n] for n in kept] if isinstance(rows, list) else rows.take(kept)

    def is_first(
        self, record: dict[str, Any], key: tuple[str, ...], identifier: Callable[[str], str]
    ) -> bool:
        """Whether the key of `record` is new; a row without its key is told about elsewhere."""
        found = {identifier(name): value for name, value in record.items() if value is not None}
        own = tuple(str(found[name]) for name in key if name in found)
        if len(own) < len(key) or own not in self._seen:
            self._seen.add(own)
            return True
        return False
