"""Paging, the server's side: which rows a request gets, and how the next page is announced."""

from __future__ import annotations

import base64
import binascii
import re
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from headwater.config.models import (
    AutoPaginator,
    CursorPaginator,
    HeaderCursorPaginator,
    HeaderLinkPaginator,
    JsonLinkPaginator,
    OffsetPaginator,
    PageNumberPaginator,
)
from headwater.config.path import parse_path
from headwater.simulate.envelope import path_keys
from headwater.simulate.options import Options
from headwater.simulate.shape import Keys

__all__ = ["LINK_PARAM", "Asked", "BadRequestError", "Page", "page_of"]

LINK_PARAM = "page_token"
LIMIT_PARAMS = ("limit", "per_page", "page_size", "pageSize")
ONE_BASED: dict[str, Any] = {"base_page": 1, "total_path": "total_pages"}
LAST_ROW = re.compile(r".*\[-1\]\.(.+)")
WHOLE = re.compile(r"\d{1,18}")


class BadRequestError(Exception):
    """A request that a strict API refuses with 400; the text says why."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request says that bears on paging, and what paging must know of the listing.

    `link` makes a page's URL from its token; `behind` is the index after the row that holds a value
    at a path, and raises BadRequestError where none does.
    """

    query: Mapping[str, str]
    body: Any
    link: Callable[[str], str]
    behind: Callable[[str, Any], int]

    def value(self, name: str | None, body_path: str | None = None) -> Any:
        """A param of the query, or of the body at its path; without a path, at the body's top."""
        if body_path is not None:
            return parse_path(body_path).first(self.body)
        if name is None:
            return None
        found = self.query.get(name)
        if found is None and isinstance(self.body, dict):
            return self.body.get(name)
        return found

    def whole(self, default: int, name: str | None, body_path: str | None = None) -> int:
        """The same as a whole number of at least 0. Raises BadRequestError."""
        value = self.value(name, body_path)
        if value is None:
            return default
        if isinstance(value, bool) or not WHOLE.fullmatch(str(value)):
            raise BadRequestError(
                f"`{body_path or name}` must be a whole number of at least 0, not {value!r}"
            )
        return int(value)

    def limit(self, options: Options, name: str | None = None, body_path: str | None = None) -> int:
        """The page size asked for, as far as the server goes along. Raises BadRequestError."""
        if body_path is not None:
            size = self.whole(options.page_size, None, body_path)
        else:
            names = [name] if name else []
            named = next((n for n in [*names, *LIMIT_PARAMS] if self.value(n) is not None), None)
            size = self.whole(options.page_size, named)
        return size if options.max_limit is None else min(size, options.max_limit)


@dataclass(frozen=True, slots=True)
class Page:
    """Rows `start` to `stop` of a listing, facts for the body, headers for the answer."""

    start: int
    stop: int
    facts: tuple[tuple[Keys, Any], ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)


def page_of(
    paginator: Any, count: int, asked: Asked, options: Options, *, bare: bool = False
) -> Page:
    """The page of a listing of `count` rows that a request asks for. Raises BadRequestError.

    `bare`: the body has no room for facts, so that a link can only go into a header.
    """
    if isinstance(paginator, AutoPaginator):
        return by_options(count, asked, options, bare)
    match paginator:
        case OffsetPaginator():
            return by_offset(paginator, count, asked, options)
        case PageNumberPaginator():
            return by_number(paginator, count, asked, options)
        case CursorPaginator():
            return by_cursor(paginator, count, asked, options)
        case HeaderCursorPaginator():
            start, stop, following = window(
                asked.value(paginator.cursor_param), asked.limit(options), count, options
            )
            return Page(start, stop, (), {paginator.cursor_key: following} if following else {})
        case JsonLinkPaginator():
            start, stop, following = window(
                asked.query.get(LINK_PARAM), asked.limit(options), count, options
            )
            link = asked.link(following) if following else None
            return Page(start, stop, ((path_keys(paginator.next_url_path), link),))
        case HeaderLinkPaginator():
            start, stop, following = window(
                asked.query.get(LINK_PARAM), asked.limit(options), count, options
            )
            rel = paginator.links_next_key
            link = f'<{asked.link(following)}>; rel="{rel}"' if following else ""
            return Page(start, stop, (), {"Link": link} if link else {})
        case _:
            return Page(0, count)


