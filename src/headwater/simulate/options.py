"""What a simulated API is told to be like, and what it remembers of a request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal, get_args

from headwater.config.models import RateLimit
from headwater.errors import UsageError

__all__ = ["AutoKind", "Options", "Quirk", "Seen"]

AutoKind = Literal["single_page", "header_link", "json_link", "page_number"]
Quirk = Literal[
    "deletes_between_pages",
    "ignores_position",
    "inserts_between_pages",
    "lists_rows_twice",
    "repeats_cursor",
]
NAMED_FAULTS = ("cut", "html", "slow")


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How many rows there are, how fast and how reliably they are served.

    `rows` is per root listing. `rows_per_parent` None means about a fifth of `rows`, 1 to 100,
    varying by parent, some with none; a number means exactly that many. `faults` maps a status
    ("429"), "cut" (connection closed inside the body), "slow" (ten times the latency, 0.1 s at
    least) or "html" (a 200 that is a web page) to the share of requests it befalls. `max_limit`
    caps the page size that a request may ask for; `page_size` is used where it asks for none.
    `totals` adds totals where the config demands none. `auto_as` is how endpoints page whose
    config leaves that to be detected.

    `broken` maps a word that a path and query hold ("/projects/3/", "page=2") to the status that
    such requests are answered with for ever. `total_off` is added to every total of rows that is
    shown. `quirks` are ways in which the API itself is wrong: it serves the first page whatever
    position is asked for, hands out the cursor it was given, lists every third row twice, or
    deletes or inserts a row at the front of a listing after each page of it. Requests beyond
    `rate_limit` are answered with 429 and `Retry-After`.
    Raises UsageError on an unknown fault or quirk, or shares that are no shares.
    """

    rows: int = 25
    rows_per_parent: int | None = None
    seed: int = 0
    latency_s: float = 0.0
    faults: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    max_limit: int | None = None
    page_size: int = 10
    retry_after_s: float | None = None
    secrets_checked: bool = True
    totals: bool = False
    auto_as: AutoKind = "single_page"
    broken: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    total_off: int = 0
    quirks: frozenset[Quirk] = frozenset()
    rate_limit: RateLimit | None = None

    def __post_init__(self) -> None:
        for name, share in self.faults.items():
            status = name.isdigit() and 400 <= int(name) <= 599
            if not status and name not in NAMED_FAULTS:
                known = ", ".join(NAMED_FAULTS)
                raise UsageError(
                    f"fault `{name}`: unknown (an error status such as 429, or {known})"
                )
            if not 0 <= share <= 1:
                raise UsageError(f"fault `{name}`: {share} is no share (0 to 1)")
        for quirk in self.quirks:
            if quirk not in get_args(Quirk):
                known = ", ".join(get_args(Quirk))
                raise UsageError(f"quirk `{quirk}`: unknown (there are: {known})")
        if sum(self.faults.values()) > 1:
            raise UsageError("faults: shares add up to more than 1")


@dataclass(frozen=True, slots=True)
class Seen:
    """A request that was answered; `resource` is empty where the path belongs to none."""

    method: str
    path_qs: str
    status: int
    resource: str
