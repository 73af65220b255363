"""Text with {placeholders}: which names it asks for, and what it says once they are filled."""

from __future__ import annotations

import re
import string
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import quote

__all__ = [
    "encode_segment",
    "expand",
    "expand_tree",
    "is_name",
    "lone_placeholder",
    "map_strings",
    "placeholders",
    "strings",
]

FORMATTER = string.Formatter()
NAME = re.compile(r"[^\W\d][\w-]*(\.[^\s{}\"']+)?")


def placeholders(text: str) -> list[str]:
    """The names inside braces in order of appearance; `{{` and `}}` are plain braces.

    Raises ValueError where a brace is not closed or stands inside other braces.
    """
    found: list[str] = []
    for _, name, spec, conversion in FORMATTER.parse(text):
        if name is None:
            continue
        if "{" in name or "{" in (spec or ""):
            raise ValueError("a brace stands inside braces")
        if conversion not in (None, "r", "s", "a"):
            raise ValueError(f"unknown conversion !{conversion}")
        found.append(name)
    return found


def is_name(text: str) -> bool:
    """Whether `text` may be what a placeholder is called: words, joined by dots."""
    return NAME.fullmatch(text) is not None


def lone_placeholder(text: str) -> str | None:
    """The name where `text` is one placeholder and nothing else."""
    parts = list(FORMATTER.parse(text))
    if (
        len(parts) == 1
        and parts[0][0] == ""
        and parts[0][1]
        and not parts[0][2]
        and not parts[0][3]
    ):
        return parts[0][1]
    return None


def expand(
    text: str, values: Mapping[str, Any], *, encode: Callable[[str], str] | None = None
) -> str:
    """`text` with every placeholder replaced. Raises KeyError with the name that has no value."""
    out: list[str] = []
    for literal, name, spec, conversion in FORMATTER.parse(text):
        out.append(literal)
        if name is None:
            continue
        value = values[name]
        if conversion:
            value = FORMATTER.convert_field(value, conversion)
        filled = format(value, spec or "")
        out.append(encode(filled) if encode else filled)
    return "".join(out)


def expand_tree(tree: Any, values: Mapping[str, Any], *, keep_type: bool = False) -> Any:
    """`tree` with the placeholders of all its strings (keys too) replaced.

    With `keep_type`, a string that is one placeholder becomes the value itself.
    """

    def one(text: str) -> Any:
        if keep_type and (name := lone_placeholder(text)) is not None:
            return values[name]
        return expand(text, values)

    return map_strings(tree, one)


def encode_segment(value: str) -> str:
    """`value` as one URL path segment: `a/b` and `../x` cannot leave it."""
    encoded = quote(value, safe="")
    return encoded.replace(".", "%2E") if set(value) == {"."} else encoded


def map_strings(tree: Any, change: Callable[[str], Any]) -> Any:
    """A copy of `tree` (dicts, lists, scalars) with every string changed."""
    if isinstance(tree, str):
        return change(tree)
    if isinstance(tree, Mapping):
        return {
            (change(key) if isinstance(key, str) else key): map_strings(value, change)
            for key, value in tree.items()
        }
    if isinstance(tree, (list, tuple)):
        return [map_strings(value, change) for value in tree]
    return tree


def strings(tree: Any) -> Iterator[str]:
    """Every string in `tree`, keys included."""
    if isinstance(tree, str):
        yield tree
    elif isinstance(tree, Mapping):
        for key, value in tree.items():
            yield from strings(key)
            yield from strings(value)
    elif isinstance(tree, (list, tuple)):
        for value in tree:
            yield from strings(value)
