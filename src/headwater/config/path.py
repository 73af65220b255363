"""JSON paths: dotted ones are walked here, the full language is left to jsonpath-ng."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from headwater.errors import DecodeError

__all__ = ["JsonPath", "parse_path"]

SIMPLE = re.compile(r"\$?\.?([\w@-]+(\[\d+\])?(\.[\w@-]+(\[\d+\])?)*)?")
STEP = re.compile(r"[\w@-]+|\[\d+\]")
MISSING = object()
UNFIT = (NotImplementedError, TypeError, ValueError, LookupError, AttributeError, ArithmeticError)


@dataclass(frozen=True, slots=True)
class JsonPath:
    """A parsed path; `steps` is None where only the full JSONPath language will do."""

    text: str
    steps: tuple[str | int, ...] | None
    compiled: Any = field(default=None, compare=False, repr=False)

    def find(self, body: Any) -> list[Any]:
        """Every value at this path in `body`, in document order; empty where there is none.

        Raises DecodeError where a filter or an operator does not fit the answer.
        """
        if self.steps is None:
            try:
                return [match.value for match in self.compiled.find(body)]
            except UNFIT as error:
                what = f"`{self.text}` cannot be looked up in this answer: {error!r}"
                raise DecodeError(what) from error
        value = walk(body, self.steps)
        return [] if value is MISSING else [value]

    def first(self, body: Any) -> Any:
        """The first value at this path, None where there is none."""
        found = self.find(body)
        return found[0] if found else None

    @property
    def keys(self) -> tuple[str, ...] | None:
        """The object keys this path walks through; None for any other kind of path."""
        if self.steps is None:
            return None
        keys = tuple(step for step in self.steps if isinstance(step, str))
        return keys if len(keys) == len(self.steps) else None

    def __str__(self) -> str:
        return self.text


def walk(body: Any, steps: Sequence[str | int]) -> Any:
    value = body
    for step in steps:
        if isinstance(step, int):
            if not isinstance(value, list) or step >= len(value):
                return MISSING
            value = value[step]
        elif isinstance(value, dict) and step in value:
            value = value[step]
        else:
            return MISSING
    return value


@lru_cache(maxsize=4096)
def parse_path(text: str) -> JsonPath:
    """The path that `text` spells. Raises ValueError on text that is no JSONPath."""
    stripped = text.strip()
    if SIMPLE.fullmatch(stripped):
        words = STEP.findall(stripped.removeprefix("$"))
        return JsonPath(text, tuple(int(w[1:-1]) if w.startswith("[") else w for w in words))
    from jsonpath_ng.exceptions import JSONPathError
    from jsonpath_ng.ext.parser import parse

    try:
        return JsonPath(text, None, parse(stripped))
    except (JSONPathError, AttributeError) as error:
        raise ValueError(f"`{text}` is no JSONPath: {error}") from error
