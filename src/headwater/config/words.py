"""A mistake in words: what pydantic found, as `what (what would be right)` at its own key."""

from __future__ import annotations

import dataclasses
import difflib
import types
import typing
from collections.abc import Mapping
from typing import Any

from headwater.config.source import KeyPath
from headwater.config.strict import type_words

__all__ = ["Mistake", "in_order", "keys_of", "mistake", "suggest"]

EXPECTED = {
    "dataclass_type": "a mapping",
    "dict_type": "a mapping",
    "mapping_type": "a mapping",
    "string_type": "text",
    "tuple_type": "a list",
    "list_type": "a list",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
}
UNKNOWN = ("unexpected_keyword_argument", "extra_forbidden")


@dataclasses.dataclass(frozen=True, slots=True)
class Mistake:
    """A path below what was checked, what is wrong there, and what would be right."""

    path: KeyPath
    what: str
    hint: str = ""


def suggest(word: str, known: list[str]) -> str:
    """The nearest of `known` as a question, else the list of them."""
    near = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    if near:
        return f"did you mean `{near[0]}`?"
    return f"known: {', '.join(known)}" if known else ""


def mistake(cls: type, found: Mapping[str, Any]) -> Mistake:
    """What one of pydantic's errors about the class `cls` says."""
    path, owner = locate(cls, found["loc"])
    kind, key = found["type"], str(path[-1]) if path else ""
    if kind in UNKNOWN:
        known = keys_of(owner) if owner else []
        return Mistake(path, f"unknown key `{key}`", suggest(key, known))
    if kind == "invalid_key":
        return Mistake(path[:-1], f"key `{key}` is not text", "put it in quotes")
    if kind == "missing":
        return Mistake(path[:-1], f"`{key}` is missing")
    if kind == "union_tag_invalid":
        return unknown_type(path, members_at(owner, key), found["input"])
    context = found.get("ctx", {})
    if kind == "literal_error":
        return Mistake(path, "is not possible", f"known: {context['expected']}".replace("'", ""))
    if kind in EXPECTED:
        return Mistake(path, f"{EXPECTED[kind]} is expected, not {in_words(found)}")
    return Mistake(path, limits(kind, context) or own_words(found["msg"]))


def in_order(cls: type, mistakes: list[Mistake]) -> list[Mistake]:
    """`mistakes` in the order of the vocabulary, one for each key of a wrong type."""
    keys = keys_of(cls)

    def rank(item: Mistake) -> int:
        key = item.path[0] if item.path else item.what.split("`")[1:2][0]
        return keys.index(str(key)) if key in keys else len(keys)

    seen: set[KeyPath] = set()
    out: list[Mistake] = []
    for item in sorted(mistakes, key=rank):
        typed = " is expected, not " in item.what
        if not (typed and item.path in seen):
            out.append(item)
        if typed:
            seen.add(item.path)
    return out


def keys_of(cls: Any) -> list[str]:
    """The keys of a class of the vocabulary, in the order written."""
    return list(cls.__annotations__)


def in_words(found: Mapping[str, Any]) -> str:
    fraction = found["type"] == "int_from_float"
    return "a number with a fraction" if fraction else type_words(found["input"])


def limits(kind: str, context: Mapping[str, Any]) -> str:
    """The words for a number or a length out of its bounds; empty for anything else."""
    match kind:
        case "greater_than_equal":
            return f"is too small, {context['ge']} is the least"
        case "less_than_equal":
            return f"is too large, {context['le']} is the most"
        case "too_short" | "string_too_short":
            return "is empty"
    return ""


def own_words(text: str) -> str:
    text = text.removeprefix("Value error, ")
    return text[0].lower() + text[1:]


def unknown_type(path: KeyPath, members: list[Any], given: Any) -> Mistake:
    """An unknown `type`; it is repeated only where it is nearly one, as it may be a secret."""
    known = [tag for member in members if (tag := tag_of(member))]
    named = str(given.get("type")) if isinstance(given, Mapping) else str(given)
    hint = suggest(named, known)
    what = f"unknown type `{named}`" if hint.startswith("did") else "unknown type"
    return Mistake((*path, "type"), what, hint)


def locate(cls: Any, loc: tuple[Any, ...]) -> tuple[KeyPath, Any]:
    """The path that pydantic's `loc` stands for, without union tags, and its owner's class."""
    path: list[str | int] = []
    annotation, owner = cls, cls
    for step in loc:
        members = classes_in(annotation)
        hints = typing.get_type_hints(members[0], include_extras=False) if members else {}
        if (isinstance(step, int) and not members) or isinstance(step, int):
            path.append(step)
        elif tagged := [m for m in members if step in (tag_of(m), m.__name__)]:
            annotation = owner = tagged[0]
        elif step == "object" and step not in hints:
            continue
        elif "[" in step:
            continue  # the member of a union of plain types: `dict[str,any]`
        else:
            owner = members[0] if members else None
            path.append(str(step))
            annotation = hints.get(step)
    return tuple(path), owner


def classes_in(annotation: Any) -> list[Any]:
    """The vocabulary's classes that an annotation names."""
    if isinstance(annotation, type) and dataclasses.is_dataclass(annotation):
        return [annotation]
    if annotation is None or isinstance(annotation, types.NoneType):
        return []
    return [cls for part in typing.get_args(annotation) for cls in classes_in(part)]


def tag_of(cls: Any) -> str | None:
    for item in dataclasses.fields(cls):
        if item.name == "type" and isinstance(item.default, str):
            return item.default
    return None


def members_at(owner: Any, key: str) -> list[Any]:
    """The classes that the field `key` of `owner` may hold."""
    return classes_in(typing.get_type_hints(owner, include_extras=False).get(key)) if owner else []
