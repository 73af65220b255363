"""What a mixture's tables must hold, and the verdict on what they do hold."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import random
import traceback
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import dlt
import duckdb
from tests.faults.mixture import LATER, SECRET, Mixture

from headwater import rest_api_source
from headwater.config.read import read_config
from headwater.errors import HeadwaterError
from headwater.events import Event
from headwater.load.explain import own_error
from headwater.plan.graph import make_plan
from headwater.simulate import Simulator
from headwater.sync import sync

__all__ = ["Verdict", "Warehouse", "judged", "loaded_rows", "truth_of"]

os.environ.setdefault("RUNTIME__DLTHUB_TELEMETRY", "false")
Row = tuple[tuple[str, Any], ...]
DAY_OF_TEXT = 10


@dataclass(slots=True)
class Verdict:
    """How the runs of one mixture ended, and what was wrong; good where `wrong` is empty."""

    seed: int
    seconds: float = 0.0
    complete: int = 0
    said: int = 0
    reasons: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)


def canonical(value: Any) -> Any:
    """A value from either side, made comparable: numbers as floats, times as seconds in UTC."""
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, (int, float, Decimal)):
        return float(value)
    if isinstance(value, str) and value[:1].isdigit() and "-" in value:
        with contextlib.suppress(ValueError):
            value = datetime.fromisoformat(value)
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp()
    return value.isoformat() if isinstance(value, date) else value


def flat(row: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """The scalars of a row by column, nulls and lists left out."""
    for key, value in row.items():
        if isinstance(value, Mapping):
            yield from flat(value, f"{prefix}{key}__")
        elif value is not None and not isinstance(value, list):
            yield prefix + key, canonical(value)


def whole(row: Mapping[str, Any]) -> Row:
    """A row of the API with its lists, in an order of its own."""
    labels = [canonical(label["id"]) for label in row.get("labels") or ()]
    extra = {"labels": tuple(labels), "tags": tuple(row.get("tags") or ())}
    return tuple(sorted({**dict(flat(row)), **extra}.items()))


def truth_of(simulator: Simulator, name: str) -> list[dict[str, Any]]:
    """Every row of a resource, with what is loaded of its parent."""
    with simulator.api.lock:
        rows = simulator.api.dataset.rows_of(name)
        return [{**row, **place.carried} for place, row in rows]


@dataclass(slots=True)
class Warehouse:
    """A DuckDB file and what it ought to hold."""

    folder: Path
    expected: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    @property
    def file(self) -> Path:
        return self.folder / "it.duckdb"

    def pipeline(self) -> dlt.Pipeline:
        return dlt.pipeline(
            "headwater_faults",
            destination=dlt.destinations.duckdb(str(self.file)),
            dataset_name="raw",
            pipelines_dir=str(self.folder / "pipelines"),
        )

    def load(self, config: dict[str, Any], way: str, listener: Any) -> None:
        """Runs the config. Raises HeadwaterError where rows are missing."""
        if way == "sync":
            sync(
                read_config(config),
                to=f"duckdb:///{self.file}",
                dataset="raw",
                pipeline_name="headwater_faults",
                pipelines_dir=str(self.folder / "pipelines"),
                listener=listener,
            )
            return
        backend: Any = "objects" if way == "objects" else "arrow"
        try:
            self.pipeline().run(rest_api_source(config, backend=backend))
        except Exception as error:
            own = own_error(error)
            if own is None:
                raise
            raise own from error

    def forget_journal(self) -> None:
        """Removes what a failed run left, as a day does."""
        for path in self.folder.glob("pipelines/*/headwater/*.journal"):
            path.unlink()

    def note(self, name: str, rows: list[dict[str, Any]], disposition: str, cursor: bool) -> None:
        """Takes in what a complete run must have done to a table."""
        before = self.expected.get(name, [])
        if disposition == "replace":
            after = rows
        elif disposition == "merge":
            after = list({row["id"]: row for row in (*before, *rows)}.values())
        else:
            known = {(row["id"], row["updated_at"]) for row in before} if cursor else set()
            after = [*before, *(r for r in rows if (r["id"], r["updated_at"]) not in known)]
        self.expected[name] = after

    def settle(self, name: str, rows: list[dict[str, Any]], disposition: str, cursor: bool) -> None:
        """Takes in what a run that fell short may have done: all of a table's part, or nothing.

        Rows that are merged by key may have come one by one; none that was there may be gone.
        """
        before = self.expected.get(name, [])
        found = Counter(map(bare, loaded_rows(self.file, name, lists=False)))
        if disposition == "merge":
            known = {row["id"]: row for row in before}
            known |= {row["id"]: row for row in rows if bare(whole(row)) in found}
            self.expected[name] = list(known.values())
        elif found != Counter(bare(whole(row)) for row in before):
            self.note(name, rows, disposition, cursor)


def loaded_rows(file: Path, name: str, *, lists: bool) -> list[Row]:
    """The rows of a table, with their lists where each row has an id of its own."""
    with duckdb.connect(str(file), read_only=True) as database:
        found = database.execute(
            "SELECT table_name FROM duckdb_tables() WHERE schema_name = 'raw'"
        ).fetchall()
        tables = {table for (table,) in found}
        if name not in tables:
            return []
        items: dict[str, dict[str, list[Any]]] = {"labels": {}, "tags": {}}
        for part, column in (("labels", "id"), ("tags", "value")):
            if lists and f"{name}__{part}" in tables:
                for parent, value in database.execute(
                    f"SELECT _dlt_parent_id, {column} FROM raw.{name}__{part}"
                    " ORDER BY _dlt_parent_id, _dlt_list_idx"
                ).fetchall():
                    items[part].setdefault(parent, []).append(canonical(value))
        cursor = database.execute(f"SELECT * FROM raw.{name}")
        columns = [column[0] for column in cursor.description or ()]
        out = []
        for values in cursor.fetchall():
            row = dict(zip(columns, values, strict=True))
            key = row["_dlt_id"]
            kept = {k: v for k, v in row.items() if not k.startswith("_dlt")}
            parts = {part: tuple(held.get(key, ())) for part, held in items.items()}
            out.append(tuple(sorted({**dict(flat(kept)), **parts}.items())))
        return out


def differences(warehouse: Warehouse, mixture: Mixture) -> list[str]:
    """In what the tables differ from what they ought to hold; one line for each table."""
    out = []
    for resource in mixture.resources:
        name = resource["name"]
        wanted = [whole(row) for row in warehouse.expected.get(name, [])]
        twice = "lists_rows_twice" in mixture.options.quirks and mixture.disposition != "merge"
        # Rows that come twice in a run have one `_dlt_id`, so that lists cannot be told apart.
        lists = mixture.disposition == "append" or not twice
        found = loaded_rows(warehouse.file, name, lists=lists) if warehouse.file.exists() else []
        if not lists:
            wanted, found = [bare(row) for row in wanted], [bare(row) for row in found]
        want, have = Counter(wanted), Counter(found)
        if twice:
            want, have = Counter(set(want)), Counter(set(have))
        if want != have:
            lost, extra = want - have, have - want
            text = f"{name}: {lost.total()} of {want.total()} rows missing, {extra.total()} extra"
            samples = [f"{next(iter(c))}" for c in (lost, extra) if c]
            out.append("; ".join([text, *samples]))
    return out


def bare(row: Row) -> Row:
    return tuple((key, value) for key, value in row if key not in ("labels", "tags"))


def judged(mixture: Mixture, folder: Path) -> Verdict:
    """Two runs with changes between them, and a third after the API was mended if one failed."""
    verdict = Verdict(mixture.seed)
    warehouse = Warehouse(folder)
    plan = make_plan(read_config(mixture.config("http://127.0.0.1:1/x")))
    with Simulator(plan, mixture.options) as simulator:
        good = one_run(mixture, simulator, warehouse, verdict, certain=mixture.certain)
        if mixture.changes:
            change(simulator, mixture)
            # Answers of a failed run are used again for a day: they would be older than the truth.
            warehouse.forget_journal()
            good = one_run(mixture, simulator, warehouse, verdict, certain=mixture.certain)
        if not good:
            simulator.mend()
            one_run(mixture, simulator, warehouse, verdict, certain=True)
    return verdict


def one_run(
    mixture: Mixture, simulator: Simulator, warehouse: Warehouse, verdict: Verdict, *, certain: bool
) -> bool:
    """Loads once, and adds to the verdict; whether the run said that it is complete."""
    events: list[Event] = []
    failure = ""
    with written() as log:
        try:
            config = mixture.config(simulator.base_url)
            warehouse.load(config, mixture.way, events.append)
        except HeadwaterError as error:
            failure = str(error)
            log.write("".join(traceback.format_exception(error)))
    if SECRET in log.getvalue() or SECRET in repr(events):
        verdict.wrong.append("the secret leaked")
    if failure:
        verdict.said += 1
        verdict.reasons.append(failure.splitlines()[0])
        if certain:
            verdict.wrong.append(f"nothing stood in the way: {failure}")
    verdict.complete += not failure
    for resource in mixture.resources:
        cursor = "incremental" in resource["endpoint"]
        rows = truth_of(simulator, resource["name"])
        if not failure:
            warehouse.note(resource["name"], rows, mixture.disposition, cursor)
        elif mixture.way == "sync" and warehouse.file.exists():
            warehouse.settle(resource["name"], rows, mixture.disposition, cursor)
    verdict.wrong += differences(warehouse, mixture)
    return not failure


def change(simulator: Simulator, mixture: Mixture) -> None:
    """Rows change, go, and come, as they do between two loads."""
    r = random.Random(mixture.seed + 1)
    for name in [resource["name"] for resource in mixture.resources][:2]:
        first = next(iter(simulator.truth(name)), None)

        def changed(row: dict[str, Any]) -> dict[str, Any] | None:
            drawn = r.random()
            if drawn < 0.08:
                return None
            if drawn < 0.35:
                return {**row, "name": f"changed {row['id']}", "updated_at": LATER, "tags": []}
            return row

        simulator.update(name, changed)
        if first is not None and name in ("projects", "epics"):
            simulator.add(name, {**first, "id": 7_000_001, "updated_at": LATER, "name": "new"})


@contextlib.contextmanager
def written() -> Iterator[io.StringIO]:
    """What is logged, by anybody, at any level from INFO on."""
    text = io.StringIO()
    handler = logging.StreamHandler(text)
    loggers = [logging.getLogger(), logging.getLogger("dlt")]
    for logger in loggers:
        logger.addHandler(handler)
    try:
        yield text
    finally:
        for logger in loggers:
            logger.removeHandler(handler)
