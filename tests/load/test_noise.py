"""What a script of one's own prints on its own account: nothing."""

from __future__ import annotations

import subprocess
import sys

from tests.load.conftest import Api, Warehouse

SCRIPT = """
import dlt
from headwater import rest_api_source

rows = {"name": "rows", "endpoint": {"path": "rows", "paginator": "single_page"}}
source = rest_api_source({"client": {"base_url": URL}, "resources": [rows]})
duckdb = dlt.destinations.duckdb(FILE)
pipeline = dlt.pipeline("quiet", destination=duckdb, dataset_name="raw", pipelines_dir=FOLDER)
pipeline.run(source)
with pipeline.sql_client() as client:
    print(client.execute_sql("SELECT count(*) FROM rows"))
"""


def test_a_script_ends_without_a_word(api: Api, warehouse: Warehouse) -> None:
    """Nothing that DuckDB or dlt could complain of is left when Python ends."""
    api.paths["rows"] = [{"id": 1, "tags": [{"name": "a"}]}]
    given = {"URL": api.base_url, "FILE": str(warehouse.file), "FOLDER": str(warehouse.folder)}
    script = "".join(f"{name} = {text!r}\n" for name, text in given.items()) + SCRIPT
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr, done.returncode) == ("[(1,)]\n", "", 0)
