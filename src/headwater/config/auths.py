"""The vocabulary of auth: every key of every way to sign a request, with its type and default.

Source: `dlt/sources/rest_api/typing.py` of dlt 1.31, plus headwater's own keys, marked as such.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag

from headwater.config.secret import MaybeEmpty, Secret
from headwater.config.strict import Built, kind_of, model

__all__ = [
    "ApiKeyAuth",
    "Auth",
    "BasicAuth",
    "BearerAuth",
    "ClientCredentialsAuth",
    "RefreshTokenAuth",
]


@model
class BearerAuth:
    """A token in the `Authorization` header."""

    type: Literal["bearer"] = "bearer"
    token: Secret


@model
class ApiKeyAuth:
    """A key under a name of its own, in the header, the query or a cookie."""

    type: Literal["api_key"] = "api_key"
    name: str = "Authorization"
    api_key: Secret
    location: Literal["header", "query", "param", "cookie"] = "header"


@model
class BasicAuth:
    """User name and password, HTTP Basic; an API key often stands for one, the other is empty."""

    type: Literal["http_basic"] = "http_basic"
    username: MaybeEmpty
    password: MaybeEmpty

    def __post_init__(self) -> None:
        if not self.username.reveal() and not self.password.reveal():
            raise ValueError("`username` and `password` are empty, a secret is expected")


@model
class ClientCredentialsAuth:
    """OAuth 2.0 client credentials (RFC 6749, 4.4)."""

    type: Literal["oauth2_client_credentials"] = "oauth2_client_credentials"
    access_token_url: str
    client_id: Secret
    client_secret: Secret
    access_token_request_data: dict[str, Any] | None = Field(default=None, repr=False)
    default_token_expiration: int = 3600
    access_token: Secret | None = None
    session: Any = None


@model
class RefreshTokenAuth:
    """OAuth 2.0 refresh token (RFC 6749, 6). headwater's own."""

    type: Literal["oauth2_refresh_token"] = "oauth2_refresh_token"
    access_token_url: str
    refresh_token: Secret
    client_id: Secret
    client_secret: Secret | None = None
    access_token_request_data: dict[str, Any] | None = Field(default=None, repr=False)
    default_token_expiration: int = 3600


Auth = Annotated[
    Annotated[BearerAuth, Tag("bearer")]
    | Annotated[ApiKeyAuth, Tag("api_key")]
    | Annotated[BasicAuth, Tag("http_basic")]
    | Annotated[ClientCredentialsAuth, Tag("oauth2_client_credentials")]
    | Annotated[RefreshTokenAuth, Tag("oauth2_refresh_token")]
    | Annotated[Built, Tag("object")],
    Discriminator(kind_of),
]
