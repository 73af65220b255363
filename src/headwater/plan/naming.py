"""What names and paths say: `{story_id}` means `stories`, `/v1/projects/` is `v1/projects`."""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = ["Free", "last_segment", "plain", "plurals", "shape", "split"]

SUFFIXES = ("_id", "_key", "_guid", "_uuid", "_slug", "_name", "_number")
BRACED = re.compile(r"\{[^{}]*\}")


@dataclass(frozen=True, slots=True)
class Free:
    """A placeholder cut into what it names and which field it means."""

    stem: str
    field: str | None


def split(name: str) -> Free:
    """`project_key` and `projectKey` are (project, key); `{x_id}` and `{parent_id}` leave the
    field to the parent.
    """
    word = plain(name)
    for suffix in SUFFIXES:
        if word.endswith(suffix) and len(word) > len(suffix):
            return Free(word.removesuffix(suffix), None if suffix == "_id" else suffix[1:])
    return Free(word, word if word != "id" and f"_{word}" in SUFFIXES else None)


def plain(name: str) -> str:
    """A name in lower snake case."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).replace("-", "_").replace(" ", "_").lower()


def plurals(stem: str) -> set[str]:
    """What a listing of `stem` may be called."""
    word = plain(stem)
    if word.endswith("y") and word[-2:-1] not in ("a", "e", "i", "o", "u", ""):
        return {f"{word[:-1]}ies"}
    if word.endswith(("s", "x", "z", "ch", "sh")):
        return {f"{word}es"}
    if word == "person" or word.endswith("_person"):
        return {f"{word}s", f"{word.removesuffix('person')}people"}
    return {f"{word}s"}


def shape(path: str) -> str:
    """A path without outer slashes, its placeholders nameless, so that two can be compared."""
    return BRACED.sub("{}", path.split("?", 1)[0]).strip("/")


def last_segment(path: str) -> str:
    """The last fixed segment of a path."""
    fixed = [part for part in shape(path).split("/") if part and part != "{}"]
    return fixed[-1].removesuffix(".json") if fixed else ""
