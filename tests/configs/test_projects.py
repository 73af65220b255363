"""Projects in the style of those that people have: both sources load the same tables of them.

A project is a module as it would stand in a dlt project. Only its import is changed for headwater,
and for both the address of the service.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import duckdb
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "parity"))
from reference import tree_of
from tests.configs.apis import APIS, serving_api
from tests.destinations.places import Place, Tables

PROJECTS = sorted(Path(__file__).with_name("projects").glob("*.py"))
SECRETS = ("access_token", "api_key", "stripe_key", "hubspot_token", "jira_token", "zendesk_token",
           "notion_token", "slack_token", "airtable_key", "zoom_client_id", "zoom_client_secret",
           "gitlab_token")  # fmt: skip
COUNTS = {
    "airtable": {"people": 9, "things": 4},
    "github": {"issues": 10, "issue_comments": 30, "comment_reactions": 30, "contributors": 11},
    "gitlab": {"groups": 5, "projects": 14, "pipelines": 31},
    "hubspot": {"contacts": 12, "companies": 12, "changed_deals": 11},
    "jira": {"projects": 9, "versions": 45, "issues": 11},
    "notion": {"pages": 20},
    "pokeapi": {"berry": 16, "pokemon_details": 16},
    "salesforce": {"account": 11, "contact": 4},
    "shopify": {"shop_products": 14, "orders": 13},
    "slack": {"channels": 7, "messages": 28},
    "stripe": {"customers": 13, "charges": 8},
    "zendesk": {"tickets": 10, "ticket_comments": 51},
    "zoom": {"users": 6, "meetings": 21},
}
"""How many rows of each resource the APIs hold, less those that a project filters."""


def source_of(project: Path, origin: str, *, ours: bool) -> Any:
    """What the module's `source()` gives."""
    code = re.sub(r"https://[\w.-]+", origin, project.read_text(encoding="utf-8"))
    if ours:
        code = code.replace("from dlt.sources.rest_api import", "from headwater import")
        assert "from headwater import" in code
    module = ModuleType(f"project_{project.stem}")
    sys.modules[module.__name__] = module  # where dlt looks for a source's own module
    exec(compile(code, str(project), "exec"), module.__dict__)
    return module.source()


def trees(tables: Tables) -> dict[str, list[Any]]:
    """Rows as trees by root table."""
    roots = [name for name in tables if "__" not in name]
    return {
        root: sorted(
            tree_of(
                {k: v for k, v in tables.items() if v and (k == root or k.startswith(f"{root}__"))},
                root,
            ),
            key=repr,
        )
        for root in roots
    }


def types(place: Place) -> dict[tuple[str, str], str]:
    """The type of each column."""
    with duckdb.connect(str(place.folder / "it.duckdb"), read_only=True) as database:
        found = database.execute(
            "SELECT table_name, column_name, data_type FROM duckdb_columns()"
            " WHERE schema_name = ? AND NOT starts_with(table_name, '_dlt')"
            " AND column_name != '_dlt_deleted'",
            [place.dataset],
        ).fetchall()
    return {(table, column): kind for table, column, kind in found}


@pytest.fixture(autouse=True)
def secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in SECRETS:
        monkeypatch.setenv(name.upper(), f"s3cret-{name}")


def test_there_are_a_dozen_projects() -> None:
    """Every project has an API to run on, and every API a project."""
    assert [project.stem for project in PROJECTS] == sorted(APIS)
    assert len(PROJECTS) >= 12


@pytest.mark.parametrize("project", PROJECTS, ids=lambda path: path.stem)
def test_a_project_runs_unchanged_but_for_the_import(project: Path, tmp_path: Path) -> None:
    """Tables, types, values and links are those that dlt's own source loads.

    Where a cursor is kept, after a second run.
    """
    runs = 2 if "incremental" in project.read_text(encoding="utf-8") else 1
    places = {}
    with serving_api(APIS[project.stem]) as origin:
        for ours in (True, False):
            folder = tmp_path / ("ours" if ours else "theirs")
            folder.mkdir()
            place = places[ours] = Place("duckdb", folder)
            for _ in range(runs):
                place.load(source_of(project, origin, ours=ours))
    ours, theirs = trees(places[True].tables()), trees(places[False].tables())
    assert {name: len(rows) for name, rows in ours.items()} == COUNTS[project.stem]
    for name in theirs:
        assert ours[name] == theirs[name], name
    assert types(places[True]) == types(places[False])
