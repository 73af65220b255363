"""The wire: connections, and what can go wrong on them. The only importer of the HTTP library."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import aiohttp
from yarl import URL

from headwater.fetch.ask import Fault, Settings
from headwater.fetch.home import is_metadata
from headwater.fetch.page import Page, Request, origin
from headwater.fetch.payload import in_utf_8, lowered

__all__ = ["Answered", "Faulty", "Outgoing", "Wire", "first_line", "too_large"]

Answered = Callable[[int, Mapping[str, str]], None]
"""Told the status and the headers of an answer as soon as they are there."""

HttpError = aiohttp.http.HttpProcessingError
TOTAL_FACTOR = 10
LONGEST_LINE_BYTES = 1 << 16
MOST_HEADERS = 256
READ_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A request as it leaves: signed, its URL encoded, its body in bytes.

    `plain_url` is the URL without what signs it.
    """

    plain_url: str
    method: str
    url: URL
    headers: Mapping[str, str]
    body: object = None


class Faulty(Exception):
    """A try that brought no answer; `slow` says that the time was up."""

    def __init__(self, fault: Fault, *, slow: bool = False) -> None:
        super().__init__(fault.why)
        self.fault = fault
        self.slow = slow


class TooLarge(Exception):
    """A body that is longer than it may be."""


class Wire:
    """A pool of connections; belongs to the event loop it is opened on."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._session: aiohttp.ClientSession | None = None

    async def open(self) -> None:
        """Makes it ready to send."""
        idle_s, total_s = self._settings.timeout_s, self._settings.total_timeout_s
        total_s = idle_s * TOTAL_FACTOR if total_s is None else total_s
        home = origin(self._settings.base_url)[1]
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, ttl_dns_cache=300, resolver=Resolver(home)),
            timeout=aiohttp.ClientTimeout(
                total=total_s, connect=idle_s, sock_read=idle_s, sock_connect=idle_s
            ),
            cookie_jar=aiohttp.CookieJar(unsafe=True, quote_cookie=False),
            headers=self._settings.own_headers,
            auto_decompress=True,
            read_bufsize=READ_BYTES,
            max_line_size=LONGEST_LINE_BYTES,
            max_field_size=LONGEST_LINE_BYTES,
            max_headers=MOST_HEADERS,
        )

    async def close(self) -> None:
        """Closes every connection."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def send(self, outgoing: Outgoing, request: Request, answered: Answered) -> Page:
        """The answer to `request`, sent as `outgoing`; redirects are not followed.

        Raises Faulty.
        """
        try:
            return await self._answer(outgoing, request, answered)
        except (TimeoutError, aiohttp.ClientError, HttpError, OSError, ValueError) as error:
            slow = isinstance(error, TimeoutError)
            raise Faulty(fault_of(error, self._settings), slow=slow) from error
        except TooLarge:
            raise Faulty(too_large(self._settings)) from None

    async def _answer(self, outgoing: Outgoing, request: Request, answered: Answered) -> Page:
        assert self._session is not None
        clock = asyncio.get_running_loop().time
        started_s = clock()
        async with self._session.request(
            outgoing.method,
            outgoing.url,
            data=outgoing.body,
            headers=outgoing.headers,
            allow_redirects=False,
        ) as answer:
            headers = lowered(answer.headers)
            answered(answer.status, headers)
            named = "charset" in headers.get("content-type", "")
            content = await whole_body(answer, self._settings.max_body_bytes)
            return Page(
                request=request,
                url=outgoing.plain_url,
                status=answer.status,
                headers=headers,
                body=in_utf_8(content, answer.charset if named else None),
                reason=answer.reason or "",
                seconds=clock() - started_s,
            )


class Resolver(aiohttp.ThreadedResolver):
    """Looks names up, and takes no address of the network link or of metadata for an answer."""

    def __init__(self, home: str) -> None:
        super().__init__()
        self._home_host = home

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[aiohttp.abc.ResolveResult]:
        found = await super().resolve(host, port, family)
        if host != self._home_host and any(is_metadata(one["host"]) for one in found):
            raise OSError(errno.EACCES, f"{host} is an address that is never followed")
        return found


async def whole_body(answer: aiohttp.ClientResponse, most_bytes: int) -> bytes:
    """The body of `answer`, read no further than `most_bytes`. Raises TooLarge."""
    if (answer.content_length or 0) > most_bytes:
        raise TooLarge
    parts: list[bytes] = []
    size_bytes = 0
    while part := await answer.content.readany():
        size_bytes += len(part)
        if size_bytes > most_bytes:
            raise TooLarge
        parts.append(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def too_large(settings: Settings) -> Fault:
    """The fault of a body that is longer than it may be."""
    what = f"the answer has more than {settings.max_body_bytes} bytes once it is unpacked"
    return Fault(what, repeats=False, hint="client.max_body_bytes is the limit")


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
        case aiohttp.ClientResponseError() | HttpError():
            return Fault(f"the answer is no HTTP: {first_line(error.message)}")
        case aiohttp.InvalidURL() | ValueError():
            return Fault(f"cannot be sent: {error}", repeats=False, hint="")
        case OSError() if error.strerror:
            return Fault(f"connection failed: {error.strerror}")
    return Fault(f"{type(error).__name__}: {error}")


def first_line(text: str) -> str:
    """The first line of `text`, short."""
    return (text.splitlines() or [""])[0][:200]
