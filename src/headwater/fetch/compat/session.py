"""A session of a user's own: requests leave through it, with all that it carries."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import requests
from dlt.sources.helpers.rest_client.exceptions import IgnoreResponseException

from headwater.config.secret import Secret
from headwater.fetch.ask import Fault, Settings
from headwater.fetch.compat.hooks import act, is_noted, is_status, raised, told
from headwater.fetch.compat.messages import (
    changed_page,
    draft_of,
    page_of,
    secrets_in,
    to_requests,
)
from headwater.fetch.compat.signing import DltAuth
from headwater.fetch.foreign import Draft, Foreign, OwnSession, Sender, Signer
from headwater.fetch.page import Page, Request
from headwater.fetch.wire import Faulty, first_line, too_large

__all__ = ["RequestsSession", "plain_session"]

READ_BYTES = 1 << 16


def unsigned(prepared: Any) -> Any:
    """Stands for auth where the headers sign already: the session's own auth is not taken then."""
    return prepared


def unheard(response: Any, *args: Any, **kwargs: Any) -> None:
    """Stands for our hook until it is there: a session's own hooks give way to a request's."""


class RequestsSession(OwnSession):
    """A `requests.Session` in a config."""

    def __init__(self, session: Any) -> None:
        self.session = session
        headers = {str(name): str(value) for name, value in session.headers.items()}
        auth = session.auth if isinstance(session.auth, tuple) else ()
        self.secrets = (*secrets_in("", headers), *(Secret(str(part)) for part in auth[1:] if part))
        cookies = sorted((cookie.name, cookie.value) for cookie in session.cookies)
        self.identity = repr([sorted(headers.items()), session.params, auth, cookies])
        self.repeats = repeats(session)

    def __repr__(self) -> str:
        return type(self.session).__name__

    def sender(self, settings: Settings, turn: threading.RLock) -> Sender:
        return SessionSender(self.session, settings, turn)


def plain_session() -> RequestsSession:
    """A session that carries nothing."""
    return RequestsSession(requests.Session())


def repeats(session: Any) -> bool:
    """Whether a session tries again by itself: dlt's does in `send`, others in their adapters."""
    limits = [getattr(adapter, "max_retries", None) for adapter in session.adapters.values()]
    return hasattr(session.send, "retry") or any(getattr(limit, "total", 0) for limit in limits)


class SessionSender(Sender):
    """Sends through a session; redirects are followed by the client, which knows where to."""

    def __init__(self, session: Any, settings: Settings, turn: threading.RLock) -> None:
        self._session = session
        self._settings = settings
        self._turn = turn

    def draft(
        self, request: Request, headers: Mapping[str, str], signer: Signer | None, *, signed: bool
    ) -> Draft:
        own = signer.auth if isinstance(signer, DltAuth) else None
        theirs = to_requests(request, headers, own or (unsigned if signed else None))
        theirs.hooks = {"response": [unheard]}
        try:
            return draft_of(self._session.prepare_request(theirs))
        except Exception as error:
            who = "client.session" if own is None else f"auth {signer!r}"
            raise self._fault(error, who) from error

    def send(self, draft: Draft, request: Request, actions: Sequence[Any]) -> Page:
        attempt = Attempt(request, actions, self._turn, self._settings.max_body_bytes)
        prepared = draft.prepared
        hooks = [hook for hook in prepared.hooks.get("response", ()) if hook is not unheard]
        prepared.hooks["response"] = [*hooks, attempt]
        try:
            response = self._session.send(prepared, **self._kwargs(prepared.url))
            if attempt.response is not response:
                attempt(response)  # a session that calls no hooks
        except IgnoreResponseException:
            if attempt.page is None:
                raise Foreign("client.session raised IgnoreResponseException") from None
            return replace(attempt.page, ignored=True)
        except TooLarge:
            raise Faulty(too_large(self._settings)) from None
        except Exception as error:
            if not (is_status(error) and attempt.page is not None):
                raise self._fault(error, "client.session") from error
        assert attempt.page is not None
        return attempt.page

    def _kwargs(self, url: str) -> dict[str, Any]:
        """How to send: proxies, certificates and time-outs as the session has them."""
        kwargs = dict(self._session.merge_environment_settings(url, {}, True, None, None))
        if not hasattr(self._session, "timeout"):
            kwargs["timeout"] = self._settings.timeout_s
        return {**kwargs, "allow_redirects": False}

    def _fault(self, error: Exception, who: str) -> Faulty | Foreign:
        """What an exception on the way means; one out of an action says which."""
        if is_noted(error):
            return raised(error)
        match error:
            case requests.exceptions.Timeout():
                return Faulty(Fault(f"no answer within {self._settings.timeout_s:g} s"), slow=True)
            case requests.exceptions.SSLError():
                what = "the certificate of the server is not trusted"
                return Faulty(Fault(what, repeats=False))
            case requests.exceptions.ConnectionError():
                return Faulty(Fault(f"cannot connect: {first_line(str(error))}"))
            case (
                requests.exceptions.ChunkedEncodingError()
                | requests.exceptions.ContentDecodingError()
            ):
                return Faulty(Fault("the answer was cut off"))
            case requests.exceptions.RequestException() if isinstance(error, ValueError):
                return Faulty(Fault(f"cannot be sent: {error}", repeats=False, hint=""))
            case requests.exceptions.RequestException():
                return Faulty(Fault(f"{type(error).__name__}: {first_line(str(error))}"))
        return Foreign(told(error, who))


class TooLarge(Exception):
    """A body that is longer than it may be."""


class Attempt:
    """The hook of one request: it reads the answer of each attempt and takes the actions."""

    def __init__(
        self, request: Request, actions: Sequence[Any], turn: threading.RLock, most_bytes: int
    ) -> None:
        self.page: Page | None = None
        self.response: Any = None
        self._request = request
        self._actions = actions
        self._turn = turn
        self._most_bytes = most_bytes

    def __call__(self, response: Any, *args: Any, **kwargs: Any) -> None:
        self.response = response
        read_whole(response, self._most_bytes)
        self.page = wire = page_of(response, self._request)
        before = dict(vars(response))
        try:
            with self._turn:
                act(self._actions, response)
        finally:
            self.page = changed_page(wire, response, before)


def read_whole(response: Any, most_bytes: int) -> None:
    """Reads the body of `response`, no further than `most_bytes`. Raises TooLarge."""
    if response._content is not False:
        return
    parts: list[bytes] = []
    size_bytes = 0
    for part in response.iter_content(READ_BYTES):
        size_bytes += len(part)
        if size_bytes > most_bytes:
            response.close()
            raise TooLarge
        parts.append(part)
    response._content = b"".join(parts)
    response._content_consumed = True
