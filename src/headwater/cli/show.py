"""How results look: coloured and fitted on a terminal, plain and never wrapped elsewhere."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import typer

from headwater.errors import Problem

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

__all__ = ["amount", "cells", "grid", "print_json", "say", "show", "warn"]

PIPED_WIDTH = 4096


def show(thing: RenderableType) -> None:
    """Print `thing` on stdout; lines are as long as they need to be when that is no terminal."""
    from rich.console import Console

    if sys.stdout.isatty():
        Console(highlight=False).print(thing)
        return
    console = Console(
        width=PIPED_WIDTH, highlight=False, color_system=None, force_terminal=False, file=sys.stdout
    )
    with console.capture() as captured:
        console.print(thing)
    for line in captured.get().splitlines():
        typer.echo(line.rstrip())


def say(text: str = "") -> None:
    """Print `text` on stdout as it is."""
    typer.echo(text)


def warn(problem: Problem | str) -> None:
    """Print a warning on stdout, yellow on a terminal."""
    prefix = "warning: "
    if sys.stdout.isatty():
        prefix = typer.style(prefix, fg="yellow", bold=True)
    typer.echo(f"{prefix}{problem}")


def print_json(document: Any) -> None:
    """Print one JSON document on stdout."""
    typer.echo(json.dumps(document, indent=2, ensure_ascii=False, default=str))


def grid(*columns: str, right: tuple[str, ...] = ()) -> Table:
    """A table without lines: a heading for each column, those in `right` set to the right."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold", pad_edge=False)
    for name in columns:
        justify = "right" if name in right else "left"
        table.add_column(Text(name), justify=justify, overflow="fold", no_wrap=name in right)  # type: ignore[arg-type]
    return table


def amount(number: int, noun: str) -> str:
    """`1 row`, `2,000 rows`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def cells(pairs: list[tuple[str, str]]) -> RenderableType:
    """Names with their figures: in as many columns as a terminal holds, else a line each."""
    from rich.columns import Columns
    from rich.table import Table
    from rich.text import Text

    wide = max((len(name) for name, _ in pairs), default=0)
    far = max((len(figure) for _, figure in pairs), default=0)
    items = [
        Text.assemble("  ", (name.ljust(wide), "cyan"), " ", figure.rjust(far))
        for name, figure in pairs
    ]
    if sys.stdout.isatty():
        return Columns(items, padding=(0, 1), column_first=True)
    table = Table.grid()
    for item in items:
        table.add_row(item)
    return table
