"""Pace: how many requests are under way at once to one host, and when the next may leave."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

from headwater.config.models import RateLimit
from headwater.fetch.allowance import Allowance

__all__ = ["Pace"]

SECONDS = {"second": 1.0, "minute": 60.0, "hour": 3600.0, "day": 86400.0}
FIRST_WIDTH = 8
# A window of ours is longer than the host's, by this share and at least by so much: requests do
# not travel equally fast.
WINDOW_MARGIN = 0.01
LEAST_MARGIN_S = 0.05
# Answers are slow when they take this long, and this many times as long as they used to.
SLOW_S = 0.5
SLOWER = 4.0
# How much one answer moves what is taken for the usual time, and for the time as it is now.
USUAL_SHARE = 0.001
NOW_SHARE = 0.2


def window_s(rate_limit: RateLimit) -> float:
    """The length of the window that a rate limit is kept in. Unit: seconds."""
    length_s = SECONDS[rate_limit.per]
    return length_s + max(length_s * WINDOW_MARGIN, LEAST_MARGIN_S)


class Pace:
    """One host's budget, shared by every listing of a run: `async with pace as number: send`.

    The width, how many requests are under way at once, starts moderate. It grows while answers are
    quick, and is halved when the host refuses (429, 503) or becomes clearly slower, at most once
    for the requests that were under way together. A rate limit is never passed in any window of
    its length; once the host refuses all the same, requests are spaced evenly.
    """

    def __init__(
        self,
        max_concurrency: int,
        rate_limit: RateLimit | None = None,
        *,
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.max_concurrency = max_concurrency
        self.width = float(min(FIRST_WIDTH, max_concurrency))
        self._clock = clock
        self._sleep = sleep
        self._under_way = 0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._number = 0
        self._cut_at = 0
        self._cautious = False
        self._usual_s = self._now_s = 0.0
        self._window_s = window_s(rate_limit) if rate_limit else 0.0
        self._budget = rate_limit.requests if rate_limit else 0
        self._left_s: deque[float] = deque(maxlen=self._budget or None)
        self._gap_s = 0.0
        self._remaining: float | None = None
        self._reset_s = 0.0
        self._blocked_until_s = 0.0

    async def __aenter__(self) -> int:
        """Waits until one more request may leave; its place is held until it is answered.

        The number of the request is for `answered` and `refused`.
        """
        await self._place()
        try:
            while (wait_s := self._wait_s()) > 0:
                await self._sleep(wait_s)
        except BaseException:
            self._free()
            raise
        if self._budget:
            self._left_s.append(self._clock())
        self._number += 1
        return self._number

    async def __aexit__(self, *exc: object) -> None:
        self._free()

    def hold(self, wait_s: float) -> None:
        """Lets nothing leave for `wait_s` seconds: the host said that it is asked too much."""
        self._blocked_until_s = max(self._blocked_until_s, self._clock() + wait_s)

    def answered(self, number: int, seconds: float) -> None:
        """Takes note that request `number` was answered after `seconds`.

        One that left before the width was halved says nothing of the width as it is.
        """
        if number <= self._cut_at:
            return
        self._now_s += (seconds - self._now_s) * (NOW_SHARE if self._now_s else 1.0)
        if not self._usual_s or self._now_s < self._usual_s:
            self._usual_s = self._now_s
        else:
            self._usual_s += (self._now_s - self._usual_s) * USUAL_SHARE
        if self._now_s > max(SLOW_S, self._usual_s * SLOWER):
            self._cut(number)
            # Where that helps, answers become quicker; where not, this is how long they take.
            self._usual_s, self._now_s = self._now_s / 2, 0.0
        elif self._waiting:
            more = 1 / self.width if self._cautious else 1.0
            self.width = min(self.max_concurrency, self.width + more)

    def refused(self, number: int) -> None:
        """Takes note that the host was too busy for request `number`."""
        if self._cut(number) and self._budget:
            self._gap_s = self._window_s / self._budget

    def allow(self, allowance: Allowance, longest_s: float) -> None:
        """Takes note of how much the host says is left, and when there will be more.

        No more requests are under way than are left; with none left, none leaves until the reset,
        which is waited for `longest_s` seconds at most.
        """
        now_s = self._clock()
        remaining, reset_s = allowance.remaining, allowance.reset_s
        begun_anew = reset_s is None or now_s + reset_s > self._reset_s + 1
        known = self._remaining if now_s < self._reset_s and not begun_anew else None
        self._remaining = remaining if known is None else min(known, remaining)
        self._reset_s = now_s + min(reset_s, longest_s) if reset_s is not None else self._reset_s
        if remaining < 1 and reset_s is not None:
            self.hold(min(reset_s, longest_s))
            self._remaining = None

    def _cut(self, number: int) -> bool:
        """Halves the width, unless `number` left before it was halved last."""
        if number <= self._cut_at:
            return False
        self._cut_at = self._number
        self._cautious = True
        self.width = max(1.0, self.width / 2)
        return True

    def _most(self) -> int:
        """How many requests may be under way now."""
        width = int(self.width)
        return width if self._remaining is None else max(1, min(width, int(self._remaining)))

    async def _place(self) -> None:
        """Waits for a place, in turn."""
        if not self._waiting and self._under_way < self._most():
            self._under_way += 1
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._free()
            raise

    def _free(self) -> None:
        """Gives a place back, to those whose turn it is."""
        self._under_way -= 1
        while self._waiting and self._under_way < self._most():
            turn = self._waiting.popleft()
            if not turn.done():
                self._under_way += 1
                turn.set_result(None)

    def _wait_s(self) -> float:
        """Seconds until a request may leave, as far as is known now."""
        if not self._budget and not self._blocked_until_s:
            return 0.0
        until_s = self._blocked_until_s
        if self._left_s:
            until_s = max(until_s, self._left_s[-1] + self._gap_s)
            if len(self._left_s) == self._budget:
                until_s = max(until_s, self._left_s[0] + self._window_s)
        return until_s - self._clock()
