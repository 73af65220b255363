"""Our messages as real `requests` objects, and back with what was changed in them."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import requests
from requests.structures import CaseInsensitiveDict
from requests.utils import get_encoding_from_headers

from headwater.config.secret import Secret
from headwater.fetch.auth import is_sensitive
from headwater.fetch.foreign import Draft
from headwater.fetch.page import Page, Request
from headwater.fetch.payload import in_utf_8, lowered

__all__ = [
    "changed_page",
    "draft_of",
    "from_requests",
    "page_of",
    "response_of",
    "to_requests",
]

NEXT_COOKIE = re.compile(r",\s*(?=[^;,=\s]+=)")
NOT_TAKEN = ("auth", "files")


def to_requests(request: Request, headers: Mapping[str, str], auth: Any = None) -> Any:
    """A `requests.Request` of `request` with `headers`; nothing in it is shared with ours."""
    return requests.Request(
        method=request.method,
        url=request.url,
        headers=dict(headers),
        params=copy.deepcopy(dict(request.params)),
        json=copy.deepcopy(request.json),
        data=copied(request.data),
        auth=auth,
    )


def copied(data: Any) -> Any:
    """A form or a list may be changed in place; a file or a stream cannot be copied."""
    return copy.deepcopy(data) if isinstance(data, (Mapping, list)) else data


def from_requests(theirs: Any) -> Request:
    """The request that a `requests.Request` stands for. Raises ValueError for what has no place."""
    for name in NOT_TAKEN:
        if getattr(theirs, name):
            raise ValueError(f"it sets `{name}` of the request, which is not supported")
    headers = {name: text(value) for name, value in theirs.headers.items() if value is not None}
    if theirs.cookies:
        pairs = "; ".join(f"{name}={value}" for name, value in dict(theirs.cookies).items())
        headers["Cookie"] = pairs
    url, params = str(theirs.url), theirs.params
    if isinstance(params, (str, bytes)):
        url, params = with_query(url, text(params)), {}
    data = copied(theirs.data) if theirs.data else None
    return Request(
        method=str(theirs.method).upper(),
        url=url,
        params=as_mapping(params),
        json=None if data else copy.deepcopy(theirs.json),
        data=data,
        headers=headers,
    )


def text(value: Any) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


def with_query(url: str, query: str) -> str:
    return f"{url}{'&' if urlsplit(url).query else '?'}{query}" if query else url


def as_mapping(params: Any) -> dict[str, Any]:
    """Params as a mapping; pairs of one name become a list."""
    if isinstance(params, Mapping):
        return dict(copy.deepcopy(params))
    out: dict[str, Any] = {}
    for name, value in params or ():
        out.setdefault(str(name), []).append(value)
    return out


def draft_of(prepared: Any) -> Draft:
    """A `requests.PreparedRequest` as it is to be sent."""
    body = prepared.body
    headers = {text(name): text(value) for name, value in prepared.headers.items()}
    return Draft(
        method=prepared.method,
        url=prepared.url,
        headers=headers,
        body=body.encode() if isinstance(body, str) else body,
        prepared=prepared,
        secrets=tuple(secrets_in(prepared.url, headers)),
        hooked=bool(prepared.hooks.get("response")),
    )


def secrets_in(url: str, headers: Mapping[str, str]) -> list[Secret]:
    """What headers and query show under a name that promises a secret."""
    named = [*headers.items(), *parse_qsl(urlsplit(url).query)]
    found = [value for name, value in named if value.strip() and is_sensitive(name)]
    return [Secret(word) for value in found for word in {value, value.split()[-1]}]


def response_of(page: Page, prepared: Any = None) -> Any:
    """A `requests.Response` of `page`; `prepared` is what was sent for it."""
    response: Any = requests.Response()
    response.status_code = page.status
    response.reason = page.reason
    response.headers = CaseInsensitiveDict(page.headers)
    response._content = page.body
    response._content_consumed = True
    named = "charset" in page.headers.get("content-type", "")
    response.encoding = "utf-8" if named else get_encoding_from_headers(response.headers)
    response.elapsed = timedelta(seconds=page.seconds)
    if prepared is None:
        prepared = to_requests(page.request, page.request.headers).prepare()
    response.request = prepared
    response.url = prepared.url if page.url == page.request.full_url else page.url
    for part in NEXT_COOKIE.split(page.headers.get("set-cookie", "")):
        take_cookie(response.cookies, part)
    return response


def take_cookie(jar: Any, line: str) -> None:
    try:
        found = SimpleCookie(line)
    except CookieError:
        return
    for name, cookie in found.items():
        jar.set(name, cookie.coded_value, path=cookie["path"] or "/", domain=cookie["domain"])


def page_of(response: Any, request: Request) -> Page:
    """The answer to `request` as a session brought it."""
    headers = lowered(response.headers)
    named = "charset" in headers.get("content-type", "")
    return Page(
        request=request,
        url=request.full_url,
        status=response.status_code,
        headers=headers,
        body=in_utf_8(response.content, response.encoding if named else None),
        reason=text(response.reason or ""),
        seconds=response.elapsed.total_seconds(),
        response=response,
    )


def changed_page(page: Page, response: Any, before: Mapping[str, Any]) -> Page:
    """`page` with what was changed in its `response`; `before` is `vars` of it beforehand."""
    now = vars(response)
    body = page.body
    if "json" in now:
        body = json.dumps(response.json()).encode()
    elif now["_content"] is not before["_content"] or now["encoding"] != before["encoding"]:
        meant = now["encoding"] if now["encoding"] != before["encoding"] else None
        body = in_utf_8(response.content or b"", meant)
    return replace(
        page,
        url=page.url if now["url"] == before["url"] else str(now["url"]),
        status=int(response.status_code),
        headers=lowered(response.headers),
        body=body,
        reason=text(response.reason or ""),
        response=response,
        wire=page,
    )
