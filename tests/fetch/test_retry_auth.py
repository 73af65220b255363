"""Waiting, pacing and signing: tables of cases, on a clock of our own."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from headwater.config.models import (
    ApiKeyAuth,
    BasicAuth,
    BearerAuth,
    ErrorHandler,
    RefreshTokenAuth,
    ResponseAction,
)
from headwater.config.secret import Secret
from headwater.errors import FetchError
from headwater.fetch.actions import ignores
from headwater.fetch.auth import Masker, merged, read_token, secrets_of, sign, signature
from headwater.fetch.page import Page, Request
from headwater.fetch.retry import RetryRule, retry_after_s, retry_rule

NOW = datetime(2026, 1, 1, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("", None),
        ("7", 7.0),
        ("0.5", 0.5),
        ("-3", 0.0),
        ("nan", None),
        ("inf", None),
        ("soon", None),
        ("Thu, 01 Jan 2026 12:00:30 GMT", 30.0),
        ("Thu, 01 Jan 2026 11:00:00 GMT", 0.0),
    ],
)
def test_retry_after_is_read(text: str, seconds: float | None) -> None:
    """`Retry-After` is read as seconds or as a date; nonsense is no wish at all."""
    assert retry_after_s({"retry-after": text}, NOW) == seconds


@pytest.mark.parametrize(
    ("rule", "waits"),
    [
        (RetryRule(), [1, 2, 4, 8, None]),
        (RetryRule(max_retries=3, backoff_factor=2), [2, 4, 8, None]),
        (RetryRule(max_retries=2, backoff_factor=200), [200, 300, None]),
        (RetryRule(max_retries=0), [None]),
    ],
)
def test_waits_double_up_to_a_cap(rule: RetryRule, waits: list[float | None]) -> None:
    """Waits are factor times a power of two, capped, and end with the last repeat."""
    assert [rule.wait_s(n + 1) for n in range(len(waits))] == waits
    if rule.max_retries:
        assert (rule.wait_s(1, 7), rule.wait_s(1, 10**9)) == (7, 300)


@pytest.mark.parametrize(
    ("handler", "status", "repeats"),
    [
        (None, 429, True),
        (None, 500, True),
        (None, 404, False),
        (ErrorHandler(retry_on_status_codes=(404,)), 404, True),
        (ErrorHandler(retry_on_status_codes=(404,)), 500, False),
        (ErrorHandler(ignore_status_codes=(500,)), 500, False),
    ],
)
def test_the_handler_says_what_is_repeated(handler: Any, status: int, repeats: bool) -> None:
    """Without a handler 429 and 5xx are repeated, with one what it lists."""
    assert retry_rule(handler, RetryRule()).repeats(status) is repeats


@pytest.mark.parametrize(
    ("auth", "headers", "params"),
    [
        (None, {}, {}),
        (BearerAuth(token=Secret("t0ken")), {"Authorization": "Bearer t0ken"}, {}),
        (ApiKeyAuth(name="X-Key", api_key=Secret("k")), {"X-Key": "k"}, {}),
        (ApiKeyAuth(name="key", api_key=Secret("k"), location="query"), {}, {"key": "k"}),
        (ApiKeyAuth(name="c", api_key=Secret("a b"), location="cookie"), {"Cookie": "c=a%20b"}, {}),
        (
            BasicAuth(username=Secret("u"), password=Secret("pä")),
            {"Authorization": "Basic dTpww6Q="},
            {},
        ),
    ],
)
def test_each_auth_signs_its_way(auth: Any, headers: Any, params: Any) -> None:
    """A request carries exactly what its kind of auth adds."""
    signed = sign(Request("GET", "http://h"), signature(auth))
    assert (dict(signed.headers), dict(signed.params)) == (headers, params)


@pytest.mark.parametrize(
    ("below", "above", "expected"),
    [
        ({"authorization": "a"}, {"Authorization": "b"}, {"Authorization": "b"}),
        ({"Cookie": "a=1"}, {"cookie": "b=2"}, {"Cookie": "a=1; b=2"}),
        ({"A": "1"}, {"B": "2"}, {"A": "1", "B": "2"}),
    ],
)
def test_a_header_is_sent_once(below: Any, above: Any, expected: Any) -> None:
    """Header names differ in more than their case; cookies are joined."""
    assert merged(below, above) == expected


REFRESH = RefreshTokenAuth(
    access_token_url="http://h/token", refresh_token=Secret("refresh1"), client_id=Secret("client1")
)


@pytest.mark.parametrize("answer", [None, [], {}, {"access_token": ""}, {"access_token": 1}])
def test_a_token_answer_without_a_token_is_an_error(answer: Any) -> None:
    """An answer of the token address that has no token is named, with its URL."""
    with pytest.raises(FetchError, match="POST http://h/token -> answered without"):
        read_token(REFRESH, answer, 0)


@pytest.mark.parametrize(
    ("lifetime", "stale_at_s"), [(3600, 3570.0), ("60", 30.0), (10, 5.0), (None, 3570.0)]
)
def test_tokens_are_renewed_a_little_early(lifetime: Any, stale_at_s: float) -> None:
    """A token is stale 30 seconds, or half its life, before it ends."""
    token = read_token(REFRESH, {"access_token": "t", "expires_in": lifetime}, 0.0)
    assert token.stale_at_s == stale_at_s


def test_secrets_are_masked_in_every_spelling() -> None:
    """A secret is masked as it is, in URLs, in JSON, and in the Base64 of basic auth."""
    basic = BasicAuth(username=Secret("name"), password=Secret('p"a+s/s wörd'))
    mask = Masker(secrets_of(basic))
    header = signature(basic).headers["Authorization"]
    url = Request("GET", "http://h", {"p": 'p"a+s/s wörd'}).full_url
    for text in (header, url, 'x p"a+s/s wörd', r'{"p": "p\"a+s/s w\u00f6rd"}', url.lower()):
        assert "***" in mask(text)
        assert "rd" not in mask(text)
    assert "wörd" not in repr(mask)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("http://h/abc?key=abc&x=abcd", "http://h/abc?key=***&x=abcd"),
        ('{"key": "abc", "abc": 1}', '{"key": "***", "abc": 1}'),
        ("{'Authorization': 'Bearer abc'}", "{'Authorization': 'Bearer ***'}"),
        ("next=%2Fx%3Fkey%3Dabc", "next=%2Fx%3Fkey%3D***"),
        ("Cookie: a=k%2f; b=abc", "Cookie: a=***; b=***"),
        ("the alphabet begins abc", "the alphabet begins abc"),
    ],
)
def test_short_secrets_are_masked_beside_their_names(text: str, expected: str) -> None:
    """A secret of three letters is masked where it is a value, and words stay readable."""
    assert Masker([Secret("abc"), Secret("k/"), Secret("")])(text) == expected


@pytest.mark.parametrize(
    ("action", "ignored"),
    [
        (ResponseAction(status_code=404, action="ignore"), True),
        (ResponseAction(status_code="404", action="ignore"), True),
        (ResponseAction(content="gön", action="ignore"), True),
        (ResponseAction(status_code=404, content="gön", action="ignore"), True),
        (ResponseAction(status_code=404, content="else", action="ignore"), False),
        (ResponseAction(status_code=500, action="ignore"), False),
        (ResponseAction(action="ignore"), False),
        (ResponseAction(status_code=404, action=print), False),
        (print, False),
    ],
)
def test_an_action_fits_by_status_and_content(action: Any, ignored: bool) -> None:
    """An answer is ignored when all that the action names is so; code is not called here."""
    page = Page(Request("GET", "http://h"), "http://h", 404, {}, "it is gön".encode())
    assert ignores((action,), page) is ignored
