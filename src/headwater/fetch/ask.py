"""How an API is spoken to, how one request is to be sent, and what went wrong with a try."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from headwater.config.models import Auth, RateLimit
from headwater.fetch.retry import RetryRule

if TYPE_CHECKING:
    from headwater.fetch.foreign import OwnSession

__all__ = ["Ask", "Fault", "Settings"]

UP = "is the API up, and base_url right?"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How one API is spoken to. Units: seconds.

    `timeout_s` is for connecting and for silence, `total_timeout_s` for a whole request (None: ten
    times as long). `allowed_hosts` are names, names with a port, or origins as in a URL. A body may
    have `max_body_bytes` once it is unpacked. Requests leave through `session` where there is one.
    """

    base_url: str
    headers: Mapping[str, str]
    max_concurrency: int = 16
    rate_limit: RateLimit | None = None
    allowed_hosts: tuple[str, ...] = ()
    timeout_s: float = 60.0
    total_timeout_s: float | None = None
    max_body_bytes: int = 256 << 20
    retries: RetryRule = RetryRule()
    user_agent: str = "headwater"
    session: OwnSession | None = None

    @property
    def own_headers(self) -> dict[str, str]:
        """What every request carries that says nothing else."""
        return {"User-Agent": self.user_agent, "Accept": "application/json, */*;q=0.5"}


@dataclass(frozen=True, slots=True)
class Ask:
    """How one request is to be sent: for whom, signed how, repeated when, ignored when.

    `home` is the URL whose host may be spoken to, None that of the base URL.
    """

    resource: str
    auth: Auth | None = None
    retries: RetryRule = RetryRule()
    actions: tuple[Any, ...] = ()
    home: str | None = None


@dataclass(frozen=True, slots=True)
class Fault:
    """A try without a usable answer: what went wrong, and whether another try may help."""

    why: str
    repeats: bool = True
    hint: str = UP
    status: int | None = None
    wait_s: float | None = None
    body: bytes = b""
