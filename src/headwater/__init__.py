"""headwater loads REST APIs into warehouses from a short declarative config."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"
__all__ = [
    "ClientConfig",
    "Endpoint",
    "EndpointResource",
    "EndpointResourceBase",
    "RESTAPIConfig",
    "__version__",
    "rest_api_resources",
    "rest_api_source",
]

TYPES = ("ClientConfig", "Endpoint", "EndpointResource", "EndpointResourceBase", "RESTAPIConfig")

if TYPE_CHECKING:
    from headwater.load.source import rest_api_resources, rest_api_source
    from headwater.load.typing import (
        ClientConfig,
        Endpoint,
        EndpointResource,
        EndpointResourceBase,
        RESTAPIConfig,
    )


def __getattr__(name: str) -> Any:
    # dlt takes a second to import: it is not needed to check a config or to print help.
    if name in ("rest_api_source", "rest_api_resources"):
        from headwater.load import source

        return getattr(source, name)
    if name in TYPES:
        from headwater.load import typing

        return getattr(typing, name)
    raise AttributeError(f"module 'headwater' has no attribute '{name}'")
