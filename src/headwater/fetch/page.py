"""The two messages of a listing: a Request goes out, a Page comes back."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode, urljoin, urlsplit

__all__ = ["Page", "Request", "follow", "join_url", "links", "origin", "requoted", "set_at"]

URL_TEXT = re.compile(r"(?:[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=]|%[0-9A-Fa-f]{2})*")
LINK = re.compile(r"<([^<>]*)>([^<]*)")
RELATION = re.compile(r'\brel\s*=\s*"?([^";,]+)"?', re.IGNORECASE)
STRAY_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")


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
        """The URL with its query, encoded as `requests` does it; None is left out."""
        if not self.params:
            return self.url
        query = urlencode(list(pairs(self.params)), doseq=True)
        if not query:
            return self.url
        head, mark, fragment = self.url.partition("#")
        joiner = "&" if urlsplit(head).query else "" if head.endswith("?") else "?"
        return f"{head}{joiner}{query}{mark}{fragment}"


@dataclass(frozen=True, slots=True)
class Page:
    """An answer: its bytes as they came, decompressed; header names in lower case.

    `ignored` says that the config wants no notice taken of it, beyond ending the listing; `kept`
    that it came in an earlier run. Where code of the user's own saw it, `response` is what that was
    shown, and `wire` how it came.
    """

    request: Request
    url: str
    status: int
    headers: Mapping[str, str]
    body: bytes
    reason: str = ""
    seconds: float = 0.0
    ignored: bool = False
    kept: bool = False
    response: Any = field(default=None, repr=False, compare=False)
    wire: Page | None = field(default=None, repr=False, compare=False)


def pairs(params: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Names and values of a query or a form; a list repeats its name."""
    for name, value in params.items():
        many = hasattr(value, "__iter__") and not isinstance(value, (str, bytes))
        for item in value if many else (value,):
            if item is not None:
                yield name, item


def requoted(url: str) -> str:
    """`url` with what may not stand in one percent-encoded; what is encoded stays as it is."""
    if URL_TEXT.fullmatch(url):
        return url
    return quote(STRAY_PERCENT.sub("%25", url), safe="!#$%&'()*+,/:;=?@[]~")


def join_url(base: str, path: str) -> str:
    """The URL of `path` below `base`; an absolute one stands for itself."""
    if path.startswith(("http://", "https://")):
        return path
    return f"{base.rstrip('/')}/{path.lstrip('/')}" if path else base


def follow(current: str, link: str) -> str:
    """The URL that `link` means in an answer from `current`."""
    return urljoin(current, link.strip())


def links(header: str) -> dict[str, str]:
    """Relations of a `Link` header and their targets."""
    out: dict[str, str] = {}
    for target, attributes in LINK.findall(header):
        relation = RELATION.search(attributes)
        for name in relation[1].split() if relation else ():
            out.setdefault(name, target)
    return out


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
    """A copy of `tree` (a JSON body) with `value` at the dotted `path`, made where missing."""
    key, _, rest = path.removeprefix("$").removeprefix(".").partition(".")
    inner = dict(tree) if isinstance(tree, Mapping) else {}
    inner[key] = set_at(inner.get(key), rest, value) if rest else value
    return inner
