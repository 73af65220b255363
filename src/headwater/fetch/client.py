"""Sends requests: signing, pace, retries, redirects."""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TypeVar

from yarl import URL

from headwater.config.models import (
    Auth,
    ClientCredentialsAuth,
    RefreshTokenAuth,
)
from headwater.config.secret import Secret
from headwater.errors import DecodeError, FetchError
from headwater.events import Listener, RequestSent, Retried
from headwater.fetch.actions import has_code, ignores
from headwater.fetch.allowance import allowance_of
from headwater.fetch.ask import Ask, Fault, Settings
from headwater.fetch.auth import (
    Masker,
    Signature,
    Token,
    first_token,
    merged,
    read_token,
    sign,
    signature,
    token_request,
)
from headwater.fetch.body import describe
from headwater.fetch.foreign import Draft, Foreign, Sender, Signer, Workers
from headwater.fetch.home import Origin, check_home
from headwater.fetch.pace import Pace
from headwater.fetch.page import Page, Request, follow, origin, requoted
from headwater.fetch.payload import payload, read_json
from headwater.fetch.retry import retry_after_s
from headwater.fetch.wire import Faulty, Outgoing, Wire

__all__ = ["Ask", "Client", "Settings"]

T = TypeVar("T")
REDIRECTS = (301, 302, 303, 307, 308)
MAX_REDIRECTS = 10
SHOWN_BYTES = 1 << 13
MOST_SHOWN = 64
TOO_BUSY = (429, 503)
HINTS = {
    401: "check the credentials",
    403: "check what the credentials may read",
    404: "check base_url and path",
    429: "lower client.rate_limit or client.max_concurrency",
}


