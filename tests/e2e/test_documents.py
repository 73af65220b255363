"""The five published documents: each config runs as written and loads every row."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import dlt
import duckdb
import pytest

from headwater import rest_api_source
from headwater.config.read import read_config
from headwater.plan.graph import make_plan
from headwater.simulate import Options, Simulator

DOCUMENTS = Path(__file__).parents[3] / "shared" / "seeds"
KEY = "k3y-for-documents"


def documents() -> list[Path]:
    return sorted(DOCUMENTS.glob("*.txt")) if DOCUMENTS.is_dir() else []


def config_in(document: Path, base_url: str) -> dict[str, Any]:
    """The dict of a document's code block, run with only import line and base URL changed."""
    found = re.search(r"```python\n(.*?)```", document.read_text(), re.DOTALL)
    assert found is not None
    code = found[1].replace(
        "from dlt.sources.rest_api import rest_api_source",
        "from headwater import rest_api_source",
    )
    assert "from headwater import rest_api_source" in code
    code = code.replace("https://api.example.com", base_url)
    taken: list[dict[str, Any]] = []
    code = code.replace("source = rest_api_source(", "source = keep(")
    exec(compile(code, str(document), "exec"), {"keep": taken.append})
    return taken[0]


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_KEY", KEY)
    monkeypatch.setenv("ACCESS_TOKEN", KEY)


@pytest.mark.skipif(not documents(), reason="the documents are not here")
@pytest.mark.parametrize("document", documents(), ids=lambda path: path.name[:3])
def test_a_document_loads_every_row_of_every_resource(document: Path, tmp_path: Path) -> None:
    """Each document's config, as written, gives every row that the API holds."""
    plan = make_plan(read_config(config_in(document, "http://127.0.0.1:1")))
    with Simulator(plan, Options(rows=23)) as api:
        source = rest_api_source(config_in(document, api.base_url))
        pipeline = dlt.pipeline(
            "documents",
            destination=dlt.destinations.duckdb(str(tmp_path / "it.duckdb")),
            dataset_name="raw",
            pipelines_dir=str(tmp_path / "pipelines"),
        )
        pipeline.run(source)
        with duckdb.connect(str(tmp_path / "it.duckdb"), read_only=True) as database:
            for step in plan.steps:
                loaded = database.execute(f'SELECT id FROM raw."{step.name}"').fetchall()
                wanted = {row["id"] for row in api.truth(step.name)}
                assert sorted(row[0] for row in loaded) == sorted(wanted), step.name
                assert wanted, step.name
