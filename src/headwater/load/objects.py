"""Objects in a config: dlt's own are said in words, those with code of the user's own are kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import requests
from dlt.sources.helpers import requests as dlt_requests
from dlt.sources.helpers.rest_client import auth as dlt_auth
from dlt.sources.helpers.rest_client import paginators as dlt_paginators
from dlt.sources.rest_api.config_setup import AUTH_MAP, PAGINATOR_MAP, create_paginator

from headwater.config.models import Endpoint, Resource
from headwater.config.read import Config
from headwater.config.strict import is_mapping
from headwater.errors import ConfigError, Problem
from headwater.fetch.compat.paging import DltPaginator
from headwater.fetch.compat.session import RequestsSession
from headwater.fetch.compat.signing import DltAuth
from headwater.fetch.foreign import OwnPaginator, OwnSession, Signer
from headwater.load.credentials import looked_up, resolved

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
NEEDED = {
    "bearer": ("token",),
    "api_key": ("api_key",),
    "http_basic": ("username", "password"),
    "oauth2_client_credentials": ("access_token_url", "client_id", "client_secret"),
}


def in_words(config: Any, sections: Sequence[str] = ()) -> Any:
    """A copy of a config dict, its objects said in words or made ours; anything else as it is.

    What an auth lacks is looked up by dlt, below `sections`. Raises ConfigError.
    """
    if not isinstance(config, Mapping):
        return config
    with looked_up(sections):
        taker = Taker(config)
        out = taker.config(config)
    if taker.problems:
        raise ConfigError(taker.problems)
    return out


class Taker:
    """Takes the objects out of one config, and notes what is wrong with them."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        self.problems: list[Problem] = []
        client = config.get("client")
        headers = client.get("headers") if isinstance(client, Mapping) else None
        headers = headers if isinstance(headers, Mapping) else {}
        self.headers = {str(name): str(v) for name, v in headers.items() if v is not None}

    def config(self, config: Mapping[str, Any]) -> dict[str, Any]:
        out = dict(config)
        out["client"] = self.holder(out.get("client"), "client")
        if isinstance(out.get("resource_defaults"), Mapping):
            out["resource_defaults"] = self.resource(out["resource_defaults"], "resource_defaults")
        if isinstance(out.get("resources"), (list, tuple)):
            out["resources"] = [
                self.resource(item, f"resources.{index}")
                for index, item in enumerate(out["resources"])
            ]
        return {key: value for key, value in out.items() if value is not None}

    def resource(self, item: Any, where: str) -> Any:
        if type(item) is not dict or not isinstance(item.get("endpoint"), Mapping):
            return item
        where = f"resources.{item['name']}" if isinstance(item.get("name"), str) else where
        return {**item, "endpoint": self.holder(item["endpoint"], f"{where}.endpoint")}

    def holder(self, holder: Any, where: str) -> Any:
        """A client or an endpoint."""
        if not isinstance(holder, Mapping):
            return holder
        out = dict(holder)
        takers: dict[str, Callable[[Any], Any]] = {
            "auth": self.auth,
            "paginator": self.paginator,
            "session": session_taken,
        }
        for key, take in takers.items():
            if out.get(key) is None:
                continue
            try:
                out[key] = take(out[key])
            except ConfigError as error:
                place = f"{where}.{key}"
                self.problems += [Problem(place, p.what, p.hint) for p in error.problems]
        return out

    def auth(self, given: Any) -> Any:
        """An auth in words, or as a Signer; what is wrong with it otherwise is found later."""
        if isinstance(given, dlt_auth.AuthConfigBase):
            return auth_taken(resolved(given))
        kind = given if isinstance(given, str) else "bearer"
        words = given if is_mapping(given) else {}
        kind = words.get("type") or kind
        made = AUTH_MAP.get(kind) if isinstance(kind, str) else None
        if made is None or not (isinstance(given, str) or is_mapping(given)):
            return given
        whole = all(words.get(key) is not None for key in NEEDED.get(kind, ()))
        if made in KINDS and whole and words.get("session") is None:
            return given
        return auth_taken(resolved({**words, "type": kind}))

    def paginator(self, given: Any) -> Any:
        """A paginator in words, or as an OwnPaginator."""
        words = {"type": given} if isinstance(given, str) else given
        if is_mapping(words):
            kind = words.get("type")
            made = PAGINATOR_MAP.get(kind) if isinstance(kind, str) else None
            if made is None or made in KINDS:
                return given
            plain: Any = dict(words)
            given = tried(lambda: create_paginator(plain))
        if not isinstance(given, dlt_paginators.BasePaginator):
            return given
        if type(given) in KINDS:
            return said(given)
        return tried(lambda: DltPaginator(given, self.headers))


def session_taken(given: Any) -> Any:
    return RequestsSession(given) if isinstance(given, requests.Session) else given


def auth_taken(auth: Any) -> Any:
    """One of dlt's own in words, unless it brings a session along; any other as it is."""
    own_session = getattr(auth, "session", None)
    plain = own_session is None or own_session is dlt_requests.client.session
    return said(auth) if type(auth) in KINDS and plain else DltAuth(auth)


def tried(make: Callable[[], Any]) -> Any:
    """What `make` returns. Raises ConfigError with what it raises."""
    try:
        return make()
    except Exception as error:
        lines = str(error).strip().splitlines() or [type(error).__name__]
        raise ConfigError([Problem("", lines[0])]) from error


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

    def check(where: str, what: str, value: Any, ours: type, hint: str) -> None:
        if not (value is None or isinstance(value, ours) or hasattr(value, "__pydantic_config__")):
            name = type(value).__name__
            problems.append(Problem(where, f"{what} of class {name} is not supported", hint))

    auth_hint, paging_hint = "subclass dlt's AuthConfigBase", "subclass dlt's BasePaginator"
    client = config.client
    check("client.auth", "auth", client.auth, Signer, auth_hint)
    check("client.paginator", "paginator", client.paginator, OwnPaginator, paging_hint)
    check("client.session", "a session", client.session, OwnSession, "give a requests.Session")
    for item in config.resources:
        if isinstance(item, Resource):
            where = config.where(item.name, "endpoint")
            check(where, "auth", item.endpoint.auth, Signer, auth_hint)
            check(where, "paginator", item.endpoint.paginator, OwnPaginator, paging_hint)
            problems += actions(where, item.endpoint)
    if problems:
        raise ConfigError(problems)


def actions(where: str, endpoint: Endpoint) -> list[Problem]:
    """A problem for each response action that says nothing that can be done."""
    hint = "write `ignore`, a function or a list of functions"
    return [
        Problem(where, f"response_actions: {type(action).__name__} is no action", hint)
        for action in endpoint.response_actions or ()
        if not is_action(getattr(action, "action", action))
    ]


def is_action(action: Any) -> bool:
    if isinstance(action, (list, tuple)):
        return all(callable(item) for item in action)
    return isinstance(action, str) or callable(action)
