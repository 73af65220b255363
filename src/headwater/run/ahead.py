"""Pages that are asked for before it is their turn."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Generic, TypeVar

__all__ = ["Ahead"]

T = TypeVar("T")


class Ahead(Generic[T]):
    """Requests under way by position. What fails in them matters only once it is their turn."""

    def __init__(self, read: Callable[[int], Awaitable[T]]) -> None:
        self._read = read
        self._tasks: dict[int, asyncio.Task[T]] = {}
        self._dropped: set[asyncio.Task[T]] = set()

    def ask(self, positions: Iterable[int]) -> bool:
        """Asks for `positions` and drops every other; whether any that was on its way is wanted.

        Order: the first position is the one whose turn is next.
        """
        wanted = list(positions)
        before = len(self._tasks)
        for position in self._tasks.keys() - set(wanted):
            self._drop(self._tasks.pop(position))
        kept = len(self._tasks)
        for position in wanted:
            if position not in self._tasks:
                self._tasks[position] = asyncio.create_task(self._start(position))
        return kept > 0 or before == 0

    async def take(self, position: int) -> T:
        """The page at `position`, asked for now where it was not asked ahead."""
        task = self._tasks.pop(position, None)
        if task is None:
            return await self._read(position)
        try:
            return await task
        except asyncio.CancelledError:
            self._drop(task)
            raise

    async def close(self) -> None:
        """Ends the requests that nobody waits for any more; none is left under way."""
        for task in self._tasks.values():
            self._drop(task)
        self._tasks.clear()
        while self._dropped:
            await asyncio.wait(self._dropped)

    async def _start(self, position: int) -> T:
        return await self._read(position)

    def _drop(self, task: asyncio.Task[T]) -> None:
        self._dropped.add(task)
        task.add_done_callback(self._forget)
        task.cancel()

    def _forget(self, task: asyncio.Task[T]) -> None:
        self._dropped.discard(task)
        if not task.cancelled():
            task.exception()
