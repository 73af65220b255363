"""One config into DuckDB, Postgres, Parquet and Delta: what the API holds, and what dlt loads."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from dlt.sources.rest_api import rest_api_source as dlts_own
from tests.destinations.places import Place
from tests.destinations.world import DISPOSITIONS, LATER, NOW, config, held, serve, wanted
from tests.load.conftest import Api

from headwater import rest_api_source


def loaded(place: Place, resource: str) -> list[Any]:
    return held(place.tables(), resource, texts=place.kind in ("parquet", "delta"))


def roots_alone(trees: list[Any]) -> list[Any]:
    return [values for values, _ in trees]


def test_every_row_of_two_runs_arrives(api: Api, place: Place) -> None:
    """After each of two runs the tables hold the rows, lists and nested lists of the API.

    They are those, too, that dlt loads there of the same config; but on Delta it leaves the old
    rows of lists that became shorter.
    """
    theirs = replace(place, folder=place.folder / "dlt", dataset=f"dlt_{place.dataset}")
    theirs.folder.mkdir()
    runs = []
    for world in (NOW, LATER):
        serve(api, world)
        runs.append(world)
        place.load(rest_api_source(config(api.base_url)))
        for resource in DISPOSITIONS:
            assert loaded(place, resource) == wanted(resource, runs, merges=place.merges), resource
        theirs.load(dlts_own(config(api.base_url)))
    for resource, disposition in DISPOSITIONS.items():
        ours, own = loaded(place, resource), loaded(theirs, resource)
        if place.kind == "delta" and disposition == "merge":
            ours, own = roots_alone(ours), roots_alone(own)
        assert ours == own, resource


@pytest.mark.parametrize("place", ["delta"], indirect=True)
def test_a_key_that_comes_twice_does_not_stop_delta(api: Api, place: Place) -> None:
    """Delta refuses a batch with a key twice: the first row of each key is loaded, run for run."""
    rows = {"primary_key": "Id", "write_disposition": "merge"}
    words = {"client": {"base_url": api.base_url}, "resources": [{"name": "rows", **rows}]}
    for n, odd in enumerate([1, "text", 3]):
        one, two = {"Id": 1, "tags": ["a", odd]}, {"Id": 2, "tags": [str(n)]}
        api.paths["rows"] = [one, two, {**one, "tags": []}, {**two, "more": 1}]
        place.load(rest_api_source(words))
        tables = place.tables()
        assert sorted(row["id"] for row in tables["rows"]) == [1, 2]
        tags = [row["value"] for row in tables["rows__tags"] if row["_dlt_parent_id"] == "2"]
        assert tags == [str(n)]
        assert len(tables["rows__tags"]) == 3
