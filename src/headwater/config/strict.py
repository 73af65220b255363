"""What makes a class part of the vocabulary: frozen, slotted, unknown keys refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import is_dataclass
from typing import Annotated, Any, TypeVar, cast, dataclass_transform

from pydantic import ConfigDict, Field, PlainValidator, WithJsonSchema
from pydantic.dataclasses import dataclass

__all__ = ["Built", "is_mapping", "kind_of", "model", "type_words"]

T = TypeVar("T")
STRICT = ConfigDict(extra="forbid", arbitrary_types_allowed=True, coerce_numbers_to_str=True)
WORDS = {
    str: "text",
    bool: "true or false",
    int: "a number",
    float: "a number",
    list: "a list",
    tuple: "a list",
    dict: "a mapping",
    type(None): "nothing",
}


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(Field,))
def model(cls: type[T]) -> type[T]:
    """A class of the vocabulary: frozen, slotted, unknown keys refused."""
    made: Any = dataclass(config=STRICT, frozen=True, slots=True, kw_only=True)(cls)
    return cast("type[T]", made)


def type_words(value: Any) -> str:
    """What kind of thing `value` is, for messages; never the value itself."""
    return WORDS.get(type(value), type(value).__name__)


def is_mapping(value: Any) -> bool:
    """Whether `value` is a plain mapping; dlt's auth and incremental objects are mappings too."""
    return isinstance(value, Mapping) and not is_dataclass(value)


def kind_of(value: Any) -> str:
    """The tag of an auth or paginator: its `type`, `object` for one that Python code built."""
    if is_mapping(value):
        kind = value.get("type")
        return kind if isinstance(kind, str) else str(kind)
    ours = hasattr(type(value), "__pydantic_validator__")
    return str(getattr(value, "type", "object")) if ours else "object"


def take_built(value: Any) -> Any:
    if value is None or isinstance(value, (str, int, float, list, tuple)) or is_mapping(value):
        raise ValueError(f"a mapping is expected, not {type_words(value)}")
    return value


Built = Annotated[Any, PlainValidator(take_built), WithJsonSchema({"not": {}})]
