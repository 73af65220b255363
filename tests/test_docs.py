"""The docs name every command and option, and their links lead somewhere."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import get_type_hints

import pytest
import typer
from dlt.sources.rest_api import rest_api_source as dlt_source
from dlt.sources.rest_api import typing

from headwater.cli import app

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
LINK = re.compile(r"\]\(([^)\s]+)\)")
TEST = re.compile(r"`(?:tests/[\w/]+\.py)?:*(test_\w+)`")
COMMANDS = getattr(typer.main.get_command(app), "commands", {})


def sections() -> dict[str, str]:
    """The text below each heading of docs/cli.md that names a command."""
    text = (ROOT / "docs/cli.md").read_text()
    parts = re.split(r"^## headwater (\w+).*$", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_every_command_has_a_section_and_no_other_has() -> None:
    """docs/cli.md describes the commands that there are."""
    assert sorted(sections()) == sorted(COMMANDS)


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_every_option_is_described(command: str) -> None:
    """Each option stands in the section of its command, or before all of them where all have it."""
    said = sections()[command]
    everywhere = (ROOT / "docs/cli.md").read_text().partition("\n## ")[0]
    for option in COMMANDS[command].params:
        name = option.opts[0]
        if name.startswith("--"):
            assert re.search(rf"{name}\b", said + everywhere), f"{command} {name}"


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_no_option_is_described_that_is_not_there(command: str) -> None:
    """An option that a section names is one of its command."""
    known = {name for option in COMMANDS[command].params for name in option.opts}
    assert set(re.findall(r"--[a-z][a-z-]+", sections()[command])) <= known


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_to_files(page: Path) -> None:
    """A relative link of README and docs names a file of this repository."""
    for target in LINK.findall(page.read_text()):
        if "://" not in target and not target.startswith("#"):
            assert (page.parent / target.partition("#")[0]).exists(), target


def test_the_tests_that_guarantees_name_exist() -> None:
    """A promise that names its test names one that is there."""
    promises = (ROOT / "docs/guarantees.md").read_text()
    tests = "".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))
    named = TEST.findall(promises)
    assert named
    assert [name for name in named if f"def {name}(" not in tests] == []
    files = re.findall(r"`(tests/[\w/]+\.py)", promises)
    assert [file for file in files if not (ROOT / file).exists()] == []


def dlt_keys() -> set[str]:
    """Every key of dlt's vocabulary, and every argument of its source."""
    said = [
        typing.ApiKeyAuthConfig,
        typing.BearerTokenAuthConfig,
        typing.ClientConfig,
        typing.Endpoint,
        typing.EndpointResource,
        typing.HeaderCursorPaginatorConfig,
        typing.HeaderLinkPaginatorConfig,
        typing.HttpBasicAuthConfig,
        typing.IncrementalConfig,
        typing.IncrementalParamConfig,
        typing.JSONLinkPaginatorConfig,
        typing.JSONResponseCursorPaginatorConfig,
        typing.OAuth2ClientCredentialsConfig,
        typing.OffsetPaginatorConfig,
        typing.PageNumberPaginatorConfig,
        typing.ProcessingSteps,
        typing.RESTAPIConfig,
        typing.ResolveParamConfig,
        typing.ResponseActionDict,
    ]
    keys = {key for one in said for key in get_type_hints(one)}
    return (keys | set(inspect.signature(dlt_source).parameters)) - {"config"}


def test_every_key_of_dlt_has_its_verdict() -> None:
    """The table of keys in coming-from-dlt.md has each of dlt's, and none without a verdict."""
    page = (ROOT / "docs/coming-from-dlt.md").read_text().partition("## Every key")[2]
    rows = [line.split("|")[1:-1] for line in page.splitlines() if line.startswith("| ")][1:]
    named = {key for row in rows for key in re.findall(r"`(\w+)`", row[1])}
    assert dlt_keys() <= named
    assert {row[2].strip() for row in rows} == {"same", "better"}
