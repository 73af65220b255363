"""`headwater connectors`: the packaged APIs, their resources, parameters and columns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from headwater.cli.options import Debug
from headwater.cli.reading import Draft, draft
from headwater.cli.show import amount, grid, say, show

if TYPE_CHECKING:
    from headwater.plan.graph import Step

__all__ = ["connectors"]


def connectors(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="One connector.", show_default=False)
    ] = None,
    schema: Annotated[
        bool, typer.Option("--schema", help="With NAME: print the columns of each resource.")
    ] = False,
    debug: Debug = False,
) -> None:
    """List the packaged connectors, or what one of them holds."""
    if name is None:
        list_all()
        return
    found = of_name(name)
    if schema:
        for step in found.plan.steps:
            show_columns(step)
    else:
        show_one(found)


def of_name(name: str) -> Draft:
    """The connector called `name`. Raises UsageError, with the nearest name."""
    from headwater.config.source import connector_names
    from headwater.config.words import suggest
    from headwater.errors import UsageError

    known = connector_names()
    if name not in known:
        raise UsageError(f"there is no connector `{name}` ({suggest(name, known)})")
    return draft(name, {})


def list_all() -> None:
    from headwater.config.source import connector_names, open_document

    table = grid("connector", "resources", "parameters", "secrets", "what", right=("resources",))
    for name in connector_names():
        raw = open_document(name).raw
        table.add_row(
            name,
            str(len(raw.get("resources") or ())),
            ", ".join(raw.get("parameters") or ()),
            ", ".join(raw.get("secrets") or ()),
            str(raw.get("description") or ""),
        )
    show(table)


def show_one(found: Draft) -> None:
    from headwater.cli.words import key_names

    config, raw = found.config, found.config.document.raw
    say(f"{config.name}: {config.description}")
    show_declared("parameters", raw.get("parameters"))
    show_declared("secrets", raw.get("secrets"))
    say()
    table = grid("resource", "path", "key", "parent", "columns", right=("columns",))
    for step in found.plan.steps:
        table.add_row(
            step.name,
            step.path,
            ", ".join(key_names(step.resource.primary_key)),
            ", ".join(step.parents),
            str(len(columns_of(step))),
        )
    show(table)
    say(f"\n{amount(len(found.plan.steps), 'resource')}; columns: add --schema")


def show_declared(what: str, declared: Any) -> None:
    if not isinstance(declared, Mapping) or not declared:
        return
    say(f"\n{what}")
    for name, entry in declared.items():
        text = entry.get("description", "") if isinstance(entry, Mapping) else ""
        default = entry.get("default") if isinstance(entry, Mapping) else None
        say(f"  {name}: {text}" + (f" (default {default})" if default is not None else ""))


def columns_of(step: Step) -> dict[str, Mapping[str, Any]]:
    """The declared columns of a step by name."""
    columns = step.resource.columns
    if isinstance(columns, Mapping):
        return {str(name): spec for name, spec in columns.items() if isinstance(spec, Mapping)}
    listed = columns if isinstance(columns, (list, tuple)) else ()
    return {
        str(spec["name"]): spec for spec in listed if isinstance(spec, Mapping) and "name" in spec
    }


def show_columns(step: Step) -> None:
    from headwater.cli.words import key_names

    keys = key_names(step.resource.primary_key)
    table = grid(step.name, "type", "")
    for name, spec in columns_of(step).items():
        marks = ["key"] if name in keys else []
        if spec.get("nullable") is False:
            marks.append("never null")
        table.add_row(name, str(spec.get("data_type", "")), ", ".join(marks))
    show(table)
    say()
