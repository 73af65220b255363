"""Reading: the listings of a step become batches, on one client; what falls short is noted."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Collection, Sequence
from contextlib import aclosing
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
from headwater.run.outcome import Failure, mismatch, skips
from headwater.run.request import Cursor, build_request

__all__ = ["Cursors", "Reader", "Values", "no_cursor"]

Values = tuple[Any, ...]
Cursors = Callable[[Values], Sequence[Cursor]]
"""The cursors of the listings that bound values are asked for."""


def no_cursor(values: Values) -> Sequence[Cursor]:
    """One listing, from the beginning to the end."""
    return (Cursor(),)


async def nothing() -> None:
    """Does nothing."""


class Reader:
    """Reads the listings of the steps of a plan, and knows what they fell short of.

    `on_spoiled` is called when answers were found to be wrong, `on_end` at the end of a run with
    the names of the resources that fell short.
    """

    def __init__(
        self,
        plan: Plan,
        open_client: Callable[[], Client],
        *,
        listener: Listener,
        decoder_of: Callable[[Step], Decoder],
        on_spoiled: Callable[[], None] = lambda: None,
        on_end: Callable[[Collection[str]], None] = lambda _: None,
    ) -> None:
        self.plan = plan
        self.listener = listener
        self.failures: list[Failure] = []
        self.on_spoiled = on_spoiled
        self.on_close: Callable[[], Awaitable[None]] = nothing
        self._on_end = on_end
        self._open_client = open_client
        self._decoder_of = decoder_of
        self._client: Client | None = None
        self._keeper: AsyncIterator[None] | None = None
        self._decoders: dict[str, tuple[Decoder, asyncio.Lock]] = {}
        self._selected: dict[str, Selected] = {}
        self._asked: dict[str, set[Values]] = {}
        self._reading = 0

    async def batches(
        self, step: Step, values: list[Values], cursors: Cursors, *, limited: bool = False
    ) -> AsyncGenerator[Batch, None]:
        """The batches of `step`, one listing for each of `values` and each of its cursors.

        With `limited`, page by page and not ahead of who reads them.
        """
        client = await self.client()
        width = len(step.bindings)
        asks = [(item, cursor) for item in values for cursor in cursors(item[:width])]
        if len(asks) == 1:
            slices = self.one(client, step, *asks[0])
        else:
            slices = self.many(client, step, asks)
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
        self._reading += 1
        try:
            async with aclosing(listing.slices()) as slices:
                async for piece in slices:
                    yield piece
        except (FetchError, DecodeError) as error:
            self.fail(step, error, listing.rows)
        finally:
            self._reading -= 1
        if listing.reasons and not skips(step):
            request = listing.request
            which = f" ({client.mask(f'{request.method} {request.full_url}')})"
            self.on_spoiled()
            what = f"partial: {'; '.join(listing.reasons)}{which if step.parents else ''}"
            self.failures.append(Failure(step.name, what))

    async def many(
        self, client: Client, step: Step, asks: list[tuple[Values, Cursor]]
    ) -> AsyncGenerator[Slice, None]:
        """The pages of several listings, each listing in order."""

        async def read(ask: tuple[Values, Cursor], put: Callable[[Slice], Awaitable[None]]) -> None:
            async with aclosing(self.one(client, step, *ask)) as slices:
                async for piece in slices:
                    await put(piece)

        at_once = min(len(asks), client.settings.max_concurrency)
        async with aclosing(fan_out(asks, read, at_once=at_once)) as slices:
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
            crowd=lambda: self._reading,
            carried=values[width:] + (() if cursor.number is None else (cursor.number,)),
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

    def weigh_selectors(self) -> None:
        """Notes selectors that matched in some answers only; one that never did is a failure."""
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

    async def client(self) -> Client:
        """The open client; closed when its loop shuts its generators down."""
        if self._client is None:
            client = self._open_client()
            keeper = self.keep_open(client)
            await anext(keeper)
            self._client, self._keeper = client, keeper
        return self._client

    async def keep_open(self, client: Client) -> AsyncIterator[None]:
        """Holds `client` open until the loop closes its generators.

        By then every row is on its way: what fell short is known.
        """
        async with client:
            try:
                for _ in itertools.count():
                    yield
            finally:
                await self.on_close()
                self._on_end({failure.resource for failure in self.failures})


def by_type(value: Any) -> Any:
    """A value that differs from an equal one of another type: 1, 1.0 and True are asked apart."""
    return (
        value if value is None or type(value) in (str, int) else (type(value).__name__, str(value))
    )
