"""The request of a step, its placeholders filled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from headwater.config.template import encode_segment, expand, expand_tree
from headwater.fetch.page import Request, join_url
from headwater.plan.graph import Step

__all__ = ["Cursor", "build_request"]

KEPT_IN_PATH = "/:@!$&'()*+,;="


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where a listing begins and ends.

    `values` are those of `{incremental.…}`, and of the parameters that carry the cursor under
    `params.<name>`. Rows of the listing carry `number`, where it has one.
    """

    values: Mapping[str, Any] = field(default_factory=dict)
    number: int | None = None


def build_request(step: Step, base_url: str, bound: Mapping[str, Any], cursor: Cursor) -> Request:
    """What to ask for one listing of `step`; `bound` are the values of its placeholders."""
    endpoint = step.resource.endpoint
    values = {**cursor.values, **bound}
    in_path = {
        **{name: encode_segment(str(value)) for name, value in values.items()},
        **{
            name: quote(str(value), safe=KEPT_IN_PATH)
            for name, value in expand_tree(dict(step.statics), values).items()
        },
    }
    params = expand_tree(dict(step.params), values)
    for name, value in cursor.values.items():
        if name.startswith("params."):
            params[name.removeprefix("params.")] = value
    headers = expand_tree(endpoint.headers or {}, values)
    return Request(
        method=step.method,
        url=join_url(base_url, expand(step.path, in_path)),
        params=params,
        json=expand_tree(endpoint.json, values, keep_type=True),
        data=expand_tree(endpoint.data, values),
        headers={name: str(value) for name, value in headers.items() if value is not None},
    )
