"""`headwater sync --to URL` into each kind of destination."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.destinations.conftest import Postgres
from tests.destinations.places import Place
from tests.destinations.world import DISPOSITIONS, LATER, NOW, config, held, serve, wanted
from tests.load.conftest import Api
from typer.testing import CliRunner, Result

from headwater.cli import app
from headwater.errors import UsageError
from headwater.load.destination import target_of


def synced(place: Place, api: Api, url: str) -> Result:
    file = place.folder / "it.json"
    file.write_text(json.dumps({"name": "places", **config(api.base_url)}))
    words = ["sync", str(file), "--to", url, "--dataset", place.dataset, "--json"]
    return CliRunner().invoke(app, words, prog_name="headwater")


@pytest.mark.parametrize("place", ["postgres", "parquet", "delta"], indirect=True)
def test_the_command_loads_into_a_url(
    api: Api, place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two runs of the command leave every row at the URL; the query that it shows finds some."""
    monkeypatch.setenv("DLT_DATA_DIR", str(tmp_path / "pipelines"))
    for world in (NOW, LATER):
        serve(api, world)
        result = synced(place, api, place.url)
        assert result.exit_code == 0, result.stderr
    tables = place.tables()
    for resource in DISPOSITIONS:
        texts = place.kind in ("parquet", "delta")
        trees = held(tables, resource, texts=texts)
        assert trees == wanted(resource, [NOW, LATER], merges=place.merges), resource
    report = json.loads(result.stdout)
    assert "any" not in report["location"]
    shown: list[str] = shlex.split(report["query"])
    if shown[0] == "python":
        found = subprocess.run([sys.executable, *shown[1:]], capture_output=True, check=True)
        assert found.stdout


def test_a_password_that_is_missing_is_named(
    api: Api, postgres: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a password anywhere the error says which setting is missing and where it may be."""
    monkeypatch.delenv("PGPASSWORD", raising=False)
    monkeypatch.setenv("DLT_DATA_DIR", str(tmp_path / "pipelines"))
    serve(api, NOW)
    result = synced(Place("postgres", tmp_path), api, postgres.url.replace(":any@", "@"))
    assert result.exit_code == 2
    assert result.stderr == (
        "postgres: missing: password"
        " (say it in the URL, or set DESTINATION__CREDENTIALS__PASSWORD)\n"
    )


def test_the_password_of_psql_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """PGPASSWORD fills in for a password that the URL lacks, and is shown nowhere."""
    monkeypatch.setenv("PGPASSWORD", "s3/cret")
    target = target_of("postgresql://user@[::1]:5433/db?sslmode=require")
    assert target.location == "postgresql://user@[::1]:5433/db"
    given: Any = target.destination.config_params["credentials"]
    assert given == "postgresql://user:s3%2Fcret@[::1]:5433/db?sslmode=require"


def test_delta_without_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    """A Delta folder is refused before anything is asked where the package is missing."""
    monkeypatch.setattr("headwater.load.destination.find_spec", lambda _: None)
    with pytest.raises(UsageError, match=r"pip install 'headwater\[delta\]'"):
        target_of("filesystem:///lake?format=delta")
