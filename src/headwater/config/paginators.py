"""The vocabulary of paging: every key of every paginator, with its type and default.

Source: `dlt/sources/rest_api/typing.py` of dlt 1.31, plus headwater's own keys, marked as such.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Discriminator, Field, Tag

from headwater.config.strict import Built, kind_of, model

__all__ = [
    "AutoPaginator",
    "CursorPaginator",
    "HeaderCursorPaginator",
    "HeaderLinkPaginator",
    "JsonLinkPaginator",
    "OffsetPaginator",
    "PageNumberPaginator",
    "Paginator",
    "SinglePagePaginator",
]

JsonPathText = str


@model
class OffsetPaginator:
    """Offset and limit. `stop_after_short_page` and `total_required` are headwater's own.

    A total at dlt's default path is a hint; at a path that the config names it is a demand.
    """

    type: Literal["offset"] = "offset"
    limit: int = Field(ge=1)
    offset: int = Field(default=0, ge=0)
    offset_param: str | None = None
    offset_body_path: JsonPathText | None = None
    limit_param: str | None = None
    limit_body_path: JsonPathText | None = None
    total_path: JsonPathText | None = "total"
    maximum_offset: int | None = None
    stop_after_empty_page: bool | None = True
    has_more_path: JsonPathText | None = None
    stop_after_short_page: bool = False
    total_required: bool = False


@model
class PageNumberPaginator:
    """Page number; the total is one of pages. Keys from `limit` on are headwater's own."""

    type: Literal["page_number"] = "page_number"
    base_page: int = 0
    page: int | None = None
    page_param: str | None = None
    page_body_path: JsonPathText | None = None
    total_path: JsonPathText | None = "total"
    maximum_page: int | None = None
    stop_after_empty_page: bool | None = True
    has_more_path: JsonPathText | None = None
    limit: int | None = Field(default=None, ge=1)
    limit_param: str = "limit"
    stop_after_short_page: bool = False
    total_required: bool = False


@model
class CursorPaginator:
    """A cursor from the body, sent back. `limit`, `limit_param` are headwater's own."""

    type: Literal["cursor"] = "cursor"
    cursor_path: JsonPathText = "cursors.next"
    cursor_param: str | None = None
    cursor_body_path: JsonPathText | None = None
    stop_after_empty_page: bool | None = False
    has_more_path: JsonPathText | None = None
    limit: int | None = Field(default=None, ge=1)
    limit_param: str = "limit"


@model
class HeaderCursorPaginator:
    """A cursor from a header of the answer, sent back as a parameter."""

    type: Literal["header_cursor"] = "header_cursor"
    cursor_key: str = "next"
    cursor_param: str = "cursor"


@model
class JsonLinkPaginator:
    """The URL of the next page, in the body."""

    type: Literal["json_link"] = "json_link"
    next_url_path: JsonPathText = "next"


@model
class HeaderLinkPaginator:
    """The URL of the next page, in the `Link` header (RFC 8288)."""

    type: Literal["header_link"] = "header_link"
    links_next_key: str = "next"


@model
class SinglePagePaginator:
    """One request, one page."""

    type: Literal["single_page"] = "single_page"


@model
class AutoPaginator:
    """The first answer shows how the API pages."""

    type: Literal["auto"] = "auto"


Paginator = Annotated[
    Annotated[OffsetPaginator, Tag("offset")]
    | Annotated[PageNumberPaginator, Tag("page_number")]
    | Annotated[CursorPaginator, Tag("cursor")]
    | Annotated[HeaderCursorPaginator, Tag("header_cursor")]
    | Annotated[JsonLinkPaginator, Tag("json_link")]
    | Annotated[HeaderLinkPaginator, Tag("header_link")]
    | Annotated[SinglePagePaginator, Tag("single_page")]
    | Annotated[AutoPaginator, Tag("auto")]
    | Annotated[Built, Tag("object")],
    Discriminator(kind_of),
]
