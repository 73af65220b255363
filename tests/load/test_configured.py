"""The decorated source and the check of a connection, as dlt has them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import dlt
import pytest
from dlt.sources import rest_api as dlts
from tests.load.beside import listing, one, served

import headwater

# A place of its own: what is put into dlt's configuration stays there.
SECTION = "test_configured"
SOURCE = f"sources.{SECTION}.tracker"


def rows(asked: Any) -> Any:
    right = asked.header("authorization") in ("", "Bearer t0k")
    return {"data": [{"id": 1}, {"id": 2}]} if right else (401, {}, {"key": "wrong"})


def test_a_source_takes_its_config_from_dlts(tmp_path: Path) -> None:
    """Client and resources may come from dlt's configuration, as for dlt's own source."""
    outcomes = []
    for name, factory in (("dlt", dlts.rest_api), ("ours", headwater.rest_api)):
        make = factory.clone(name="tracker", section=SECTION)
        with served(rows) as server:
            config = listing(server.base_url, {"auth": {"type": "bearer", "token": "t0k"}})
            dlt.config[f"{SOURCE}.client"] = config["client"]
            dlt.config[f"{SOURCE}.resources"] = config["resources"]
            outcomes.append(one(lambda _, make=make: make(), server, {}, tmp_path / name))
    theirs, mine = outcomes
    assert mine.error == theirs.error == ""
    assert mine.asked == theirs.asked
    assert mine.rows == theirs.rows == {"rows": [(1,), (2,)]}


def test_a_source_takes_its_config_from_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is given is taken, what is not comes from variables, a secret from its own."""
    place = f"SOURCES__{SECTION}__BOARD__".upper()
    make = headwater.rest_api.clone(name="board", section=SECTION)
    with served(rows) as server:
        config = listing(server.base_url, {"auth": "bearer"})
        monkeypatch.setenv(f"{place}CLIENT", json.dumps(config["client"]))
        monkeypatch.setenv(f"{place}CREDENTIALS__TOKEN", "t0k")
        outcome = one(lambda _: make(resources=config["resources"]), server, {}, tmp_path)
    assert outcome.error == ""
    assert outcome.asked[0].header("authorization") == "Bearer t0k"
    assert outcome.rows == {"rows": [(1,), (2,)]}


def test_the_source_is_one_that_dlt_can_clone() -> None:
    """It is a source of dlt's: it may be cloned under another name."""
    config = listing("http://127.0.0.1:1")
    source = headwater.rest_api.clone(name="tracker")(**config)
    assert source.name == "tracker"
    assert list(source.resources) == ["rows"]


def test_a_connection_that_works_is_said_to() -> None:
    """The answer is that of dlt, and a page is all that is asked for."""
    for make, check in (
        (dlts.rest_api_source, dlts.check_connection),
        (headwater.rest_api_source, headwater.check_connection),
    ):
        with served(rows) as server:
            assert check(make(listing(server.base_url)), "rows") == (True, "")
            assert len(server.seen) == 1


def test_a_connection_that_fails_is_explained() -> None:
    """The text says what the API answered, without the key."""
    with served(rows) as server:
        config = listing(server.base_url, {"auth": {"type": "bearer", "token": "wr0ng-t0ken"}})
        fine, text = headwater.check_connection(headwater.rest_api_source(config), "rows")
    assert not fine
    assert "-> 401 Unauthorized" in text
    assert "wr0ng" not in text