class Client:
    """One connection pool for all listings of a run; belongs to the event loop it is opened on.

    Who replaces `sleep` may replace the `clock` by which it passes too.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        masker: Masker,
        listener: Listener,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        clock: Callable[[], float] | None = None,
    ) -> None:
        self.settings = settings
        self.mask = masker
        self._listener = listener
        self._sleep = sleep
        self._clock = clock
        self._wire = Wire(settings)
        self._paces: dict[Origin, Pace] = {}
        self._gates: dict[tuple[str | None, str, str | None, int | None], Pace] = {}
        self.workers = Workers(settings.max_concurrency)
        self._sender = (
            None
            if settings.session is None
            else settings.session.sender(settings, self.workers.turn)
        )
        self._plain_sender: Sender | None = None
        self._known = masker
        self._shown: deque[Secret] = deque(maxlen=MOST_SHOWN)
        self._tokens: dict[int, Token] = {}
        self._token_locks: defaultdict[int, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._home = origin(settings.base_url)

    async def __aenter__(self) -> Client:
        await self._wire.open()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._wire.close()
        self.workers.close()

    async def fetch(self, request: Request, ask: Ask, read: Callable[[Page], T]) -> T:
        """What `read` makes of the answer to `request`, after as many repeats as its rule allows.

        An answer that `read` refuses with DecodeError counts as a failed try. Answers of an ignored
        status or content are handed to `read` as they are. Raises FetchError.
        """
        attempt, renewed = 0, False
        while True:
            attempt += 1
            token = await self._token(ask)
            outcome = await self._once(request, ask, signature(ask.auth, token))
            if isinstance(outcome, Page):
                try:
                    return read(outcome)
                except DecodeError as error:
                    why = f"{outcome.status} {outcome.reason}: {error}"
                    outcome = Fault(why, hint="", status=outcome.status)
            if outcome.status == 401 and token is not None and not renewed:
                self._forget(ask.auth, token)
                renewed, attempt = True, attempt - 1
                continue
            await self._wait(request, ask, outcome, attempt)

    async def _wait(self, request: Request, ask: Ask, fault: Fault, attempt: int) -> None:
        """Waits until the next try may be made. Raises FetchError where there is none."""
        wait_s = ask.retries.wait_s(attempt, fault.wait_s) if fault.repeats else None
        if wait_s is None:
            raise self._failure(request, fault, attempt)
        url, why = self.mask(request.full_url), self.mask(fault.why)
        self._listener(Retried(ask.resource, url, why, attempt, wait_s))
        if fault.wait_s is not None or fault.status == 429:
            self._pace_of(origin(request.url)).hold(wait_s)
        await self._sleep(wait_s)

    def _failure(self, request: Request, fault: Fault, tries: int) -> FetchError:
        repeated = f" after {tries} tries" if tries > 1 else ""
        text = f"{request.method} {request.full_url} -> {fault.why}{repeated}"
        if fault.body.strip():
            # Masked before it is cut: half a secret would not be known for one.
            told = self.mask(fault.body[:SHOWN_BYTES].decode("utf-8", "replace"))
            text += f": {describe(told.encode())}"
        hint = f" ({fault.hint})" if fault.hint else ""
        return FetchError(self.mask(f"{text}{hint}"), status=fault.status, tries=tries)

    async def _once(self, request: Request, ask: Ask, signed: Signature) -> Page | Fault:
        """One try: the answer, or what went wrong on the way."""
        try:
            page = await self._send(request, signed, ask)
        except Faulty as error:
            return error.fault
        except Foreign as error:
            what = f"{request.method} {request.full_url} -> {error}"
            raise FetchError(self.mask(what)) from error.__cause__
        except ValueError as error:
            return Fault(f"cannot be sent: {error}", repeats=False, hint="")
        return self._judged(page, ask)

    def _judged(self, page: Page, ask: Ask) -> Page | Fault:
        """An answer, or why it is none."""
        by_word = not has_code(ask.actions) and ignores(ask.actions, page)
        if page.ignored or by_word or page.status in ask.retries.ignored:
            return replace(page, ignored=True)
        if page.status < 400:
            return page
        return Fault(
            f"{page.status} {page.reason}".strip(),
            repeats=ask.retries.repeats(page.status),
            hint=HINTS.get(page.status, ""),
            status=page.status,
            wait_s=retry_after_s(page.headers),
            body=page.body,
        )

    async def again(self, page: Page, ask: Ask) -> Page | None:
        """An answer from before, shown to code once more; None where it is none any more."""
        if not has_code(ask.actions):
            return page
        try:
            outcome = self._judged(await self._acted(page, None, ask), ask)
        except (Faulty, Foreign):
            return None
        return outcome if isinstance(outcome, Page) else None

    async def _send(self, request: Request, signed: Signature, ask: Ask) -> Page:
        current = request
        for _ in range(MAX_REDIRECTS + 1):
            page = await self._exchange(current, signed, ask)
            target = page.headers.get("location")
            if page.status not in REDIRECTS or not target or page.ignored:
                return page if current is request else replace(page, request=request)
            current = self._redirected(current, page, follow(page.url, target))
        raise FetchError(
            self.mask(f"{request.method} {request.full_url} -> more than {MAX_REDIRECTS} redirects")
        )

    def _redirected(self, request: Request, page: Page, url: str) -> Request:
        if page.url.startswith("https:") and url.startswith("http:"):
            what = f"{request.method} {page.url} -> redirects to plain http, which is not followed"
            raise FetchError(self.mask(what))
        if page.status in (307, 308) or request.method == "GET":
            return replace(request, url=url, params={})
        return Request("GET", url, headers=request.headers)

    async def _exchange(self, plain: Request, signature: Signature, ask: Ask) -> Page:
        """The answer to one request, after the actions that are code."""
        plain_url = plain.full_url
        url = URL(requoted(plain_url), encoded=True)
        # Code may look at what it signs: nothing that leads away from home is shown to it.
        pace = self._gate(url, ask)
        async with pace as number:
            clock = asyncio.get_running_loop().time
            started_s = clock()

            def answered(status: int, headers: Mapping[str, str]) -> None:
                self._learn(pace, number, ask, status, headers, clock() - started_s)

            try:
                # Signed when its turn has come: a signature may hold for seconds only.
                outgoing, draft = await self._outgoing(plain, plain_url, url, signature, ask)
                sender = None if draft is None else self._sender_of(draft, ask)
                self._listener(RequestSent(ask.resource, self.mask(plain_url)))
                started_s = clock()
                if sender is None or draft is None:
                    page = await self._wire.send(outgoing, plain, answered)
                else:
                    page = await self.workers.beside(sender.send, draft, plain, ask.actions)
                    came = page.wire or page
                    answered(came.status, came.headers)
                    return page
            except Faulty as error:
                if error.slow:
                    pace.refused(number)
                raise
        return await self._acted(page, draft, ask)

    async def _outgoing(
        self, plain: Request, plain_url: str, url: URL, signature: Signature, ask: Ask
    ) -> tuple[Outgoing, Draft | None]:
        """`plain` as it leaves; a draft of it where code of the user's own has to do with it."""
        at_home = ask.home is None or origin(ask.home) == self._home
        shared = self.settings.headers if at_home else {}
        signed = sign(plain, signature)
        signer = ask.auth if isinstance(ask.auth, Signer) else None
        through_session = self._sender is not None and ask.home is None
        if signer is None and not through_session and not has_code(ask.actions):
            if signed.params is not plain.params:
                url = URL(requoted(signed.full_url), encoded=True)
            headers, body = payload(signed, merged(shared, signed.headers))
            return Outgoing(plain_url, signed.method, url, headers, body), None
        draft = await self._draft(signed, signer, merged(shared, signed.headers), ask)
        self._mask_too(draft.secrets)
        url = URL(requoted(draft.url), encoded=True)
        self._gate(url, ask)
        return Outgoing(plain_url, draft.method, url, draft.headers, draft.body), draft

    async def _draft(
        self, request: Request, signer: Signer | None, headers: Mapping[str, str], ask: Ask
    ) -> Draft:
        if self._sender is not None and ask.home is None:
            is_signed = signer is None and ask.auth is not None
            make = partial(self._sender.draft, signed=is_signed)
            return await self.workers.call(make, request, headers, signer)
        headers = merged(self.settings.own_headers, headers)
        if signer is not None:
            return await self.workers.call(signer.signed, request, headers)
        from headwater.fetch.compat.signing import unsigned

        return unsigned(request, headers)

    async def _acted(self, page: Page, draft: Draft | None, ask: Ask) -> Page:
        """`page` after those actions that are code."""
        if not has_code(ask.actions):
            return page
        from headwater.fetch.compat.hooks import acted

        return await self.workers.call(acted, page, draft, ask.actions)

    def _sender_of(self, draft: Draft, ask: Ask) -> Sender | None:
        """The session to send through: the user's; one of ours for auth that answers answers."""
        if self._sender is not None and ask.home is None:
            return self._sender
        if draft.hooked and self._plain_sender is None:
            from headwater.fetch.compat.session import plain_session

            self._plain_sender = plain_session().sender(self.settings, self.workers.turn)
        return self._plain_sender if draft.hooked else None

    def _mask_too(self, secrets: Sequence[Secret]) -> None:
        """Masks what a request shows; the last ones, since each may have a signature of its own."""
        new = [secret for secret in secrets if secret not in self._shown]
        if new:
            self._shown.extend(new)
            self.mask = self._known.plus(*self._shown)

    def _learn(
        self,
        pace: Pace,
        number: int,
        ask: Ask,
        status: int,
        headers: Mapping[str, str],
        seconds: float,
    ) -> None:
        """Tells `pace` what an answer says of how busy its host is."""
        if status in TOO_BUSY:
            pace.refused(number)
        else:
            pace.answered(number, seconds)
        allowance = allowance_of(headers)
        if allowance is not None:
            pace.allow(allowance, ask.retries.max_wait_s)

    def _gate(self, url: URL, ask: Ask) -> Pace:
        """The pace of the host of `url`. Raises FetchError where it may not be spoken to at all."""
        key = (ask.home, url.scheme, url.raw_host, url.explicit_port)
        pace = self._gates.get(key)
        if pace is None:
            try:
                target = origin(str(url))
                home = self._home if ask.home is None else origin(ask.home)
                check_home(target, home, self.settings.allowed_hosts)
            except (ValueError, FetchError) as error:
                raise FetchError(self.mask(str(error))) from None
            pace = self._gates[key] = self._pace_of(target)
        return pace

    def _pace_of(self, host: Origin) -> Pace:
        if host not in self._paces:
            limits = (self.settings.max_concurrency, self.settings.rate_limit)
            loop = asyncio.get_running_loop()
            if self._clock is None:
                self._paces[host] = Pace(*limits, clock=loop.time)
            else:
                self._paces[host] = Pace(*limits, clock=self._clock, sleep=self._sleep)
        return self._paces[host]

    async def _token(self, ask: Ask) -> Token | None:
        """The token that `ask` is signed with, asked for where there is none that is fresh."""
        auth = ask.auth
        if not isinstance(auth, (ClientCredentialsAuth, RefreshTokenAuth)):
            return None
        async with self._token_locks[id(auth)]:
            now_s = (self._clock or asyncio.get_running_loop().time)()
            if id(auth) not in self._tokens and (given := first_token(auth, now_s)) is not None:
                self._tokens[id(auth)] = given
            token = self._tokens.get(id(auth))
            if token is None or token.stale_at_s <= now_s:
                alone = Ask(ask.resource, None, self.settings.retries, (), auth.access_token_url)
                answer = await self.fetch(token_request(auth), alone, read_json)
                token = self._tokens[id(auth)] = read_token(auth, answer, now_s)
                self._known = self._known.plus(token.text)
                self.mask = self.mask.plus(token.text)
            return token

    def _forget(self, auth: Auth | None, token: Token) -> None:
        """Drops a token that was refused, unless another took its place already."""
        if self._tokens.get(id(auth)) is token:
            self._tokens[id(auth)] = replace(token, stale_at_s=float("-inf"))
