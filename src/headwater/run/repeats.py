"""Repeats: whether a listing brings what it brought before, and so would never end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import blake2b

import msgspec

from headwater.fetch.page import Request

__all__ = ["Repeats"]

# So many pages in a row may hold the rows of a page before, in another order.
MOST_REORDERED = 3
# So many where rows are alike within one page: they have no key, and pages may well be equal.
MOST_ALIKE = 1000
LONGEST_ASKED = 1 << 18
SHOWN_BODY = 200


@dataclass(slots=True)
class Repeats:
    """Remembers the pages and requests of one listing by their hashes."""

    pages: set[tuple[int, int]] = field(default_factory=set)
    sets: set[int] = field(default_factory=set)
    asked: set[bytes] = field(default_factory=set)
    stale: int = 0

    def of_rows(self, records: Sequence[msgspec.Raw]) -> str:
        """What is wrong with a page of these records, empty where nothing is."""
        mark = (len(records), hash(b"\n".join(records)))
        if mark in self.pages:
            return "brought rows that came before: does the API page this way?"
        self.pages.add(mark)
        rows = {hash(bytes(raw)) for raw in records}
        whole = hash(frozenset(rows))
        self.stale = self.stale + 1 if whole in self.sets else 0
        self.sets.add(whole)
        if self.stale >= (MOST_REORDERED if len(rows) == len(records) else MOST_ALIKE):
            return "brought rows that came before, in another order: does the API page this way?"
        return ""

    def of_request(self, request: Request) -> str:
        """What is wrong with asking for `request`, empty where nothing is."""
        body = "".join(repr(part) for part in (request.json, request.data) if part is not None)
        text = f"{request.method} {request.full_url}\n{body}\n{sorted(request.headers.items())}"
        if len(text) > LONGEST_ASKED:
            return f"the cursor has grown beyond {LONGEST_ASKED} characters"
        name = blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
        if name in self.asked:
            with_body = f" (with {body[:SHOWN_BODY]})" if body else ""
            return f"was asked before{with_body}: the API pages in a circle"
        self.asked.add(name)
        return ""
