"""Paging, without any network: which requests list a resource, and what each page says of the next.

Two families. An `Indexed` pager (offset, page number) can name any page, so that pages are asked
ahead. A `Chained` pager (cursor, link) learns the next request from the page before.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Protocol
from urllib.parse import parse_qs, urlsplit

import msgspec

from headwater.config import models
from headwater.config.models import Paginator
from headwater.config.path import JsonPath, parse_path
from headwater.errors import PagingError
from headwater.fetch.body import Body
from headwater.fetch.foreign import OwnPaginator
from headwater.fetch.page import Page, Request, follow, links, origin, set_at

__all__ = ["Chained", "Facts", "Indexed", "Pager", "detect", "pager_of"]

Records = Sequence[msgspec.Raw]


@dataclass(frozen=True, slots=True)
class Facts:
    """What a page says of its listing: where it ends, None where it does not say.

    Unit of `end`: a position as the pager counts, rows for offsets, pages for page numbers.
    """

    end: int | None = None
    more: bool | None = None


class Chained(Protocol):
    """A pager that learns the next request from the page before; `paths` are those it looks at."""

    @property
    def paths(self) -> tuple[JsonPath, ...]: ...

    def first(self, request: Request) -> Request: ...

    def after(self, request: Request, page: Page, body: Body, records: Records) -> Request | None:
        """The request that follows `page`, None after the last.

        `request` is the unpaged one, `records` are those of the page.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Indexed:
    """Pages by position: rows for an offset, a count of pages for a page number."""

    by_rows: bool
    start: int
    limit: int | None
    position_param: str | None
    position_body_path: str | None = None
    limit_param: str | None = None
    limit_body_path: str | None = None
    total_path: JsonPath | None = None
    total_required: bool = False
    has_more_path: JsonPath | None = None
    maximum: int | None = None
    stop_on_empty: bool = True
    stop_on_short: bool = False

    def at(self, request: Request, position: int, limit: int | None = None) -> Request:
        """The request for the page at `position`; its parameters win over those of the user."""
        size = limit if limit is not None else self.limit
        out = put(request, self.position_param, self.position_body_path, position)
        return out if size is None else put(out, self.limit_param, self.limit_body_path, size)

    @property
    def paths(self) -> tuple[JsonPath, ...]:
        """Where pages say how far the listing goes."""
        return tuple(path for path in (self.total_path, self.has_more_path) if path is not None)

    def facts(self, body: Body, *, demand: bool = True) -> Facts:
        """What `body` says of the end. Raises PagingError where a demanded total is missing."""
        end: int | None = None
        if self.total_path is not None:
            total = body.first(self.total_path)
            end = whole(total)
            if end is None and self.total_required and demand:
                keys = ", ".join(body.top_keys()) or "none"
                raise PagingError(
                    f"total_path `{self.total_path}` is not in the answer (its keys: {keys})"
                )
            if end is not None and not self.by_rows:
                end += self.start
        more: bool | None = None
        if self.has_more_path is not None:
            more = truth(body.first(self.has_more_path))
        return Facts(end, more)

    def step(self, rows: int) -> int:
        """How far a page of `rows` rows moves the position."""
        return rows if self.by_rows else 1


Pager = Indexed | Chained


def put(request: Request, param: str | None, body_path: str | None, value: Any) -> Request:
    if body_path:
        return replace(request, json=set_at(request.json, body_path, value))
    return replace(request, params={**request.params, param: value}) if param else request


