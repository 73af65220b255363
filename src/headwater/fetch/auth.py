"""Signing: what each kind of auth adds to a request, and how a token is asked for."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote

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
from headwater.fetch.page import Request

__all__ = [
    "Masker",
    "Signature",
    "Token",
    "read_token",
    "secrets_of",
    "sign",
    "signature",
    "token_request",
]

SHORTEST_MASKED = 4
EARLY_S = 30.0


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
            pair = f"{auth.username.reveal()}:{auth.password.reveal()}".encode()
            return Signature({"Authorization": f"Basic {base64.b64encode(pair).decode()}"})
        case ClientCredentialsAuth() | RefreshTokenAuth() if token is not None:
            return Signature({"Authorization": f"Bearer {token.text.reveal()}"})
    return Signature()


def sign(request: Request, signed: Signature) -> Request:
    """`request` with its signature; a cookie joins those already there."""
    headers = dict(request.headers)
    for name, value in signed.headers.items():
        if name == "Cookie" and "Cookie" in headers:
            headers[name] = f"{headers['Cookie']}; {value}"
        else:
            headers[name] = value
    params = {**request.params, **signed.params}
    return replace(request, headers=headers, params=params)


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


def secrets_of(auth: Auth | None) -> list[Secret]:
    """Every secret that `auth` holds."""
    if auth is None or not hasattr(auth, "__dataclass_fields__"):
        return []
    values = (getattr(auth, name) for name in auth.__dataclass_fields__)
    return [value for value in values if isinstance(value, Secret)]


class Masker:
    """Replaces known secrets by `***` in any text, also where they are URL-encoded or in Base64."""

    __slots__ = ("_words",)

    def __init__(self, secrets: list[Secret] | frozenset[Secret]) -> None:
        words: set[str] = set()
        for secret in secrets:
            text = secret.reveal()
            if len(text) >= SHORTEST_MASKED:
                words |= {text, quote(text, safe=""), quote(text), quote(text).replace("%20", "+")}
        self._words = sorted(words, key=len, reverse=True)

    def __call__(self, text: str) -> str:
        for word in self._words:
            if word in text:
                text = text.replace(word, "***")
        return text

    def __repr__(self) -> str:
        return f"Masker({len(self._words)} words)"
