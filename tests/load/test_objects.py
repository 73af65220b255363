"""dlt's own objects in a config: they do what they say, and what cannot be done is refused."""

from __future__ import annotations

from typing import Any

import pytest
from dlt.sources.helpers.rest_client.auth import (
    APIKeyAuth,
    BearerTokenAuth,
    HttpBasicAuth,
)
from dlt.sources.helpers.rest_client.paginators import (
    HeaderLinkPaginator,
    JSONLinkPaginator,
    JSONResponseCursorPaginator,
    OffsetPaginator,
    PageNumberPaginator,
    SinglePagePaginator,
)
from requests.auth import HTTPBasicAuth
from tests.load.conftest import Api, Warehouse

from headwater import rest_api_source
from headwater.config.models import Resource
from headwater.config.read import read_config
from headwater.errors import ConfigError
from headwater.fetch.paginate import pager_of
from headwater.load.objects import in_words


def config(paginator: Any = None, auth: Any = None, **endpoint: Any) -> dict[str, Any]:
    client = {"base_url": "http://127.0.0.1:1", "auth": auth}
    return {
        "client": {key: value for key, value in client.items() if value is not None},
        "resources": [
            {
                "name": "rows",
                "endpoint": {"path": "rows", "paginator": paginator or "single_page", **endpoint},
            }
        ],
    }


def pager(config: dict[str, Any]) -> Any:
    resource = read_config(config).resources[0]
    assert isinstance(resource, Resource)
    return pager_of(resource.endpoint.paginator)


@pytest.mark.parametrize(
    ("thing", "words"),
    [
        (SinglePagePaginator(), {"type": "single_page"}),
        (HeaderLinkPaginator("more"), {"type": "header_link", "links_next_key": "more"}),
        (JSONLinkPaginator("links.next"), {"type": "json_link", "next_url_path": "links.next"}),
        (
            JSONResponseCursorPaginator("meta.next", "after"),
            {"type": "cursor", "cursor_path": "meta.next", "cursor_param": "after"},
        ),
        (
            OffsetPaginator(limit=50, total_path=None, maximum_offset=200),
            {"type": "offset", "limit": 50, "total_path": None, "maximum_offset": 200},
        ),
        (
            PageNumberPaginator(base_page=1, total_path="pages"),
            {"type": "page_number", "base_page": 1, "page": 1, "total_path": "pages"},
        ),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_paginator_object_is_the_dict_it_stands_for(thing: Any, words: dict[str, Any]) -> None:
    """dlt's paginator objects page as the same paginator written as a dict does."""
    assert pager(in_words(config(thing))) == pager(config(words))


@pytest.mark.parametrize(
    ("auth", "header"),
    [
        (BearerTokenAuth(token="t0ken"), ("Authorization", "Bearer t0ken")),
        (APIKeyAuth(name="X-Key", api_key="k3y", location="header"), ("X-Key", "k3y")),
        (HttpBasicAuth(username="u", password="p"), ("Authorization", "Basic dTpw")),
    ],
    ids=lambda value: type(value).__name__,
)
def test_an_auth_object_signs(
    api: Api, warehouse: Warehouse, auth: Any, header: tuple[str, str]
) -> None:
    """dlt's auth objects sign requests, and the config passed in is not changed."""
    api.paths["rows"] = [{"id": 1}]
    wanted = config(auth=auth, data_selector="$")
    wanted["client"]["base_url"] = api.base_url
    warehouse.pipeline().run(rest_api_source(wanted))
    assert api.headers[0][header[0]] == header[1]
    assert wanted["client"]["auth"] is auth


@pytest.mark.parametrize(
    ("wanted", "text"),
    [
        (config(auth=object()), "client.auth: auth of class object is not supported"),
        (config(auth=HTTPBasicAuth("u", "p")), "auth of class HTTPBasicAuth is not supported"),
        (config(OffsetPaginator), "paginator of class ABCMeta is not supported"),
        (config(response_actions=[{"status_code": 404}]), "ResponseAction is no action"),
        (config(response_actions=[{"action": ["ignore"]}]), "ResponseAction is no action"),
        (
            {**config(), "client": {"base_url": "http://127.0.0.1:1", "session": object()}},
            "client.session: a session of class object is not supported",
        ),
    ],
    ids=["auth", "requests auth", "class", "no action", "words", "session"],
)
def test_what_would_have_no_effect_is_refused(wanted: dict[str, Any], text: str) -> None:
    """An object that headwater cannot follow is an error, not something silently left out."""
    with pytest.raises(ConfigError, match=text):
        rest_api_source(wanted)
