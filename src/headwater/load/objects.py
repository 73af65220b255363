"""dlt's own paginator and auth objects in a config, said in the words of the vocabulary."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dlt.sources.helpers.rest_client import auth as dlt_auth
from dlt.sources.helpers.rest_client import paginators as dlt_paginators

from headwater.config.models import Endpoint, Resource
from headwater.config.read import Config
from headwater.errors import ConfigError, Problem

__all__ = ["in_words", "refuse_unknown"]

KINDS: Mapping[type, tuple[str, dict[str, str]]] = {
    dlt_paginators.SinglePagePaginator: ("single_page", {}),
    dlt_paginators.HeaderLinkPaginator: ("header_link", {"links_next_key": "links_next_key"}),
    dlt_paginators.JSONLinkPaginator: ("json_link", {"next_url_path": "next_url_path"}),
    dlt_paginators.JSONResponsePaginator: ("json_link", {"next_url_path": "next_url_path"}),
    dlt_paginators.HeaderCursorPaginator: (
        "header_cursor",
        {"cursor_key": "cursor_key", "cursor_param": "cursor_param"},
    ),
    dlt_paginators.JSONResponseCursorPaginator: (
        "cursor",
        {
            "cursor_path": "cursor_path",
            "cursor_param": "cursor_param",
            "cursor_body_path": "cursor_body_path",
            "stop_after_empty_page": "stop_after_empty_page",
            "has_more_path": "has_more_path",
        },
    ),
    dlt_paginators.OffsetPaginator: (
        "offset",
        {
            "offset": "initial_value",
            "offset_param": "param_name",
            "offset_body_path": "param_body_path",
            "limit": "limit",
            "limit_param": "limit_param",
            "limit_body_path": "limit_body_path",
            "total_path": "total_path",
            "maximum_offset": "maximum_value",
            "stop_after_empty_page": "stop_after_empty_page",
            "has_more_path": "has_more_path",
        },
    ),
    dlt_paginators.PageNumberPaginator: (
        "page_number",
        {
            "base_page": "base_index",
            "page": "initial_value",
            "page_param": "param_name",
            "page_body_path": "param_body_path",
            "total_path": "total_path",
            "maximum_page": "maximum_value",
            "stop_after_empty_page": "stop_after_empty_page",
            "has_more_path": "has_more_path",
        },
    ),
    dlt_auth.BearerTokenAuth: ("bearer", {"token": "token"}),
    dlt_auth.APIKeyAuth: (
        "api_key",
        {"name": "name", "api_key": "api_key", "location": "location"},
    ),
    dlt_auth.HttpBasicAuth: ("http_basic", {"username": "username", "password": "password"}),
    dlt_auth.OAuth2ClientCredentials: (
        "oauth2_client_credentials",
        {
            "access_token_url": "access_token_url",
            "client_id": "client_id",
            "client_secret": "client_secret",
            "access_token_request_data": "access_token_request_data",
            "default_token_expiration": "default_token_expiration",
            "access_token": "access_token",
        },
    ),
}
PATHS = ("total_path", "has_more_path", "cursor_path", "next_url_path")


def in_words(config: Any) -> Any:
    """A copy of a config dict with dlt's own objects replaced; anything else as it is."""
    if not isinstance(config, Mapping):
        return config
    out = dict(config)
    out["client"] = holder_in_words(out.get("client"))
    if isinstance(out.get("resource_defaults"), Mapping):
        out["resource_defaults"] = resource_in_words(out["resource_defaults"])
    if isinstance(out.get("resources"), (list, tuple)):
        out["resources"] = [resource_in_words(item) for item in out["resources"]]
    return {key: value for key, value in out.items() if value is not None}


def resource_in_words(item: Any) -> Any:
    if type(item) is not dict or not isinstance(item.get("endpoint"), Mapping):
        return item
    return {**item, "endpoint": holder_in_words(item["endpoint"])}


def holder_in_words(holder: Any) -> Any:
    if not isinstance(holder, Mapping):
        return holder
    out = dict(holder)
    for key in ("auth", "paginator"):
        if type(out.get(key)) in KINDS:
            out[key] = said(out[key])
    return out


def said(thing: Any) -> dict[str, Any]:
    """One of dlt's objects as a dict of the vocabulary."""
    kind, names = KINDS[type(thing)]
    words: dict[str, Any] = {"type": kind}
    for ours, theirs in names.items():
        value = getattr(thing, theirs)
        if ours in PATHS and value is not None:
            value = str(value)
        if value is not None or ours == "total_path":
            words[ours] = value
    if words.get("total_path") == "total":
        words["total_required"] = False
    return words


def refuse_unknown(config: Config) -> None:
    """Raises ConfigError for objects that would be taken without having an effect."""
    problems: list[Problem] = []

    def check(where: str, what: str, value: Any) -> None:
        if value is not None and not hasattr(value, "__pydantic_config__"):
            name = type(value).__name__
            hint = "the kinds of docs/configuration.md, and dlt's own classes, are"
            problems.append(Problem(where, f"{what} of class {name} is not supported", hint))

    client = config.client
    check("client.auth", "auth", client.auth)
    check("client.paginator", "paginator", client.paginator)
    if client.session is not None:
        problems.append(Problem("client.session", "a session is not supported", "leave it out"))
    for item in config.resources:
        if isinstance(item, Resource):
            where = config.where(item.name, "endpoint")
            check(where, "auth", item.endpoint.auth)
            check(where, "paginator", item.endpoint.paginator)
            problems += callables(where, item.endpoint)
    if problems:
        raise ConfigError(problems)


def callables(where: str, endpoint: Endpoint) -> list[Problem]:
    """A problem for each response action that is code."""
    hint = "the action `ignore` is"
    return [
        Problem(where, "response_actions: a function is not supported", hint)
        for action in endpoint.response_actions or ()
        if callable(action) or is_code(getattr(action, "action", None))
    ]


def is_code(action: Any) -> bool:
    return callable(action) or (isinstance(action, (list, tuple)) and any(map(callable, action)))
