"""Response actions that are code: they are handed the answer and may change it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import requests
from dlt.sources.helpers.rest_client.exceptions import IgnoreResponseException

from headwater.fetch.actions import codes_of, is_meant
from headwater.fetch.ask import Fault
from headwater.fetch.compat.messages import changed_page, response_of
from headwater.fetch.foreign import Draft, Foreign
from headwater.fetch.page import Page
from headwater.fetch.wire import Faulty

__all__ = ["act", "acted", "is_noted", "is_status", "raised", "told"]

NOTE = "response action"
PASSING = (
    requests.exceptions.ConnectionError,
    requests.exceptions.Timeout,
    requests.exceptions.ChunkedEncodingError,
)


def acted(page: Page, draft: Draft | None, actions: Sequence[Any]) -> Page:
    """`page` after `actions`, in order. Raises Foreign, Faulty."""
    response = response_of(page, None if draft is None else draft.prepared)
    before = dict(vars(response))
    try:
        act(actions, response)
    except IgnoreResponseException:
        return replace(changed_page(page, response, before), ignored=True)
    except Exception as error:
        if not is_status(error):
            raise raised(error) from error
    return changed_page(page, response, before)


def act(actions: Sequence[Any], response: Any) -> None:
    """Takes each action that is meant for `response`; what code raises is noted where it was.

    Raises IgnoreResponseException where an action says so; nothing after it is taken then.
    """
    for action in actions:
        if not is_meant(action, response.status_code, lambda content: content in response.text):
            continue
        for code in codes_of(action):
            try:
                code(response)
            except Exception as error:
                name = getattr(code, "__name__", type(code).__name__)
                error.add_note(f"{NOTE} `{name}`")
                raise
        if getattr(action, "action", None) == "ignore":
            raise IgnoreResponseException


def is_status(error: Exception) -> bool:
    """Whether code only said what the status says: `response.raise_for_status()`."""
    answer = getattr(error, "response", None)
    return (
        isinstance(error, requests.exceptions.HTTPError)
        and answer is not None
        and answer.status_code >= 400
    )


def raised(error: Exception, who: str = "a response action") -> Foreign | Faulty:
    """What an exception out of code that is not ours means for the listing."""
    what = told(error, who)
    return Faulty(Fault(what, hint="")) if isinstance(error, PASSING) else Foreign(what)


def is_noted(error: BaseException) -> bool:
    """Whether an exception came out of an action."""
    return any(note.startswith(NOTE) for note in getattr(error, "__notes__", ()))


def told(error: BaseException, who: str) -> str:
    """Who raised what, in one line."""
    notes = [note for note in getattr(error, "__notes__", ()) if note.startswith(NOTE)]
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    said = f": {lines[0][:500]}" if lines else ""
    return f"{notes[0] if notes else who} raised {type(error).__name__}{said}"
