"""Pace: how many requests are under way at once to one host, and when the next may leave."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from headwater.config.models import RateLimit

__all__ = ["Pace"]

SECONDS = {"second": 1.0, "minute": 60.0, "hour": 3600.0, "day": 86400.0}


class Pace:
    """One host's budget, shared by every listing of a run."""

    def __init__(
        self,
        max_concurrency: int,
        rate_limit: RateLimit | None = None,
        *,
        clock: Callable[[], float],
    ) -> None:
        self.max_concurrency = max_concurrency
        self._slots = asyncio.Semaphore(max_concurrency)
        self._clock = clock
        self._gap_s = SECONDS[rate_limit.per] / rate_limit.requests if rate_limit else 0.0
        self._next_s = 0.0
        self._blocked_until_s = 0.0

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[None]:
        """Waits until one more request may leave; holds its place until it is answered."""
        async with self._slots:
            while (wait_s := self._wait_s()) > 0:
                await asyncio.sleep(wait_s)
            self._next_s = max(self._clock(), self._next_s) + self._gap_s
            yield

    def hold(self, wait_s: float) -> None:
        """Lets nothing leave for `wait_s` seconds: the host said that it is asked too much."""
        self._blocked_until_s = max(self._blocked_until_s, self._clock() + wait_s)

    def _wait_s(self) -> float:
        return max(self._next_s if self._gap_s else 0.0, self._blocked_until_s) - self._clock()