def whole(value: Any) -> int | None:
    """`value` as a count, which some APIs send as text; None where it is none, or below zero."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        count = int(value)
    except (ValueError, OverflowError):
        return None
    return None if count < 0 or (isinstance(value, float) and count != value) else count


def truth(value: Any) -> bool | None:
    if isinstance(value, str):
        return value.strip().lower() not in ("", "false", "0", "no")
    return None if value is None else bool(value)


@dataclass(frozen=True, slots=True)
class SinglePage:
    """One request, one page."""

    paths: ClassVar[tuple[JsonPath, ...]] = ()

    def first(self, request: Request) -> Request:
        return request

    def after(self, request: Request, page: Page, body: Body, records: Records) -> Request | None:
        return None


@dataclass(frozen=True, slots=True)
class BodyCursor:
    """A cursor in the body, sent back in the query or in the body of the next request."""

    path: JsonPath
    param: str | None
    body_path: str | None
    limit: int | None = None
    limit_param: str = "limit"
    stop_on_empty: bool = False
    has_more_path: JsonPath | None = None

    @property
    def paths(self) -> tuple[JsonPath, ...]:
        return (self.path,) if self.has_more_path is None else (self.path, self.has_more_path)

    def first(self, request: Request) -> Request:
        return request if self.limit is None else put(request, self.limit_param, None, self.limit)

    def after(self, request: Request, page: Page, body: Body, records: Records) -> Request | None:
        if self.stop_on_empty and not records:
            return None
        if self.has_more_path is not None and truth(body.first(self.has_more_path)) is False:
            return None
        cursor = self.cursor(body)
        if not cursor:
            return None
        return put(self.first(request), self.param, self.body_path, cursor)

    def cursor(self, body: Body) -> Any:
        """The cursor of `body`. `response.x` also means `x` where there is no key `response`."""
        value = body.first(self.path)
        keys = self.path.keys
        named = keys is not None and len(keys) > 1 and keys[0] == "response"
        if value is None and keys and named and "response" not in body.top_keys():
            value = body.first(JsonPath(".".join(keys[1:]), keys[1:]))
        return self.out_of_link(value)

    def out_of_link(self, value: Any) -> Any:
        """A cursor that came as a link with the cursor as a parameter is taken out of it."""
        if self.param and isinstance(value, str) and value.startswith(("/", "?", "http")):
            inner = parse_qs(urlsplit(value).query).get(self.param)
            return inner[0] if inner else value
        return value


@dataclass(frozen=True, slots=True)
class HeaderCursor:
    """A cursor in a header of the answer, sent back in the query."""

    header: str
    param: str
    paths: ClassVar[tuple[JsonPath, ...]] = ()

    def first(self, request: Request) -> Request:
        return request

    def after(self, request: Request, page: Page, body: Body, records: Records) -> Request | None:
        cursor = page.headers.get(self.header.lower())
        return put(request, self.param, None, cursor) if cursor else None


@dataclass(frozen=True, slots=True)
class BodyLink:
    """The URL of the next page in the body; it replaces URL and query."""

    path: JsonPath

    @property
    def paths(self) -> tuple[JsonPath, ...]:
        return (self.path,)

    def first(self, request: Request) -> Request:
        return request

    def after(self, request: Request, page: Page, body: Body, records: Records) -> Request | None:
        link = body.first(self.path)
        return linked(request, page, link) if isinstance(link, str) and link else None


@dataclass(frozen=True, slots=True)
class HeaderLink:
    """The URL of the next page in the `Link` header (RFC 8288); it replaces URL and query."""

    relation: str
    paths: ClassVar[tuple[JsonPath, ...]] = ()

    def first(self, request: Request) -> Request:
        return request

    def after(self, request: Request, page: Page, body: Body, records: Records) -> Request | None:
        link = links(page.headers.get("link", "")).get(self.relation)
        return linked(request, page, link) if link else None


def linked(request: Request, page: Page, link: str) -> Request:
    try:
        origin(url := follow(page.url, link))
    except ValueError:
        raise PagingError(f"the next link `{link[:200]}` is no http URL") from None
    if page.url.startswith("https:") and url.startswith("http:"):
        raise PagingError("the next link leads from https to plain http, which is not followed")
    return replace(request, url=url, params={})


def path_or_none(text: str | None) -> JsonPath | None:
    return parse_path(text) if text else None


def pager_of(paginator: Paginator) -> Pager | None:
    """The pager that a paginator of the config describes; None where the first page shows it."""
    match paginator:
        case models.OffsetPaginator():
            return offset_pager(paginator)
        case models.PageNumberPaginator():
            return page_pager(paginator)
        case models.CursorPaginator():
            in_body = paginator.cursor_body_path
            return BodyCursor(
                parse_path(paginator.cursor_path),
                None if in_body else (paginator.cursor_param or "cursor"),
                in_body,
                paginator.limit,
                paginator.limit_param,
                bool(paginator.stop_after_empty_page),
                path_or_none(paginator.has_more_path),
            )
        case models.HeaderCursorPaginator():
            return HeaderCursor(paginator.cursor_key, paginator.cursor_param)
        case models.JsonLinkPaginator():
            return BodyLink(parse_path(paginator.next_url_path))
        case models.HeaderLinkPaginator():
            return HeaderLink(paginator.links_next_key)
        case models.SinglePagePaginator():
            return SinglePage()
        case OwnPaginator():
            return paginator.pager()
    return None


def offset_pager(paginator: models.OffsetPaginator) -> Indexed:
    in_body, limit_in_body = paginator.offset_body_path, paginator.limit_body_path
    return Indexed(
        by_rows=True,
        start=paginator.offset,
        limit=paginator.limit,
        position_param=None if in_body else (paginator.offset_param or "offset"),
        position_body_path=in_body,
        limit_param=None if limit_in_body else (paginator.limit_param or "limit"),
        limit_body_path=limit_in_body,
        total_path=path_or_none(paginator.total_path),
        total_required=paginator.total_required,
        has_more_path=path_or_none(paginator.has_more_path),
        maximum=paginator.maximum_offset,
        stop_on_empty=bool(paginator.stop_after_empty_page),
        stop_on_short=paginator.stop_after_short_page,
    )


def page_pager(paginator: models.PageNumberPaginator) -> Indexed:
    in_body = paginator.page_body_path
    return Indexed(
        by_rows=False,
        start=paginator.base_page if paginator.page is None else paginator.page,
        limit=paginator.limit,
        position_param=None if in_body else (paginator.page_param or "page"),
        position_body_path=in_body,
        limit_param=paginator.limit_param,
        total_path=path_or_none(paginator.total_path),
        total_required=paginator.total_required,
        has_more_path=path_or_none(paginator.has_more_path),
        maximum=paginator.maximum_page,
        stop_on_empty=bool(paginator.stop_after_empty_page),
        stop_on_short=paginator.stop_after_short_page,
    )


DEEPEST_HINT = 20
PAGES_KEYS = ("total_pages", "pages", "totalpages")
PAGE_KEYS = ("page", "current_page", "currentpage", "page_number", "pagenumber")
Leaves = list[tuple[tuple[str, ...], Any]]


def detect(page: Page, body: Body) -> tuple[Pager, str]:
    """The pager that the first page shows, and how it was recognised (dlt's order).

    Link header, next link in the body, count of pages, cursor, else a single page. A count of
    pages is taken to begin at the page number that the body names, else at 1: the first page came
    without a number, so the next one is number two (dlt begins at 0 and reads page one twice).
    """
    if links(page.headers.get("link", "")).get("next"):
        return HeaderLink("next"), "Link header"
    tree = body.tree()
    if not isinstance(tree, Mapping):
        return SinglePage(), "one page"
    found = leaves(tree, ())
    following = [(path, value) for path, value in found if is_next(path) and value != ""]
    for path, value in following:
        if isinstance(value, str) and is_link(value):
            return BodyLink(spelled(path)), f"next link at `{spelled(path)}`"
    for path, value in found:
        if path[-1].lower() in PAGES_KEYS and whole(value) is not None:
            return counted(path, found), f"count of pages at `{spelled(path)}`"
    for path, _ in following:
        return BodyCursor(spelled(path), "cursor", None), f"cursor at `{spelled(path)}`"
    return SinglePage(), "one page"


def spelled(path: tuple[str, ...]) -> JsonPath:
    return JsonPath(".".join(path), path)


def is_next(path: tuple[str, ...]) -> bool:
    """Whether a path is that of a next page: `next…`, or `href` or `url` inside of it."""
    if path[-1].lower().startswith("next"):
        return True
    inside = len(path) > 1 and path[-2].lower().startswith("next")
    return inside and path[-1].lower().startswith(("href", "url"))


def is_link(value: str) -> bool:
    return value.startswith(("http", "/"))


def counted(path: tuple[str, ...], found: Leaves) -> Indexed:
    named = [whole(value) for p, value in found if p[-1].lower() in PAGE_KEYS]
    return Indexed(
        by_rows=False,
        start=0 if named[:1] == [0] else 1,
        limit=None,
        position_param="page",
        total_path=spelled(path),
    )


def leaves(tree: Mapping[str, Any], above: tuple[str, ...]) -> Leaves:
    """Scalars of a body with their paths in document order, lists left out."""
    out: Leaves = []
    for key, value in tree.items():
        if isinstance(value, (str, int, float)) and not isinstance(value, bool):
            out.append(((*above, key), value))
        elif isinstance(value, Mapping) and len(above) < DEEPEST_HINT:
            out += leaves(value, (*above, key))
    return out
