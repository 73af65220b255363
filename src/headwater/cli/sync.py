"""`headwater sync`: load an API into a destination, and say what was loaded."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from headwater.cli.guard import document_said, problems_of
from headwater.cli.options import AsJson, ConfigName, Debug, Settings, settings
from headwater.cli.progress import progress_for
from headwater.cli.reading import real_secret
from headwater.cli.show import amount, grid, print_json, say, show, warn
from headwater.errors import HeadwaterError, UsageError

if TYPE_CHECKING:
    from rich.table import Table

    from headwater.plan.graph import Plan
    from headwater.report import Report
    from headwater.sync import Synced

__all__ = ["as_document", "dataset_of", "report_table", "sync", "wanted"]

SHOWN_NOTES = 5
To = Annotated[
    str | None,
    typer.Option(
        metavar="URL",
        help="Where to: duckdb:///file.duckdb, postgresql://user:password@host/db,"
        " filesystem:///dir?format=delta or a dlt destination.",
        show_default="duckdb:///NAME.duckdb",
    ),
]
Dataset = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="The schema to load into.", show_default="NAME or NAME_data"),
]
Resources = Annotated[
    list[str] | None,
    typer.Option(metavar="NAME", help="Only this resource, repeatable.", show_default=False),
]
Limit = Annotated[
    int | None,
    typer.Option(min=1, help="About this many rows of each root listing.", show_default=False),
]
FullRefresh = Annotated[
    bool, typer.Option("--full-refresh", help="Drop what is there and load all anew.")
]
Pipeline = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="Name of the dlt pipeline.", show_default=False),
]


def sync(
    context: typer.Context,
    config: ConfigName,
    to: To = None,
    dataset: Dataset = None,
    resource: Resources = None,
    set_: Settings = None,
    limit: Limit = None,
    full_refresh: FullRefresh = False,
    pipeline: Pipeline = None,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Load an API into a destination and say what was loaded.

    Exit code 1 when anything is not complete.
    """
    from headwater.config.read import read_config
    from headwater.plan.graph import make_plan

    read = read_config(config, params=settings(set_), secret=real_secret)
    plan = make_plan(read)
    names = wanted(plan, resource or [])
    target = to or f"duckdb:///{read.name}.duckdb"
    # Only now: what is wrong with the config is said without waiting for dlt to be imported.
    from headwater.sync import PartlyLoaded
    from headwater.sync import sync as run

    short: PartlyLoaded | None = None
    with progress_for(plan, names, silent=as_json) as progress:
        try:
            result = run(
                read,
                to=target,
                dataset=dataset_of(target, dataset, read.name),
                resources=tuple(resource or ()),
                limit=limit,
                full_refresh=full_refresh,
                pipeline_name=pipeline,
                listener=progress,
            )
        except PartlyLoaded as error:
            result, short = error.synced, error
        progress.finish(result.report)
    if as_json:
        print_json(as_document(result, short))
        document_said(context)
    else:
        show_result(result, () if short is None else str(short).splitlines())
    if short is not None:
        raise short
    if not result.report.complete:
        raise typer.Exit(1)


def wanted(plan: Plan, chosen: list[str]) -> list[str]:
    """The resources that will be read for `chosen`, parents included; all where none is chosen.

    Raises UsageError on a name that is no resource, with the nearest one.
    """
    from headwater.config.words import suggest

    known = [step.name for step in plan.steps]
    for name in chosen:
        if name not in known:
            raise UsageError(
                f"--resource {name}: there is no such resource ({suggest(name, known)})"
            )
    needed = {above for name in chosen for above in (name, *plan.ancestors(name))}
    return [name for name in known if name in needed or not chosen]


def dataset_of(target: str, chosen: str | None, name: str) -> str:
    """The dataset to load into: the one chosen, else called like the config.

    A DuckDB file is a catalog of its own name, and a schema of that name too would be ambiguous.
    Raises UsageError where it was chosen so.
    """
    catalog = Path(target).stem.lower() if target.startswith("duckdb:") else None
    if chosen is not None and chosen.lower() == catalog:
        hint = f"write --dataset {chosen}_data"
        raise UsageError(f"--dataset {chosen}: is also the name of the DuckDB file ({hint})")
    default = f"{name}_data" if name.lower() == catalog else name
    return chosen or default


def as_document(result: Synced, short: HeadwaterError | None = None) -> dict[str, Any]:
    """A run as one JSON document; `short` says what is missing."""
    return {
        "ok": result.report.complete and short is None,
        "problems": problems_of(short) if short else [],
        **result.report.to_json(),
        "withheld": list(result.withheld),
        "destination": result.destination,
        "location": result.location,
        "dataset": result.dataset,
        "tables": [
            {"name": table.name, "rows": table.rows, "resource": table.resource}
            for table in result.tables
        ],
        "query": result.query,
        "seconds": round(result.seconds, 3),
    }


def show_result(result: Synced, told: Collection[str] = ()) -> None:
    """A run for people; lines that are `told` by its error are left out."""
    report = result.report
    show(report_table(report))
    show_notes(report, told)
    tables = amount(len(result.tables), "table")
    rows = amount(sum(table.rows for table in result.tables), "row")
    say(f"\n{rows} in {tables} of dataset {result.dataset}, {result.seconds:.1f} s")
    say(f"where: {result.location}")
    if result.query:
        say(f"try:   {result.query}")
    if not report.complete:
        short = [item.resource for item in report.resources if item.status != "complete"]
        say()
        warn(f"not complete: {', '.join(short)}")
    if result.withheld:
        warn(f"not loaded, left as before: {', '.join(result.withheld)}")


def report_table(report: Report) -> Table:
    """One line for each resource."""
    from rich.text import Text

    figures = ("rows", "requests", "retries", "seconds")
    retried = any(item.retries for item in report.resources)
    heads = [name for name in figures if name != "retries" or retried]
    table = grid("resource", *heads, "status", right=figures)
    for item in report.resources:
        cells = {
            "rows": f"{item.rows:,}",
            "requests": f"{item.requests:,}",
            "retries": f"{item.retries:,}",
            "seconds": f"{item.seconds:.1f}",
        }
        colour = {"complete": "green", "partial": "yellow", "failed": "red"}[item.status]
        table.add_row(item.resource, *(cells[name] for name in heads), Text(item.outcome, colour))
    return table


def show_notes(report: Report, told: Collection[str] = ()) -> None:
    """What was noticed and is not `told` elsewhere, a few lines for each resource."""
    lines: list[str] = []
    for item in report.resources:
        mine = [line for note in item.notes if (line := f"{item.resource}: {note}") not in told]
        lines += mine[:SHOWN_NOTES]
        if len(mine) > SHOWN_NOTES:
            lines.append(f"{item.resource}: and {len(mine) - SHOWN_NOTES} more (all with --json)")
    if lines:
        say()
    for line in lines:
        say(line)
