"""Depth: how far a body is nested, told from its bytes before any reader goes down there."""

from __future__ import annotations

import re
from itertools import accumulate

__all__ = ["is_deeper"]

NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
ALIKE = bytes.maketrans(b"{}", b"[]")
TEXT = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)
BETWEEN = ord("[") + 1
WORTHWHILE = 64


def is_deeper(text: bytes, levels: int) -> bool:
    """Whether the JSON `text` is nested in more than so many lists and objects.

    Quick for what is usual: pairs of brackets are taken out from the inside, level by level, as if
    none stood in text. What remains is looked at closely. So text never makes a body seem deep,
    but text made for it, a bracket beside each bracket, could hide that one is.
    """
    if not unnested(brackets_of(text), levels):
        return False
    brackets = brackets_of(TEXT.sub(b"", text))
    return max(accumulate(BETWEEN - bracket for bracket in brackets), default=0) > levels


def brackets_of(text: bytes) -> bytes:
    """The brackets of `text`, curly ones made square."""
    return text.translate(ALIKE, NO_BRACKETS)


def unnested(brackets: bytes, levels: int) -> bytes:
    """What remains of `brackets` when so many levels are taken out, as long as that pays."""
    for _ in range(levels):
        before = len(brackets)
        brackets = brackets.replace(b"[]", b"")
        if not brackets or (before - len(brackets)) * WORTHWHILE < before:
            break
    return brackets
