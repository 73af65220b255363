"""Pace and allowances, on a clock of our own: no budget is passed, and none is wasted."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import random
from collections import deque
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from headwater.config.models import RateLimit
from headwater.fetch.allowance import Allowance, allowance_of
from headwater.fetch.pace import Pace

pytestmark = pytest.mark.timeout(20)
NOW = datetime(2026, 1, 1, 12, 0, 0, tzinfo=UTC)
NOW_S = NOW.timestamp()


class Time:
    """A clock that jumps to the next sleeper once everybody sleeps."""

    def __init__(self) -> None:
        self.now_s = 1000.0
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._count = itertools.count()

    def clock(self) -> float:
        return self.now_s

    async def sleep(self, wait_s: float) -> None:
        turn = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self.now_s + wait_s, next(self._count), turn))
        await turn

    async def run(self, *work: Awaitable[Any]) -> None:
        """Runs `work` to its end."""
        tasks = asyncio.gather(*work)
        while not tasks.done():
            for _ in range(3):
                await asyncio.sleep(0)
            if self._sleepers:
                self.now_s, _, turn = heapq.heappop(self._sleepers)
                turn.set_result(None)
        await tasks


class Budgeted:
    """An API that takes so many requests a minute, and refuses the rest."""

    def __init__(self, time: Time, limit: int, window: str, latency_s: tuple[float, float]) -> None:
        self.time, self.limit, self.window = time, limit, window
        self.latency_s = latency_s
        self.taken: deque[float] = deque()
        self.refused = 0
        self._draw = random.Random(7)
        self._bucket, self._filled_s = 20.0, time.now_s

    async def ask(self) -> bool:
        await self.time.sleep(self._draw.uniform(*self.latency_s) / 2)
        taken = self.takes(self.time.now_s)
        self.refused += not taken
        await self.time.sleep(self._draw.uniform(*self.latency_s) / 2)
        return taken

    def takes(self, now_s: float) -> bool:
        if self.window == "bucket":
            rate = self.limit / 60
            self._bucket = min(20.0, self._bucket + (now_s - self._filled_s) * rate)
            self._filled_s = now_s
            taken = self._bucket >= 1
            self._bucket -= taken
            return taken
        since = now_s - 60 if self.window == "sliding" else now_s // 60 * 60
        while self.taken and self.taken[0] <= since:
            self.taken.popleft()
        if len(self.taken) >= self.limit:
            return False
        self.taken.append(now_s)
        return True


async def drain(
    time: Time, pace: Pace, ask: Callable[[], Awaitable[bool]], requests: int
) -> list[float]:
    """Asks until `requests` were taken, repeating what is refused; when each of them left."""
    left: list[float] = []

    async def one() -> None:
        for wait_s in (1, 2, 4, 8, 16, 32, 64):
            async with pace as number:
                left.append(time.now_s)
                started_s = time.now_s
                taken = await ask()
                if taken:
                    pace.answered(number, time.now_s - started_s)
                    return
                pace.refused(number)
            pace.hold(wait_s)
            await time.sleep(wait_s)
        raise AssertionError("a request was refused for good")

    await time.run(*(one() for _ in range(requests)))
    return left


@pytest.mark.parametrize("window", ["fixed", "sliding"])
@pytest.mark.parametrize("latency_s", [(0.01, 0.1), (0.2, 1.0)])
def test_a_budget_is_drained_and_not_passed(window: str, latency_s: tuple[float, float]) -> None:
    """200 requests a minute: at least 90 % of them are used, less than 2 % are refused."""
    time = Time()
    api = Budgeted(time, 200, window, latency_s)
    pace = Pace(16, RateLimit(requests=200, per="minute"), clock=time.clock, sleep=time.sleep)
    begun_s = time.now_s
    left = asyncio.run(drain(time, pace, api.ask, 2000))
    minutes = (time.now_s - begun_s) / 60
    assert 2000 / minutes >= 180
    assert api.refused < 40
    assert all(later - first >= 60 for first, later in zip(left, left[200:], strict=False))


def test_a_host_that_takes_no_bursts_is_asked_evenly() -> None:
    """Where a budget is refused though it was kept, requests are spread: few are refused."""
    time = Time()
    api = Budgeted(time, 200, "bucket", (0.05, 0.2))
    pace = Pace(16, RateLimit(requests=200, per="minute"), clock=time.clock, sleep=time.sleep)
    begun_s = time.now_s
    asyncio.run(drain(time, pace, api.ask, 1000))
    assert 1000 / ((time.now_s - begun_s) / 60) >= 180
    assert api.refused < 20


def test_a_hold_stops_everything() -> None:
    """After a hold nothing leaves until it is over."""
    time = Time()
    pace = Pace(3, clock=time.clock, sleep=time.sleep)
    pace.hold(10)

    async def taken() -> bool:
        return True

    left = asyncio.run(drain(time, pace, taken, 5))
    assert left == [1010.0] * 5


def busy(time: Time, capacity: int) -> tuple[Callable[[], Awaitable[bool]], list[int]]:
    """A host whose answers take the longer, the more are asked at once; and how many are."""
    at_once = [0, 0]

    async def ask() -> bool:
        at_once[0] += 1
        at_once[1] = max(at_once)
        await time.sleep(0.2 * max(1.0, (at_once[0] / capacity) ** 3))
        at_once[0] -= 1
        return True

    return ask, at_once


def test_the_width_grows_while_answers_are_quick() -> None:
    """From eight up to the maximum, never above."""
    time = Time()
    ask, at_once = busy(time, 1000)
    pace = Pace(40, clock=time.clock, sleep=time.sleep)
    assert pace.width == 8
    asyncio.run(drain(time, pace, ask, 400))
    assert (pace.width, at_once[1]) == (40, 40)


def test_the_width_shrinks_when_answers_become_slow() -> None:
    """A host that slows down under load is asked less at once, and the width does not collapse."""
    time = Time()
    ask, _ = busy(time, 8)
    pace = Pace(64, clock=time.clock, sleep=time.sleep)
    asyncio.run(drain(time, pace, ask, 3000))
    assert 4 <= pace.width <= 24


def test_a_slow_host_is_not_a_busy_one() -> None:
    """Where every answer takes long, whatever is asked, the width grows all the same."""
    time = Time()

    async def ask() -> bool:
        await time.sleep(3)
        return True

    pace = Pace(16, clock=time.clock, sleep=time.sleep)
    asyncio.run(drain(time, pace, ask, 200))
    assert pace.width == 16


def test_refusals_halve_the_width_once_for_all_under_way() -> None:
    """Sixteen refusals of requests that left together halve the width once, down to one at last."""
    pace = Pace(16, clock=lambda: 0.0)
    widths = []

    async def run() -> None:
        for _ in range(5):
            numbers = [await pace.__aenter__() for _ in range(int(pace.width))]
            for number in numbers:
                pace.refused(number)
                await pace.__aexit__()
            widths.append(pace.width)

    asyncio.run(run())
    assert widths == [4, 2, 1, 1, 1]


def test_no_more_leave_than_the_host_has_left() -> None:
    """With three left, three are under way; with none, nothing leaves before the reset."""
    time = Time()
    pace = Pace(16, clock=time.clock, sleep=time.sleep)
    remaining = [10]
    refused: list[float] = []
    reset_s = [1060.0]

    async def one() -> None:
        async with pace:
            await time.sleep(0.1)
            if time.now_s >= reset_s[0]:
                remaining[0], reset_s[0] = 10, time.now_s + 60
            remaining[0] -= 1
            if remaining[0] < 0:
                refused.append(time.now_s)
            pace.allow(Allowance(max(0, remaining[0]), reset_s[0] - time.now_s), 300)

    asyncio.run(time.run(*(one() for _ in range(35))))
    assert not refused
    assert time.now_s < 1000 + 3.2 * 60


def test_no_more_than_so_many_are_under_way() -> None:
    """The number of requests at once never passes the limit, also where one is cancelled."""
    at_once = [0, 0]

    async def run() -> None:
        pace = Pace(2, clock=asyncio.get_running_loop().time)

        async def one() -> None:
            async with pace:
                at_once[0] += 1
                at_once[1] = max(at_once)
                try:
                    await asyncio.sleep(0.001)
                finally:
                    at_once[0] -= 1

        tasks = [asyncio.create_task(one()) for _ in range(10)]
        await asyncio.sleep(0)
        tasks[0].cancel()
        tasks[5].cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    asyncio.run(asyncio.wait_for(run(), 5))
    assert at_once[1] == 2


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, None),
        ({"x-ratelimit-remaining": "many"}, None),
        ({"x-ratelimit-remaining": "5"}, (5, None)),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "30"}, (0, 30)),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": f"{NOW_S + 30:.0f}"}, (0, 30)),
        (
            {"x-ratelimit-remaining": "0", "x-ratelimit-reset": f"{NOW_S * 1000 + 30000:.0f}"},
            (0, 30),
        ),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "2026-01-01T12:00:30Z"}, (0, 30)),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": f"{NOW_S - 30:.0f}"}, (0, 0)),
        ({"x-rate-limit-remaining": "3", "x-rate-limit-reset": "1e999"}, (3, None)),
        ({"ratelimit-remaining": "7", "ratelimit-reset": "9"}, (7, 9)),
        ({"ratelimit": '"default";r=50;t=30'}, (50, 30)),
        ({"ratelimit": '"a, r=0;b";r=50;t=30, "day";r=0;t=900'}, (0, 900)),
        ({"ratelimit": "limit=100, remaining=50, reset=30"}, (50, 30)),
        ({"ratelimit": '"default"'}, None),
    ],
)
def test_allowances_are_read(headers: dict[str, str], expected: Any) -> None:
    """Every spelling of what is left is read, resets as seconds from now."""
    found = allowance_of(headers, NOW)
    assert (found and (found.remaining, found.reset_s)) == expected


def test_a_reset_is_measured_by_the_clock_of_the_host() -> None:
    """A clock of ours that is wrong does not matter where the answer has a date."""
    headers = {
        "date": "Thu, 01 Jan 2026 12:00:00 GMT",
        "x-ratelimit-remaining": "0",
        "x-ratelimit-reset": f"{NOW_S + 5:.0f}",
    }
    assert allowance_of(headers, datetime(2030, 1, 1, tzinfo=UTC)) == Allowance(0, 5)
