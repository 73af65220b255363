"""One listing: every page of a resource, or of a resource of one parent, in order."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from functools import partial

import msgspec

from headwater.config.path import JsonPath
from headwater.decode import Slice
from headwater.errors import FetchError, PagingError
from headwater.events import Listener, ListingEnded, Noticed, PageRead, Status
from headwater.fetch.actions import ignores
from headwater.fetch.body import Body, lens_of
from headwater.fetch.client import Ask, Client
from headwater.fetch.depth import is_deeper
from headwater.fetch.foreign import Foreign, ForeignPager
from headwater.fetch.page import Page, Request
from headwater.fetch.paginate import Chained, Facts, Indexed, Pager, detect
from headwater.run.ahead import Ahead
from headwater.run.course import MOST_EMPTY, Course, Short
from headwater.run.repeats import Repeats

__all__ = ["Listing", "Selected"]

NO_SUCH_PAGE = (400, 404, 416, 422)
SHOWN_BODY = 200
LONGEST_URL = 2000
# Far below what readers of JSON, Arrow and our own recursion can take.
MOST_DEEP = 200


@dataclass(slots=True)
class Selected:
    """What the selector of a resource met over all its listings, and what was learned of pages."""

    answers: int = 0
    matched: int = 0
    keys: tuple[str, ...] = ()
    short: Short = field(default_factory=Short)


@dataclass(frozen=True, slots=True)
class Leaf:
    """A page, opened. `records` None means that the selector matches nothing in it."""

    page: Page
    body: Body
    records: Sequence[msgspec.Raw] | None

    @property
    def count(self) -> int:
        return len(self.records or ())


@dataclass(slots=True)
class Listing:
    """Reads the pages of one request. Used once.

    `pager` None means that the first page shows how the API pages; `selector` None means that it
    shows where the rows are. `crowd` tells how many listings are being read, this one among them.
    """

    client: Client
    ask: Ask
    request: Request
    pager: Pager | None
    selector: JsonPath | None
    listener: Listener
    selected: Selected
    carried: tuple[object, ...] = ()
    crowd: Callable[[], int] = lambda: 1
    rows: int = 0
    expected: int | None = None
    repeats: Repeats = field(default_factory=Repeats)
    reasons: list[str] = field(default_factory=list)

    async def slices(self) -> AsyncGenerator[Slice, None]:
        """The records, page by page. Raises FetchError, PagingError, DecodeError."""
        async with aclosing(self.leaves()) as leaves:
            async for leaf in leaves:
                if leaf.records:
                    self.rows += leaf.count
                    yield Slice(leaf.records, self.carried, len(leaf.page.body))
        status: Status = "partial" if self.reasons else "complete"
        note = "; ".join(self.reasons)
        self.listener(ListingEnded(self.ask.resource, status, self.rows, self.expected, note))

    async def leaves(self) -> AsyncGenerator[Leaf, None]:
        """The pages, each after it was checked not to be one that came before."""
        first: Leaf | None = None
        pager = self.pager
        if pager is None:
            first = await self.read(self.request)
            self.take(first)
            yield first
            if first.page.ignored:
                return
            pager, _ = detect(first.page, first.body)
        rest = (
            self.indexed(pager, first) if isinstance(pager, Indexed) else self.chained(pager, first)
        )
        async with aclosing(rest) as pages:
            async for leaf in pages:
                yield leaf

    async def read(self, request: Request) -> Leaf:
        """The page that answers `request`."""
        return await self.client.fetch(request, self.ask, self.opened)

    def opened(self, page: Page) -> Leaf:
        """`page` with its records cut out. Raises DecodeError where its body is not JSON."""
        if page.ignored or (page.status == 204 and not page.body):
            return Leaf(page, Body(b"[]"), ())
        selector, pager = self.selector, self.pager
        paths = pager.paths if pager is not None else ()
        body = Body(page.body, lens_of(selector.keys, paths) if selector else None)
        if selector is None:
            selector = body.find_records()
            if selector is None:
                return Leaf(page, body, None)
            self.selector = selector
        records = body.records(selector)
        if records and is_deeper(page.body, MOST_DEEP):
            what = f"answers with rows nested more than {MOST_DEEP} levels deep"
            raise FetchError(self.say(page.request, what), status=page.status)
        if not records and (errors := body.errors()):
            what = f"answers with errors and no rows: {errors[:SHOWN_BODY]}"
            raise FetchError(self.say(page.request, what), status=page.status)
        return Leaf(page, body, records)

    def take(self, leaf: Leaf) -> None:
        """Counts a page whose turn has come. Raises PagingError where its rows came before."""
        page = leaf.page
        if page.ignored:
            if page.status in self.ask.retries.ignored and not ignores(self.ask.actions, page):
                what = f"an answer of status {page.status} was ignored"
                self.listener(Noticed(self.ask.resource, what))
            return
        if page.body:
            self.selected.answers += 1
            self.selected.matched += leaf.records is not None
            if leaf.records is None and not self.selected.keys:
                self.selected.keys = tuple(leaf.body.top_keys())
        if leaf.records:
            what = self.repeats.of_rows(leaf.records)
            if what:
                raise PagingError(self.say(page.request, what))
        self.listener(PageRead(self.ask.resource, leaf.count, len(page.body), page.seconds))

    async def chained(
        self, pager: Chained, first: Leaf | None = None
    ) -> AsyncGenerator[Leaf, None]:
        """Pages that each name the next one, after `first` where that was read already."""
        empties = 0
        if first is None:
            current = await self.moved_by(pager, self.request, pager.first, self.request)
        else:
            current = await self.following(pager, first)
        while current is not None:
            what = self.repeats.of_request(current)
            if what:
                raise PagingError(self.say(current, what))
            leaf = await self.read(current)
            self.take(leaf)
            yield leaf
            if leaf.page.ignored:
                return
            empties = 0 if leaf.count else empties + 1
            if empties > MOST_EMPTY:
                raise PagingError(self.say(current, f"{MOST_EMPTY} empty pages came in a row"))
            current = await self.following(pager, leaf)

    async def following(self, pager: Chained, leaf: Leaf) -> Request | None:
        """The request that follows `leaf`, None after the last."""
        page, records = leaf.page, leaf.records or ()
        step = partial(pager.after, self.request, page, leaf.body, records)
        return await self.moved_by(pager, page.request, step)

    async def moved_by(
        self, pager: Chained, at: Request, step: Callable[..., Request | None], *given: Request
    ) -> Request | None:
        """What a step of `pager` gives; code that is not ours runs beside the event loop."""
        try:
            if isinstance(pager, ForeignPager):
                return await self.client.workers.call(step, *given)
            return step(*given)
        except PagingError as error:
            raise PagingError(self.say(at, str(error))) from None
        except Foreign as error:
            raise FetchError(self.say(at, str(error))) from error.__cause__

    async def indexed(
        self, pager: Indexed, first: Leaf | None = None
    ) -> AsyncGenerator[Leaf, None]:
        """Pages by position, after `first`; those that are likely to come are asked ahead."""
        course = Course(pager, self.client.settings.max_concurrency, self.selected.short)
        ahead = Ahead(lambda position: self.read(pager.at(self.request, position)))
        leaf = first
        going = course.open
        try:
            while going:
                if leaf is None:
                    leaf = await self.next(course, ahead)
                    if leaf is None:
                        break
                    self.take(leaf)
                    yield leaf
                if leaf.page.ignored:
                    return
                going = self.moved(course, leaf)
                if going and not ahead.ask(self.upcoming(course, leaf.page)):
                    course.missed()
                leaf = None
            self.expected = course.expected()
            self.reasons += course.weigh()
        finally:
            for note in course.notes:
                self.listener(Noticed(self.ask.resource, note))
            await ahead.close()

    def upcoming(self, course: Course, page: Page) -> list[int]:
        """The positions to ask for after `page`: fewer where nobody knows that they are there.

        One only where an earlier run had it: such pages come at once, and the next one may tell
        that it is the last. Among many listings each has its share, so that none is asked in vain.
        """
        positions = course.upcoming()
        if course.end is not None:
            return positions
        share = self.client.settings.max_concurrency // max(1, self.crowd())
        return positions[: 1 if page.kept else max(1, share)]

    async def next(self, course: Course, ahead: Ahead[Leaf]) -> Leaf | None:
        """The page whose turn it is; None where a page that should not be there is refused."""
        try:
            return await ahead.take(course.position)
        except FetchError as error:
            if course.probing and error.status in NO_SUCH_PAGE:
                return None
            raise

    def moved(self, course: Course, leaf: Leaf) -> bool:
        """Moves `course` past `leaf`; whether there may be another page."""
        facts = Facts()
        try:
            if leaf.page.body:
                demand = leaf.count > 0 or course.total is None
                facts = course.pager.facts(leaf.body, demand=demand)
            return course.after(leaf.count, facts)
        except PagingError as error:
            raise PagingError(self.say(leaf.page.request, str(error))) from None

    def say(self, request: Request, what: str) -> str:
        url = self.client.mask(request.full_url)
        url = url if len(url) <= LONGEST_URL else f"{url[:LONGEST_URL]}..."
        return f"{request.method} {url} -> {self.client.mask(what)}"
