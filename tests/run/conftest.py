"""A scripted API on the loopback interface, and a listing read from it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web

from headwater.config.models import ResponseAction
from headwater.config.path import parse_path
from headwater.errors import HeadwaterError
from headwater.events import Event
from headwater.fetch.auth import Masker
from headwater.fetch.client import Ask, Client, Settings
from headwater.fetch.page import Request
from headwater.fetch.retry import RetryRule
from headwater.run.listing import Listing, Selected

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


class FakeTime:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now_s = 1000.0
        self.slept: list[float] = []

    def clock(self) -> float:
        return self.now_s

    async def sleep(self, wait_s: float) -> None:
        self.slept.append(wait_s)
        self.now_s += wait_s
        await asyncio.sleep(0)


@asynccontextmanager
async def served(handler: Handler) -> AsyncIterator[str]:
    """The base URL of a server that answers as `handler` does."""
    runner = web.ServerRunner(web.Server(handler, access_log=None), shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        await runner.cleanup()


@dataclass
class Outcome:
    """What came of a listing: its rows, how it failed, what it told, what was asked."""

    rows: list[Any] = field(default_factory=list)
    error: HeadwaterError | None = None
    events: list[Event] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    listing: Listing | None = None
    left_over: int = 0

    def of(self, kind: type[Any]) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]


async def list_async(
    handler: Handler,
    pager: Any,
    *,
    selector: str | None = "data",
    path: str = "/items",
    concurrency: int = 4,
    retries: RetryRule | None = None,
    actions: Sequence[ResponseAction] = (),
    take: int | None = None,
    crowd: int = 1,
) -> Outcome:
    out, time = Outcome(), FakeTime()

    async def noted(request: web.BaseRequest) -> web.StreamResponse:
        out.asked.append(request.path_qs)
        return await handler(request)

    async with served(noted) as base:
        settings = Settings(base_url=base, headers={}, max_concurrency=concurrency, timeout_s=2)
        client = Client(
            settings,
            masker=Masker([]),
            listener=out.events.append,
            sleep=time.sleep,
            clock=time.clock,
        )
        before = asyncio.all_tasks()
        async with client:
            out.listing = Listing(
                client=client,
                ask=Ask("items", None, retries or RetryRule(), tuple(actions)),
                request=Request("GET", base + path),
                pager=pager,
                selector=parse_path(selector) if selector else None,
                listener=out.events.append,
                selected=Selected(),
                crowd=lambda: crowd,
            )
            slices = out.listing.slices()
            try:
                async for piece in slices:
                    out.rows += [json.loads(bytes(raw)) for raw in piece.records]
                    if take is not None and len(out.rows) >= take:
                        break
            except HeadwaterError as error:
                out.error = error
            await slices.aclose()
            mine = {
                t
                for t in asyncio.all_tasks() - before
                if "Listing" in repr(t.get_coro()) or "Ahead" in repr(t.get_coro())
            }
            out.left_over = len(mine)
    return out


@pytest.fixture
def read_listing() -> Callable[..., Outcome]:
    """Reads one listing of an API that answers as the given handler does; no wait is real."""

    def run(handler: Handler, pager: Any, **settings: Any) -> Outcome:
        async def bounded() -> Outcome:
            return await asyncio.wait_for(list_async(handler, pager, **settings), 10)

        return asyncio.run(bounded())

    return run
