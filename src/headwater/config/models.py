"""The vocabulary: every key a config may hold, with its type and default.

Source: `dlt/sources/rest_api/typing.py` of dlt 1.31, plus headwater's own keys, marked as such.
The classes are frozen slotted dataclasses checked by pydantic; later stages see plain dataclasses.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeVar, cast, dataclass_transform

from pydantic import ConfigDict, Discriminator, Field, Tag
from pydantic.dataclasses import dataclass

from headwater.config.secret import Secret

__all__ = [
    "ApiKeyAuth",
    "Auth",
    "AutoPaginator",
    "BasicAuth",
    "BearerAuth",
    "Client",
    "ClientCredentialsAuth",
    "ConfigModel",
    "CursorPaginator",
    "Endpoint",
    "ErrorHandler",
    "HeaderCursorPaginator",
    "HeaderLinkPaginator",
    "Incremental",
    "JsonLinkPaginator",
    "OffsetPaginator",
    "PageNumberPaginator",
    "Paginator",
    "RateLimit",
    "RefreshTokenAuth",
    "Resource",
    "SinglePagePaginator",
]

T = TypeVar("T")
STRICT = ConfigDict(extra="forbid", arbitrary_types_allowed=True, coerce_numbers_to_str=True)


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(Field,))
def model(cls: type[T]) -> type[T]:
    """A class of the vocabulary: frozen, slotted, unknown keys refused."""
    made: Any = dataclass(config=STRICT, frozen=True, slots=True, kw_only=True)(cls)
    return cast("type[T]", made)


JsonPathText = str
Names = tuple[str, ...]


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
    """User name and password, HTTP Basic."""

    type: Literal["http_basic"] = "http_basic"
    username: Secret
    password: Secret


@model
class ClientCredentialsAuth:
    """OAuth 2.0 client credentials (RFC 6749, 4.4)."""

    type: Literal["oauth2_client_credentials"] = "oauth2_client_credentials"
    access_token_url: str
    client_id: Secret
    client_secret: Secret
    access_token_request_data: dict[str, Any] | None = None
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
    access_token_request_data: dict[str, Any] | None = None
    default_token_expiration: int = 3600


@model
class OffsetPaginator:
    """Offset and limit. `stop_after_short_page` and `total_required` are headwater's own.

    A total at dlt's default path is a hint; at a path that the config names it is a demand.
    """

    type: Literal["offset"] = "offset"
    limit: int = Field(ge=1)
    offset: int = Field(default=0, ge=0)
    offset_param: str | None = None
    offset_body_path: JsonPathText | None = None
    limit_param: str | None = None
    limit_body_path: JsonPathText | None = None
    total_path: JsonPathText | None = "total"
    maximum_offset: int | None = None
    stop_after_empty_page: bool | None = True
    has_more_path: JsonPathText | None = None
    stop_after_short_page: bool = False
    total_required: bool = False


@model
class PageNumberPaginator:
    """Page number; the total is one of pages. Keys from `limit` on are headwater's own."""

    type: Literal["page_number"] = "page_number"
    base_page: int = 0
    page: int | None = None
    page_param: str | None = None
    page_body_path: JsonPathText | None = None
    total_path: JsonPathText | None = "total"
    maximum_page: int | None = None
    stop_after_empty_page: bool | None = True
    has_more_path: JsonPathText | None = None
    limit: int | None = Field(default=None, ge=1)
    limit_param: str = "limit"
    stop_after_short_page: bool = False
    total_required: bool = False


@model
class CursorPaginator:
    """A cursor from the body, sent back. `limit`, `limit_param` are headwater's own."""

    type: Literal["cursor"] = "cursor"
    cursor_path: JsonPathText = "cursors.next"
    cursor_param: str | None = None
    cursor_body_path: JsonPathText | None = None
    stop_after_empty_page: bool | None = False
    has_more_path: JsonPathText | None = None
    limit: int | None = Field(default=None, ge=1)
    limit_param: str = "limit"


@model
class HeaderCursorPaginator:
    """A cursor from a header of the answer, sent back as a parameter."""

    type: Literal["header_cursor"] = "header_cursor"
    cursor_key: str = "next"
    cursor_param: str = "cursor"


@model
class JsonLinkPaginator:
    """The URL of the next page, in the body."""

    type: Literal["json_link"] = "json_link"
    next_url_path: JsonPathText = "next"


@model
class HeaderLinkPaginator:
    """The URL of the next page, in the `Link` header (RFC 8288)."""

    type: Literal["header_link"] = "header_link"
    links_next_key: str = "next"


@model
class SinglePagePaginator:
    """One request, one page."""

    type: Literal["single_page"] = "single_page"


@model
class AutoPaginator:
    """The first answer shows how the API pages."""

    type: Literal["auto"] = "auto"


def kind_of(value: Any) -> str:
    kind = value.get("type") if isinstance(value, Mapping) else getattr(value, "type", None)
    return kind if isinstance(kind, str) else "object"


