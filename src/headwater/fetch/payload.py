"""What is sent as the body of a request, and what headers and text of an answer mean."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from headwater.errors import DecodeError
from headwater.fetch.page import Page, Request, pairs

__all__ = ["in_utf_8", "lowered", "payload", "read_json"]

UTF_8 = ("utf-8", "utf8", "us-ascii", "ascii")


def payload(request: Request, headers: dict[str, str]) -> tuple[dict[str, str], Any]:
    """Headers and body of a request, encoded as `requests` does it."""
    if request.json is not None:
        body, kind = json.dumps(request.json).encode(), "application/json"
    elif isinstance(request.data, Mapping):
        form = urlencode(list(pairs(request.data)), doseq=True)
        body, kind = form.encode(), "application/x-www-form-urlencoded"
    elif request.data is not None:
        return headers, request.data
    else:
        return headers, None
    if not any(name.lower() == "content-type" for name in headers):
        headers["Content-Type"] = kind
    return headers, body


def lowered(headers: Mapping[str, str]) -> dict[str, str]:
    """Header names in lower case; lines of one name are joined (RFC 9110, 5.3)."""
    out: dict[str, str] = {}
    for name, value in headers.items():
        key = name.lower()
        out[key] = f"{out[key]}, {value}" if key in out else value
    return out


def in_utf_8(content: bytes, charset: str | None) -> bytes:
    """A body in UTF-8, where its answer says that it is in another encoding."""
    if charset is None or charset.lower() in UTF_8 or content.isascii():
        return content
    try:
        return content.decode(charset).encode()
    except (LookupError, ValueError):
        return content


def read_json(page: Page) -> Any:
    """The body of `page`. Raises DecodeError where it is no JSON."""
    try:
        return json.loads(page.body)
    except (ValueError, RecursionError):
        raise DecodeError("the answer is not JSON") from None
