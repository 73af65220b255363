"""Repeating: which outcomes are asked again, how often, and after how long."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from headwater.config.models import ErrorHandler

__all__ = ["RetryRule", "retry_after_s", "retry_rule"]


@dataclass(frozen=True, slots=True)
class RetryRule:
    """When to ask again. `statuses` None means 429 and every 5xx; waits are in seconds."""

    statuses: frozenset[int] | None = None
    ignored: frozenset[int] = frozenset()
    max_retries: int = 4
    backoff_factor: float = 1.0
    max_wait_s: float = 300.0
    skip_exhausted: bool = False

    def repeats(self, status: int) -> bool:
        """Whether an answer of this status is worth another try."""
        if status in self.ignored:
            return False
        if self.statuses is None:
            return status == 429 or 500 <= status <= 599
        return status in self.statuses

    def wait_s(self, attempt: int, asked_s: float | None = None) -> float | None:
        """Seconds before repeat number `attempt` (from 1), None where there are no more.

        `asked_s` is what the server asked for in `Retry-After`; it replaces our own wait.
        """
        if attempt > self.max_retries:
            return None
        own = self.backoff_factor * 2.0 ** min(attempt - 1, 60)
        return min(own if asked_s is None else asked_s, self.max_wait_s)


def retry_rule(handler: ErrorHandler | None, default: RetryRule) -> RetryRule:
    """The rule that an `error_handler` writes down, `default` where there is none."""
    if handler is None:
        return default
    codes = handler.retry_on_status_codes
    return RetryRule(
        statuses=None if codes is None else frozenset(codes),
        ignored=frozenset(handler.ignore_status_codes),
        max_retries=handler.max_retries,
        backoff_factor=handler.backoff_factor,
        max_wait_s=handler.max_wait_s,
        skip_exhausted=handler.on_exhausted == "skip",
    )


def retry_after_s(headers: Mapping[str, str], now: datetime | None = None) -> float | None:
    """Seconds that a `Retry-After` header (RFC 9110, 10.2.3: seconds or a date) asks to wait."""
    text = headers.get("retry-after", "").strip()
    if not text:
        return None
    try:
        seconds = float(text)
    except ValueError:
        try:
            when = parsedate_to_datetime(text)
        except (TypeError, ValueError):
            return None
        when = when if when.tzinfo else when.replace(tzinfo=UTC)
        seconds = (when - (now or datetime.now(UTC))).total_seconds()
    return max(0.0, seconds) if math.isfinite(seconds) else None
