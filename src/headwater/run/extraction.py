"""One extraction: every listing of a plan on one client, and the knowledge when all of it is over.

Steps are read in three ways. A head reads a root listing. A child is handed rows of its one parent.
A fed step (a union, or a parent that is read only for a union) takes the values it is asked for
from feeds. Rows that are handed over carry a token; while a token lives, more may come.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Callable,
)
from contextlib import aclosing, suppress

from headwater.decode import Batch, Rows
from headwater.errors import DecodeError, HeadwaterError
from headwater.events import ListingEnded
from headwater.plan.graph import Plan, Step
from headwater.run.outcome import (
    Failure,
    Incomplete,
    Progress,
    Stale,
    Token,
    is_outside,
)
from headwater.run.reader import Cursors, Reader, Values, no_cursor

__all__ = ["Extraction", "Failure", "Incomplete", "Token"]

TICK_S = 0.02
NOTHING = Batch([])


class Extraction:
    """The shared state of one run over a plan. Its generators live on one event loop."""

    def __init__(self, plan: Plan, reader: Reader, *, raises: bool = True) -> None:
        self.plan = plan
        self.reader = reader
        self.started = False
        self._raises = raises
        self._drivers: list[asyncio.Task[None]] = []
        self._progress = {
            step.name: Progress(outside=is_outside(plan, step)) for step in plan.steps
        }
        self._feeds: dict[str, deque[list[Values]]] = {}
        self._stale = Stale()
        reader.on_close = self.stop_drivers

    @property
    def failures(self) -> list[Failure]:
        return self.reader.failures

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

    async def head(self, step: Step, cursors: Cursors) -> AsyncIterator[Batch]:
        """Every batch of a root listing or a union; the last head of a run ends with `check`."""
        await self.start()
        mine = self._progress[step.name]
        mine.working += 1
        ended, rows = False, 0
        try:
            async with aclosing(self.source(step, cursors)) as batches:
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
                self.reader.listener(ListingEnded(step.name, "complete", rows, None, note))
        while ended and not self.other_heads_at_work():
            self.raise_crash()
            if self.is_over():
                self.check()
                return
            await self.tick()
            yield NOTHING

    async def children(
        self, step: Step, rows: Rows, cursors: Cursors, token: Token | None
    ) -> AsyncIterator[Batch]:
        """Every batch of `step` for the given rows of its parent. `token` lives until the end."""
        mine = self._progress[step.name]
        mine.working += 1
        try:
            values = self.reader.distinct(step, rows, 0)
            if values:
                async with aclosing(self.batches(step, values, cursors)) as batches:
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
            async with aclosing(self.source(step, no_cursor)) as batches:
                async for batch in batches:
                    self.feed(step.name, batch.rows)
        except HeadwaterError as error:
            self.reader.fail(step, error)
        finally:
            mine.working -= 1
            mine.finished = True

    def feed(self, name: str, rows: Rows) -> None:
        """Gives the values of new rows of `name` to the fed steps that ask for them."""
        for fed_name, feed in self._feeds.items():
            step = self.plan.step(fed_name)
            if name in step.parents:
                values = self.reader.distinct(step, rows, step.parents.index(name))
                if values:
                    feed.append(values)

    async def fed(self, step: Step, cursors: Cursors) -> AsyncGenerator[Batch, None]:
        """Every batch of a step that takes its values from feeds."""
        feed = self._feeds[step.name]
        while True:
            over = all(self.is_done(parent) for parent in step.parents)
            if feed:
                values = [value for _ in range(len(feed)) for value in feed.popleft()]
                async with aclosing(self.batches(step, values, cursors)) as batches:
                    async for batch in batches:
                        yield batch
            elif over:
                return
            else:
                self.raise_crash()
                await self.tick()
                yield NOTHING

    async def tick(self) -> None:
        """Waits a little for rows that are on their way; those that garbage holds are let go."""
        # As one step of C: another thread lets go of tokens at any time.
        self._stale.look(set[int]().union(*[mine.live for mine in self._progress.values()]))
        await asyncio.sleep(TICK_S)

    def source(self, step: Step, cursors: Cursors) -> AsyncGenerator[Batch, None]:
        return self.fed(step, cursors) if step.parents else self.batches(step, [()], cursors)

    def batches(
        self, step: Step, values: list[Values], cursors: Cursors
    ) -> AsyncGenerator[Batch, None]:
        limited = self._progress[step.name].stopped is not None
        return self.reader.batches(step, values, cursors, limited=limited)

    def raise_crash(self) -> None:
        """Raises what a driver ended with, where that is no failure of a listing."""
        for task in self._drivers:
            if task.done() and not task.cancelled() and (crash := task.exception()) is not None:
                raise crash

    def refuse(self, step: Step, error: DecodeError) -> None:
        """Notes rows that cannot be loaded as they are. Raises `error` where the run must be whole.

        They came out of the extraction already, which may have been checked by now.
        """
        self.reader.on_spoiled()
        if self._raises:
            raise error
        self.reader.fail(step, error)

    def check(self) -> None:
        """Raises Incomplete where a listing fell short or a selector never matched."""
        self.reader.weigh_selectors()
        if self.failures and self._raises:
            raise Incomplete(self.failures)

    async def stop_drivers(self) -> None:
        for task in self._drivers:
            task.cancel()
        for task in self._drivers:
            with suppress(asyncio.CancelledError):
                await task
