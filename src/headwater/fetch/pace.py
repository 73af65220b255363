"""Pace: how many requests are under way at once to one host, and when the next may leave."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from headwater.config.models import RateLimit

__all__ = ["Pace"]

SECONDS = {"second": 1.0, "minute": 60.0, "hour": 3600.0, "day": 86400.0}


class Pace:
    """One host's budget, shared by every listing of a run: `async with pace: send`."""

    def __init__(
        self,
        max_concurrency: int,
        rate_limit: RateLimit | None = None,
        *,
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.max_concurrency = max_concurrency
        self._slots = asyncio.Semaphore(max_concurrency)
        self._clock = clock
        self._sleep = sleep
        self._gap_s = SECONDS[rate_limit.per] / rate_limit.requests if rate_limit else 0.0
        self._next_s = 0.0
        self._blocked_until_s = 0.0

    async def __aenter__(self) -> None:
        """Waits until one more request may leave; its place is held until it is answered."""
        await self._slots.acquire()
        if not self._gap_s and not self._blocked_until_s:
            return
        try:
            while (wait_s := self._wait_s()) > 0:
                await self._sleep(wait_s)
        except BaseException:
            self._slots.release()
            raise
        self._next_s = max(self._clock(), self._next_s) + self._gap_s

    async def __aexit__(self, *exc: object) -> None:
        self._slots.release()

    def hold(self, wait_s: float) -> None:
        """Lets nothing leave for `wait_s` seconds: the host said that it is asked too much."""
        self._blocked_until_s = max(self._blocked_until_s, self._clock() + wait_s)

    def _wait_s(self) -> float:
        return max(self._next_s if self._gap_s else 0.0, self._blocked_until_s) - self._clock()
