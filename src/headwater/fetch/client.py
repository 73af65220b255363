"""Sends requests: signing, pace, retries, redirects. The only importer of the HTTP library."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from yarl import URL

from headwater.config.models import (
    Auth,
    ClientCredentialsAuth,
    RateLimit,
    RefreshTokenAuth,
)
from headwater.errors import FetchError
from headwater.events import Listener, RequestSent, Retried
from headwater.fetch.auth import (
    Masker,
    Signature,
    Token,
    read_token,
    sign,
    signature,
    token_request,
)
from headwater.fetch.body import describe
from headwater.fetch.pace import Pace
from headwater.fetch.page import Page, Request, follow, origin
from headwater.fetch.retry import RetryRule, retry_after_s

__all__ = ["Client", "Settings"]

REDIRECTS = (301, 302, 303, 307, 308)
MAX_REDIRECTS = 10
HINTS = {
    401: "check the credentials",
    403: "check what the credentials may read",
    404: "check base_url and path",
    429: "lower client.rate_limit or client.max_concurrency",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How one API is spoken to. Units: seconds."""

    base_url: str
    headers: Mapping[str, str]
    max_concurrency: int = 16
    rate_limit: RateLimit | None = None
    allowed_hosts: tuple[str, ...] = ()
    timeout_s: float = 60.0
    retries: RetryRule = RetryRule()
    user_agent: str = "headwater"


@dataclass(frozen=True, slots=True)
class Ask:
    """How one request is to be sent: for whom, signed how, repeated when."""

    resource: str
    auth: Auth | None = None
    retries: RetryRule = RetryRule()


