"""The JSON Schema of a config file, made from the vocabulary."""

from __future__ import annotations

from typing import Any

from pydantic import TypeAdapter

from headwater.config.models import ConfigModel, Resource

__all__ = ["json_schema"]

DRAFT = "https://json-schema.org/draft/2020-12/schema"
SHORT_FORMS = {
    "paginator": "the type alone",
    "auth": "the type alone",
    "endpoint": "the path alone",
}


def json_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of a config file, with the short forms it may use."""
    schema = TypeAdapter(ConfigModel).json_schema()
    resource = TypeAdapter(Resource).json_schema()
    definitions: dict[str, Any] = schema["$defs"]
    definitions.update(resource.pop("$defs"))
    definitions["Resource"] = resource
    schema["properties"]["resources"] = {
        "type": "array",
        "minItems": 1,
        "items": {"anyOf": [{"type": "string"}, {"$ref": "#/$defs/Resource"}]},
        "description": "The listings of the API, each a table.",
    }
    for definition in definitions.values():
        widen(definition)
    return {"$schema": DRAFT, "title": "headwater config", **schema}


def widen(definition: dict[str, Any]) -> None:
    """Allows the short forms of a class, and leaves what Python alone can give to any value."""
    for name, property_ in definition.get("properties", {}).items():
        if name in SHORT_FORMS:
            inner = {key: property_.pop(key) for key in list(property_) if key != "description"}
            property_["anyOf"] = [{"type": "string", "description": SHORT_FORMS[name]}, inner]
        if name == "type" and "const" in property_:
            property_.pop("default", None)
