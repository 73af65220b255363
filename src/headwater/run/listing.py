"""One listing: every page of a resource, or of a resource of one parent, in order."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

import msgspec

from headwater.config.path import JsonPath
from headwater.decode import Slice
from headwater.errors import FetchError, PagingError
from headwater.events import Listener, ListingEnded, Noticed, PageRead
from headwater.fetch.body import Body
from headwater.fetch.client import Ask, Client
from headwater.fetch.page import Page, Request
from headwater.fetch.paginate import Chained, Facts, Indexed, Pager, detect

__all__ = ["Listing", "Selected"]


@dataclass(slots=True)
class Selected:
    """What the selector of a resource met over all its listings."""

    answers: int = 0
    matched: int = 0
    keys: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Leaf:
    """A page, opened."""

    page: Page
    body: Body
    records: Sequence[msgspec.Raw]


@dataclass(slots=True)
class Listing:
    """Reads the pages of one request. Used once.

    `pager` None means that the first page shows how the API pages; `selector` None means that it
    shows where the rows are.
    """

    client: Client
    ask: Ask
    request: Request
    pager: Pager | None
    selector: JsonPath | None
    listener: Listener
    selected: Selected
    carried: tuple[object, ...] = ()
    rows: int = 0
    expected: int | None = None
    largest: int = 0
    short_first: int = 0
    seen: set[bytes] = field(default_factory=set)
    reasons: list[str] = field(default_factory=list)

    async def slices(self) -> AsyncIterator[Slice]:
        """The records, page by page. Raises FetchError, PagingError, DecodeError."""
        pager = self.pager
        if isinstance(pager, Indexed):
            leaves = self.indexed(pager, pager.start)
        elif pager is not None:
            leaves = self.chained(pager, pager.first(self.request))
        else:
            leaves = self.detected()
        async for leaf in leaves:
            self.rows += len(leaf.records)
            if leaf.records:
                yield Slice(leaf.records, self.carried, len(leaf.page.body))
        complete = not self.reasons
        note = "; ".join(self.reasons)
        self.listener(
            ListingEnded(
                self.ask.resource,
                "complete" if complete else "partial",
                self.rows,
                self.expected,
                note,
            )
        )

    async def read(self, request: Request) -> Leaf:
        """The page that answers `request`."""
        page = await self.client.fetch(request, self.ask)
        if page.status >= 400:
            self.listener(
                Noticed(self.ask.resource, f"an answer of status {page.status} was ignored")
            )
            return Leaf(page, Body(b"[]"), ())
        body = Body(page.body)
        records = self.cut(page, body)
        self.listener(PageRead(self.ask.resource, len(records), len(page.body), page.seconds))
        return Leaf(page, body, records)

    def cut(self, page: Page, body: Body) -> Sequence[msgspec.Raw]:
        if page.status == 204 and not page.body:
            return ()
        if self.selector is None:
            self.selector = body.find_records()
        try:
            records = body.records(self.selector)
        except Exception as error:
            what = f"{page.request.method} {self.client.mask(page.url)} -> {page.status}: {error}"
            raise FetchError(self.client.mask(what), status=page.status) from None
        self.selected.answers += 1
        if records is None:
            self.selected.keys = self.selected.keys or tuple(body.top_keys())
            return ()
        self.selected.matched += 1
        return records

    async def detected(self) -> AsyncIterator[Leaf]:
        """The first page, then the others as the first page shows them to be."""
        first = await self.read(self.request)
        yield first
        pager, _ = detect(first.page, first.body)
        self.remember(first)
        if isinstance(pager, Indexed):
            async for leaf in self.indexed(pager, pager.start + 1, first):
                yield leaf
            return
        following = pager.after(self.request, first.page, first.body, len(first.records))
        if following is not None:
            async for leaf in self.chained(pager, following):
                yield leaf

    async def chained(self, pager: Chained, request: Request) -> AsyncIterator[Leaf]:
        """Pages that each name the next one."""
        asked: set[str] = set()
        current: Request | None = request
        while current is not None:
            name = f"{current.full_url} {current.json!r}"
            if name in asked:
                raise PagingError(self.say(current, "was asked before: the API pages in a circle"))
            asked.add(name)
            leaf = await self.read(current)
            self.remember(leaf)
            yield leaf
            current = pager.after(self.request, leaf.page, leaf.body, len(leaf.records))

    async def indexed(
        self, pager: Indexed, position: int, first: Leaf | None = None
    ) -> AsyncIterator[Leaf]:
        """Pages by position; those that are likely to come are asked ahead."""
        ahead: dict[int, asyncio.Task[Leaf]] = {}
        window, end = 1, pager.maximum
        if first is not None:
            end = lowest(pager.facts(first.body).end, pager.maximum)
            window = self.client.settings.max_concurrency
        try:
            while end is None or position < end:
                leaf = await self.take(pager, position, ahead)
                count = len(leaf.records)
                facts = pager.facts(leaf.body) if leaf.page.status < 400 else Facts()
                if facts.end is not None:
                    self.expected = facts.end if pager.by_rows else None
                    end = lowest(facts.end, pager.maximum)
                if count == 0 and (pager.by_rows or pager.stop_on_empty or facts.end is None):
                    break
                self.remember(leaf)
                yield leaf
                position += pager.step(count)
                if facts.more is False or self.short(pager, count, facts):
                    break
                full = self.is_full(pager, count)
                window = self.widened(window, full, facts)
                self.look_ahead(
                    pager, ahead, position, count, window if full or facts.end else 0, end
                )
            self.weigh(pager, position)
        finally:
            await drop(ahead)

    async def take(
        self, pager: Indexed, position: int, ahead: dict[int, asyncio.Task[Leaf]]
    ) -> Leaf:
        """The page at `position`, from those asked ahead if it is among them."""
        task = ahead.pop(position, None)
        if task is None:
            return await self.read(pager.at(self.request, position))
        try:
            return await task
        except asyncio.CancelledError:
            task.cancel()
            raise

    def look_ahead(
        self,
        pager: Indexed,
        ahead: dict[int, asyncio.Task[Leaf]],
        position: int,
        count: int,
        window: int,
        end: int | None,
    ) -> None:
        """Asks for the pages from `position` on, as many as `window`; drops those out of step."""
        stride = count if pager.by_rows else 1
        wanted = [position + stride * n for n in range(window)]
        wanted = [place for place in wanted if end is None or place < end]
        for place in [place for place in ahead if place not in wanted]:
            ahead.pop(place).cancel()
        for place in wanted:
            if place not in ahead:
                request = pager.at(self.request, place)
                ahead[place] = asyncio.create_task(self.read(request))

    def widened(self, window: int, full: bool, facts: Facts) -> int:
        """How many pages to ask ahead: all that may be, where the end is known, else ever more."""
        most = self.client.settings.max_concurrency
        if facts.end is not None or facts.more is not None:
            return most
        return min(window * 2, most) if full else 1

    def is_full(self, pager: Indexed, count: int) -> bool:
        """Whether more pages are likely: this one is as long as asked for, or as any before it."""
        full = count >= (self.largest or pager.limit or count)
        if not full and not self.largest and pager.by_rows and pager.limit:
            self.short_first = count
        elif full and self.short_first == count and pager.limit:
            what = f"the server caps `{pager.limit_param}`: {pager.limit} asked, {count} a page"
            self.listener(Noticed(self.ask.resource, what))
            self.short_first = 0
        self.largest = max(self.largest, count)
        return full

    def short(self, pager: Indexed, count: int, facts: Facts) -> bool:
        """Whether a page shorter than its limit is taken for the last one."""
        known = facts.end is not None or facts.more is not None
        return pager.stop_on_short and not known and pager.limit is not None and count < pager.limit

    def weigh(self, pager: Indexed, position: int) -> None:
        """Compares what came with the total the API named."""
        if pager.by_rows and self.expected is not None and pager.maximum is None:
            wanted = self.expected - pager.start
            if self.rows < wanted:
                self.reasons.append(f"{self.rows} of {wanted} rows came")

    def remember(self, leaf: Leaf) -> None:
        """Raises PagingError where a page with rows is one that came before."""
        if not leaf.records:
            return
        digest = hashlib.blake2b(b"\n".join(leaf.records), digest_size=16).digest()
        if digest in self.seen:
            raise PagingError(
                self.say(
                    leaf.page.request, "brought rows that came before: does the API page this way?"
                )
            )
        self.seen.add(digest)

    def say(self, request: Request, what: str) -> str:
        return self.client.mask(f"{request.method} {request.full_url} -> {what}")


def lowest(*ends: int | None) -> int | None:
    known = [end for end in ends if end is not None]
    return min(known) if known else None


async def drop(ahead: dict[int, asyncio.Task[Leaf]]) -> None:
    """Ends the requests that nobody waits for any more."""
    for task in ahead.values():
        task.cancel()
    await asyncio.gather(*ahead.values(), return_exceptions=True)
    ahead.clear()
