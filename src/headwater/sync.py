"""One sync, from a config to tables in a warehouse, and the report of what happened."""

from __future__ import annotations

import hashlib
import shutil
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dlt
from dlt.common.pipeline import get_dlt_pipelines_dir
from dlt.extract import DltSource

from headwater.config.read import Config
from headwater.errors import UsageError
from headwater.events import Event, Listener, ListingEnded, TableWritten, silent
from headwater.load.alone import alone
from headwater.load.destination import Target, target_of
from headwater.load.explain import explained
from headwater.load.journals import FOLDER
from headwater.load.resources import Resources
from headwater.load.room import room_wanted
from headwater.load.runs import RUNS_TABLE, runs_source
from headwater.load.settings import masker_of
from headwater.load.unfinished import LOADED, Command, load_unfinished
from headwater.plan.graph import Plan, make_plan
from headwater.report import Ledger, Report
from headwater.run.outcome import Failure, Incomplete

__all__ = ["PartlyLoaded", "Synced", "TableLoaded", "sync"]

READERS = {
    "parquet": ("read_parquet", "parquet"),
    "jsonl": ("read_json", "jsonl.gz"),
    "csv": ("read_csv", "csv.gz"),
}


@dataclass(frozen=True, slots=True)
class TableLoaded:
    """A table of the dataset and how many rows this sync wrote to it."""

    name: str
    rows: int
    resource: str


class PartlyLoaded(Incomplete):
    """A sync that fell short: `synced` says what was loaded all the same."""

    def __init__(self, failures: Iterable[Failure], synced: Synced) -> None:
        super().__init__(failures)
        self.synced = synced


@dataclass(frozen=True, slots=True)
class Synced:
    """What a sync did. `seconds` is the whole of it; `query` is one to try.

    Tables of the resources in `withheld` are as they were before.
    """

    report: Report
    withheld: tuple[str, ...]
    destination: str
    location: str
    dataset: str
    tables: tuple[TableLoaded, ...]
    query: str
    seconds: float


def sync(
    config: Config,
    *,
    to: str,
    dataset: str,
    resources: Sequence[str] = (),
    limit: int | None = None,
    full_refresh: bool = False,
    pipeline_name: str | None = None,
    pipelines_dir: str | None = None,
    listener: Listener = silent,
) -> Synced:
    """Loads `config` into the destination that `to` names, and reports.

    `limit` stops each root listing after about so many rows. Raises PartlyLoaded where rows are
    missing: what is complete was loaded then, and what is merged by key as far as it came; after
    `full_refresh` nothing was. Raises UsageError for a destination or resource that is not there,
    LoadError where the warehouse refuses.
    """
    started_s = time.monotonic()
    target = target_of(to)
    plan = make_plan(config)
    ledger = Ledger(read_by(plan, resources), parents={s.name: s.parents for s in plan.steps})
    written: Counter[str] = Counter()

    def listen(event: Event) -> None:
        ledger(event)
        if isinstance(event, TableWritten):
            written[event.table] += event.rows
        listener(event)

    built = Resources(plan, on_incomplete="raise" if full_refresh else "load", listener=listen)
    source = chosen(built.source(config.name), resources, limit, target)
    runs = noted(source, built, ledger, target)
    name = pipeline_name or pipeline_for(config, target, dataset)
    places = pipelines_dir or get_dlt_pipelines_dir(), target.location
    with explained(target, masker_of(config)), room_wanted(*places), alone(name, pipelines_dir):
        pipeline = open_pipeline(name, target, dataset, pipelines_dir)
        command = Command(pipeline, plan, (tuple(resources), limit))
        if not full_refresh and command.ends_by_loading():
            say_loaded(command, read_by(plan, resources), listen)
        else:
            command.note()
            run(pipeline, source, runs, target, full_refresh=full_refresh)
    tables = tables_of(pipeline, written)
    synced = Synced(
        report=ledger.report(),
        withheld=built.fallout().withheld,
        destination=target.name,
        location=target.location,
        dataset=pipeline.dataset_name or dataset,
        tables=tables,
        query=query_of(target, pipeline.dataset_name or dataset, tables),
        seconds=time.monotonic() - started_s,
    )
    if failures := built.failures():
        raise PartlyLoaded(failures, synced)
    return synced


def noted(source: DltSource, built: Resources, ledger: Ledger, target: Target) -> DltSource:
    """The source that follows `source` and notes what became of it."""
    return runs_source(
        source,
        rows=lambda: [item.to_row() for item in ledger.report().resources],
        withheld=lambda: built.fallout().withheld,
        started_at=datetime.now(UTC),
        table_format=target.table_format,
    )


