"""Simulators to talk to, and a plain client to talk with."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from email.message import Message
from typing import Any

import pytest

from headwater.config.read import read_config
from headwater.plan.graph import Plan, make_plan
from headwater.simulate import Options, Simulator

Simulate = Callable[..., Simulator]
Ask = Callable[..., "Reply"]


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back: status, headers, and the body as JSON where it is JSON."""

    status: int
    headers: Message
    body: Any


def plan_of(resources: list[Any], **client: Any) -> Plan:
    settings = {"base_url": "https://api.example.com/v2", **client}
    return make_plan(read_config({"client": settings, "resources": resources}))


@pytest.fixture
def simulate() -> Iterator[Simulate]:
    """Starts a simulator for a list of resources or a plan; all are stopped at the end."""
    running: list[Simulator] = []

    def start(
        source: Plan | list[Any], client: Mapping[str, Any] | None = None, **options: Any
    ) -> Simulator:
        plan = source if isinstance(source, Plan) else plan_of(source, **(client or {}))
        simulator = Simulator(plan, Options(**options))
        simulator.start()
        running.append(simulator)
        return simulator

    yield start
    for simulator in running:
        simulator.stop()


@pytest.fixture
def ask() -> Ask:
    """Sends one request, a POST where there is a body."""

    def send(url: str, *, body: Any = None, **headers: str) -> Reply:
        content = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(url, content, headers)
        if content is not None:
            request.add_header("Content-Type", "application/json")
        try:
            with urllib.request.urlopen(request, timeout=5) as answer:
                return Reply(answer.status, answer.headers, json.loads(answer.read()))
        except urllib.error.HTTPError as error:
            with error:
                return Reply(error.code, error.headers, json.loads(error.read()))

    return send
