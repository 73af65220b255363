"""Small configs, planned."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from headwater.config.read import read_config
from headwater.plan.graph import Plan, make_plan

Planned = Callable[..., Plan]


@pytest.fixture
def planned() -> Planned:
    """Plans `name=path` pairs; a mapping in place of a path is a whole resource."""

    def plan(top: dict[str, Any] | None = None, /, **listed: Any) -> Plan:
        resources = [
            {"name": name, "endpoint": {"path": item}}
            if isinstance(item, str)
            else {"name": name, **item}
            for name, item in listed.items()
        ]
        client = {"base_url": "https://a.x"}
        return make_plan(read_config({"client": client, "resources": resources, **(top or {})}))

    return plan