Auth = Annotated[
    Annotated[BearerAuth, Tag("bearer")]
    | Annotated[ApiKeyAuth, Tag("api_key")]
    | Annotated[BasicAuth, Tag("http_basic")]
    | Annotated[ClientCredentialsAuth, Tag("oauth2_client_credentials")]
    | Annotated[RefreshTokenAuth, Tag("oauth2_refresh_token")]
    | Annotated[Any, Tag("object")],
    Discriminator(kind_of),
]
Paginator = Annotated[
    Annotated[OffsetPaginator, Tag("offset")]
    | Annotated[PageNumberPaginator, Tag("page_number")]
    | Annotated[CursorPaginator, Tag("cursor")]
    | Annotated[HeaderCursorPaginator, Tag("header_cursor")]
    | Annotated[JsonLinkPaginator, Tag("json_link")]
    | Annotated[HeaderLinkPaginator, Tag("header_link")]
    | Annotated[SinglePagePaginator, Tag("single_page")]
    | Annotated[AutoPaginator, Tag("auto")]
    | Annotated[Any, Tag("object")],
    Discriminator(kind_of),
]


@model
class ErrorHandler:
    """Which answers are asked again, how often and after what wait. headwater's own.

    Unit: `backoff_factor * 2**(n-1)` seconds before repeat n, at most `max_wait_s`.
    """

    retry_on_status_codes: tuple[int, ...] | None = None
    max_retries: int = Field(default=4, ge=0)
    backoff_factor: float = Field(default=1.0, ge=0)
    ignore_status_codes: tuple[int, ...] = ()
    on_exhausted: Literal["fail", "skip"] = "fail"
    max_wait_s: float = Field(default=300.0, ge=0)


@model
class RateLimit:
    """A hard budget of requests to one host. headwater's own."""

    requests: int = Field(ge=1)
    per: Literal["second", "minute", "hour", "day"] = "minute"


@model
class Client:
    """What all requests share. Keys after `session` are headwater's own."""

    base_url: str
    headers: dict[str, Any] | None = None
    auth: Auth | None = None
    paginator: Paginator | None = None
    session: Any = None
    error_handler: ErrorHandler | None = None
    max_concurrency: int = Field(default=16, ge=1, le=1000)
    rate_limit: RateLimit | None = None
    allowed_hosts: Names = ()


@model
class Incremental:
    """Where the last run ended, asked for and filtered by (dlt's incremental)."""

    cursor_path: str
    initial_value: Any = None
    end_value: Any = None
    start_param: str | None = None
    end_param: str | None = None
    convert: Any = None
    transform: Any = None
    last_value_func: Any = None
    primary_key: Any = None
    row_order: Literal["asc", "desc"] | None = None
    lag: float | None = None
    on_cursor_value_missing: Literal["raise", "include", "exclude"] | None = None
    range_start: Literal["open", "closed"] | None = None
    range_end: Literal["open", "closed"] | None = None
    allow_external_schedulers: bool | None = None


@model
class ProcessingStep:
    """One Python step on each row."""

    filter: Any = None
    map: Any = None
    yield_map: Any = None


@model
class ResponseAction:
    """What to do with an answer of a given status or content."""

    status_code: int | str | None = None
    content: str | None = None
    action: Any = None


@model
class Endpoint:
    """One request and how its answer is read. `error_handler` is headwater's own."""

    path: str | None = None
    method: Literal["GET", "POST"] = "GET"
    params: dict[str, Any] | None = None
    json: dict[str, Any] | list[Any] | None = None
    data: Any = None
    headers: dict[str, Any] | None = None
    paginator: Paginator | None = None
    data_selector: JsonPathText | None = None
    response_actions: tuple[ResponseAction | Any, ...] | None = None
    incremental: Incremental | Any = None
    auth: Auth | None = None
    error_handler: ErrorHandler | None = None


@model
class Resource:
    """One listing, and the table it becomes."""

    name: str
    endpoint: Endpoint = Field(default_factory=Endpoint)
    include_from_parent: Names | None = None
    processing_steps: tuple[ProcessingStep, ...] | None = None
    selected: bool = True
    parallelized: bool | None = None
    max_table_nesting: int | None = None
    table_name: Any = None
    write_disposition: Any = None
    primary_key: Any = None
    merge_key: Any = None
    columns: Any = None
    schema_contract: Any = None
    table_format: Any = None
    file_format: Any = None
    nested_hints: Any = None
    references: Any = None
    parent_table_name: Any = None


@model
class ResourceDefaults:
    """What every resource starts from: a resource without its name."""

    endpoint: Endpoint | None = None
    include_from_parent: Names | None = None
    processing_steps: tuple[ProcessingStep, ...] | None = None
    selected: bool | None = None
    parallelized: bool | None = None
    max_table_nesting: int | None = None
    table_name: Any = None
    write_disposition: Any = None
    primary_key: Any = None
    merge_key: Any = None
    columns: Any = None
    schema_contract: Any = None
    table_format: Any = None
    file_format: Any = None
    nested_hints: Any = None
    references: Any = None
    parent_table_name: Any = None


@model
class Parameter:
    """A value that `--set` fills in a config file. headwater's own."""

    description: str = ""
    default: Any = None


@model
class SecretNote:
    """What a secret of a config file is for. headwater's own."""

    description: str = ""


@model
class ConfigModel:
    """A config as written. `name` to `strict_bindings` are headwater's own."""

    client: Client
    resources: tuple[Any, ...] = Field(min_length=1)
    resource_defaults: ResourceDefaults | None = None
    name: str | None = None
    description: str | None = None
    parameters: dict[str, Parameter] | None = None
    secrets: dict[str, SecretNote] | None = None
    strict_bindings: bool = False
