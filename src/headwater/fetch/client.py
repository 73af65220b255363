"""Sends requests: signing, pace, retries, redirects. The only importer of the HTTP library."""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar
from urllib.parse import urlencode

import aiohttp
from yarl import URL

from headwater.config.models import (
    Auth,
    ClientCredentialsAuth,
    RateLimit,
    RefreshTokenAuth,
)
from headwater.errors import DecodeError, FetchError
from headwater.events import Listener, RequestSent, Retried
from headwater.fetch.actions import ignores
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
from headwater.fetch.pace import Pace
from headwater.fetch.page import Page, Request, follow, origin, pairs, requoted
from headwater.fetch.retry import RetryRule, retry_after_s

__all__ = ["Ask", "Client", "Settings"]

T = TypeVar("T")
REDIRECTS = (301, 302, 303, 307, 308)
MAX_REDIRECTS = 10
TOTAL_FACTOR = 10
LONGEST_LINE_BYTES = 1 << 16
UTF_8 = ("utf-8", "utf8", "us-ascii", "ascii")
UP = "is the API up, and base_url right?"
HINTS = {
    401: "check the credentials",
    403: "check what the credentials may read",
    404: "check base_url and path",
    429: "lower client.rate_limit or client.max_concurrency",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How one API is spoken to. Units: seconds.

    `timeout_s` is for connecting and for silence, `total_timeout_s` for a whole request (None: ten
    times as long). `allowed_hosts` are names, or names with a port.
    """

    base_url: str
    headers: Mapping[str, str]
    max_concurrency: int = 16
    rate_limit: RateLimit | None = None
    allowed_hosts: tuple[str, ...] = ()
    timeout_s: float = 60.0
    total_timeout_s: float | None = None
    retries: RetryRule = RetryRule()
    user_agent: str = "headwater"


@dataclass(frozen=True, slots=True)
class Ask:
    """How one request is to be sent: for whom, signed how, repeated when, ignored when.

    `home` is the URL whose host may be spoken to, None that of the base URL.
    """

    resource: str
    auth: Auth | None = None
    retries: RetryRule = RetryRule()
    actions: tuple[Any, ...] = ()
    home: str | None = None


@dataclass(frozen=True, slots=True)
class Fault:
    """A try without a usable answer: what went wrong, and whether another try may help."""

    why: str
    repeats: bool = True
    hint: str = UP
    status: int | None = None
    wait_s: float | None = None
    body: bytes = b""


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
        self._session: aiohttp.ClientSession | None = None
        self._paces: dict[tuple[str, str, int], Pace] = {}
        self._gates: dict[tuple[str | None, str, str | None, int | None], Pace] = {}
        self._tokens: dict[int, Token] = {}
        self._token_locks: defaultdict[int, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._home = origin(settings.base_url)

    async def __aenter__(self) -> Client:
        idle_s, total_s = self.settings.timeout_s, self.settings.total_timeout_s
        total_s = idle_s * TOTAL_FACTOR if total_s is None else total_s
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, ttl_dns_cache=300),
            timeout=aiohttp.ClientTimeout(total=total_s, sock_read=idle_s, sock_connect=idle_s),
            cookie_jar=aiohttp.CookieJar(unsafe=True, quote_cookie=False),
            headers={
                "User-Agent": self.settings.user_agent,
                "Accept": "application/json, */*;q=0.5",
            },
            auto_decompress=True,
            max_line_size=LONGEST_LINE_BYTES,
            max_field_size=LONGEST_LINE_BYTES,
        )
        return self

    async def __aexit__(self, *exc: object) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

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
        if fault.wait_s is not None:
            self._pace_of(origin(request.url)).hold(wait_s)
        await self._sleep(wait_s)

    def _failure(self, request: Request, fault: Fault, tries: int) -> FetchError:
        repeated = f" after {tries} tries" if tries > 1 else ""
        text = f"{request.method} {request.full_url} -> {fault.why}{repeated}"
        if fault.body.strip():
            text += f": {describe(fault.body)}"
        hint = f" ({fault.hint})" if fault.hint else ""
        return FetchError(self.mask(f"{text}{hint}"), status=fault.status, tries=tries)

    async def _once(self, request: Request, ask: Ask, signed: Signature) -> Page | Fault:
        """One try: the answer, or what went wrong on the way."""
        try:
            page = await self._send(request, signed, ask)
        except (TimeoutError, aiohttp.ClientError, OSError, ValueError) as error:
            return fault_of(error, self.settings)
        if page.status in ask.retries.ignored or ignores(ask.actions, page):
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

    async def _send(self, request: Request, signed: Signature, ask: Ask) -> Page:
        current = request
        for _ in range(MAX_REDIRECTS + 1):
            page = await self._exchange(sign(current, signed), current, ask)
            target = page.headers.get("location")
            if page.status not in REDIRECTS or not target:
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

    async def _exchange(self, signed: Request, plain: Request, ask: Ask) -> Page:
        assert self._session is not None
        clock = asyncio.get_running_loop().time
        plain_url = plain.full_url
        signed_url = plain_url if signed.params is plain.params else signed.full_url
        url = URL(requoted(signed_url), encoded=True)
        pace = self._gate(url, ask)
        headers, body = payload(signed, merged(self.settings.headers, signed.headers))
        async with pace:
            self._listener(RequestSent(ask.resource, self.mask(plain_url)))
            started_s = clock()
            async with self._session.request(
                signed.method, url, data=body, headers=headers, allow_redirects=False
            ) as answer:
                content = await answer.read()
                return Page(
                    request=plain,
                    url=plain_url,
                    status=answer.status,
                    headers=lowered(answer.headers),
                    body=as_utf_8(content, answer),
                    reason=answer.reason or "",
                    seconds=clock() - started_s,
                )

    def _gate(self, url: URL, ask: Ask) -> Pace:
        """The pace of the host of `url`. Raises FetchError where it may not be spoken to at all."""
        key = (ask.home, url.scheme, url.raw_host, url.explicit_port)
        pace = self._gates.get(key)
        if pace is None:
            try:
                target = origin(str(url))
            except ValueError as error:
                raise FetchError(self.mask(str(error))) from None
            self._check_home(target, self._home if ask.home is None else origin(ask.home))
            pace = self._gates[key] = self._pace_of(target)
        return pace

    def _check_home(self, target: tuple[str, str, int], home: tuple[str, str, int]) -> None:
        """Raises FetchError where `target` is away from home, before anything is sent."""
        allowed = {host.lower() for host in self.settings.allowed_hosts}
        upgraded = target[:2] == ("https", home[1]) and home[0] == "http"
        usual_ports = (home[2], target[2]) == (80, 443)
        named = target[1] in allowed or f"{target[1]}:{target[2]}" in allowed
        if target == home or named or (upgraded and usual_ports):
            return
        from_, to = (f"{scheme}://{host}:{port}" for scheme, host, port in (home, target))
        raise FetchError(
            f"the API leads from {from_} to {to}, which is not followed"
            f" (add `{target[1]}` to client.allowed_hosts if that is meant)"
        )

    def _pace_of(self, host: tuple[str, str, int]) -> Pace:
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
                self.mask = self.mask.plus(token.text)
            return token

    def _forget(self, auth: Auth | None, token: Token) -> None:
        """Drops a token that was refused, unless another took its place already."""
        if self._tokens.get(id(auth)) is token:
            self._tokens[id(auth)] = replace(token, stale_at_s=float("-inf"))


def fault_of(error: Exception, settings: Settings) -> Fault:
    """What an exception of the HTTP library means."""
    match error:
        case aiohttp.ConnectionTimeoutError() | aiohttp.SocketTimeoutError():
            return Fault(f"no answer within {settings.timeout_s:g} s")
        case TimeoutError():
            return Fault("the whole of the answer took too long")
        case aiohttp.ClientConnectorCertificateError():
            return Fault("the certificate of the server is not trusted", repeats=False)
        case aiohttp.ClientConnectorError():
            cause = error.os_error
            return Fault(f"cannot connect: {cause.strerror or cause}")
        case aiohttp.ClientPayloadError() | aiohttp.ServerDisconnectedError():
            return Fault("the answer was cut off")
        case aiohttp.InvalidURL() | ValueError():
            return Fault(f"cannot be sent: {error}", repeats=False, hint="")
        case OSError() if error.strerror:
            return Fault(f"connection failed: {error.strerror}")
    return Fault(f"{type(error).__name__}: {error}")


def payload(request: Request, headers: dict[str, str]) -> tuple[dict[str, str], Any]:
    """Headers and body of a request, encoded as `requests` does it."""
    if request.json is not None:
        body, kind = json.dumps(request.json).encode(), "application/json"
    elif isinstance(request.data, Mapping):
        form = urlencode(list(pairs(request.data)), doseq=True)
        body, kind = form.encode(), "application/x-www-form-urlencoded"
    elif request.data is not None:
        return headers, request.data
    else:
        return headers, None
    if not any(name.lower() == "content-type" for name in headers):
        headers["Content-Type"] = kind
    return headers, body


def lowered(headers: Mapping[str, str]) -> dict[str, str]:
    """Header names in lower case; lines of one name are joined (RFC 9110, 5.3)."""
    out: dict[str, str] = {}
    for name, value in headers.items():
        key = name.lower()
        out[key] = f"{out[key]}, {value}" if key in out else value
    return out


def as_utf_8(content: bytes, answer: aiohttp.ClientResponse) -> bytes:
    """A body in UTF-8, where the answer says that it is in another encoding."""
    charset = answer.charset if "charset" in answer.headers.get("Content-Type", "") else None
    if charset is None or charset.lower() in UTF_8 or content.isascii():
        return content
    try:
        return content.decode(charset).encode()
    except (LookupError, UnicodeDecodeError):
        return content


def read_json(page: Page) -> Any:
    try:
        return json.loads(page.body)
    except ValueError:
        raise DecodeError("the answer is not JSON") from None
