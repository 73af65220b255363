"""The client on the loopback interface: redirects, tokens, time-outs, encodings, secrets."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import Awaitable, Callable
from typing import Any

import brotli
import pytest
from aiohttp import web

from headwater.config.models import ApiKeyAuth, BearerAuth, ClientCredentialsAuth
from headwater.config.secret import Secret
from headwater.errors import FetchError
from headwater.events import Event
from headwater.fetch.auth import Masker, secrets_of
from headwater.fetch.client import Ask, Client, Settings
from headwater.fetch.home import check_home
from headwater.fetch.page import Page, Request, origin
from headwater.fetch.retry import RetryRule

pytestmark = pytest.mark.timeout(15)
Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]
KEY = "s3cr3t-k3y"


class Talk:
    """A server, a client that talks to it, and all that either of them saw."""

    def __init__(self, handler: Handler, **settings: Any) -> None:
        self.handler = handler
        self.settings = settings
        self.events: list[Event] = []
        self.seen: list[tuple[str, str, dict[str, str], bytes]] = []
        self.slept: list[float] = []
        self.now_s = 0.0

    async def sleep(self, wait_s: float) -> None:
        self.slept.append(wait_s)
        self.now_s += wait_s
        await asyncio.sleep(0)

    async def serve(self, request: web.BaseRequest) -> web.StreamResponse:
        body = await request.read()
        self.seen.append((request.method, request.path_qs, dict(request.headers), body))
        return await self.handler(request)

    async def run(self, requests: list[Request], ask: Ask) -> list[Any]:
        runner = web.ServerRunner(web.Server(self.serve, access_log=None), shutdown_timeout=0.05)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        base = f"http://127.0.0.1:{runner.addresses[0][1]}"
        settings = {"headers": {}, "timeout_s": 2.0, **self.settings}
        auth = ask.auth
        if isinstance(auth, ClientCredentialsAuth):
            auth = credentials(f"{base}/token")
        client = Client(
            Settings(base_url=base, **settings),
            masker=Masker([*secrets_of(auth), Secret(KEY)]),
            listener=self.events.append,
            sleep=self.sleep,
            clock=lambda: self.now_s,
        )
        asks = Ask(ask.resource, auth, ask.retries, ask.actions)
        try:
            async with client:
                sent = [self.at(base, request) for request in requests]
                tasks = [client.fetch(request, asks, lambda page: page) for request in sent]
                return await asyncio.gather(*tasks, return_exceptions=True)
        finally:
            await runner.cleanup()

    @staticmethod
    def at(base: str, r: Request) -> Request:
        return Request(r.method, base + r.url, r.params, r.json, r.data, r.headers)

    def __call__(self, *requests: Request, auth: Any = None, **rule: Any) -> list[Any]:
        ask = Ask("items", auth, RetryRule(**rule))
        return asyncio.run(asyncio.wait_for(self.run(list(requests), ask), 10))


GET = Request("GET", "/items")


def ok(body: bytes = b"{}", status: int = 200, **headers: str) -> web.Response:
    return web.Response(body=body, status=status, headers=headers)


def credentials(url: str = "http://h/token", **more: Any) -> ClientCredentialsAuth:
    return ClientCredentialsAuth(
        access_token_url=url,
        client_id=Secret("the-client-id"),
        client_secret=Secret("the-client-secret"),
        **more,
    )


@pytest.mark.parametrize(
    ("status", "method", "then"),
    [(301, "GET", "GET"), (302, "POST", "GET"), (303, "POST", "GET"), (307, "POST", "POST")],
)
def test_redirects_within_the_api_are_followed(status: int, method: str, then: str) -> None:
    """A redirect on the same origin is followed, signed anew; 303 turns into GET, 307 does not."""

    async def handler(request: web.BaseRequest) -> web.Response:
        return ok(status=status, Location="/there") if request.path == "/items" else ok(b"[1]")

    talk = Talk(handler)
    (page,) = talk(Request(method, "/items", json={"a": 1}), auth=BearerAuth(token=Secret(KEY)))
    assert page.body == b"[1]"
    assert page.url.endswith("/there")
    assert [(m, p, h.get("Authorization")) for m, p, h, _ in talk.seen] == [
        (method, "/items", f"Bearer {KEY}"),
        (then, "/there", f"Bearer {KEY}"),
    ]
    assert talk.seen[1][3] == (b'{"a": 1}' if then == "POST" or method == "GET" else b"")


@pytest.mark.parametrize("to", ["http://localhost:{port}/x", "//localhost:{port}/x", "ftp://h/x"])
def test_redirects_elsewhere_are_refused_unsent(to: str) -> None:
    """No credential reaches another origin, though it be the same machine."""

    async def handler(request: web.BaseRequest) -> web.Response:
        return ok(status=302, Location=to.format(port=request.url.port))

    talk = Talk(handler)
    (error,) = talk(GET, auth=ApiKeyAuth(name="X-Key", api_key=Secret(KEY)))
    assert isinstance(error, FetchError)
    assert "not followed" in str(error) or "is no http URL" in str(error)
    assert len(talk.seen) == 1


def test_allowed_hosts_are_spoken_to() -> None:
    """A host that the config allows is followed to, in whatever case it is written."""

    async def handler(request: web.BaseRequest) -> web.Response:
        there = f"http://localhost:{request.url.port}/x"
        return ok(b"[1]") if request.path == "/x" else ok(status=302, Location=there)

    allowed = ("LocalHost",)
    talk = Talk(handler, allowed_hosts=allowed)
    (page,) = talk(GET)
    assert page.body == b"[1]"


@pytest.mark.parametrize(
    ("home", "target", "allowed", "fine"),
    [
        ("http://h", "https://h/x", (), True),
        ("https://h", "http://h/x", (), False),
        ("http://h", "https://h:8443/x", (), False),
        ("https://h", "https://other/x", (), False),
        ("https://h", "https://other/x", ("other",), True),
        ("https://h", "https://other:444/x", ("other:443",), False),
        ("https://h", "https://other:444/x", ("other:444",), True),
        ("https://h", "https://h.evil/x", (), False),
        ("https://h", "http://other/x", ("other",), False),
        ("https://h", "http://other/x", ("http://other",), True),
        ("http://h", "http://169.254.169.254/latest", ("169.254.169.254",), False),
        ("http://h", "http://[fe80::1]/", ("fe80::1",), False),
        ("http://h", "http://[::ffff:169.254.169.254]/", ("::ffff:169.254.169.254",), False),
        ("http://h", "http://2852039166/", ("2852039166",), False),
        ("http://h", "http://0xa9.0xfe.0xa9.0xfe/", ("0xa9.0xfe.0xa9.0xfe",), False),
        ("http://h", "http://metadata.google.internal./", ("metadata.google.internal.",), False),
        ("http://169.254.169.254", "http://169.254.169.254/x", (), True),
        ("http://169.254.1.1", "http://169.254.169.254/x", ("169.254.169.254",), False),
    ],
)
def test_who_may_be_spoken_to(home: str, target: str, allowed: Any, fine: bool) -> None:
    """The same origin, its own https, and hosts that are allowed; nobody else."""
    if fine:
        check_home(origin(target), origin(home), allowed)
    else:
        with pytest.raises(FetchError, match="not followed"):
            check_home(origin(target), origin(home), allowed)


def test_a_redirect_from_https_to_http_is_refused() -> None:
    """Whatever is allowed, no redirect leads from https to plain http."""
    settings = Settings(base_url="https://h", headers={}, allowed_hosts=("h",))
    client = Client(settings, masker=Masker([]), listener=lambda _: None)
    request = Request("GET", "https://h/x")
    with pytest.raises(FetchError, match="plain http"):
        client._redirected(request, Page(request, request.url, 302, {}, b""), "http://h/x")


def test_endless_redirects_end() -> None:
    """A circle of redirects is an error, not a hang."""

    async def handler(request: web.BaseRequest) -> web.Response:
        return ok(status=302, Location="/items")

    (error,) = Talk(handler)(GET)
    assert "more than 10 redirects" in str(error)


def test_waits_are_those_of_the_rule_or_of_the_server() -> None:
    """429 with `Retry-After` waits as long as it says, 503 as long as the rule says."""
    answers = iter([ok(status=429, **{"Retry-After": "7"}), ok(status=503), ok(b"[1]")])

    async def handler(request: web.BaseRequest) -> web.Response:
        return next(answers)

    talk = Talk(handler)
    (page,) = talk(GET)
    assert (page.body, talk.slept) == (b"[1]", [7.0, 2.0])


@pytest.mark.parametrize(("status", "tries"), [(404, 1), (400, 1), (500, 5), (429, 5)])
def test_failures_tell_status_tries_and_body(status: int, tries: int) -> None:
    """The error names request, status, tries, the first line of the body, and what to do."""

    async def handler(request: web.BaseRequest) -> web.Response:
        return ok(b"first\nsecond", status=status)

    (error,) = Talk(handler)(GET)
    assert (error.status, error.tries) == (status, tries)
    assert "/items -> " in str(error)
    assert "`first`" in str(error)
    assert "second" not in str(error)


@pytest.mark.parametrize("total", [None, 0.2])
def test_silence_and_endless_answers_time_out(total: float | None) -> None:
    """A server that says nothing, or never stops, is given up in time."""

    async def handler(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(100 if total else 1):
            await response.write(b" ")
            await asyncio.sleep(0.02 if total else 2)
        return response

    timeout_s = 2.0 if total else 0.1
    talk = Talk(handler, timeout_s=timeout_s, total_timeout_s=total)
    (error,) = talk(GET, max_retries=1)
    expected = "took too long" if total else "no answer within 0.1 s"
    assert expected in str(error)
    assert error.tries == 2


def test_nobody_there_is_told_after_repeats() -> None:
    """A refused connection is repeated, then told with what to look at."""

    async def run() -> str:
        settings = Settings(base_url="http://127.0.0.1:1", headers={}, retries=RetryRule())
        slept: list[float] = []

        async def sleep(wait_s: float) -> None:
            slept.append(wait_s)

        async with Client(settings, masker=Masker([]), listener=print, sleep=sleep) as client:
            request = Request("GET", "http://127.0.0.1:1/x")
            with pytest.raises(FetchError) as caught:
                await client.fetch(request, Ask("x"), lambda page: page)
        assert slept == [1, 2, 4, 8]
        return str(caught.value)

    assert "cannot connect" in asyncio.run(run())


@pytest.mark.parametrize("encoding", ["gzip", "br", "zstd", "identity"])
def test_packed_bodies_are_unpacked(encoding: str) -> None:
    """gzip, Brotli and Zstandard are taken and unpacked."""
    zstd = pytest.importorskip("backports.zstd")
    pack = {"gzip": gzip.compress, "br": brotli.compress, "zstd": zstd.compress}

    async def handler(request: web.BaseRequest) -> web.Response:
        if encoding == "identity":
            return ok(b"[1]")
        assert encoding in request.headers["Accept-Encoding"]
        return ok(pack[encoding](b"[1]"), **{"Content-Encoding": encoding})

    (page,) = Talk(handler)(GET)
    assert page.body == b"[1]"


def test_other_encodings_of_text_become_utf_8() -> None:
    """A body that says it is Latin-1 reaches us in UTF-8."""

    async def handler(request: web.BaseRequest) -> web.Response:
        kind = "application/json; charset=iso-8859-1"
        return ok('["ü"]'.encode("latin-1"), **{"Content-Type": kind})

    (page,) = Talk(handler)(GET)
    assert json.loads(page.body) == ["ü"]


@pytest.mark.parametrize(
    ("request_", "kind", "body"),
    [
        (Request("POST", "/x", json={"a": [1]}), "application/json", b'{"a": [1]}'),
        (Request("POST", "/x", json=[]), "application/json", b"[]"),
        (
            Request("POST", "/x", data={"a": 1, "b": [2, None, "ü"]}),
            "application/x-www-form-urlencoded",
            b"a=1&b=2&b=%C3%BC",
        ),
        (
            Request("POST", "/x", json={}, headers={"content-type": "application/vnd.x"}),
            "application/vnd.x",
            b"{}",
        ),
    ],
)
def test_bodies_are_sent_as_requests_sends_them(request_: Request, kind: str, body: bytes) -> None:
    """JSON and forms have their content type, unless the config names another."""

    async def handler(request: web.BaseRequest) -> web.Response:
        return ok()

    talk = Talk(handler)
    talk(request_)
    ((_, _, headers, sent),) = talk.seen
    assert (headers["Content-Type"], sent) == (kind, body)


def test_cookies_of_the_api_come_back_beside_the_key() -> None:
    """A session cookie is kept for the run, and a key in a cookie is sent with it."""

    async def handler(request: web.BaseRequest) -> web.Response:
        return (
            ok(status=302, Location="/b", **{"Set-Cookie": "sid=1; Path=/"})
            if (request.path == "/a")
            else ok()
        )

    talk = Talk(handler)
    talk(Request("GET", "/a"), auth=ApiKeyAuth(name="k", api_key=Secret("abc"), location="cookie"))
    assert sorted(talk.seen[1][2]["Cookie"].split("; ")) == ["k=abc", "sid=1"]


@pytest.mark.parametrize("at_once", [1, 8])
def test_a_refused_token_is_renewed_once_for_all(at_once: int) -> None:
    """When a token is refused, one new one is asked for, however many requests were under way."""
    tokens: list[str] = []

    async def handler(request: web.BaseRequest) -> web.Response:
        if request.path == "/token":
            tokens.append(f"token-{len(tokens)}")
            return ok(json.dumps({"access_token": tokens[-1], "expires_in": 3600}).encode())
        await asyncio.sleep(0.005)
        good = request.headers["Authorization"] == "Bearer token-1"
        return ok() if good else ok(status=401)

    answers = Talk(handler)(*[GET] * at_once, auth=credentials())
    assert [getattr(page, "status", page) for page in answers] == [200] * at_once
    assert tokens == ["token-0", "token-1"]


def test_a_token_refused_for_good_fails() -> None:
    """A second 401 in a row is the end, not another token."""

    async def handler(request: web.BaseRequest) -> web.Response:
        if request.path == "/token":
            return ok(b'{"access_token": "token-x"}')
        return ok(status=401)

    talk = Talk(handler)
    (error,) = talk(GET, auth=credentials())
    assert error.status == 401
    assert [path for _, path, _, _ in talk.seen] == ["/token", "/items"] * 2


def test_a_token_address_that_falters_is_asked_again() -> None:
    """The request for a token is repeated like any other."""
    answers = iter([ok(status=503), ok(b"<html>"), ok(b'{"access_token": "token-x"}')])

    async def handler(request: web.BaseRequest) -> web.Response:
        return next(answers) if request.path == "/token" else ok(b"[1]")

    talk = Talk(handler)
    (page,) = talk(GET, auth=credentials())
    assert (page.body, talk.slept) == (b"[1]", [1.0, 2.0])


@pytest.mark.parametrize("location", ["header", "query", "cookie"])
def test_no_secret_is_told(location: Any) -> None:
    """Neither events nor errors hold a secret, though the API echoes all that it was sent."""

    async def handler(request: web.BaseRequest) -> web.Response:
        echo = f"{request.path_qs} {dict(request.headers)}"
        return ok(echo.encode(), status=500)

    key = "p@ss w/ord+ü"
    auth = ApiKeyAuth(name="key", api_key=Secret(key), location=location)
    if location == "header":
        auth = ApiKeyAuth(name="key", api_key=Secret("p@ss-w/ord"), location="header")
    talk = Talk(handler)
    (error,) = talk(Request("GET", "/items", {"also": auth.api_key.reveal()}), auth=auth)
    told = f"{error} {talk.events!r}"
    assert "***" in told
    for word in ("p@ss", "p%40ss", "ord"):
        assert word not in told


def test_a_header_that_cannot_be_sent_is_told() -> None:
    """A value with a line end in a header fails at once and in words."""

    async def handler(request: web.BaseRequest) -> web.Response:
        return ok()

    talk = Talk(handler)
    (error,) = talk(Request("GET", "/items", headers={"X": "a\r\nY: b"}))
    assert isinstance(error, FetchError)
    assert (error.tries, talk.seen) == (1, [])


def test_a_token_address_elsewhere_gets_no_header_of_the_client() -> None:
    """Headers of the API, which may hold its key, are not shown to who hands out tokens."""
    elsewhere: list[dict[str, str]] = []

    async def token(request: web.BaseRequest) -> web.StreamResponse:
        elsewhere.append(dict(request.headers))
        return ok(b'{"access_token": "token-x"}')

    async def run() -> dict[str, str]:
        at_home: list[dict[str, str]] = []

        async def home(request: web.BaseRequest) -> web.StreamResponse:
            at_home.append(dict(request.headers))
            return ok()

        runners = [
            web.ServerRunner(web.Server(handler, access_log=None)) for handler in (token, home)
        ]
        for runner in runners:
            await runner.setup()
            await web.TCPSite(runner, "127.0.0.1", 0).start()
        there, here = (f"http://127.0.0.1:{runner.addresses[0][1]}" for runner in runners)
        client = Client(
            Settings(base_url=here, headers={"X-Key": KEY}), masker=Masker([]), listener=print
        )
        async with client:
            ask = Ask("items", credentials(f"{there}/token"))
            await client.fetch(Request("GET", f"{here}/items"), ask, lambda page: page)
        for runner in runners:
            await runner.cleanup()
        return at_home[0]

    sent = asyncio.run(asyncio.wait_for(run(), 10))
    assert (sent["X-Key"], sent["Authorization"]) == (KEY, "Bearer token-x")
    assert [headers.get("X-Key") for headers in elsewhere] == [None]


def test_nothing_leaves_before_the_reset_that_the_host_names() -> None:
    """With `X-RateLimit-Remaining: 0` the next request waits until the reset."""

    async def handler(request: web.BaseRequest) -> web.Response:
        return ok(**{"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "40"})

    talk = Talk(handler, max_concurrency=1)
    talk(GET, GET)
    assert [round(wait_s) for wait_s in talk.slept] == [40]


def test_a_refusal_stops_the_whole_host() -> None:
    """After 429 without `Retry-After` nobody asks the host until the wait is over."""
    answers = iter([ok(status=429)])

    async def handler(request: web.BaseRequest) -> web.Response:
        return next(answers, ok())

    talk = Talk(handler, max_concurrency=1)
    pages = talk(GET, GET)
    assert [page.status for page in pages] == [200, 200]
    assert talk.now_s >= 1
    assert len(talk.seen) == 3
