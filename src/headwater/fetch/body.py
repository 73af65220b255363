"""The body of a page, opened no further than asked: records are cut out as raw bytes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import msgspec

from headwater.config.path import JsonPath
from headwater.errors import DecodeError

__all__ = ["Body"]

OBJECT = msgspec.json.Decoder(dict[str, msgspec.Raw])
ARRAY = msgspec.json.Decoder(list[msgspec.Raw])
ROOT = JsonPath("$", ())
LIST_KEYS = (
    "data",
    "items",
    "results",
    "entries",
    "records",
    "rows",
    "entities",
    "payload",
    "content",
    "objects",
    "values",
)
SHOWN = 200


class Body:
    """A JSON body. Levels of objects are opened on the way to what is asked, once each."""

    __slots__ = ("_opened", "_tree", "raw")

    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        self._opened: dict[tuple[str | int, ...], dict[str, msgspec.Raw] | None] = {}
        self._tree: Any = None

    def tree(self) -> Any:
        """The whole body as Python objects, by the rules of Python's own JSON reader.

        Raises DecodeError with the first line of a body that is not JSON.
        """
        if self._tree is None:
            try:
                self._tree = json.loads(self.raw)
            except (ValueError, RecursionError) as error:
                raise DecodeError(f"the answer is not JSON: {describe(self.raw)}") from error
        return self._tree

    def first(self, path: JsonPath) -> Any:
        """The value at `path`, None where there is none."""
        if path.keys is None:
            return path.first(self.tree())
        found = self.piece(path.keys)
        return None if found is None else msgspec.json.decode(found)

    def records(self, selector: JsonPath) -> Sequence[msgspec.Raw] | None:
        """The records at `selector`, uncut; None where it matches nothing.

        A list is its items, null is no record, anything else is one record.
        Raises DecodeError where the body is not JSON.
        """
        if selector.keys is None:
            return self.records_by_tree(selector)
        piece = self.piece(selector.keys)
        if piece is None:
            self.check_json()
            return None
        head = bytes(memoryview(piece)[:64]).lstrip()[:1]
        try:
            if head == b"[":
                return ARRAY.decode(piece)
            if head == b"n":
                return []
            if not selector.keys:
                msgspec.json.decode(piece)
        except msgspec.MsgspecError as error:
            raise DecodeError(f"the answer is not JSON: {describe(self.raw)}") from error
        return [msgspec.Raw(piece)]

    def records_by_tree(self, selector: JsonPath) -> Sequence[msgspec.Raw] | None:
        found = selector.find(self.tree())
        if not found:
            return None
        values = found[0] if len(found) == 1 and isinstance(found[0], list) else found
        return [msgspec.Raw(json.dumps(value).encode()) for value in values if value is not None]

    def piece(self, keys: tuple[str, ...]) -> bytes | msgspec.Raw | None:
        """The bytes of the value below `keys`, None where there is none."""
        if not keys:
            return self.raw
        level = self.level(keys[:-1])
        return None if level is None else level.get(keys[-1])

    def level(self, keys: tuple[str, ...]) -> dict[str, msgspec.Raw] | None:
        if keys not in self._opened:
            piece = self.piece(keys)
            opened: dict[str, msgspec.Raw] | None = None
            if piece is not None:
                try:
                    opened = OBJECT.decode(piece)
                except msgspec.MsgspecError:
                    opened = None
            self._opened[keys] = opened
        return self._opened[keys]

    def check_json(self) -> None:
        try:
            msgspec.json.decode(self.raw)
        except msgspec.MsgspecError:
            self.tree()

    def top_keys(self) -> list[str]:
        """The keys of the top level, empty where the body is not an object."""
        return list(self.level(()) or {})

    def find_records(self) -> JsonPath:
        """Where the records seem to be (dlt's order: known list names, else the first list)."""
        tree = self.tree()
        if not isinstance(tree, dict):
            return ROOT
        lists = list_paths(tree, (), 0)
        for path in lists:
            if path[-1] in LIST_KEYS:
                return JsonPath(".".join(path), path)
        return JsonPath(".".join(lists[0]), lists[0]) if lists else ROOT


def list_paths(tree: dict[str, Any], above: tuple[str, ...], depth: int) -> list[tuple[str, ...]]:
    """Paths to lists, three levels deep at most, in document order."""
    if depth > 3:
        return []
    out: list[tuple[str, ...]] = []
    for key, value in tree.items():
        if isinstance(value, list):
            out.append((*above, key))
        elif isinstance(value, dict):
            out += list_paths(value, (*above, key), depth + 1)
    return out


def describe(raw: bytes) -> str:
    """The first line of a body, short, for messages."""
    if not raw.strip():
        return "the body is empty"
    text = raw[: SHOWN * 4].decode("utf-8", "replace").strip()
    first = text.splitlines()[0][:SHOWN]
    return f"it begins with `{first}`"
