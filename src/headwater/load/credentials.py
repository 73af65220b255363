"""What an auth of dlt's lacks is looked up where dlt looks: environment, secrets, vaults."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from dlt.common.configuration.container import Container
from dlt.common.configuration.exceptions import ConfigFieldMissingException
from dlt.common.configuration.resolve import inject_section
from dlt.common.configuration.specs.config_section_context import ConfigSectionContext
from dlt.common.pipeline import PipelineContext
from dlt.sources.rest_api.config_setup import create_auth

from headwater.errors import ConfigError, Problem

__all__ = ["looked_up", "resolved"]

SHORTEST_HIDDEN = 3


@contextlib.contextmanager
def looked_up(sections: Sequence[str]) -> Iterator[None]:
    """Has dlt look below `sections`, as in a source of that name; where it looks now if empty."""
    if not sections:
        yield
        return
    active = Container()[PipelineContext]
    name = active.pipeline().pipeline_name if active.is_active() else None
    place = ConfigSectionContext(pipeline_name=name, sections=tuple(sections))
    with inject_section(place):
        yield


def resolved(auth: Any) -> Any:
    """The auth object that dlt makes of an object or of words. Raises ConfigError."""
    try:
        return create_auth(auth)
    except ConfigFieldMissingException as error:
        raise ConfigError([missing(field, error) for field in error.fields]) from error
    except Exception as error:
        lines = str(error).strip().splitlines() or [type(error).__name__]
        raise ConfigError([Problem("", hidden(lines[0], auth))]) from error


def missing(field: str, error: ConfigFieldMissingException) -> Problem:
    """What is missing, and the variables that dlt looked at."""
    found = [getattr(trace, "key", None) for trace in error.traces.get(field, ())]
    names = [name for name in dict.fromkeys(found) if isinstance(name, str) and name.isupper()]
    return Problem("", f"`{field}` is missing", f"set {names[0]}" if names else "")


def hidden(text: str, words: Any) -> str:
    """`text` without the values of `words`."""
    for value in words.values() if isinstance(words, Mapping) else ():
        if isinstance(value, str) and len(value) >= SHORTEST_HIDDEN:
            text = text.replace(value, "***")
    return text
