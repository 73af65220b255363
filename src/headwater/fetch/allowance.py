"""What an answer says of the requests that its host still takes, by any name."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

__all__ = ["Allowance", "allowance_of"]

PREFIXES = ("ratelimit", "x-ratelimit", "x-rate-limit")
FIELD = re.compile(r"\b(r|t|remaining|reset)\s*=\s*(\d+(?:\.\d+)?)", re.IGNORECASE)
QUOTED = re.compile(r'"[^"]*"')
# Later than these, a reset is no count of seconds but a time since 1970, in seconds or less.
EPOCH_S = 1e9
EPOCH_MS = 1e11


@dataclass(frozen=True, slots=True)
class Allowance:
    """How many requests are left, and in how many seconds there will be more, where it is told."""

    remaining: float
    reset_s: float | None = None


def allowance_of(headers: Mapping[str, str], now: datetime | None = None) -> Allowance | None:
    """The tightest allowance that an answer names, None where it names none.

    Times are measured against the `Date` of the answer, whose clock is that of its other headers.
    Source: draft-ietf-httpapi-ratelimit-headers (also its early forms), GitHub's `X-RateLimit-*`.
    """
    found = list(allowances(headers, now))
    if not found:
        return None
    return min(found, key=lambda one: (one.remaining, -(one.reset_s or 0.0)))


def allowances(headers: Mapping[str, str], now: datetime | None) -> Iterator[Allowance]:
    text = QUOTED.sub("", headers.get("ratelimit", ""))
    for part in [text] if "remaining" in text.lower() else text.split(","):
        fields = {name.lower(): value for name, value in FIELD.findall(part)}
        remaining = number(fields.get("r", fields.get("remaining")))
        if remaining is not None:
            reset = fields.get("t", fields.get("reset", ""))
            yield Allowance(remaining, seconds_until(reset, headers, now))
    for prefix in PREFIXES:
        remaining = number(headers.get(f"{prefix}-remaining"))
        if remaining is not None:
            reset = headers.get(f"{prefix}-reset", "")
            yield Allowance(max(0.0, remaining), seconds_until(reset, headers, now))


def number(text: str | None) -> float | None:
    """The first number of `text`, where several headers of one name were joined."""
    try:
        value = float((text or "").partition(",")[0].partition(";")[0])
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def seconds_until(reset: str, headers: Mapping[str, str], now: datetime | None) -> float | None:
    """Seconds until `reset`: seconds, a time since 1970 (seconds or milliseconds), or a date."""
    value = number(reset)
    if value is not None and value < EPOCH_S:
        return max(0.0, value)
    sent = date_of(headers.get("date", "")) or now or datetime.now(UTC)
    if value is not None:
        return max(0.0, (value / 1000 if value >= EPOCH_MS else value) - sent.timestamp())
    when = date_of(reset)
    return None if when is None else max(0.0, (when - sent).total_seconds())


def date_of(text: str) -> datetime | None:
    """A date as HTTP or ISO 8601 writes it, None where `text` is neither."""
    for read in (parsedate_to_datetime, datetime.fromisoformat):
        try:
            when = read(text.strip())
        except (TypeError, ValueError, IndexError):
            continue
        return when if when.tzinfo else when.replace(tzinfo=UTC)
    return None
