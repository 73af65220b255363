"""Options that several commands share, and what their text means."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

import typer

from headwater.cli.guard import ask_for_json, ask_for_traceback
from headwater.errors import UsageError

__all__ = ["AsJson", "ConfigName", "Debug", "Settings", "settings"]

ConfigName = Annotated[
    str,
    typer.Argument(
        metavar="CONFIG",
        help="A .yaml or .json file, or the name of a packaged connector.",
        show_default=False,
    ),
]
Settings = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="A parameter of the config, repeatable.",
        show_default=False,
    ),
]
AsJson = Annotated[
    bool, typer.Option("--json", help="Print one JSON document.", callback=ask_for_json)
]
Debug = Annotated[
    bool,
    typer.Option("--debug", help="Show the traceback of an error.", callback=ask_for_traceback),
]


def settings(texts: Iterable[str] | None) -> dict[str, str]:
    """The parameters that `--set key=value` texts give. Raises UsageError on any other text."""
    found: dict[str, str] = {}
    for text in texts or ():
        key, sign, value = text.partition("=")
        if not sign or not key.strip():
            raise UsageError(
                f"--set {text}: a key and a value are expected (write --set key=value)"
            )
        found[key.strip()] = value
    return found
