"""`headwater demo`: the packaged connectors on built-in APIs, loaded into one DuckDB file."""

from __future__ import annotations

import secrets
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from headwater.cli.options import Debug
from headwater.cli.progress import progress_for
from headwater.cli.reading import draft
from headwater.cli.show import amount, cells, say, show, warn

if TYPE_CHECKING:
    from headwater.sync import Synced

__all__ = ["demo", "tables_in"]

FILE_NAME = "headwater-demo.duckdb"


def demo(
    rows: Annotated[int, typer.Option(min=1, help="Rows of each listing without parents.")] = 40,
    folder: Annotated[
        Path, typer.Option("--dir", metavar="DIR", help="Where the DuckDB file goes.")
    ] = Path(),
    debug: Debug = False,
) -> None:
    """Load five built-in APIs into a DuckDB file; needs no key.

    The APIs are those of the packaged connectors, simulated inside this process: nothing leaves
    this machine.
    """
    from headwater.config.source import connector_names

    folder.mkdir(parents=True, exist_ok=True)
    path = folder / FILE_NAME
    for old in (path, path.with_name(f"{FILE_NAME}.wal")):
        old.unlink(missing_ok=True)
    complete = True
    with tempfile.TemporaryDirectory(prefix="headwater-demo-") as pipelines:
        for name in connector_names():
            result = load(name, path, rows, pipelines)
            complete &= result.report.complete
            show_system(name, path, result)
    show_closing(path)
    if not complete:
        raise typer.Exit(1)


def load(name: str, path: Path, rows: int, pipelines: str) -> Synced:
    """One connector, loaded from its simulated API into a dataset of its name.

    `pipelines` is a folder for dlt's working files, so that nothing of the demo stays behind.
    """
    from headwater.config.read import read_config
    from headwater.simulate import Options, Simulator
    from headwater.sync import sync

    key = secrets.token_urlsafe(16)
    plan = draft(name, {}, lambda wanted, of: key).plan
    with Simulator(plan, Options(rows=rows)) as api:
        config = read_config(name, params={"base_url": api.base_url}, secret=lambda wanted, of: key)
        names = [step.name for step in plan.steps]
        with progress_for(plan, names, silent=not sys.stderr.isatty()) as progress:
            return sync(
                config,
                to=f"duckdb:///{path}",
                dataset=name,
                pipeline_name=f"headwater_demo_{name}",
                pipelines_dir=pipelines,
                listener=progress,
            )


def tables_in(path: Path, dataset: str) -> list[tuple[str, int]]:
    """The tables of a dataset with their rows, as DuckDB itself counts them; dlt's own left out."""
    import duckdb

    with duckdb.connect(str(path), read_only=True) as database:
        found = database.execute(
            "select table_name from information_schema.tables where table_schema = ?"
            " and not starts_with(table_name, '_dlt_') order by table_name",
            [dataset],
        ).fetchall()
        counted: list[tuple[str, int]] = []
        for (name,) in found:
            row = database.execute(f'select count(*) from "{dataset}"."{name}"').fetchone()
            counted.append((name, row[0] if row else 0))
    return counted


def show_system(name: str, path: Path, result: Synced) -> None:
    """One system: what it came to, and its tables with their rows."""
    tables = tables_in(path, result.dataset)
    rows = amount(sum(count for _, count in tables), "row")
    asked = amount(result.report.requests, "request")
    say(f"{name}: {rows} in {amount(len(tables), 'table')}, {asked}, {result.seconds:.1f} s")
    show(cells([(table, f"{count:,}") for table, count in tables]))
    for item in result.report.resources:
        if item.status != "complete":
            warn(f"{item.resource} is {item.outcome}: {'; '.join(item.notes)}")
    say()


def show_closing(path: Path) -> None:
    query = "select name, story_type, current_state from project_tracker.stories limit 5"
    say(f"where: {path.resolve()}")
    say(f"try:   {python()} -c \"import duckdb; print(duckdb.connect('{path}').sql('{query}'))\"")


def python() -> str:
    """The Python that has DuckDB, from here."""
    ours, here = Path(sys.executable), Path.cwd()
    return str(ours.relative_to(here) if ours.is_relative_to(here) else ours)
