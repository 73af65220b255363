"""Seeded draws: small, fast and the same on every machine."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

__all__ = ["Draw", "hashed"]

T = TypeVar("T")
MASK = (1 << 64) - 1


def hashed(*parts: object) -> int:
    """A 64-bit number that stands for `parts`."""
    text = "\x1f".join(map(str, parts)).encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big")


class Draw:
    """The draws that make one row, and what the row is: its number, its birth, its parent's values.

    `random.Random` takes longer to seed than a whole row takes here.
    """

    __slots__ = ("born_s", "number", "origin", "state")

    def __init__(self, base: int, number: int, origin: Mapping[str, Any]) -> None:
        self.number = number
        self.origin = origin
        # Neighbouring numbers must not give neighbouring draws: splitmix64's finisher.
        mixed = (base + number * 0x9E3779B97F4A7C15) & MASK
        mixed = ((mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & MASK
        self.state = mixed ^ (mixed >> 31)
        self.born_s = self.below(3 * 365 * 86400)

    def below(self, limit: int) -> int:
        """A number from 0 to `limit - 1`."""
        self.state = (self.state * 6364136223846793005 + 1442695040888963407) & MASK
        return (self.state >> 24) % limit

    def pick(self, choices: Sequence[T]) -> T:
        """One of `choices`."""
        return choices[self.below(len(choices))]
