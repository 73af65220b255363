"""Facts that a run emits while it happens; the command line and the report read them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

__all__ = [
    "Event",
    "Listener",
    "ListingEnded",
    "Noticed",
    "PageRead",
    "RequestSent",
    "Retried",
    "Status",
    "TableWritten",
    "silent",
]

Status = Literal["complete", "partial", "failed"]


@dataclass(frozen=True, slots=True)
class RequestSent:
    """A request left for the API; `url` has its secrets masked."""

    resource: str
    url: str


@dataclass(frozen=True, slots=True)
class Retried:
    """A request will be sent again after `wait_s` seconds, because of `why`."""

    resource: str
    url: str
    why: str
    attempt: int
    wait_s: float


@dataclass(frozen=True, slots=True)
class PageRead:
    """A page arrived: its rows, the bytes of its body, the seconds the request took."""

    resource: str
    rows: int
    size_bytes: int
    seconds: float


@dataclass(frozen=True, slots=True)
class ListingEnded:
    """One listing (a resource, or a resource of one parent) is over.

    `expected` is the total the API named, None where it named none.
    """

    resource: str
    status: Status
    rows: int
    expected: int | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Noticed:
    """Something a reader of the report should know about a resource."""

    resource: str
    what: str


@dataclass(frozen=True, slots=True)
class TableWritten:
    """Rows of a resource are on their way to a table; rows that only delete others do not count."""

    resource: str
    table: str
    rows: int


Event = RequestSent | Retried | PageRead | ListingEnded | Noticed | TableWritten
Listener = Callable[[Event], None]


def silent(event: Event) -> None:
    """A listener that does nothing."""
