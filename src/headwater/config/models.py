"""The vocabulary: every key a config may hold, with its type and default.

Source: `dlt/sources/rest_api/typing.py` of dlt 1.31, plus headwater's own keys, marked as such.
The classes are frozen slotted dataclasses checked by pydantic; later stages see plain dataclasses.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag

from headwater.config.auths import (
    ApiKeyAuth,
    Auth,
    BasicAuth,
    BearerAuth,
    ClientCredentialsAuth,
    RefreshTokenAuth,
)
from headwater.config.paginators import (
    AutoPaginator,
    CursorPaginator,
    HeaderCursorPaginator,
    HeaderLinkPaginator,
    JsonLinkPaginator,
    JsonPathText,
    OffsetPaginator,
    PageNumberPaginator,
    Paginator,
    SinglePagePaginator,
)
from headwater.config.strict import Built, is_mapping, model

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

Names = tuple[str, ...]


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

    base_url: str = Field(repr=False)
    headers: dict[str, Any] | None = Field(default=None, repr=False)
    auth: Auth | None = None
    paginator: Paginator | None = None
    session: Any = None
    error_handler: ErrorHandler | None = None
    max_concurrency: int = Field(default=16, ge=1, le=1000)
    rate_limit: RateLimit | None = None
    allowed_hosts: Names = ()
    max_body_bytes: int = Field(default=256 << 20, ge=1)


@model
class Incremental:
    """Where the last run ended, asked for and filtered by (dlt's incremental).

    `window` is headwater's own: it cuts what is asked for into parts of that length.
    """

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
    window: (
        Annotated[str, Field(pattern=r"^\d+(\.\d+)?[smhdw]$")]
        | Annotated[int, Field(gt=0)]
        | Annotated[float, Field(gt=0)]
        | None
    ) = None


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


def mapping_or_built(cls: type) -> Discriminator:
    """Tells a mapping, read as `cls`, from an object that Python code built."""

    def tag(value: Any) -> str:
        plain = is_mapping(value) or isinstance(value, (cls, str, int, float, list))
        return cls.__name__ if plain else "object"

    return Discriminator(tag)


@model
class Endpoint:
    """One request and how its answer is read. `error_handler` is headwater's own.

    What may hold a secret that was filled in is not in the `repr`.
    """

    path: str | None = Field(default=None, repr=False)
    method: Literal["GET", "POST"] = "GET"
    params: dict[str, Any] | None = Field(default=None, repr=False)
    json: dict[str, Any] | list[Any] | None = Field(default=None, repr=False)
    data: Any = Field(default=None, repr=False)
    headers: dict[str, Any] | None = Field(default=None, repr=False)
    paginator: Paginator | None = None
    data_selector: JsonPathText | None = None
    response_actions: (
        tuple[
            Annotated[
                Annotated[ResponseAction, Tag("ResponseAction")] | Annotated[Built, Tag("object")],
                mapping_or_built(ResponseAction),
            ],
            ...,
        ]
        | None
    ) = None
    incremental: (
        Annotated[
            Annotated[Incremental, Tag("Incremental")] | Annotated[Built, Tag("object")],
            mapping_or_built(Incremental),
        ]
        | None
    ) = None
    auth: Auth | None = None
    error_handler: ErrorHandler | None = None


@model
class Resource:
    """One listing, and the table it becomes. `only_changed_parents` is headwater's own."""

    name: str = Field(min_length=1)
    endpoint: Endpoint = Field(default_factory=Endpoint)
    include_from_parent: Names | None = None
    processing_steps: tuple[ProcessingStep, ...] | None = None
    only_changed_parents: bool | None = None
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
    only_changed_parents: bool | None = None
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
