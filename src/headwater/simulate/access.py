"""Who may ask: the credentials of each step checked, and OAuth 2.0 tokens given out."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import unquote_plus, urlsplit

from headwater.config.models import (
    ApiKeyAuth,
    BasicAuth,
    BearerAuth,
    ClientCredentialsAuth,
    RefreshTokenAuth,
)
from headwater.config.secret import Secret
from headwater.plan.graph import Plan

__all__ = ["Access", "secret_param"]

OAuth = ClientCredentialsAuth | RefreshTokenAuth
DEFAULT_GRANTS = {
    "oauth2_client_credentials": "client_credentials",
    "oauth2_refresh_token": "refresh_token",
}


class Access:
    """Checks requests, and remembers which tokens it gave out and when they expire."""

    def __init__(self, plan: Plan, clock: Callable[[], float] = time.monotonic) -> None:
        auths = [step.auth for step in plan.steps]
        self.oauths: list[OAuth] = [auth for auth in auths if isinstance(auth, OAuth)]
        self.token_paths = {
            urlsplit(auth.access_token_url).path.rstrip("/") for auth in self.oauths
        }
        self.clock = clock
        self.tokens: dict[str, tuple[OAuth, float]] = {}

    def refusal(
        self,
        auth: Any,
        headers: Mapping[str, str],
        query: Mapping[str, str],
        cookies: Mapping[str, str],
    ) -> str | None:
        """Why a request is refused; None where it may pass, as any may under a custom auth."""
        shown = headers.get("Authorization")
        match auth:
            case BearerAuth():
                return wrong("bearer token", shown, f"Bearer {auth.token.reveal()}")
            case BasicAuth():
                pair = f"{auth.username.reveal()}:{auth.password.reveal()}".encode()
                return wrong(
                    "user name and password", shown, f"Basic {base64.b64encode(pair).decode()}"
                )
            case ApiKeyAuth(location="header"):
                return wrong(f"header `{auth.name}`", headers.get(auth.name), auth.api_key.reveal())
            case ApiKeyAuth(location="cookie"):
                return wrong(f"cookie `{auth.name}`", cookies.get(auth.name), auth.api_key.reveal())
            case ApiKeyAuth():
                return wrong(f"query `{auth.name}`", query.get(auth.name), auth.api_key.reveal())
            case ClientCredentialsAuth() | RefreshTokenAuth():
                return self.refused_token(auth, (shown or "").removeprefix("Bearer "))
            case _:
                return None

    def refused_token(self, auth: OAuth, token: str) -> str | None:
        preset = getattr(auth, "access_token", None)
        if isinstance(preset, Secret) and preset.reveal() == token:
            return None
        owner, expires_s = self.tokens.get(token, (None, 0.0))
        if owner != auth:
            return "bearer token is wrong" if token else "bearer token is missing"
        return None if self.clock() < expires_s else "bearer token has expired"

    def grant(
        self, path: str, form: Mapping[str, Any], shown: str | None
    ) -> tuple[int, dict[str, Any]]:
        """Status and body of a token request (RFC 6749, 5.1 and 5.2)."""
        given = {**basic_pair(shown), **form}
        for auth in self.oauths:
            at_home = urlsplit(auth.access_token_url).path.rstrip("/") == path
            if at_home and all(str(given.get(k)) == v for k, v in expected(auth).items()):
                token = f"token-{len(self.tokens) + 1}-{id(self):x}"
                self.tokens[token] = (auth, self.clock() + auth.default_token_expiration)
                lifetime = auth.default_token_expiration
                return 200, {"access_token": token, "token_type": "Bearer", "expires_in": lifetime}
        return 401, {"error": "invalid_client"}


def wrong(what: str, shown: str | None, right: str) -> str | None:
    if shown is None:
        return f"{what} is missing"
    # Header bytes outside ASCII arrive as surrogates.
    same = shown.encode(errors="surrogateescape") == right.encode(errors="surrogateescape")
    return None if same else f"{what} is wrong"


def expected(auth: OAuth) -> dict[str, str]:
    """What a token request must hold; what the config adds to it overrides."""
    want = {"grant_type": DEFAULT_GRANTS[auth.type], "client_id": auth.client_id.reveal()}
    if auth.client_secret is not None:
        want["client_secret"] = auth.client_secret.reveal()
    if isinstance(auth, RefreshTokenAuth):
        want["refresh_token"] = auth.refresh_token.reveal()
    return {
        **want,
        **{key: str(value) for key, value in (auth.access_token_request_data or {}).items()},
    }


def basic_pair(shown: str | None) -> dict[str, str]:
    """Client id and secret from an `Authorization: Basic` header (RFC 6749, 2.3.1)."""
    if not shown or not shown.startswith("Basic "):
        return {}
    try:
        user, _, password = base64.b64decode(shown[6:]).decode().partition(":")
    except ValueError:
        return {}
    return {"client_id": unquote_plus(user), "client_secret": unquote_plus(password)}


def secret_param(auth: Any) -> str | None:
    """The query param that holds a credential and so must never be in a link."""
    if isinstance(auth, ApiKeyAuth) and auth.location in ("query", "param"):
        return auth.name
    return None