def by_options(count: int, asked: Asked, options: Options, bare: bool) -> Page:
    """The page of an endpoint whose way of paging is left to be detected."""
    if options.auto_as == "single_page":
        return Page(0, count)
    if bare or options.auto_as == "header_link":
        return page_of(HeaderLinkPaginator(), count, asked, options)
    if options.auto_as == "json_link":
        return page_of(JsonLinkPaginator(), count, asked, options)
    page = page_of(PageNumberPaginator(**ONE_BASED), count, asked, options)
    number: tuple[Keys, Any] = (("page",), asked.whole(1, "page"))
    return replace(page, facts=(*page.facts, number))


def by_cursor(paginator: CursorPaginator, count: int, asked: Asked, options: Options) -> Page:
    """A page from an opaque cursor on, or from behind the row whose key is the cursor."""
    size = asked.limit(options, paginator.limit_param)
    named = paginator.cursor_param or (None if paginator.cursor_body_path else "cursor")
    token = asked.value(named, paginator.cursor_body_path)
    if last := LAST_ROW.fullmatch(paginator.cursor_path):
        start = asked.behind(last[1], token) if token not in (None, "") else 0
        stop = min(start + size, count)
        return Page(start, stop, has_more(paginator.has_more_path, stop < count))
    start, stop, following = window(token, size, count, options)
    keys = path_keys(paginator.cursor_path)
    # The documents write `response.next` for the `next` of the body.
    keys = keys[1:] if keys[:1] == ("response",) and len(keys) > 1 else keys
    more = has_more(paginator.has_more_path, following)
    return Page(start, stop, ((keys, following), *more))


def by_offset(paginator: OffsetPaginator, count: int, asked: Asked, options: Options) -> Page:
    named = paginator.offset_param or (None if paginator.offset_body_path else "offset")
    start = min(asked.whole(0, named, paginator.offset_body_path), count)
    if "ignores_position" in options.quirks:
        start = 0
    size = asked.limit(options, paginator.limit_param, paginator.limit_body_path)
    stop = min(start + size, count)
    total = count + options.total_off
    return Page(start, stop, facts_of(paginator, total, stop < count, options))


def by_number(paginator: PageNumberPaginator, count: int, asked: Asked, options: Options) -> Page:
    named = paginator.page_param or (None if paginator.page_body_path else "page")
    number = asked.whole(paginator.base_page, named, paginator.page_body_path)
    if number < paginator.base_page:
        raise BadRequestError(f"pages are counted from {paginator.base_page}")
    size = asked.limit(options, paginator.limit_param)
    start = min((number - paginator.base_page) * size, count)
    if "ignores_position" in options.quirks:
        start = 0
    stop = min(start + size, count)
    pages = -(-count // size) if size else 0
    facts = facts_of(paginator, pages + options.total_off, stop < count, options)
    return Page(start, stop, facts)


def facts_of(
    paginator: OffsetPaginator | PageNumberPaginator, total: int, more: bool, options: Options
) -> tuple[tuple[Keys, Any], ...]:
    """The total where config (by naming its place) or options demand one; has-more."""
    out: list[tuple[Keys, Any]] = list(has_more(paginator.has_more_path, more))
    path = paginator.total_path
    if path is not None and (path != "total" or options.totals):
        out.append((path_keys(path), max(0, total)))
    return tuple(out)


def has_more(path: str | None, more: object) -> tuple[tuple[Keys, bool], ...]:
    return ((path_keys(path), bool(more)),) if path is not None else ()


def window(token: Any, size: int, count: int, options: Options) -> tuple[int, int, str | None]:
    """Start and stop of the page that an opaque token stands for, and the token of the next."""
    start = min(position(token), count)
    if "ignores_position" in options.quirks:
        start = 0
    stop = min(start + max(size, 1), count)
    if "repeats_cursor" in options.quirks and token and stop < count:
        return start, stop, str(token)
    return start, stop, token_at(stop) if stop < count else None


def token_at(start: int) -> str:
    text = f"{start}:{zlib.crc32(str(start).encode()):08x}".encode()
    return base64.urlsafe_b64encode(text).decode()


def position(token: Any) -> int:
    """The start that a token stands for. Raises BadRequestError where no page gave it out."""
    if token is None or token == "":
        return 0
    try:
        start = int(base64.urlsafe_b64decode(str(token).encode()).split(b":")[0])
    except (ValueError, binascii.Error):
        start = -1
    if start < 0 or token_at(start) != token:
        raise BadRequestError("unknown cursor")
    return start
