"""A source whose config may come from dlt's configuration, and a check that a source answers."""

from __future__ import annotations

from typing import Any, Optional

import dlt
from dlt.extract import DltResource
from dlt.sources.rest_api.utils import check_connection

from headwater.load.source import rest_api_resources

__all__ = ["check_connection", "rest_api"]


# dlt reads these annotations where it looks for values, which takes the spelling of old.
@dlt.source(name="rest_api", section="rest_api")
def rest_api(
    client: dict[str, Any] = dlt.config.value,
    resources: list[Any] = dlt.config.value,
    resource_defaults: Optional[dict[str, Any]] = None,  # noqa: UP045
) -> list[DltResource]:
    """The resources of a config whose parts are arguments, or come from dlt's configuration."""
    config = {"client": client, "resources": resources, "resource_defaults": resource_defaults}
    return rest_api_resources(config)
