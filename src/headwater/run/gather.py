"""Many listings at once, and small pages joined to batches worth decoding."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import suppress
from typing import TypeVar

from headwater.decode import Slice

__all__ = ["fan_out", "joined"]

T = TypeVar("T")
BATCH_BYTES = 2 << 20
BATCH_WAIT_S = 0.2
END = None


async def joined(
    slices: AsyncIterator[Slice], *, page_by_page: bool = False
) -> AsyncIterator[list[Slice]]:
    """`slices` in lists of about 2 MB, or of what came within 0.2 s, or each by itself."""
    loop = asyncio.get_running_loop()
    gathered: list[Slice] = []
    size_bytes, due_s = 0, 0.0
    upcoming: asyncio.Future[Slice] | None = None
    try:
        while True:
            upcoming = upcoming or asyncio.ensure_future(anext(slices))
            if gathered and not upcoming.done():
                await asyncio.wait({upcoming}, timeout=max(0.0, due_s - loop.time()))
                if not upcoming.done():
                    yield gathered
                    gathered, size_bytes = [], 0
                    continue
            try:
                piece = await upcoming
            except StopAsyncIteration:
                break
            finally:
                upcoming = None
            due_s = due_s if gathered else loop.time() + BATCH_WAIT_S
            gathered.append(piece)
            size_bytes += piece.size_bytes
            if page_by_page or size_bytes >= BATCH_BYTES or loop.time() >= due_s:
                yield gathered
                gathered, size_bytes = [], 0
        if gathered:
            yield gathered
    finally:
        if upcoming is not None:
            upcoming.cancel()
            with suppress(asyncio.CancelledError, StopAsyncIteration, Exception):
                await upcoming
        await close(slices)


async def fan_out(
    items: Iterable[T],
    read: Callable[[T, Callable[[Slice], Awaitable[None]]], Awaitable[None]],
    *,
    at_once: int,
) -> AsyncIterator[Slice]:
    """What `read(item, put)` puts, for all items, `at_once` of them at a time.

    An exception of `read` ends the others and is raised here.
    """
    queue: asyncio.Queue[Slice | BaseException | None] = asyncio.Queue(maxsize=at_once * 2)
    waiting = iter(items)

    async def worker() -> None:
        for item in waiting:
            await read(item, queue.put)

    async def all_workers() -> None:
        tasks = [asyncio.create_task(worker()) for _ in range(at_once)]
        try:
            await asyncio.gather(*tasks)
            await queue.put(END)
        except Exception as error:
            await queue.put(error)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    running = asyncio.create_task(all_workers())
    try:
        while (piece := await queue.get()) is not END:
            if isinstance(piece, BaseException):
                raise piece
            yield piece
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running


async def close(iterator: AsyncIterator[T]) -> None:
    """Closes an async generator; any other iterator has nothing to close."""
    aclose = getattr(iterator, "aclose", None)
    if aclose is not None:
        await aclose()
