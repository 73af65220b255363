"""Bodies of answers: rows where the config's selector looks, paging facts beside them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from headwater.plan.graph import Step
from headwater.simulate.shape import Keys, is_entity, put

__all__ = ["Envelope", "envelope_of", "path_keys"]

TOKEN = re.compile(r"\[(\d+)\]|\[['\"]([^'\"]+)['\"]\]|([\w@-]+)")
STAR = re.compile(r"\[\*\]|\.\*(?=\.|\[|$)")
encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Envelope:
    """Where rows stand: a list at `outer`, each at `inner` of its item; an `entity` is bare."""

    outer: Keys
    inner: Keys = ()
    entity: bool = False

    @property
    def bare(self) -> bool:
        """Whether a body has no room for anything but rows."""
        return self.entity or not self.outer

    def body(self, rows: Sequence[bytes], facts: Iterable[tuple[Keys, Any]] = ()) -> bytes:
        """The JSON of an answer with these rows, which are JSON already."""
        if self.entity:
            return rows[0]
        if self.inner:
            rows = [encode(nest(self.inner, msgspec.Raw(row))) for row in rows]
        listed = b"[%b]" % b",".join(rows)
        if self.bare:
            return listed
        body: dict[str, Any] = {}
        put(body, self.outer, msgspec.Raw(listed))
        for keys, value in facts:
            put(body, keys, value)
        return encode(body)


def nest(keys: Keys, value: Any) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    put(tree, keys, value)
    return tree


def envelope_of(step: Step) -> Envelope:
    """The envelope that makes a step's selector find exactly the rows; `data` where it has none."""
    if is_entity(step):
        return Envelope((), entity=True)
    if step.selector is None:
        return Envelope(("data",))
    # A filter expression selects from the list that stands before it.
    plain = step.selector.split("[?", 1)[0]
    outer, *inner = STAR.split(plain)
    return Envelope(path_keys(outer), path_keys("".join(inner)))


def path_keys(path: str) -> Keys:
    """The keys and indexes that a JSON path walks through."""
    found = TOKEN.finditer(path.strip().removeprefix("$"))
    return tuple(int(match[1]) if match[1] else match[2] or match[3] for match in found)
