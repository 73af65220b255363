"""The whole error tree, and the exit code that each error stands for.

HeadwaterError
├── ConfigError          the config is wrong: nothing was asked, nothing written       exit 2
│   └── CyclicConfig     resources depend on each other in a circle
├── UsageError           a command line or a destination is wrong                      exit 2
├── FetchError           a request failed for good                                     exit 1
│   └── PagingError      a listing cannot be proven complete, or would never end
├── DecodeError          an answer is not what the config says it is                   exit 1
└── LoadError            the warehouse refused                                         exit 1
"""

from __future__ import annotations

import graphlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

__all__ = [
    "ConfigError",
    "CyclicConfig",
    "DecodeError",
    "FetchError",
    "HeadwaterError",
    "LoadError",
    "PagingError",
    "Problem",
    "UsageError",
]


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong: where it stands, what it is, and what would be right."""

    where: str
    what: str
    hint: str = ""

    def __str__(self) -> str:
        text = f"{self.where}: {self.what}" if self.where else self.what
        return f"{text} ({self.hint})" if self.hint else text


class HeadwaterError(Exception):
    """Anything that headwater reports in its own words."""

    exit_code: ClassVar[int] = 1


class ConfigError(HeadwaterError, ValueError):
    """A config that cannot be run, with every problem found in it."""

    exit_code = 2

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class CyclicConfig(ConfigError, graphlib.CycleError):
    """Resources that depend on each other in a circle."""


class UsageError(HeadwaterError):
    """A command, option or destination that cannot be meant as written."""

    exit_code = 2


class FetchError(HeadwaterError):
    """A request that failed for good.

    The text is one line: request with secrets masked, status or fault, tries, hint.
    """

    def __init__(self, text: str, *, status: int | None = None, tries: int = 1) -> None:
        super().__init__(text)
        self.status = status
        self.tries = tries


class PagingError(FetchError):
    """A listing that repeats itself or ends before it is complete."""


class DecodeError(HeadwaterError):
    """An answer that cannot be read as the config says."""


class LoadError(HeadwaterError):
    """A destination that refused what was extracted."""
