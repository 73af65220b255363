"""The body of a page, opened no further than asked: records are cut out as raw bytes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import msgspec

from headwater.config.path import JsonPath
from headwater.errors import DecodeError

__all__ = ["Body", "Lens", "describe", "lens_of"]

Keys = tuple[str, ...]
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
ERROR_KEYS = ("errors", "error")
BESIDE_ERRORS = {*ERROR_KEYS, "message", "status", "code", "success", "ok", "data", "meta"}
SHOWN = 200
DEEPEST = 3


@dataclass(frozen=True, slots=True)
class Lens:
    """Opens bodies in one pass: the list of records, and values beside it, each by its path."""

    decoder: msgspec.json.Decoder[Any]
    records: Keys
    fields: dict[Keys, tuple[str, ...]]

    def value(self, opened: Any, keys: Keys) -> Any:
        """What was read at `keys`, UNSET where there is nothing."""
        for name in self.fields[keys]:
            opened = getattr(opened, name)
            if opened is msgspec.UNSET:
                return opened
        return opened


@lru_cache(maxsize=1024)
def lens_of(records: Keys | None, paths: tuple[JsonPath, ...]) -> Lens | None:
    """The lens for a list at `records` and values at `paths`; None where there is no such thing."""
    if not records:
        return None
    wanted: list[Keys] = [records]
    for path in paths:
        keys = path.keys
        if keys and not any(clash(keys, other) for other in wanted):
            wanted.append(keys)
    fields: dict[Keys, tuple[str, ...]] = dict.fromkeys(wanted, ())
    top = struct_of(wanted, records, (), fields)
    return Lens(msgspec.json.Decoder(top), records, fields)


def clash(one: Keys, other: Keys) -> bool:
    width = min(len(one), len(other))
    return one[:width] == other[:width]


def struct_of(wanted: list[Keys], records: Keys, above: Keys, fields: dict[Keys, Keys]) -> Any:
    """A struct type of the level `above`; notes in `fields` how to walk to what is wanted."""
    depth = len(above)
    below = [keys for keys in wanted if keys[:depth] == above]
    names = list(dict.fromkeys(keys[depth] for keys in below))
    parts: list[tuple[str, Any, Any]] = []
    for number, name in enumerate(names):
        place = (*above, name)
        for keys in below:
            if keys[depth] == name:
                fields[keys] = (*fields[keys], f"f{number}")
        kind: Any = msgspec.Raw
        if place == records:
            kind = list[msgspec.Raw]
        elif place not in wanted:
            kind = struct_of(wanted, records, place, fields)
        parts.append((f"f{number}", kind, msgspec.UNSET))
    rename = {f"f{number}": name for number, name in enumerate(names)}
    return msgspec.defstruct("Level", parts, rename=rename)


class Body:
    """A JSON body. With a lens it is read once; without, level by level as it is asked."""

    __slots__ = ("_lens", "_levels", "_opened", "_tree", "raw")

    def __init__(self, raw: bytes, lens: Lens | None = None) -> None:
        self.raw = raw
        self._lens = lens
        self._opened: Any = None
        self._levels: dict[Keys, dict[str, msgspec.Raw] | None] = {}
        self._tree: Any = None

    def tree(self) -> Any:
        """The whole body as Python objects, by the rules of Python's own JSON reader.

        Raises DecodeError with the first line of a body that is not JSON.
        """
        if self._tree is None:
            try:
                self._tree = json.loads(self.raw)
            except RecursionError:
                raise DecodeError(f"the answer is nested too deep: {describe(self.raw)}") from None
            except ValueError as error:
                raise DecodeError(f"the answer is not JSON: {describe(self.raw)}") from error
        return self._tree

    def first(self, path: JsonPath) -> Any:
        """The value at `path`, None where there is none. Raises DecodeError."""
        if path.keys is None:
            return path.first(self.tree())
        if self._lens is not None and path.keys in self._lens.fields and self.through_lens():
            found = self._lens.value(self._opened, path.keys)
        else:
            found = self.piece(path.keys)
        if isinstance(found, list) or (found is None and self.is_strange()):
            return path.first(self.tree())
        if found is None or found is msgspec.UNSET:
            return None
        try:
            return msgspec.json.decode(found)
        except msgspec.MsgspecError:
            return path.first(self.tree())

    def records(self, selector: JsonPath) -> Sequence[msgspec.Raw] | None:
        """The records at `selector`, uncut; None where it matches nothing.

        A list is its items, null is no record, anything else is one record.
        Raises DecodeError where the body is not JSON.
        """
        if selector.keys is None:
            return self.records_by_tree(selector)
        if self._lens is not None and self._lens.records == selector.keys and self.through_lens():
            found = self._lens.value(self._opened, selector.keys)
            return None if found is msgspec.UNSET else found
        piece = self.piece(selector.keys)
        try:
            if piece is None:
                msgspec.json.decode(self.raw)
                return None
            head = bytes(memoryview(piece)[:64]).lstrip()[:1]
            if head == b"[":
                return ARRAY.decode(piece)
            if not selector.keys:
                msgspec.json.decode(piece)
        except (msgspec.MsgspecError, RecursionError):
            return self.records_by_tree(selector)
        return [] if head == b"n" else [msgspec.Raw(piece)]

    def records_by_tree(self, selector: JsonPath) -> Sequence[msgspec.Raw] | None:
        found = selector.find(self.tree())
        if not found:
            return None
        values = found[0] if len(found) == 1 and isinstance(found[0], list) else found
        plain = selector.keys is not None and values is not found
        return [
            msgspec.Raw(json.dumps(value).encode())
            for value in values
            if plain or value is not None
        ]

    def through_lens(self) -> bool:
        """Whether the lens shows this body; where it is of another shape, it is put away."""
        if self._opened is None and self._lens is not None:
            try:
                self._opened = self._lens.decoder.decode(self.raw)
            except (msgspec.MsgspecError, RecursionError):
                self._lens = None
        return self._opened is not None

    def piece(self, keys: Keys) -> bytes | msgspec.Raw | None:
        """The bytes of the value below `keys`, None where there is none."""
        if not keys:
            return self.raw
        level = self.level(keys[:-1])
        return None if level is None else level.get(keys[-1])

    def level(self, keys: Keys) -> dict[str, msgspec.Raw] | None:
        if keys not in self._levels:
            piece = self.piece(keys)
            opened: dict[str, msgspec.Raw] | None = None
            if piece is not None:
                try:
                    opened = OBJECT.decode(piece)
                except (msgspec.MsgspecError, RecursionError):
                    opened = None
            self._levels[keys] = opened
        return self._levels[keys]

    def is_strange(self) -> bool:
        """Whether this is an object that only Python's own reader may read (NaN, BOM)."""
        return self.level(()) is None and self.raw[:64].lstrip()[:1] != b"["

    def top_keys(self) -> list[str]:
        """The keys of the top level, empty where the body is not an object."""
        tree = self.tree() if self.is_strange() else self.level(())
        return list(tree) if isinstance(tree, dict) else []

    def errors(self) -> str:
        """What the body says went wrong, as JSON; empty where it says nothing."""
        for key in ERROR_KEYS:
            value = self.first(JsonPath(key, (key,)))
            if value:
                return json.dumps(value, ensure_ascii=False)
        return ""

    def find_records(self) -> JsonPath | None:
        """Where the records seem to be (dlt's order: known list names, else the first list).

        None where the body has nothing but errors to tell. Raises DecodeError.
        """
        tree = self.tree()
        if not isinstance(tree, dict):
            return ROOT
        lists = list_paths(tree, ())
        if not any(path[-1] not in ERROR_KEYS for path in lists) and is_error(tree):
            return None
        for path in lists:
            if path[-1] in LIST_KEYS:
                return JsonPath(".".join(path), path)
        return JsonPath(".".join(lists[0]), lists[0]) if lists else ROOT


def is_error(tree: dict[str, Any]) -> bool:
    """Whether an object only tells of errors, as some APIs do with status 200."""
    told = [tree[key] for key in ERROR_KEYS if key in tree]
    return (
        tree.keys() <= BESIDE_ERRORS
        and not tree.get("data")
        and any(value or isinstance(value, list) for value in told)
    )


def list_paths(tree: dict[str, Any], above: Keys) -> list[Keys]:
    """Paths to lists, three levels deep at most, in document order."""
    out: list[Keys] = []
    for key, value in tree.items():
        if isinstance(value, list):
            out.append((*above, key))
        elif isinstance(value, dict) and len(above) + 1 < DEEPEST:
            out += list_paths(value, (*above, key))
    return out


def describe(raw: bytes) -> str:
    """The first line of a body, short, for messages."""
    if not raw.strip():
        return "the body is empty"
    text = raw[: SHOWN * 4].decode("utf-8", "replace").strip()
    first = text.splitlines()[0][:SHOWN]
    return f"it begins with `{first}`"
