"""Response actions: which answers are ignored, and which are shown to code of the user's own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from headwater.config.models import ResponseAction
from headwater.fetch.page import Page

__all__ = ["codes_of", "has_code", "ignores", "is_meant"]

Code = Callable[[Any], object]


def ignores(actions: Sequence[Any], page: Page) -> bool:
    """Whether an action `ignore` is meant for this answer, where none of `actions` is code."""
    return any(
        getattr(action, "action", None) == "ignore"
        and is_meant(action, page.status, lambda text: text.encode() in page.body)
        for action in actions
    )


def has_code(actions: Sequence[Any]) -> bool:
    """Whether any action is code, which is to be handed the answer."""
    return any(codes_of(action) for action in actions)


def codes_of(action: Any) -> tuple[Code, ...]:
    """The functions of one action, in order; none where it is a word."""
    found = action.action if isinstance(action, ResponseAction) else action
    if isinstance(found, (list, tuple)):
        return tuple(found)
    return (found,) if callable(found) else ()


def is_meant(action: Any, status: int, holds: Callable[[str], bool]) -> bool:
    """Whether status and content, as far as an action names them, are those of an answer.

    Code without either is meant for every answer, a word without either for none.
    Source: dlt's `_handle_response_action`, except that a status given as text does match.
    """
    if not isinstance(action, ResponseAction):
        return True
    if action.status_code is None and action.content is None:
        return bool(codes_of(action))
    if action.status_code is not None and str(action.status_code).strip() != str(status):
        return False
    return action.content is None or holds(action.content)
