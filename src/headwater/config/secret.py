"""Text that must not be shown: prints as `***`."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, core_schema

__all__ = ["MaybeEmpty", "Secret"]


class Secret:
    """A credential; `reveal()` is the only way to its text."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The text itself, for the wire alone."""
        return self._text

    def __repr__(self) -> str:
        return "Secret('***')"

    def __str__(self) -> str:
        return "***"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._text == other._text

    def __hash__(self) -> int:
        return hash(self._text)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(cls.take)

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {"type": "string"}

    @classmethod
    def take(cls, value: Any) -> Secret:
        """`value` as a secret. Raises ValueError, without the value, on anything but text."""
        if isinstance(value, Secret):
            return value
        if isinstance(value, (str, int)) and not isinstance(value, bool):
            if str(value) == "":
                raise ValueError("is empty, a secret is expected")
            return cls(str(value))
        raise ValueError(f"a text is expected, not {type(value).__name__}")


def or_empty(value: Any) -> Any:
    return Secret("") if value == "" else value


MaybeEmpty = Annotated[Secret, BeforeValidator(or_empty)]
"""A secret that may be left empty on purpose."""
