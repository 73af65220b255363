"""Many listings at once, and small pages joined to batches worth decoding."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Coroutine, Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar

from headwater.decode import Slice

__all__ = ["fan_out", "joined", "read_ahead"]

T = TypeVar("T")
BATCH_BYTES = 2 << 20
BATCH_WAIT_S = 0.2


@dataclass(frozen=True, slots=True)
class Over:
    """The end of an iterator, and what it failed with."""

    fault: Exception | None = None


class Channel:
    """Slices on their way from the tasks that put them to the one that takes them.

    `put` waits while there is enough to take: `most_bytes`, or `most` slices.
    """

    __slots__ = (
        "_arrived",
        "_fault",
        "_most",
        "_most_bytes",
        "_room",
        "ended",
        "size_bytes",
        "slices",
    )

    def __init__(self, *, most: int | None = None, most_bytes: int | None = None) -> None:
        self.slices: deque[Slice] = deque()
        self.size_bytes = 0
        self.ended = False
        self._fault: BaseException | None = None
        self._most = most
        self._most_bytes = most_bytes
        self._arrived = asyncio.Event()
        self._room = asyncio.Event()

    @property
    def full(self) -> bool:
        """Whether there is as much as is worth taking at once."""
        many = self._most is not None and len(self.slices) >= self._most
        return many or (self._most_bytes is not None and self.size_bytes >= self._most_bytes)

    async def put(self, piece: Slice) -> None:
        """Adds a slice, once there is room for it."""
        while self.full:
            self._room.clear()
            await self._room.wait()
        self.slices.append(piece)
        self.size_bytes += piece.size_bytes
        if len(self.slices) == 1 or self.full:
            self._arrived.set()

    def take(self) -> list[Slice]:
        """All that is there."""
        out = list(self.slices)
        self.slices.clear()
        self.size_bytes = 0
        self._room.set()
        return out

    async def wait(self) -> None:
        """Returns at the first slice, when there is enough, when woken, or at the end.

        Raises what the putting side failed with, once all that it put was taken.
        """
        while not self.slices and not self.ended:
            self._arrived.clear()
            await self._arrived.wait()
        if self._fault is not None and not self.slices:
            raise self._fault

    async def fill(self, wait_s: float) -> None:
        """Waits until there is enough, or the end, or for `wait_s` seconds."""
        timer = asyncio.get_running_loop().call_later(wait_s, self._arrived.set)
        try:
            self._arrived.clear()
            if not self.full and not self.ended:
                await self._arrived.wait()
        finally:
            timer.cancel()

    def end(self, task: asyncio.Task[None]) -> None:
        """Says that nothing more comes: `task`, which put the slices, is over."""
        self.ended = True
        if task.cancelled():
            self._fault = RuntimeError("a listing was cancelled from outside")
        else:
            self._fault = task.exception()
        self._arrived.set()


async def joined(
    slices: AsyncIterator[Slice], *, page_by_page: bool = False
) -> AsyncGenerator[list[Slice], None]:
    """`slices` in lists of about 2 MB, or of what came within 0.2 s, or each by itself."""
    if page_by_page:
        try:
            async for piece in slices:
                yield [piece]
        finally:
            await close(slices)
        return
    channel = Channel(most_bytes=BATCH_BYTES)

    async def pump() -> None:
        try:
            async for piece in slices:
                await channel.put(piece)
        finally:
            await close(slices)

    task = started(pump(), channel)
    try:
        while True:
            await channel.wait()
            if not channel.slices:
                return
            await channel.fill(BATCH_WAIT_S)
            yield channel.take()
    finally:
        await ended(task)


async def fan_out(
    items: Iterable[T],
    read: Callable[[T, Callable[[Slice], Awaitable[None]]], Awaitable[None]],
    *,
    at_once: int,
) -> AsyncGenerator[Slice, None]:
    """What `read(item, put)` puts, for all items, `at_once` of them at a time.

    An exception of `read` ends the others and is raised here.
    """
    channel = Channel(most=at_once * 2)
    waiting = iter(items)

    async def worker() -> None:
        for item in waiting:
            await read(item, channel.put)

    async def all_workers() -> None:
        tasks = [asyncio.create_task(worker()) for _ in range(at_once)]
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    running = started(all_workers(), channel)
    try:
        while True:
            await channel.wait()
            if not channel.slices:
                return
            for piece in channel.take():
                yield piece
    finally:
        await ended(running)


async def read_ahead(source: AsyncGenerator[T, None]) -> AsyncGenerator[T, None]:
    """The items of `source`, the next ones made while the taker is busy with those it has.

    An exception of `source` is raised here, after the items that came before it.
    """
    queue: asyncio.Queue[T | Over] = asyncio.Queue(maxsize=1)

    async def fill() -> None:
        over = Over()
        try:
            async for item in source:
                await queue.put(item)
        except Exception as error:
            over = Over(error)
        finally:
            await source.aclose()
        await queue.put(over)

    filling = asyncio.create_task(fill())
    try:
        while not isinstance(item := await queue.get(), Over):
            yield item
        if item.fault is not None:
            raise item.fault
    finally:
        await ended(filling)


def started(work: Coroutine[Any, Any, None], channel: Channel) -> asyncio.Task[None]:
    """A task that fills `channel`, which learns when the task is over and how."""
    task = asyncio.create_task(work)
    task.add_done_callback(channel.end)
    return task


async def ended(task: asyncio.Task[None]) -> None:
    """Ends `task` and waits until it is over; what it failed with was told already."""
    task.cancel()
    with suppress(asyncio.CancelledError, Exception):
        await task


async def close(iterator: AsyncIterator[T]) -> None:
    """Closes an async generator; any other iterator has nothing to close."""
    aclose = getattr(iterator, "aclose", None)
    if aclose is not None:
        await aclose()
