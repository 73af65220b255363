"""dlt sources and resources of a config, with the signatures of dlt's own REST source."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dlt.extract import DltResource, DltSource

from headwater.config.read import Config, read_config
from headwater.events import Listener, silent
from headwater.load.objects import in_words
from headwater.load.resources import Backend, OnIncomplete, Resources
from headwater.load.secrets import find_secret
from headwater.load.tracking import follow_loads
from headwater.plan.graph import make_plan

__all__ = ["rest_api_resources", "rest_api_source", "source_of"]


def rest_api_source(
    config: Mapping[str, Any] | str | Path,
    name: str | None = None,
    section: str | None = None,
    max_table_nesting: int | None = None,
    root_key: bool | None = None,
    schema: Any = None,
    schema_contract: Any = None,
    parallelized: bool = False,
    *,
    backend: Backend = "arrow",
    on_incomplete: OnIncomplete = "raise",
) -> DltSource:
    """A dlt source of every resource in `config`: a dict, a config file or a connector's name.

    Positional arguments are those of `dlt.sources.rest_api.rest_api_source`. `backend` says what
    dlt is handed: Arrow tables, or Python dicts. With `on_incomplete="raise"` a run that does not
    have every row raises at the end of extraction and loads nothing; `"load"` loads what came.

    Raises ConfigError (a ValueError) with every problem of the config.
    """
    follow_loads()
    sections = ("sources", section or "rest_api", name or "rest_api")
    read = read_config(in_words(config, sections), secret=find_secret)
    return source_of(
        read,
        name=name or "rest_api",
        section=section,
        max_table_nesting=max_table_nesting,
        root_key=root_key,
        schema=schema,
        schema_contract=schema_contract,
        parallelized=parallelized,
        backend=backend,
        on_incomplete=on_incomplete,
    )


def rest_api_resources(
    config: Mapping[str, Any] | str | Path,
    *,
    backend: Backend = "arrow",
    on_incomplete: OnIncomplete = "raise",
) -> list[DltResource]:
    """The resources of `config`, parents before children, to be put into a source of one's own.

    Raises ConfigError (a ValueError) with every problem of the config.
    """
    follow_loads()
    read = read_config(in_words(config), secret=find_secret)
    return Resources(make_plan(read), backend=backend, on_incomplete=on_incomplete).build()


def source_of(
    config: Config,
    *,
    name: str,
    backend: Backend = "arrow",
    on_incomplete: OnIncomplete = "raise",
    listener: Listener = silent,
    **settings: Any,
) -> DltSource:
    """A dlt source of a config that was read already; `settings` are those of `dlt.source`."""
    return Resources(
        make_plan(config),
        backend=backend,
        on_incomplete=on_incomplete,
        listener=listener,
        root_key=bool(settings.get("root_key")),
        max_nesting=settings.get("max_table_nesting"),
    ).source(name, **settings)
