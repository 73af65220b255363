"""Paginators of a user's own: they are handed real requests and answers, page by page."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
from dlt.sources.helpers.rest_client.paginators import BasePaginator

from headwater.fetch.body import Body
from headwater.fetch.compat.hooks import told
from headwater.fetch.compat.messages import from_requests, response_of, to_requests
from headwater.fetch.foreign import Foreign, ForeignPager, OwnPaginator
from headwater.fetch.page import Page, Request

__all__ = ["DltPaginator"]


class DltPaginator(OwnPaginator):
    """A paginator in a config; each listing gets a copy of it, as it was when it was handed in.

    `headers` are those of the client, which the paginator sees and may replace.
    """

    def __init__(self, paginator: BasePaginator, headers: Mapping[str, str]) -> None:
        self._paginator = copy.deepcopy(paginator)
        self._headers = headers

    def __repr__(self) -> str:
        return type(self._paginator).__name__

    def pager(self) -> ForeignPager:
        return DltPager(copy.deepcopy(self._paginator), self._headers)


class DltPager(ForeignPager):
    """One listing by a paginator; it keeps one request, which the paginator changes."""

    def __init__(self, paginator: BasePaginator, headers: Mapping[str, str]) -> None:
        self._paginator = paginator
        self._headers = headers
        self._request: Any = None

    def first(self, request: Request) -> Request:
        self._request = to_requests(request, {**self._headers, **request.headers})
        return self._told(lambda: self._paginator.init_request(self._request))

    def after(
        self, request: Request, page: Page, body: Body, records: Sequence[msgspec.Raw]
    ) -> Request | None:
        response = response_of(page) if page.response is None else page.response
        rows = [json.loads(bytes(raw)) for raw in records]

        def move() -> None:
            self._paginator.update_state(response, rows)
            self._paginator.update_request(self._request)

        following = self._told(move)
        return following if self._paginator.has_next_page else None

    def _told(self, step: Callable[[], None]) -> Request:
        """The request after `step`. Raises Foreign."""
        try:
            step()
            return from_requests(self._request)
        except Exception as error:
            raise Foreign(told(error, f"paginator {type(self._paginator).__name__}")) from error
