"""What all commands share: exit codes, error texts, help; and the small commands."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from headwater.cli.guard import Commands
from headwater.cli.options import Debug, settings
from headwater.errors import FetchError, UsageError

Run = Callable[..., Result]
SOURCE = Path(__file__).parents[2] / "src"
COMMANDS = ["demo", "check", "plan", "sync", "connectors", "simulate", "schema"]


def failing(error: BaseException) -> typer.Typer:
    """A command line of the same make whose one command fails."""
    app = typer.Typer(cls=Commands, add_completion=False, pretty_exceptions_enable=False)

    @app.callback()
    def top() -> None:
        """Nothing."""

    @app.command()
    def fail(debug: Debug = False) -> None:
        raise error

    return app


@pytest.mark.parametrize(
    ("error", "code", "text"),
    [
        (
            FetchError("GET https://a.x -> 429 after 4 tries"),
            1,
            "GET https://a.x -> 429 after 4 tries\n",
        ),
        (UsageError("--to x: unknown"), 2, "--to x: unknown\n"),
        (KeyboardInterrupt(), 130, "interrupted\n"),
        (
            ZeroDivisionError("division\n by zero"),
            70,
            (
                "headwater failed: ZeroDivisionError: division by zero\n"
                "run again with --debug for the traceback\n"
            ),
        ),
    ],
)
def test_an_error_is_one_line_and_an_exit_code(error: BaseException, code: int, text: str) -> None:
    """No traceback reaches the reader, whatever went wrong."""
    result = CliRunner().invoke(failing(error), ["fail"])
    assert (result.exit_code, result.stdout, result.stderr) == (code, "", text)


def test_debug_shows_the_traceback() -> None:
    """With --debug the traceback comes before the line."""
    result = CliRunner().invoke(failing(ZeroDivisionError("oh")), ["fail", "--debug"])
    assert result.stderr.startswith("Traceback (most recent call last)")
    assert result.stderr.endswith("headwater failed: ZeroDivisionError: oh\n")


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (
            ("check", "tracker.yml"),
            "tracker.yml: no such file (no config file is in that folder)\n",
        ),
        (
            ("plan", "projet_api"),
            (
                "projet_api: is neither a config file nor a connector (a file ends in .yaml, .yml"
                " or .json; packaged connectors: delivery, feature_flags, project_api,"
                " project_tracker, time_tracking)\n"
            ),
        ),
        (
            ("connectors", "projet_api"),
            "there is no connector `projet_api` (did you mean `project_api`?)\n",
        ),
        (
            ("plan", "project_api", "--set", "base_url"),
            "--set base_url: a key and a value are expected (write --set key=value)\n",
        ),
        (
            ("plan", "project_api", "--set", "bas_url=http://x"),
            (
                "--set bas_url: project_api.yaml has no parameter `bas_url`"
                " (did you mean `base_url`?)\n"
            ),
        ),
    ],
)
def test_wrong_words_are_exit_code_2(run: Run, words: tuple[str, ...], text: str) -> None:
    """What the reader wrote wrongly is named with what would be right."""
    result = run(*words)
    assert (result.exit_code, result.stdout, result.stderr) == (2, "", text)


@pytest.mark.parametrize("words", [("nothing",), ("sync",), ("plan", "x", "--colour")])
def test_wrong_usage_is_exit_code_2(run: Run, words: tuple[str, ...]) -> None:
    """An unknown command or option, or a missing argument, is the same exit code."""
    assert run(*words).exit_code == 2


def test_settings_keep_what_follows_the_first_sign() -> None:
    """A value may hold `=` itself, and may be empty."""
    assert settings(["a=b=c", "d="]) == {"a": "b=c", "d": ""}


@pytest.mark.parametrize("command", COMMANDS)
def test_help_has_a_sentence_for_each_command(run: Run, command: str) -> None:
    """Each command is in the overview, in whole words, and explains itself."""
    overview = run("--help").stdout
    (line,) = [line for line in overview.splitlines() if line.startswith(f"  {command} ")]
    assert line.endswith(".")
    assert not line.endswith("...")
    assert "--debug" in run(command, "--help").stdout


def test_version(run: Run) -> None:
    """--version names the program."""
    result = run("--version")
    assert result.exit_code == 0
    assert result.stdout.startswith("headwater ")


def test_connectors(run: Run) -> None:
    """Every packaged connector is a line: resources, parameters, secrets, what it is."""
    lines = run("connectors").stdout.splitlines()
    assert [line.split()[0] for line in lines] == [
        "connector",
        "delivery",
        "feature_flags",
        "project_api",
        "project_tracker",
        "time_tracking",
    ]
    assert lines[1].split(maxsplit=4)[1:4] == ["24", "base_url", "api_key"]


def test_one_connector(run: Run) -> None:
    """A connector's parameters, secrets and resources."""
    text = run("connectors", "feature_flags").stdout
    described, parameters, secrets, table, last = text.split("\n\n")
    assert described.startswith("feature_flags: ")
    assert parameters.splitlines()[0] == "parameters"
    assert parameters.splitlines()[1].startswith("  base_url: ")
    assert secrets == "secrets\n  access_token: Access token, sent in the header `api_key`"
    assert table.splitlines()[0].split() == ["resource", "path", "key", "parent", "columns"]
    path = "/v1/projects/{project_key}/environments"
    assert table.splitlines()[2].split()[:4] == ["environments", path, "id", "projects"]
    assert last == "6 resources; columns: add --schema\n"


def test_columns_of_a_connector(run: Run) -> None:
    """--schema prints the columns of each resource with type and key."""
    lines = run("connectors", "project_api", "--schema").stdout.splitlines()
    assert lines[:2] == [
        "resource_name    type",
        "id               bigint     key, never null",
    ]
    assert "updated_at       timestamp  never null" in lines


def test_schema(run: Run) -> None:
    """`schema` prints a JSON Schema."""
    pytest.importorskip("headwater.config.schema")
    document = json.loads(run("schema").stdout)
    assert document["type"] == "object"
    assert {"client", "resources"} <= set(document["properties"])


def test_help_is_fast_because_it_loads_nothing_heavy() -> None:
    """The overview imports neither dlt, pyarrow, pydantic nor rich."""
    code = (
        "import sys, headwater.cli\n"
        "print([m for m in ('dlt', 'pyarrow', 'pydantic', 'rich', 'aiohttp') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(SOURCE)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "[]\n"
