"""The simulator: a plan served over HTTP on the loopback interface, from a thread of its own."""

from __future__ import annotations

import asyncio
import functools
import gzip
import math
import socket
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import replace
from types import TracebackType
from typing import Self

from aiohttp import web

from headwater.plan.graph import Plan
from headwater.simulate.api import Answer, Api, Request
from headwater.simulate.dataset import Row
from headwater.simulate.faults import Faults
from headwater.simulate.limit import Limit
from headwater.simulate.options import Options, Seen

__all__ = ["Simulator", "serve"]

HOST = "127.0.0.1"
GZIP_FROM_BYTES = 1024
CACHED_UP_TO_BYTES = 256 * 1024
CACHED_BODIES = 4096
SLOW_FACTOR = 10
LEAST_LATENCY_S = 0.01
GRACE_S = 0.2
SETTLING_S = 0.005
PAGE = b"<!doctype html><title>Maintenance</title><h1>We will be back soon</h1>"
DEFAULTS = Options()


class Simulator:
    """A loopback API that behaves as a plan's config says; as a context manager, while in it."""

    def __init__(self, plan: Plan, options: Options = DEFAULTS) -> None:
        self.plan = plan
        self.options = options
        self.requests: list[Seen] = []
        self.api = Api(plan, options)
        self.faults = Faults(options.faults, options.seed, options.broken)
        self.limit = Limit(options.rate_limit) if options.rate_limit else None
        self.zipped = functools.lru_cache(CACHED_BODIES)(squeezed)
        self.port = 0
        self.thread: threading.Thread | None = None
        self.stopping: Callable[[], object] = lambda: None

    @property
    def base_url(self) -> str:
        """What a config's `client.base_url` must be for its requests to come here."""
        return f"http://{HOST}:{self.port}{self.api.router.root}"

    def start(self, port: int = 0) -> None:
        """Serves from now on, on a free port unless one is given. Raises OSError: it is taken."""
        if self.thread is not None:
            raise RuntimeError("the simulator is running already")
        started: Future[int] = Future()
        thread = threading.Thread(
            target=lambda: asyncio.run(self.run(port, started)),
            name="headwater-simulator",
            daemon=True,
        )
        thread.start()
        try:
            self.port = started.result()
        except BaseException:
            thread.join()
            raise
        self.thread = thread

    def stop(self) -> None:
        """Closes every connection and ends the thread; does nothing where there is none."""
        thread, self.thread = self.thread, None
        if thread is not None:
            self.stopping()
            thread.join()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def truth(self, resource: str) -> list[Row]:
        """Every row of a resource over all its parents, as served, in that order."""
        with self.api.lock:
            return [row for _, row in self.api.dataset.rows_of(resource)]

    def truth_by_parent(self, resource: str) -> dict[tuple[object, ...], list[Row]]:
        """The same by the values of the resource's placeholders; () for a root listing."""
        dataset = self.api.dataset
        with self.api.lock:
            out: dict[tuple[object, ...], list[Row]] = {
                place.values: [] for place in dataset.places(resource).values()
            }
            for place, row in dataset.rows_of(resource):
                out[place.values].append(row)
            return out

    def update(self, resource: str, change: Callable[[Row], Row | None]) -> None:
        """Replaces every row of a resource by what `change` makes of it; None deletes the row."""
        with self.api.lock:
            self.api.dataset.update(resource, change)

    def add(self, resource: str, row: Row, *, parents: tuple[object, ...] = ()) -> None:
        """Puts a row at the end of the listing of these placeholder values. Raises KeyError."""
        with self.api.lock:
            self.api.dataset.add(resource, row, tuple(map(str, parents)))

    def mend(self) -> None:
        """Ends every fault and quirk; rows and caps stay as they are."""
        none: Mapping[str, float] = {}
        mended = replace(
            self.options,
            faults=none,
            broken={},
            total_off=0,
            quirks=frozenset(),
            latency_s=0.0,
            rate_limit=None,
        )
        with self.api.lock:
            self.options = self.api.options = mended
            self.faults = Faults(none, mended.seed)
            self.limit = None

    async def run(self, port: int, started: Future[int]) -> None:
        """Serves until `stopping` is called; `started` learns the port, or why there is none."""
        try:
            listening = socket.create_server((HOST, port), backlog=1024)
        except OSError as error:
            started.set_exception(error)
            return
        done, loop = asyncio.Event(), asyncio.get_running_loop()
        self.stopping = lambda: loop.call_soon_threadsafe(done.set)
        runner = web.ServerRunner(
            web.Server(self.respond, access_log=None), shutdown_timeout=GRACE_S
        )
        await runner.setup()
        await web.SockSite(runner, listening).start()
        started.set_result(listening.getsockname()[1])
        await done.wait()
        # asyncio trips over a connection that it accepts while its server closes (3.11), so that
        # accepting ends first, and what was accepted becomes known to the runner, which closes it.
        loop.remove_reader(listening)
        await asyncio.sleep(SETTLING_S)
        await runner.cleanup()
        await asyncio.sleep(0)

    async def respond(self, incoming: web.BaseRequest) -> web.StreamResponse:
        body = await incoming.read() if incoming.body_exists else b""
        request = request_of(incoming, body)
        free = self.api.is_token_request(request.path)
        fault = None if free else self.faults.draw(request.method, incoming.path_qs)
        if self.options.latency_s or fault == "slow":
            await asyncio.sleep(self.latency_s(fault))
        answer = None if free else self.refused()
        if answer is None and fault:
            answer = self.faulty(fault)
        if answer is None:
            answer = self.api.answer(request)
        self.requests.append(Seen(request.method, incoming.path_qs, answer.status, answer.resource))
        if fault == "cut" and answer.status < 400:
            return await cut(incoming, answer)
        return self.response(answer, "gzip" in incoming.headers.get("Accept-Encoding", ""))

    def refused(self) -> Answer | None:
        """The answer to a request beyond the rate limit; None where it is within."""
        wait_s = self.limit.wait_s() if self.limit else 0.0
        if wait_s <= 0:
            return None
        headers = {"Retry-After": str(math.ceil(wait_s))}
        return Answer(429, b'{"error": "too many requests"}', "", headers)

    def latency_s(self, fault: str | None) -> float:
        if fault != "slow":
            return self.options.latency_s
        return max(self.options.latency_s, LEAST_LATENCY_S) * SLOW_FACTOR

    def faulty(self, fault: str) -> Answer | None:
        """The answer in place of the right one; None where that one is only late or cut."""
        if fault == "html":
            return Answer(200, PAGE, "", {"Content-Type": "text/html; charset=utf-8"})
        if not fault.isdigit():
            return None
        headers: dict[str, str] = {}
        if self.options.retry_after_s is not None and fault in ("429", "503"):
            headers["Retry-After"] = str(math.ceil(self.options.retry_after_s))
        return Answer(int(fault), b'{"error": "simulated %s"}' % fault.encode(), "", headers)

    def response(self, answer: Answer, gzip_taken: bool) -> web.Response:
        headers = {"Content-Type": "application/json", **answer.headers}
        body, size = answer.body, len(answer.body)
        if gzip_taken and size > GZIP_FROM_BYTES:
            body = self.zipped(body) if size <= CACHED_UP_TO_BYTES else squeezed(body)
            headers["Content-Encoding"] = "gzip"
        return web.Response(status=answer.status, body=body, headers=headers)


