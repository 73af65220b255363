"""What becomes of a run that ended between extract and load: the same command ends it.

Its rows are loaded, and nothing is asked again, as if it had not been interrupted.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import dlt
from dlt.common.schema.typing import C_DLT_LOAD_ID
from dlt.common.storages.load_package import PackageStorage
from dlt.common.versioned_state import decompress_state

from headwater.load.journals import FOLDER, STATE_KEY, name_of
from headwater.load.runs import RUNS_TABLE
from headwater.load.started import claimed
from headwater.plan.graph import Plan
from headwater.run.journal import run_to_resume

__all__ = ["LOADED", "Command", "load_unfinished"]

LOADED = "an earlier run had fetched all of it: it is loaded now, and nothing was asked again"
FILE = "command"
DIGEST_BYTES = 16
PENDING = ("normalize/extracted", "load/normalized")
OWN = ("_dlt", RUNS_TABLE)


class Command:
    """What a sync is asked for, noted beside the journal so that a later run can tell.

    `asked` is all of it that the plan does not say.
    """

    def __init__(self, pipeline: dlt.Pipeline, plan: Plan, asked: object) -> None:
        self.pipeline = pipeline
        self.plan = plan
        config = plan.config
        # Without its sets: those have another order in each process.
        text = repr((name_of(plan), config.client, config.resources, asked)).encode()
        self.digest = hashlib.blake2b(text, digest_size=DIGEST_BYTES).hexdigest()

    @property
    def folder(self) -> Path:
        return Path(self.pipeline.working_dir) / FOLDER

    def note(self) -> None:
        """Says that a run of this command begins."""
        self.folder.mkdir(parents=True, exist_ok=True)
        new = self.folder / f"{FILE}.new"
        new.write_text(self.digest)
        new.replace(self.folder / FILE)

    def ends_by_loading(self) -> bool:
        """Loads what a run left between extract and load; whether it was all of this command's."""
        if not self.pipeline.has_pending_data:
            return False
        self.adopt()
        load_unfinished(self.pipeline)
        self.pipeline.sync_destination()
        return self.is_over()

    def adopt(self) -> None:
        """Takes over the state that pending packages carry, where dlt had yet to save it.

        A run that was killed between the two would forget its cursors, and that its rows arrived;
        in a first run dlt knows of no schema either, and normalises nothing.
        """
        folder = Path(self.pipeline.working_dir)
        for place in PENDING:
            for path in sorted(
                folder.glob(f"{place}/*/{PackageStorage.LOAD_PACKAGE_STATE_FILE_NAME}")
            ):
                document = json.loads(path.read_text()).get("pipeline_state")
                if document is not None:
                    self.take(decompress_state(document["state"]))

    def take(self, newer: Mapping[str, Any]) -> None:
        with self.pipeline.managed_state() as state:
            if newer["_state_version"] > state["_state_version"]:
                state["sources"] = newer.get("sources", {})
                self.pipeline.default_schema_name = newer["default_schema_name"]

    def is_over(self) -> bool:
        """Whether the last run was one of this command, complete, and began less than a day ago."""
        name = name_of(self.plan)
        path = self.folder / f"{name}.journal"
        sources: Mapping[str, Any] = self.pipeline.state.get("sources", {})
        arrived = sources.get(self.plan.config.name, {}).get(STATE_KEY, {}).get(name)
        with contextlib.suppress(OSError):
            same = (self.folder / FILE).read_text() == self.digest
            return same and arrived is not None and run_to_resume(path, ()) == arrived
        return False

    def rows(self) -> Iterator[tuple[str, str, int]]:
        """Table, resource and rows of the last load, for the tables of whole rows."""
        trace = self.pipeline.last_trace
        info = trace.last_load_info if trace else None
        marks = ", ".join(f"'{load_id}'" for load_id in (info.loads_ids if info else ()))
        with self.pipeline.sql_client() as client:
            for name, table in self.pipeline.default_schema.tables.items():
                if C_DLT_LOAD_ID not in table["columns"] or not marks or name.startswith(OWN):
                    continue
                with contextlib.suppress(Exception):
                    place = client.make_qualified_table_name(name)
                    column = client.escape_column_name(C_DLT_LOAD_ID)
                    sql = f"SELECT count(*) FROM {place} WHERE {column} IN ({marks})"
                    (count,), *_ = client.execute_sql(sql) or [(0,)]
                    yield name, table.get("resource") or name, int(count)


def load_unfinished(pipeline: dlt.Pipeline) -> None:
    """Loads what this run or an earlier one has extracted: its cursors have moved already."""
    if pipeline.has_pending_data:
        pipeline.normalize()
        with claimed(pipeline):
            pipeline.load()
