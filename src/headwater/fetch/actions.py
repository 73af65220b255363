"""Response actions: which answers end a listing without being an error."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from headwater.config.models import ResponseAction
from headwater.fetch.page import Page

__all__ = ["ignores"]


def ignores(actions: Sequence[Any], page: Page) -> bool:
    """Whether an action `ignore` is meant for this answer; those that call code are left out.

    Source: dlt's `_handle_response_action`, except that a status given as text does match.
    """
    return any(
        isinstance(action, ResponseAction) and action.action == "ignore" and fits(action, page)
        for action in actions
    )


def fits(action: ResponseAction, page: Page) -> bool:
    """Whether status and content, as far as they are given, are those of `page`."""
    if action.status_code is None and action.content is None:
        return False
    if action.status_code is not None and str(action.status_code).strip() != str(page.status):
        return False
    return action.content is None or action.content.encode() in page.body
