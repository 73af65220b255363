"""One load in one process: `python benchmarks/load.py WHO KIND URL FOLDER`; prints its figures.

WHO is `headwater`, `dlt` (as it comes), `dlt-parquet`, or `dlt-tuned` (parquet, workers, buffers).
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from pathlib import Path
from typing import Any


def config(kind: str, url: str) -> dict[str, Any]:
    defaults = {"primary_key": "id", "write_disposition": "merge"}
    client = {"base_url": url}
    if kind == "fanout":
        single = {"data_selector": "data", "paginator": "single_page"}
        parents = {"name": "parents", "endpoint": {"path": "parents", **single}}
        path = "parents/{resources.parents.id}/children"
        children = {"name": "children", "endpoint": {"path": path, **single}}
        return {"client": client, "resource_defaults": defaults, "resources": [parents, children]}
    paginator = {"type": "offset", "limit": 100, "total_path": "total"}
    endpoint = {"path": "rows", "data_selector": "data", "paginator": paginator}
    rows = {"name": "rows", "endpoint": endpoint}
    return {"client": client, "resource_defaults": defaults, "resources": [rows]}


def main(who: str, kind: str, url: str, folder: str) -> None:
    started = time.perf_counter()
    os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
    os.environ["RUNTIME__LOG_LEVEL"] = "ERROR"
    settings: dict[str, Any] = {}
    if who == "dlt-tuned":
        os.environ |= {
            "EXTRACT__WORKERS": "8",
            "NORMALIZE__WORKERS": "2",
            "DATA_WRITER__BUFFER_MAX_ITEMS": "20000",
            "DATA_WRITER__FILE_MAX_ITEMS": "50000",
        }
    if who.startswith("dlt-"):
        settings["loader_file_format"] = "parquet"
    import dlt

    if who == "headwater":
        from headwater import rest_api_source
    else:
        from dlt.sources.rest_api import rest_api_source
    imported_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    path = Path(folder) / f"{who}.duckdb"
    pipeline = dlt.pipeline(
        f"bench_{who}",
        destination=dlt.destinations.duckdb(str(path)),
        dataset_name="raw",
        pipelines_dir=folder,
    )
    source = rest_api_source(config(kind, url))  # type: ignore[arg-type]
    if who == "dlt-tuned" and kind == "fanout":
        source.resources["children"].parallelize()
    pipeline.run(source, **settings)
    seconds = time.perf_counter() - started
    with pipeline.sql_client() as client:
        table = "children" if kind == "fanout" else "rows"
        rows = client.execute_sql(f"SELECT count(*) FROM {table}")[0][0]
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        json.dumps(
            {"seconds": seconds, "peak_mb": peak_mb, "imported_mb": imported_mb, "rows": rows}
        )
    )


if __name__ == "__main__":
    main(*sys.argv[1:5])
