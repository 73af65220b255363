"""One sync, from a config to tables in a warehouse, and the report of what happened."""

from __future__ import annotations

import contextlib
import hashlib
import shutil
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dlt
from dlt.common.configuration.exceptions import ConfigFieldMissingException
from dlt.common.exceptions import MissingDependencyException
from dlt.extract import DltSource
from dlt.pipeline.exceptions import PipelineStepFailed

from headwater.config.read import Config
from headwater.errors import HeadwaterError, LoadError, UsageError
from headwater.events import Event, Listener, TableWritten, silent
from headwater.load.destination import Target, target_of
from headwater.load.journals import FOLDER
from headwater.load.settings import masker_of
from headwater.load.source import source_of
from headwater.plan.graph import Plan, make_plan
from headwater.report import Ledger, Report

__all__ = ["Synced", "TableLoaded", "sync"]

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


@dataclass(frozen=True, slots=True)
class Synced:
    """What a sync did. `seconds` is the whole of it; `query` is one to try."""

    report: Report
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

    `limit` stops each root listing after about so many rows. Raises UsageError for a destination or
    resource that is not there, Incomplete where rows are missing, LoadError where the warehouse
    refuses; nothing is loaded then.
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

    source = chosen(source_of(config, name=config.name, listener=listen), resources, limit, target)
    folder: Any = {"pipelines_dir": pipelines_dir} if pipelines_dir else {}
    with explained(target, masker_of(config)):
        pipeline = dlt.pipeline(
            pipeline_name or pipeline_for(config, target, dataset),
            destination=target.destination,
            dataset_name=dataset,
            **folder,
        )
        run(pipeline, source, target, full_refresh=full_refresh)
    tables = tables_of(pipeline, written)
    return Synced(
        report=ledger.report(),
        destination=target.name,
        location=target.location,
        dataset=pipeline.dataset_name or dataset,
        tables=tables,
        query=query_of(target, pipeline.dataset_name or dataset, tables),
        seconds=time.monotonic() - started_s,
    )


def pipeline_for(config: Config, target: Target, dataset: str) -> str:
    """A pipeline name for a config and where it goes: each place has a state of its own."""
    where = f"{target.name} {target.location} {dataset}".encode()
    return f"headwater_{config.name}_{hashlib.blake2b(where, digest_size=4).hexdigest()}"


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


def run(pipeline: dlt.Pipeline, source: DltSource, target: Target, *, full_refresh: bool) -> None:
    """Runs the pipeline on what is at the destination now, after what an earlier run left."""
    refresh: Any = "drop_sources" if full_refresh else None
    file_format: Any = target.file_format
    if full_refresh:
        shutil.rmtree(Path(pipeline.working_dir) / FOLDER, ignore_errors=True)
        if pipeline.has_pending_data:
            pipeline.drop_pending_packages(with_partial_loads=True)
    load_unfinished(pipeline)
    pipeline.sync_destination()
    pipeline.run(source, refresh=refresh, loader_file_format=file_format)


def read_by(plan: Plan, resources: Sequence[str]) -> list[str]:
    """The steps that a sync of `resources` reads: those, and all their ancestors."""
    names = [step.name for step in plan.steps]
    unknown = [name for name in resources if name not in names]
    if unknown:
        raise UsageError(f"there is no resource `{unknown[0]}` (there are: {', '.join(names)})")
    chosen = set(resources) or {s.name for s in plan.steps if s.resource.selected}
    chosen |= {above for name in chosen for above in plan.ancestors(name)}
    return [name for name in names if name in chosen]


def load_unfinished(pipeline: dlt.Pipeline) -> None:
    """Loads what an earlier run left between extract and load: its cursors have moved already."""
    if pipeline.has_pending_data:
        pipeline.normalize()
        pipeline.load()


@contextlib.contextmanager
def explained(target: Target, mask: Any) -> Iterator[None]:
    """Turns dlt's exceptions into ours, in one line, secrets masked."""
    try:
        yield
    except PipelineStepFailed as failed:
        own = own_error(failed)
        if own is not None:
            raise own from None
        if missing := of_type(failed, ConfigFieldMissingException):
            raise UsageError(mask(f"{target.name}: {first_line(missing)}")) from failed
        if missing := of_type(failed, MissingDependencyException):
            raise UsageError(not_installed(target, missing)) from failed
        cause = root_cause(failed)
        kept = " (what was fetched is kept: the next sync loads it, --full-refresh drops it)"
        text = mask(f"{target.location}: {failed.step} failed: {first_line(cause)}")
        text += "" if failed.step == "extract" else kept
        raise LoadError(text) from failed
    except ConfigFieldMissingException as missing:
        raise UsageError(mask(f"{target.name}: {first_line(missing)}")) from missing
    except HeadwaterError:
        raise
    except PermissionError as error:
        hint = "give another folder in DLT_DATA_DIR, or make this one writable"
        raise UsageError(f"{error.filename}: {error.strerror} ({hint})") from error
    except (MissingDependencyException, ImportError) as missing:
        raise UsageError(not_installed(target, missing)) from missing
    except Exception as error:
        raise LoadError(mask(f"{target.location}: {first_line(error)}")) from error


def not_installed(target: Target, missing: BaseException) -> str:
    return f"{target.name}: {first_line(missing)} (pip install 'headwater[{target.name}]')"


def chain(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def own_error(error: BaseException) -> HeadwaterError | None:
    for item in chain(error):
        if isinstance(item, HeadwaterError):
            return item
    return None


def of_type(error: BaseException, kind: type[BaseException]) -> BaseException | None:
    return next((item for item in chain(error) if isinstance(item, kind)), None)


def root_cause(error: BaseException) -> BaseException:
    return list(chain(error))[-1]


def first_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__


def tables_of(pipeline: dlt.Pipeline, written: Mapping[str, int]) -> tuple[TableLoaded, ...]:
    """The tables that the last run wrote to, with its rows; `written` are counts known best."""
    trace = pipeline.last_trace
    counts = trace.last_normalize_info.row_counts if trace and trace.last_normalize_info else {}
    schema = pipeline.default_schema
    out = []
    for name, rows in counts.items():
        if name.startswith("_dlt") or name not in schema.tables:
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
        reader, suffix = READERS[target.file_format or "parquet"]
        files = f"{Path(target.location) / dataset / table}/*.{suffix}"
        return f'python -c "import duckdb; duckdb.{reader}({files!r}).limit(5).show()"'
    return sql
