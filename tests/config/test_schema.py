"""The JSON Schema of a config."""

from __future__ import annotations

from importlib import resources
from typing import Any

import jsonschema
import pytest
import yaml

from headwater.config.schema import json_schema
from headwater.config.source import connector_names

SCHEMA = json_schema()
VALID = jsonschema.Draft202012Validator(SCHEMA)
CLIENT = {"base_url": "https://a.x"}


def one(endpoint: Any, **settings: Any) -> dict[str, Any]:
    return {"client": CLIENT, "resources": [{"name": "a", "endpoint": endpoint, **settings}]}


def test_it_is_a_schema() -> None:
    """The document is itself valid under draft 2020-12."""
    assert SCHEMA["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("name", connector_names())
def test_it_accepts_the_connectors(name: str) -> None:
    """Every packaged connector is valid as it stands in its file."""
    file = resources.files("headwater.connectors") / f"{name}.yaml"
    VALID.validate(yaml.safe_load(file.read_text(encoding="utf-8")))


@pytest.mark.parametrize(
    "config",
    [
        {"client": CLIENT, "resources": ["posts"]},
        one("posts"),
        one({"paginator": "single_page", "auth": "bearer"}),
        one({"paginator": {"type": "page", "start_from_page": 1, "limit": "{params.n}"}}),
        one({"http_method": "GET", "body": {"a": 1}, "data_selector": ["a", "b"]}),
        one({"paginator": None, "incremental_sync": {"cursor_path": "at"}}),
        one({"auth": {"token": "t"}}),
        one({"auth": {"type": "basic", "username": "u", "password": "p"}}),
        one({"auth": {"type": "oauth2", "token_url": "u", "client_id": "i", "client_secret": "s"}}),
        one({"params": {"id": {"type": "resolve", "resource": "b", "field": "id"}}}),
        one({}, primary_key=["a", "b"], write_disposition={"disposition": "merge"}),
    ],
)
def test_it_accepts_short_forms_and_aliases(config: dict[str, Any]) -> None:
    """What `headwater check` takes in a file, an editor must not underline."""
    VALID.validate(config)


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"client": CLIENT},
        {"client": CLIENT, "resources": []},
        {"client": CLIENT, "resources": ["a"], "zzz": 1},
        {"client": {**CLIENT, "zzz": 1}, "resources": ["a"]},
        {"client": CLIENT, "resources": [{"endpoint": "a"}]},
        one({"zzz": 1}),
        one({}, zzz=1),
        one({"paginator": {"type": "offset"}}),
        one({"paginator": {"type": "offset", "limit": 5, "zzz": 1}}),
        one({"paginator": {"type": "offset", "limit": "many"}}),
        one({"paginator": {"type": "zzz"}}),
        one({"auth": {"type": "oauth2", "client_id": "i", "client_secret": "s"}}),
        one({"method": "PUT"}),
    ],
)
def test_it_refuses_what_check_refuses(config: dict[str, Any]) -> None:
    """Unknown keys and types, missing keys and wrong values."""
    assert not VALID.is_valid(config)


def test_every_class_says_what_it_is() -> None:
    """Editors show the sentence of each part."""
    assert all(definition.get("description") for definition in SCHEMA["$defs"].values())
