"""Signing: what each kind of auth adds to a request, and how a token is asked for."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote, quote_plus

from headwater.config.models import (
    ApiKeyAuth,
    Auth,
    BasicAuth,
    BearerAuth,
    ClientCredentialsAuth,
    RefreshTokenAuth,
)
from headwater.config.secret import Secret
from headwater.errors import FetchError
from headwater.fetch.foreign import Signer
from headwater.fetch.page import Request, requoted

__all__ = [
    "Masker",
    "Signature",
    "Token",
    "first_token",
    "identity_of",
    "is_sensitive",
    "merged",
    "read_token",
    "secrets_of",
    "sign",
    "signature",
    "token_request",
]

SENSITIVE = (
    "authorization",
    "token",
    "secret",
    "signature",
    "api-key",
    "apikey",
    "api_key",
    "password",
    "cookie",
)
SHORTEST_MASKED = 4
EARLY_S = 30.0
# What stands before and after a value beside its name, in a URL, a header, JSON or Python text.
BESIDE_NAME = r"""((?:[=:]|%3[AaDd])[\s"'\\]{0,3}(?:(?:Bearer|Basic|Token)\s+)?)"""
AT_END = r"(?![\w%])"


@dataclass(frozen=True, slots=True)
class Signature:
    """What a signed request carries beside its own parts."""

    headers: Mapping[str, str] = field(default_factory=dict)
    params: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Token:
    """An access token and the second, on the caller's clock, after which it is stale."""

    text: Secret
    stale_at_s: float


def signature(auth: Auth | None, token: Token | None = None) -> Signature:
    """What `auth` adds; for OAuth 2 the token that was fetched."""
    match auth:
        case BearerAuth():
            return Signature({"Authorization": f"Bearer {auth.token.reveal()}"})
        case ApiKeyAuth(location="header"):
            return Signature({auth.name: auth.api_key.reveal()})
        case ApiKeyAuth(location="cookie"):
            return Signature({"Cookie": f"{auth.name}={quote(auth.api_key.reveal(), safe='')}"})
        case ApiKeyAuth():
            return Signature(params={auth.name: auth.api_key.reveal()})
        case BasicAuth():
            return Signature({"Authorization": f"Basic {basic_pair(auth)}"})
        case ClientCredentialsAuth() | RefreshTokenAuth() if token is not None:
            return Signature({"Authorization": f"Bearer {token.text.reveal()}"})
    return Signature()


def sign(request: Request, signed: Signature) -> Request:
    """`request` with its signature; a cookie joins those already there."""
    if not signed.headers and not signed.params:
        return request
    params = {**request.params, **signed.params} if signed.params else request.params
    return replace(request, headers=merged(request.headers, signed.headers), params=params)


def merged(below: Mapping[str, str], above: Mapping[str, str]) -> dict[str, str]:
    """Headers of both; a name, in whatever case, is sent once, cookies are joined."""
    out = dict(below)
    known = {name.lower(): name for name in below}
    for name, value in above.items():
        same = known.get(name.lower())
        if same is None:
            out[name] = value
        elif same.lower() == "cookie":
            out[same] = f"{out[same]}; {value}"
        else:
            del out[same]
            out[name] = value
    return out


def basic_pair(auth: BasicAuth) -> str:
    """User name and password as the header carries them."""
    pair = f"{auth.username.reveal()}:{auth.password.reveal()}".encode()
    return base64.b64encode(pair).decode()


def token_request(auth: ClientCredentialsAuth | RefreshTokenAuth) -> Request:
    """The request for an access token (RFC 6749, 4.4.2 and 6)."""
    grant = "refresh_token" if isinstance(auth, RefreshTokenAuth) else "client_credentials"
    form: dict[str, Any] = {"grant_type": grant, "client_id": auth.client_id.reveal()}
    if auth.client_secret is not None:
        form["client_secret"] = auth.client_secret.reveal()
    if isinstance(auth, RefreshTokenAuth):
        form["refresh_token"] = auth.refresh_token.reveal()
    form.update(auth.access_token_request_data or {})
    headers = {"Accept": "application/json"}
    return Request("POST", auth.access_token_url, data=form, headers=headers)


def read_token(auth: ClientCredentialsAuth | RefreshTokenAuth, answer: Any, now_s: float) -> Token:
    """The token of a token answer. Raises FetchError where there is none in it."""
    text = answer.get("access_token") if isinstance(answer, Mapping) else None
    if not isinstance(text, str) or not text:
        raise FetchError(f"POST {auth.access_token_url} -> answered without an access_token")
    lifetime = answer.get("expires_in", auth.default_token_expiration)
    try:
        seconds = float(lifetime)
    except (TypeError, ValueError):
        seconds = float(auth.default_token_expiration)
    return Token(Secret(text), now_s + max(seconds - EARLY_S, seconds / 2))


def first_token(auth: ClientCredentialsAuth | RefreshTokenAuth, now_s: float) -> Token | None:
    """The token that the config brings along, None where one must be asked for."""
    given = getattr(auth, "access_token", None)
    return Token(given, now_s + auth.default_token_expiration) if given is not None else None


def secrets_of(auth: Auth | None) -> list[Secret]:
    """Every secret that `auth` holds, and what it becomes on the wire."""
    if isinstance(auth, Signer):
        return list(auth.secrets)
    if auth is None or not hasattr(auth, "__dataclass_fields__"):
        return []
    values = (getattr(auth, name) for name in auth.__dataclass_fields__)
    found = [value for value in values if isinstance(value, Secret)]
    return [*found, Secret(basic_pair(auth))] if isinstance(auth, BasicAuth) else found


def identity_of(auth: Auth | None) -> list[str]:
    """Whose credentials `auth` holds; the same in a later run. Not to be shown."""
    if isinstance(auth, Signer):
        return [auth.identity]
    return [secret.reveal() for secret in secrets_of(auth)]


def is_sensitive(name: str) -> bool:
    """Whether a header or a parameter of this name is likely to hold a secret."""
    return any(word in name.lower() for word in SENSITIVE)


class Masker:
    """Replaces known secrets by `***` in any text, also where they are encoded for a URL.

    Very short ones only where a value stands beside its name, as in `key=abc` or `"key": "abc"`:
    elsewhere they may be any part of any word.
    """

    __slots__ = ("_secrets", "_short", "_words")

    def __init__(self, secrets: Iterable[Secret]) -> None:
        self._secrets = frozenset(secrets)
        words: set[str] = set()
        short: set[str] = set()
        for text in filter(None, (secret.reveal() for secret in self._secrets)):
            found = words if len(text) >= SHORTEST_MASKED else short
            found |= spellings(text)
        self._words = sorted(words, key=len, reverse=True)
        longest_first = sorted(short, key=len, reverse=True)
        self._short = (
            re.compile(BESIDE_NAME + f"(?:{'|'.join(map(re.escape, longest_first))})" + AT_END)
            if short
            else None
        )

    def plus(self, *secrets: Secret) -> Masker:
        """A masker that knows these too."""
        return self if self._secrets.issuperset(secrets) else Masker(self._secrets.union(secrets))

    def __call__(self, text: str) -> str:
        for word in self._words:
            if word in text:
                text = text.replace(word, "***")
        return text if self._short is None else self._short.sub(r"\1***", text)

    def __repr__(self) -> str:
        return f"Masker({len(self._words)} words)"


def spellings(text: str) -> set[str]:
    """`text` as it may stand in a URL, in JSON, or in the repr of Python text."""
    encoded = {quote(text, safe=""), quote(text), quote_plus(text), requoted(text)}
    lower = {re.sub(r"%[0-9A-F]{2}", lambda found: found[0].lower(), word) for word in encoded}
    return {text, json.dumps(text)[1:-1], repr(text)[1:-1]} | encoded | lower
