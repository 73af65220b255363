"""dlt's types of a REST config, which code that changes its import asks headwater for."""

from __future__ import annotations

from dlt.sources.rest_api.typing import (
    ClientConfig,
    Endpoint,
    EndpointResource,
    EndpointResourceBase,
    RESTAPIConfig,
)

__all__ = [
    "ClientConfig",
    "Endpoint",
    "EndpointResource",
    "EndpointResourceBase",
    "RESTAPIConfig",
]
