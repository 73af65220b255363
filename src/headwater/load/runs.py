"""The table of runs, and the last word on what is loaded, once all else was extracted.

Both are a source of their own that dlt extracts into the same load package: it is loaded with the
data or not at all.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any

import dlt
from dlt.common.configuration.container import Container
from dlt.common.schema.utils import group_tables_by_resource
from dlt.common.storages.load_package import (
    LoadPackageStateInjectableContext,
    ParsedLoadJobFileName,
)
from dlt.extract import DltSource

__all__ = ["RUNS_TABLE", "runs_source"]

RUNS_TABLE = "_headwater_runs"
COLUMNS: Any = {
    "run": {"data_type": "text", "nullable": False},
    "started_at": {"data_type": "timestamp"},
    "resource": {"data_type": "text", "nullable": False},
    "status": {"data_type": "text"},
    "loaded": {"data_type": "bool"},
    "rows_expected": {"data_type": "bigint"},
    "rows_read": {"data_type": "bigint"},
    "requests": {"data_type": "bigint"},
    "retries": {"data_type": "bigint"},
    "wait_seconds": {"data_type": "double"},
    "seconds": {"data_type": "double"},
    "notes": {"data_type": "text"},
}


def runs_source(
    source: DltSource,
    *,
    rows: Callable[[], list[dict[str, Any]]],
    withheld: Callable[[], Collection[str]],
    started_at: Any,
    table_format: Any = None,
) -> DltSource:
    """A source to be extracted after `source`: it takes what is `withheld` out of the package.

    Then it adds `rows`, one for each resource, to `_headwater_runs`; `run` is the id of the load.
    """

    def read() -> Iterator[list[dict[str, Any]]]:
        names = withheld()
        run = withhold(names)
        yield [
            {
                "run": run,
                "started_at": started_at,
                **row,
                "loaded": row["resource"] not in names,
            }
            for row in rows()
        ]

    evolve: Any = "evolve"
    resource = dlt.resource(
        read,
        name=RUNS_TABLE,
        write_disposition="append",
        columns=COLUMNS,
        schema_contract=evolve,
        table_format=table_format,
    )
    return DltSource(source.schema.clone(), source.section, [resource])


def withhold(resources: Collection[str]) -> str:
    """Removes the files of `resources` from the load package that is being made; gives its id."""
    package = Container()[LoadPackageStateInjectableContext]
    grouped = group_tables_by_resource(dlt.current.source_schema().tables)
    tables = {table["name"] for name in resources for table in grouped.get(name, ())}
    for name in package.storage.list_new_jobs(package.load_id):
        if ParsedLoadJobFileName.parse(name).table_name in tables:
            Path(package.storage.storage.make_full_path(name)).unlink()
    return str(package.load_id)
