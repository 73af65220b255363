"""One extraction: every listing of a plan on one client, and the knowledge when all of it is over.

Steps are read in three ways. A head reads a root listing. A child is handed rows of its one parent.
A fed step (a union, or a parent that is read only for a union) takes the values it is asked for
from feeds. Rows that are handed over carry a token; while a token lives, more may come.
"""

from __future__ import annotations

import asyncio
import itertools
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import aclosing, suppress
from typing import Any

from headwater.config.path import parse_path
from headwater.decode import Batch, Decoder, Rows, Slice, values_of
from headwater.errors import DecodeError, FetchError, HeadwaterError, PagingError
from headwater.events import Listener, ListingEnded, Noticed
from headwater.fetch.client import Ask, Client
from headwater.fetch.paginate import pager_of
from headwater.fetch.retry import retry_rule
from headwater.plan.graph import Plan, Step
from headwater.run.gather import fan_out, joined, read_ahead
from headwater.run.listing import Listing, Selected
from headwater.run.outcome import (
    Failure,
    Incomplete,
    Progress,
    Token,
    is_outside,
    mismatch,
    skips,
)
from headwater.run.request import build_request

__all__ = ["Extraction", "Failure", "Incomplete", "Token"]

TICK_S = 0.02
Cursor = Mapping[str, Any]
Values = tuple[Any, ...]
NOTHING = Batch([])


