"""headwater loads REST APIs into warehouses from a short declarative config."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"
__all__ = [
    "ClientConfig",
    "Endpoint",
    "EndpointResource",
    "EndpointResourceBase",
    "RESTAPIConfig",
    "__version__",
    "check_connection",
    "rest_api",
    "rest_api_resources",
    "rest_api_source",
]

HOMES = {
    "headwater.load.source": ("rest_api_resources", "rest_api_source"),
    "headwater.load.configured": ("check_connection", "rest_api"),
    "headwater.load.typing": (
        "ClientConfig",
        "Endpoint",
        "EndpointResource",
        "EndpointResourceBase",
        "RESTAPIConfig",
    ),
}

if TYPE_CHECKING:
    from headwater.load.configured import check_connection, rest_api
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
    for home, names in HOMES.items():
        if name in names:
            return getattr(importlib.import_module(home), name)
    raise AttributeError(f"module 'headwater' has no attribute '{name}'")
