"""The command line: `headwater demo | check | plan | sync | connectors | simulate | schema`."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from headwater.cli import check, connectors, demo, plan, schema, simulate, sync
from headwater.cli.guard import Commands, calm_asyncio, calm_full_disk

__all__ = ["app", "main"]

QUIET = {"RUNTIME__DLTHUB_TELEMETRY": "false", "RUNTIME__LOG_LEVEL": "ERROR"}
EPILOG = (
    "Exit codes: 0 complete, 1 not complete or failed, 2 wrong config or command line,"
    " 70 a fault in headwater itself, 130 interrupted."
)

app = typer.Typer(
    name="headwater",
    cls=Commands,
    epilog=EPILOG,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


def show_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import PackageNotFoundError, version

        try:
            typer.echo(f"headwater {version('headwater')}")
        except PackageNotFoundError:
            typer.echo("headwater (not installed)")
        raise typer.Exit


@app.callback()
def headwater(
    version: Annotated[
        bool,
        typer.Option("--version", help="Print the version.", callback=show_version, is_eager=True),
    ] = False,
) -> None:
    """Load REST APIs into warehouses from a short config, with every row accounted for."""


for command in (
    demo.demo,
    check.check,
    plan.plan,
    sync.sync,
    connectors.connectors,
    simulate.simulate,
    schema.schema,
):
    app.command()(command)


def main() -> None:
    """Run the command line and exit with its code."""
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    calm_asyncio()
    calm_full_disk()
    app(prog_name="headwater")