class Extraction:
    """The shared state of one run over a plan. Its generators live on one event loop."""

    def __init__(
        self,
        plan: Plan,
        open_client: Callable[[], Client],
        *,
        listener: Listener,
        decoder_of: Callable[[Step], Decoder],
        raises: bool = True,
        on_spoiled: Callable[[], None] = lambda: None,
        on_incomplete: Callable[[], None] = lambda: None,
    ) -> None:
        self.plan = plan
        self.listener = listener
        self.failures: list[Failure] = []
        self.started = False
        self.on_spoiled = on_spoiled
        self._on_incomplete = on_incomplete
        self._raises = raises
        self._open_client = open_client
        self._decoder_of = decoder_of
        self._client: Client | None = None
        self._keeper: AsyncIterator[None] | None = None
        self._drivers: list[asyncio.Task[None]] = []
        self._progress = {
            step.name: Progress(outside=is_outside(plan, step)) for step in plan.steps
        }
        self._decoders: dict[str, tuple[Decoder, asyncio.Lock]] = {}
        self._selected: dict[str, Selected] = {}
        self._asked: dict[str, set[Values]] = {}
        self._feeds: dict[str, deque[list[Values]]] = {}

    def join(self, name: str, *, stopped: Callable[[], bool] | None = None) -> None:
        """Says that the rows of `name` will be read by this run; before anything starts.

        `stopped` tells whether a limit was reached, after which no more rows are taken.
        """
        self._progress[name].joined = True
        self._progress[name].stopped = stopped

    def token(self, name: str) -> Token:
        """Says, while it lives, that rows of `name` are on their way to its children."""
        return Token(self._progress[name].live)

    def is_done(self, name: str) -> bool:
        """Whether no more rows of `name` can come."""
        mine, parents = self._progress[name], self.plan.step(name).parents
        if mine.stopped is not None and mine.stopped():
            return True
        if mine.working:
            return False
        if mine.outside:
            return True
        if mine.driven or len(parents) != 1:
            return mine.finished
        return self.is_done(parents[0]) and not self._progress[parents[0]].live

    def is_over(self) -> bool:
        """Whether no more rows of anything can come."""
        return all(self.is_done(name) for name, mine in self._progress.items() if mine.joined)

    async def head(self, step: Step, cursor: Cursor) -> AsyncIterator[Batch]:
        """Every batch of a root listing or a union; the last head of a run ends with `check`."""
        await self.start()
        mine = self._progress[step.name]
        mine.working += 1
        ended, rows = False, 0
        try:
            async with aclosing(self.source(step, cursor)) as batches:
                async for batch in batches:
                    self.feed(step.name, batch.rows)
                    rows += batch.count
                    yield batch
            ended = True
        finally:
            mine.working -= 1
            mine.finished = True
            if not ended and mine.stopped is not None and mine.stopped():
                note = "stopped at the limit"
                self.listener(ListingEnded(step.name, "complete", rows, None, note))
        while ended and not self.other_heads_at_work():
            self.raise_crash()
            if self.is_over():
                self.check()
                return
            await asyncio.sleep(TICK_S)
            yield NOTHING

    async def children(
        self, step: Step, rows: Rows, cursor: Cursor, token: Token | None
    ) -> AsyncIterator[Batch]:
        """Every batch of `step` for the given rows of its parent. `token` lives until the end."""
        mine = self._progress[step.name]
        mine.working += 1
        try:
            values = self.distinct(step, rows, 0)
            if values:
                async with aclosing(self.batches(step, values, cursor)) as batches:
                    async for batch in batches:
                        self.feed(step.name, batch.rows)
                        yield batch
        finally:
            mine.working -= 1
            del token
        if self._progress[step.name].outside and self.failures and self._raises:
            raise Incomplete(self.failures)

    def other_heads_at_work(self) -> bool:
        """Whether a head that takes part has yet to end."""
        return any(
            mine.joined and not mine.finished and not (mine.stopped and mine.stopped())
            for name, mine in self._progress.items()
            if len(self.plan.step(name).parents) != 1 and not mine.outside
        )

    async def start(self) -> None:
        """Opens feeds for what unions need, and drives the parents that nobody else reads."""
        if self.started:
            return
        self.started = True
        waiting = [
            step
            for step in self.plan.steps
            if len(step.parents) > 1 and self._progress[step.name].joined
        ]
        while waiting:
            step = waiting.pop()
            self._feeds[step.name] = deque()
            for parent in step.parents:
                theirs = self._progress[parent]
                if not (theirs.joined or theirs.driven or theirs.outside):
                    theirs.driven = True
                    waiting.append(self.plan.step(parent))
        for name, mine in self._progress.items():
            if mine.driven:
                self._drivers.append(asyncio.create_task(self.drive(self.plan.step(name))))

    async def drive(self, step: Step) -> None:
        """Reads a step that is a parent of unions and nothing else."""
        mine = self._progress[step.name]
        mine.working += 1
        try:
            async with aclosing(self.source(step, {})) as batches:
                async for batch in batches:
                    self.feed(step.name, batch.rows)
        except HeadwaterError as error:
            self.fail(step, error)
        finally:
            mine.working -= 1
            mine.finished = True

    def feed(self, name: str, rows: Rows) -> None:
        """Gives the values of new rows of `name` to the fed steps that ask for them."""
        for fed_name, feed in self._feeds.items():
            step = self.plan.step(fed_name)
            if name in step.parents:
                values = self.distinct(step, rows, step.parents.index(name))
                if values:
                    feed.append(values)

    async def fed(self, step: Step, cursor: Cursor) -> AsyncGenerator[Batch, None]:
        """Every batch of a step that takes its values from feeds."""
        feed = self._feeds[step.name]
        while True:
            over = all(self.is_done(parent) for parent in step.parents)
            if feed:
                values = [value for _ in range(len(feed)) for value in feed.popleft()]
                async with aclosing(self.batches(step, values, cursor)) as batches:
                    async for batch in batches:
                        yield batch
            elif over:
                return
            else:
                self.raise_crash()
                await asyncio.sleep(TICK_S)
                yield NOTHING

    def source(self, step: Step, cursor: Cursor) -> AsyncGenerator[Batch, None]:
        return self.fed(step, cursor) if step.parents else self.batches(step, [()], cursor)

    def raise_crash(self) -> None:
        """Raises what a driver ended with, where that is no failure of a listing."""
        for task in self._drivers:
            if task.done() and not task.cancelled() and (crash := task.exception()) is not None:
                raise crash

    async def batches(
        self, step: Step, values: list[Values], cursor: Cursor
    ) -> AsyncGenerator[Batch, None]:
        """The batches of `step`, one listing for each of `values`."""
        client = await self.client()
        if len(values) == 1:
            slices = self.one(client, step, values[0], cursor)
        else:
            slices = self.many(client, step, values, cursor)
        limited = self._progress[step.name].stopped is not None
        decoded = self.decoded(step, joined(slices, page_by_page=limited))
        async with aclosing(decoded if limited else read_ahead(decoded)) as batches:
            async for batch in batches:
                yield batch

    async def decoded(
        self, step: Step, joints: AsyncGenerator[list[Slice], None]
    ) -> AsyncGenerator[Batch, None]:
        """`joints` read into batches, beside the loop; one at a time, for the decoder learns."""
        if step.name not in self._decoders:
            self._decoders[step.name] = self._decoder_of(step), asyncio.Lock()
        decoder, turn = self._decoders[step.name]
        async with aclosing(joints) as pieces_lists:
            async for pieces in pieces_lists:
                try:
                    async with turn:
                        batch = await asyncio.to_thread(decoder.decode, pieces)
                except DecodeError as error:
                    self.fail(step, error)
                    continue
                yield batch

    async def one(
        self, client: Client, step: Step, values: Values, cursor: Cursor
    ) -> AsyncGenerator[Slice, None]:
        """The pages of one listing; how it fell short is noted, not raised."""
        listing = self.listing(client, step, values, cursor)
        try:
            async with aclosing(listing.slices()) as slices:
                async for piece in slices:
                    yield piece
        except (FetchError, DecodeError) as error:
            self.fail(step, error, listing.rows)
        if listing.reasons and not skips(step):
            request = listing.request
            which = f" ({client.mask(f'{request.method} {request.full_url}')})"
            self.on_spoiled()
            what = f"partial: {'; '.join(listing.reasons)}{which if step.parents else ''}"
            self.failures.append(Failure(step.name, what))

    async def many(
        self, client: Client, step: Step, values: list[Values], cursor: Cursor
    ) -> AsyncGenerator[Slice, None]:
        """The pages of several listings, each listing in order."""

        async def read(item: Values, put: Callable[[Slice], Awaitable[None]]) -> None:
            async with aclosing(self.one(client, step, item, cursor)) as slices:
                async for piece in slices:
                    await put(piece)

        at_once = min(len(values), client.settings.max_concurrency)
        async with aclosing(fan_out(values, read, at_once=at_once)) as slices:
            async for piece in slices:
                yield piece

    def listing(self, client: Client, step: Step, values: Values, cursor: Cursor) -> Listing:
        width = len(step.bindings)
        names = [binding.placeholder for binding in step.bindings]
        bound = dict(zip(names, values[:width], strict=True))
        return Listing(
            client=client,
            ask=Ask(
                step.name,
                step.auth,
                retry_rule(step.error_handler, client.settings.retries),
                step.resource.endpoint.response_actions or (),
            ),
            request=build_request(step, client.settings.base_url, bound, cursor),
            pager=pager_of(step.paginator),
            selector=parse_path(step.selector) if step.selector else None,
            listener=self.listener,
            selected=self._selected.setdefault(step.name, Selected()),
            carried=values[width:],
        )

    def distinct(self, step: Step, rows: Rows, index: int) -> list[Values]:
        """What to ask `step` for: bound values not asked before, each with what its rows carry."""
        width = len(step.bindings)
        paths = [binding.fields[index] for binding in step.bindings]
        paths += [include.fields[index] for include in step.includes]
        asked = self._asked.setdefault(step.name, set())
        out: list[Values] = []
        nulls = 0
        for values in values_of(rows, paths):
            key = tuple(map(by_type, values[:width]))
            if None in key:
                nulls += 1
            elif key not in asked:
                asked.add(key)
                out.append(values)
        if nulls:
            what = f"{nulls} rows of {step.parents[index]} have no value for it: not asked"
            self.listener(Noticed(step.name, what))
        return out

    def fail(self, step: Step, error: HeadwaterError, rows: int = 0) -> None:
        """Notes a listing that failed after `rows` rows; the others go on."""
        if skips(step):
            self.listener(Noticed(step.name, f"skipped: {error}"))
            self.listener(ListingEnded(step.name, "complete", rows, None, "skipped"))
            return
        if isinstance(error, (PagingError, DecodeError)):
            self.on_spoiled()
        self.failures.append(Failure(step.name, str(error)))
        self.listener(ListingEnded(step.name, "failed", rows, None, str(error)))

    def check(self) -> None:
        """Raises Incomplete where a listing fell short or a selector never matched."""
        for name, selected in self._selected.items():
            if selected.answers == selected.matched:
                continue
            what = mismatch(self.plan.step(name).selector, selected)
            if selected.matched:
                self.listener(Noticed(name, what))
            else:
                self.on_spoiled()
                self.failures.append(Failure(name, what))
                self.listener(ListingEnded(name, "failed", 0, None, what))
        if self.failures:
            self._on_incomplete()
        if self.failures and self._raises:
            raise Incomplete(self.failures)

    async def client(self) -> Client:
        """The open client; closed when its loop shuts its generators down."""
        if self._client is None:
            client = self._open_client()
            keeper = self.keep_open(client)
            await anext(keeper)
            self._client, self._keeper = client, keeper
        return self._client

    async def keep_open(self, client: Client) -> AsyncIterator[None]:
        """Holds `client` open, and the drivers going, until the loop closes its generators."""
        async with client:
            try:
                for _ in itertools.count():
                    yield
            finally:
                for task in self._drivers:
                    task.cancel()
                for task in self._drivers:
                    with suppress(asyncio.CancelledError):
                        await task


def by_type(value: Any) -> Any:
    """A value that differs from an equal one of another type: 1, 1.0 and True are asked apart."""
    return (
        value if value is None or type(value) in (str, int) else (type(value).__name__, str(value))
    )