def pipeline_for(config: Config, target: Target, dataset: str) -> str:
    """A pipeline name for a config and where it goes: each place has a state of its own."""
    where = f"{target.name} {target.location} {dataset}".encode()
    return f"headwater_{config.name}_{hashlib.blake2b(where, digest_size=4).hexdigest()}"


def open_pipeline(
    name: str, target: Target, dataset: str, pipelines_dir: str | None
) -> dlt.Pipeline:
    folder: Any = {"pipelines_dir": pipelines_dir} if pipelines_dir else {}
    opened: dlt.Pipeline = dlt.pipeline(
        name, destination=target.destination, dataset_name=dataset, **folder
    )
    return opened


def chosen(
    source: DltSource, resources: Sequence[str], limit: int | None, target: Target
) -> DltSource:
    """`source` with what was asked for: some resources only, a limit, the target's format."""
    if resources:
        source = source.with_resources(*resources)
    table_format: Any = target.table_format
    for resource in source.resources.values():
        if limit is not None and not resource.is_transformer:
            resource.add_limit(limit, count_rows=True)
        if table_format:
            resource.apply_hints(table_format=table_format)
    return source


def run(
    pipeline: dlt.Pipeline,
    source: DltSource,
    runs: DltSource,
    target: Target,
    *,
    full_refresh: bool,
) -> None:
    """Runs the pipeline on what is at the destination now, after what an earlier run left."""
    file_format: Any = target.file_format
    if not full_refresh:
        load_unfinished(pipeline)
        pipeline.sync_destination()
        pipeline.extract([source, runs], loader_file_format=file_format)
    else:
        shutil.rmtree(Path(pipeline.working_dir) / FOLDER, ignore_errors=True)
        if pipeline.has_pending_data:
            pipeline.drop_pending_packages(with_partial_loads=True)
        pipeline.sync_destination()
        # Each on its own: dlt would drop the tables of the first again before the second.
        pipeline.extract(source, refresh="drop_sources", loader_file_format=file_format)
        pipeline.extract(runs, loader_file_format=file_format)
    load_unfinished(pipeline)


def say_loaded(command: Command, names: Sequence[str], listener: Listener) -> None:
    """Tells of a run that had fetched all rows and is loaded now."""
    rows: Counter[str] = Counter()
    for table, resource, count in command.rows():
        listener(TableWritten(resource, table, count))
        rows[resource] += count
    for name in names:
        listener(ListingEnded(name, "complete", rows[name], None, LOADED))


def read_by(plan: Plan, resources: Sequence[str]) -> list[str]:
    """The steps that a sync of `resources` reads: those, and all their ancestors."""
    names = [step.name for step in plan.steps]
    unknown = [name for name in resources if name not in names]
    if unknown:
        raise UsageError(f"there is no resource `{unknown[0]}` (there are: {', '.join(names)})")
    chosen = set(resources) or {s.name for s in plan.steps if s.resource.selected}
    chosen |= {above for name in chosen for above in plan.ancestors(name)}
    return [name for name in names if name in chosen]


def tables_of(pipeline: dlt.Pipeline, written: Mapping[str, int]) -> tuple[TableLoaded, ...]:
    """The tables that the last run wrote to, with its rows; `written` are counts known best."""
    trace = pipeline.last_trace
    info = trace.last_normalize_info if trace else None
    counts = (info.row_counts if info else {}) or written
    schema = pipeline.default_schema
    out = []
    for name, rows in counts.items():
        if name.startswith("_dlt") or name == RUNS_TABLE or name not in schema.tables:
            continue
        resource = schema.tables[name].get("resource") or name
        out.append(TableLoaded(name, written.get(name, rows), resource))
    return tuple(sorted(out, key=lambda table: table.name))


def query_of(target: Target, dataset: str, tables: Sequence[TableLoaded]) -> str:
    """A command that shows some rows of the largest table."""
    if not tables:
        return ""
    roots = [table for table in tables if table.name == table.resource] or tables
    table = max(roots, key=lambda item: item.rows).name
    sql = f"SELECT * FROM {dataset}.{table} LIMIT 5"
    if target.name == "duckdb":
        return f'python -c "import duckdb; duckdb.connect({target.location!r}).sql({sql!r}).show()"'
    if target.name == "postgres":
        return f'psql {target.location} -c "{sql}"'
    if target.name == "filesystem":
        if target.table_format == "delta":
            code = f"DeltaTable({str(Path(target.location) / dataset / table)!r})"
            code = f"print({code}.to_pyarrow_table()[:5].to_pylist())"
            return f'python -c "from deltalake import DeltaTable; {code}"'
        reader, suffix = READERS[target.file_format or "parquet"]
        files = f"{Path(target.location) / dataset / table}/*.{suffix}"
        return f'python -c "import duckdb; duckdb.{reader}({files!r}).limit(5).show()"'
    return sql
