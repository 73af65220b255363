"""The JSON Schema of a config file, made from the vocabulary and its aliases."""

from __future__ import annotations

from dataclasses import is_dataclass
from typing import Any

from pydantic import TypeAdapter

from headwater.config import models
from headwater.config.aliases import AUTH_TYPES, ENDPOINT_ALIASES, OAUTH2_KEYS, PAGINATOR_TYPES
from headwater.config.models import ConfigModel, Resource
from headwater.config.words import keys_of

__all__ = ["json_schema"]

DRAFT = "https://json-schema.org/draft/2020-12/schema"
FILLED_IN = {"type": "string", "pattern": r"^\{(params|secrets)\.[A-Za-z_][\w.]*\}$"}
OAUTH2 = ("ClientCredentialsAuth", "RefreshTokenAuth")
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
        "items": {"anyOf": [{"type": "string", "minLength": 1}, {"$ref": "#/$defs/Resource"}]},
        "description": "The listings of the API, each a table.",
    }
    classes = {name: cls for name, cls in vars(models).items() if is_dataclass(cls)}
    for name, definition in definitions.items():
        in_order(definition, keys_of(classes[name]))
        add_aliases(name, definition)
        widen(definition)
    in_order(schema, keys_of(ConfigModel))
    return {"$schema": DRAFT, "title": "headwater config", **fillable(schema)}


def in_order(definition: dict[str, Any], keys: list[str]) -> None:
    """Puts the keys of a class in the order of the vocabulary."""
    properties = definition["properties"]
    definition["properties"] = {key: properties[key] for key in keys}


def widen(definition: dict[str, Any]) -> None:
    """Allows the short forms of a class."""
    for name, property_ in definition.get("properties", {}).items():
        if name in SHORT_FORMS:
            inner = {key: property_.pop(key) for key in list(property_) if key != "description"}
            property_["anyOf"] = [{"type": "string", "description": SHORT_FORMS[name]}, inner]


def add_aliases(name: str, definition: dict[str, Any]) -> None:
    """Allows the aliases of the keys and types of a class."""
    properties: dict[str, Any] = definition.get("properties", {})
    kind = properties.get("type", {})
    if "const" in kind:
        aliases = {**AUTH_TYPES, **PAGINATOR_TYPES}
        words = [kind["const"], *(old for old, new in aliases.items() if new == kind["const"])]
        properties["type"] = {"enum": [*words, *(["oauth2"] if name in OAUTH2 else [])]}
    if name == "Endpoint":
        for old, new in ENDPOINT_ALIASES.items():
            properties[old] = {"description": f"read as `{new}`", **properties[new]}
        properties["data_selector"]["anyOf"].append({"type": "array"})
    if name == "PageNumberPaginator":
        properties["start_from_page"] = {"type": "integer", "description": "read as `base_page`"}
    if name in OAUTH2:
        for old, new in OAUTH2_KEYS.items():
            properties[old] = {"description": f"read as `{new}`", **properties[new]}
        definition["required"].remove("access_token_url")
        urls = [old for old, new in OAUTH2_KEYS.items() if new == "access_token_url"]
        definition["anyOf"] = [{"required": [key]} for key in ["access_token_url", *urls]]


def fillable(tree: Any) -> Any:
    """`tree` with numbers and booleans open to `{params.x}`, and unions that take the first fit."""
    if isinstance(tree, list):
        return [fillable(item) for item in tree]
    if not isinstance(tree, dict):
        return tree
    if tree.get("type") in ("integer", "number", "boolean"):
        words = {key: tree[key] for key in ("title", "description", "default") if key in tree}
        inner = {key: value for key, value in tree.items() if key not in words}
        return {**words, "anyOf": [inner, FILLED_IN]}
    # `type` may be left out, so more than one member of a union can fit.
    return {("anyOf" if key == "oneOf" else key): fillable(value) for key, value in tree.items()}