def squeezed(body: bytes) -> bytes:
    # The lowest level: on loopback the processor is scarcer than the wire.
    return gzip.compress(body, compresslevel=1, mtime=0)


def request_of(incoming: web.BaseRequest, body: bytes) -> Request:
    """The request, its path as it was sent: it is cut into segments before it is decoded."""
    return Request(
        method=incoming.method,
        path=incoming.raw_path.partition("?")[0].partition("#")[0],
        host=incoming.host,
        query=incoming.query,
        headers=incoming.headers,
        cookies=incoming.cookies,
        body=body,
    )


async def cut(incoming: web.BaseRequest, answer: Answer) -> web.StreamResponse:
    """Half of a body whose full length was announced, and then nothing."""
    response = web.StreamResponse(
        status=answer.status, headers={"Content-Type": "application/json"}
    )
    response.content_length = len(answer.body)
    await response.prepare(incoming)
    await response.write(answer.body[: len(answer.body) // 2])
    if incoming.transport is not None:
        incoming.transport.close()
    return response


def serve(
    plan: Plan,
    options: Options = DEFAULTS,
    *,
    port: int = 0,
    started: Callable[[Simulator], object] = lambda _: None,
) -> None:
    """Serves until Ctrl-C; `started` is called once it does. Raises OSError: the port is taken."""
    simulator = Simulator(plan, options)
    simulator.start(port)
    try:
        started(simulator)
        threading.Event().wait()
    except KeyboardInterrupt:
        pass
    finally:
        simulator.stop()
