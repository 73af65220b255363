"""Everything dlt's REST source accepts as Python objects is accepted."""

from __future__ import annotations

from typing import Any

import dlt
import pytest
from dlt.sources.helpers.rest_client import auth as dlt_auth
from dlt.sources.helpers.rest_client import paginators as dlt_paginators

from headwater.config import models
from headwater.config.read import External, read_config
from headwater.errors import ConfigError
from headwater.plan.graph import make_plan

CLIENT = {"base_url": "https://a.x"}
PAGINATORS = [
    dlt_paginators.JSONLinkPaginator(next_url_path="next"),
    dlt_paginators.HeaderLinkPaginator(),
    dlt_paginators.OffsetPaginator(limit=10),
    dlt_paginators.PageNumberPaginator(),
    dlt_paginators.JSONResponseCursorPaginator(),
    dlt_paginators.SinglePagePaginator(),
]
AUTHS = [
    dlt_auth.BearerTokenAuth(token="hunter2"),  # type: ignore[arg-type]
    dlt_auth.APIKeyAuth(api_key="hunter2"),  # type: ignore[arg-type]
    dlt_auth.HttpBasicAuth(username="u", password="hunter2"),  # type: ignore[arg-type]
]


def read(endpoint: dict[str, Any], client: dict[str, Any] | None = None, **settings: Any) -> Any:
    config = {
        "client": {**CLIENT, **(client or {})},
        "resources": [{"name": "a", "endpoint": {"path": "a", **endpoint}, **settings}],
    }
    return make_plan(read_config(config)).step("a")


@pytest.mark.parametrize("built", PAGINATORS, ids=lambda item: type(item).__name__)
def test_paginator_objects(built: Any) -> None:
    """A paginator that was built stays that object, for an endpoint and for the client."""
    assert read({"paginator": built}).paginator is built
    assert read({}, {"paginator": built}).paginator is built


@pytest.mark.parametrize("built", AUTHS, ids=lambda item: type(item).__name__)
def test_auth_objects(built: Any) -> None:
    """An auth that was built stays that object; its own `type` says nothing to us."""
    assert read({"auth": built}).auth is built
    assert read({}, {"auth": built}).auth is built


def test_incremental_objects() -> None:
    """`dlt.sources.incremental` as a param or as the endpoint's own."""
    built: Any = dlt.sources.incremental("at", initial_value=1)
    assert read({"params": {"since": built}}).incremental == ("since", built)
    assert read({"incremental": built}).incremental is built
    assert read({"params": {"since": built, "q": "{incremental.start_value}"}}).params == {
        "q": "{incremental.start_value}"
    }


def test_incremental_mappings() -> None:
    """A mapping with the type `incremental` in a param, or under `incremental`."""
    param = {"type": "incremental", "cursor_path": "at", "initial_value": 1, "convert": str}
    step = read({"params": {"since": param}})
    assert step.incremental == models.Incremental(
        cursor_path="at", initial_value=1, convert=str, start_param="since"
    )
    own = {"cursor_path": "at", "start_param": "since", "end_param": "till", "end_value": 9}
    assert read({"incremental": own}).incremental == models.Incremental(**own)


def test_built_resources() -> None:
    """A DltResource stands among the others, and may be the parent of one."""

    @dlt.resource(name="ready")
    def ready() -> Any:
        yield {"id": 1}

    built = ready()
    config = read_config(
        {
            "client": CLIENT,
            "resources": [built, {"name": "b", "endpoint": "b/{resources.ready.id}"}, "c"],
        }
    )
    assert config.resources[0] == External("ready", built)
    plan = make_plan(config)
    assert plan.step("ready").external is built
    assert plan.step("b").parents == ("ready",)


def test_callables() -> None:
    """Steps, response actions and hints may be functions."""

    def step(row: Any) -> Any:
        return row

    found = read(
        {"response_actions": [step, {"status_code": 404, "action": "ignore"}, {"action": step}]},
        processing_steps=[{"filter": step}, {"map": step}, {"yield_map": step}],
        table_name=step,
        primary_key=step,
        write_disposition=step,
    ).resource
    assert found.endpoint.response_actions == (
        step,
        models.ResponseAction(status_code=404, action="ignore"),
        models.ResponseAction(action=step),
    )
    assert [item.filter or item.map or item.yield_map for item in found.processing_steps] == [
        step,
        step,
        step,
    ]
    assert found.table_name is step


def test_jsonpath_objects() -> None:
    """A selector may be a compiled JSONPath."""
    from jsonpath_ng.ext import parse

    assert read({"data_selector": parse("data.items")}).selector == "data.items"


@pytest.mark.parametrize(
    ("endpoint", "text"),
    [
        (
            {
                "params": {
                    "a": {"type": "incremental", "cursor_path": "x"},
                    "b": {"type": "incremental", "cursor_path": "x"},
                }
            },
            "resources.a: two incrementals (an endpoint can have one)",
        ),
        (
            {"json": {"a": 1}, "data": "b"},
            "resources.a: json and data are both set (a request has one body)",
        ),
    ],
)
def test_what_dlt_refuses_later_is_refused_at_once(endpoint: dict[str, Any], text: str) -> None:
    """Two incrementals and two bodies are errors before any request."""
    with pytest.raises(ConfigError) as caught:
        read(endpoint)
    assert str(caught.value) == text
