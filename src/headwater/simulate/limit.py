"""A budget of requests: so many in a window of time, the rest is refused."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

from headwater.config.models import RateLimit

__all__ = ["Limit"]

SECONDS = {"second": 1.0, "minute": 60.0, "hour": 3600.0, "day": 86400.0}


class Limit:
    """Takes so many requests in any window of its length."""

    def __init__(self, rate: RateLimit, clock: Callable[[], float] = time.monotonic) -> None:
        self._most, self._window_s = rate.requests, SECONDS[rate.per]
        self._clock = clock
        self._taken: deque[float] = deque()

    def wait_s(self) -> float:
        """0 where a request is taken, else the seconds until one will be."""
        now_s = self._clock()
        while self._taken and self._taken[0] <= now_s - self._window_s:
            self._taken.popleft()
        if len(self._taken) < self._most:
            self._taken.append(now_s)
            return 0.0
        return self._taken[0] + self._window_s - now_s