class Client:
    """One connection pool for all listings of a run; belongs to the event loop it is opened on."""

    def __init__(
        self,
        settings: Settings,
        *,
        masker: Masker,
        listener: Listener,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.settings = settings
        self.mask = masker
        self._listener = listener
        self._sleep = sleep
        self._session: aiohttp.ClientSession | None = None
        self._paces: dict[tuple[str, str, int], Pace] = {}
        self._tokens: dict[int, Token] = {}
        self._token_lock = asyncio.Lock()
        self._home = origin(settings.base_url)

    async def __aenter__(self) -> Client:
        timeout = aiohttp.ClientTimeout(
            total=None, sock_read=self.settings.timeout_s, sock_connect=self.settings.timeout_s
        )
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, ttl_dns_cache=300),
            timeout=timeout,
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={
                "User-Agent": self.settings.user_agent,
                "Accept": "application/json, */*;q=0.5",
            },
            auto_decompress=True,
        )
        return self

    async def __aexit__(self, *exc: object) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def fetch(self, request: Request, ask: Ask) -> Page:
        """The answer to `request`, after as many repeats as its rule allows.

        Answers of an ignored status come back as they are. Raises FetchError.
        """
        attempt = 0
        while True:
            attempt += 1
            outcome = await self._once(request, ask)
            asked_s: float | None = None
            if isinstance(outcome, Page):
                status = outcome.status
                if status < 400 or status in ask.retries.ignored:
                    return outcome
                repeats, why = ask.retries.repeats(status), f"{status} {outcome.reason}".strip()
                if status == 401 and self._forget_token(ask.auth) and attempt == 1:
                    continue
                asked_s = retry_after_s(outcome.headers)
            else:
                repeats, why = True, outcome
            wait_s = ask.retries.wait_s(attempt, asked_s) if repeats else None
            if wait_s is None:
                raise self._failure(request, outcome, why, attempt)
            self._listener(Retried(ask.resource, self.mask(request.full_url), why, attempt, wait_s))
            if asked_s is not None:
                self._pace(request.url).hold(wait_s)
            await self._sleep(wait_s)

    def _failure(self, request: Request, outcome: Page | str, why: str, tries: int) -> FetchError:
        repeated = f" after {tries} tries" if tries > 1 else ""
        status = outcome.status if isinstance(outcome, Page) else None
        text = f"{request.method} {request.full_url} -> {why}{repeated}"
        if isinstance(outcome, Page) and outcome.body.strip():
            text += f": {describe(outcome.body)}"
        hint = HINTS.get(status or 0, "")
        if status is None:
            hint = "is the API up, and base_url right?"
        return FetchError(
            self.mask(f"{text} ({hint})" if hint else text), status=status, tries=tries
        )

    async def _once(self, request: Request, ask: Ask) -> Page | str:
        """One try: the answer, or in words what went wrong on the way."""
        signed = await self._signature(ask.auth)
        try:
            return await self._send(request, signed, ask)
        except TimeoutError:
            return f"no answer within {self.settings.timeout_s:g} s"
        except aiohttp.ClientConnectorError as error:
            return f"cannot connect: {error.os_error.strerror or error.os_error}"
        except (aiohttp.ClientPayloadError, aiohttp.ServerDisconnectedError):
            return "the answer was cut off"
        except aiohttp.ClientError as error:
            return f"{type(error).__name__}: {error}"
        except OSError as error:
            return f"connection failed: {error.strerror or error}"

    async def _send(self, request: Request, signed: Signature, ask: Ask) -> Page:
        current = request
        for _ in range(MAX_REDIRECTS + 1):
            self.check_home(current.url)
            page = await self._exchange(sign(current, signed), current, ask)
            target = page.headers.get("location")
            if page.status not in REDIRECTS or not target:
                return replace(page, request=request)
            url = follow(page.url, target)
            keeps = page.status in (307, 308) or current.method == "GET"
            current = Request(
                current.method if keeps else "GET",
                url,
                json=current.json if keeps else None,
                data=current.data if keeps else None,
                headers=current.headers,
            )
        raise FetchError(
            self.mask(f"{request.method} {request.full_url} -> more than {MAX_REDIRECTS} redirects")
        )

    async def _exchange(self, signed: Request, plain: Request, ask: Ask) -> Page:
        assert self._session is not None
        loop = asyncio.get_running_loop()
        headers = {**self.settings.headers, **signed.headers}
        body: Any = None
        if signed.json is not None:
            body = json.dumps(signed.json).encode()
            headers.setdefault("Content-Type", "application/json")
        elif signed.data is not None:
            body = signed.data
        async with self._pace(signed.url).slot():
            self._listener(RequestSent(ask.resource, self.mask(plain.full_url)))
            started_s = loop.time()
            async with self._session.request(
                signed.method,
                URL(signed.full_url, encoded=True),
                data=body,
                headers=headers,
                allow_redirects=False,
            ) as answer:
                content = await answer.read()
                names = {name.lower() for name in answer.headers}
                return Page(
                    request=plain,
                    url=plain.full_url,
                    status=answer.status,
                    headers={name: ", ".join(answer.headers.getall(name)) for name in names},
                    body=content,
                    reason=answer.reason or "",
                    seconds=loop.time() - started_s,
                )

    def check_home(self, url: str) -> None:
        """Raises FetchError where `url` leads away from the base URL, before anything is sent."""
        try:
            target = origin(url)
        except ValueError as error:
            raise FetchError(self.mask(str(error))) from None
        if target != self._home and urlsplit(url).hostname not in self.settings.allowed_hosts:
            home = f"{self._home[0]}://{self._home[1]}:{self._home[2]}"
            away = f"{target[0]}://{target[1]}:{target[2]}"
            raise FetchError(
                f"the API leads from {home} to {away}, which is not followed"
                f" (add `{target[1]}` to client.allowed_hosts if that is meant)"
            )

    def _pace(self, url: str) -> Pace:
        host = origin(url)
        if host not in self._paces:
            clock = asyncio.get_running_loop().time
            settings = self.settings
            self._paces[host] = Pace(settings.max_concurrency, settings.rate_limit, clock=clock)
        return self._paces[host]

    async def _signature(self, auth: Auth | None) -> Signature:
        if not isinstance(auth, (ClientCredentialsAuth, RefreshTokenAuth)):
            return signature(auth)
        async with self._token_lock:
            now_s = asyncio.get_running_loop().time()
            token = self._tokens.get(id(auth))
            if token is None or token.stale_at_s <= now_s:
                token = read_token(auth, await self._ask_token(token_request(auth)), now_s)
                self._tokens[id(auth)] = token
        return signature(auth, token)

    async def _ask_token(self, request: Request) -> Any:
        assert self._session is not None
        what = f"POST {request.url}"
        try:
            async with self._session.post(
                request.url, data=request.data, headers=dict(request.headers), allow_redirects=False
            ) as answer:
                content = await answer.read()
                if answer.status >= 400:
                    raise FetchError(
                        self.mask(
                            f"{what} -> {answer.status} {answer.reason} (check client_id and client_secret)"
                        ),
                        status=answer.status,
                    )
                return json.loads(content)
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise FetchError(self.mask(f"{what} -> {type(error).__name__}: {error}")) from None
        except ValueError:
            raise FetchError(f"{what} -> the answer is not JSON") from None

    def _forget_token(self, auth: Auth | None) -> bool:
        return self._tokens.pop(id(auth), None) is not None
