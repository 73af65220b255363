"""Planned misfortune: which requests are answered with a fault."""

from __future__ import annotations

import random
import threading
from collections.abc import Mapping
from types import MappingProxyType

__all__ = ["Faults"]

IN_A_ROW = 2
NONE_BROKEN: Mapping[str, int] = MappingProxyType({})


class Faults:
    """Seeded draws; one request never fails more than twice in a row, so that retries end.

    Requests that hold a word of `broken` fail always, with its status.
    """

    def __init__(
        self, shares: Mapping[str, float], seed: int, broken: Mapping[str, int] = NONE_BROKEN
    ) -> None:
        self.broken = broken
        self.shares = sorted(shares.items())
        self.random = random.Random(seed)
        self.lock = threading.Lock()
        self.in_a_row: dict[tuple[str, str], int] = {}

    def draw(self, method: str, path_qs: str) -> str | None:
        """The name of the fault that befalls this request, None where it is served well."""
        for word, status in self.broken.items():
            if word in path_qs:
                return str(status)
        if not self.shares:
            return None
        key = (method, path_qs)
        with self.lock:
            name = self.named(self.random.random())
            if name is None or self.in_a_row.get(key, 0) >= IN_A_ROW:
                self.in_a_row.pop(key, None)
                return None
            self.in_a_row[key] = self.in_a_row.get(key, 0) + 1
            return name

    def named(self, drawn: float) -> str | None:
        for name, share in self.shares:
            if drawn < share:
                return name
            drawn -= share
        return None
