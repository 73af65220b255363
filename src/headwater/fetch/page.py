"""The two messages of a listing: a Request goes out, a Page comes back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode, urljoin, urlsplit

__all__ = ["Page", "Request", "join_url", "origin", "set_at"]


@dataclass(frozen=True, slots=True)
class Request:
    """What to ask: `params` are not yet part of `url`."""

    method: str
    url: str
    params: Mapping[str, Any] = field(default_factory=dict)
    json: Any = None
    data: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def full_url(self) -> str:
        """The URL with its query; lists repeat their key, None is left out."""
        if not self.params:
            return self.url
        pairs = {key: value for key, value in self.params.items() if value is not None}
        query = urlencode(pairs, doseq=True)
        joiner = "&" if urlsplit(self.url).query else "?"
        return f"{self.url}{joiner}{query}" if query else self.url


@dataclass(frozen=True, slots=True)
class Page:
    """An answer: its bytes as they came, decompressed; header names in lower case."""

    request: Request
    url: str
    status: int
    headers: Mapping[str, str]
    body: bytes
    reason: str = ""
    seconds: float = 0.0


def join_url(base: str, path: str) -> str:
    """The URL of `path` below `base`; an absolute one stands for itself."""
    if path.startswith(("http://", "https://")):
        return path
    return f"{base.rstrip('/')}/{path.lstrip('/')}" if path else base


def follow(current: str, link: str) -> str:
    """The URL that `link` means in an answer from `current`."""
    return urljoin(current, link)


def origin(url: str) -> tuple[str, str, int]:
    """Scheme, host and port: who would be spoken to. Raises ValueError on a URL without a host."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"`{url}` is no http URL")
    return (
        parts.scheme,
        parts.hostname.lower(),
        parts.port or (443 if parts.scheme == "https" else 80),
    )


def set_at(tree: Any, path: str, value: Any) -> Any:
    """A copy of `tree` (a JSON body) with `value` at the dotted `path`, made where it is not there."""
    key, _, rest = path.removeprefix("$").removeprefix(".").partition(".")
    inner = dict(tree) if isinstance(tree, Mapping) else {}
    inner[key] = set_at(inner.get(key), rest, value) if rest else value
    return inner
