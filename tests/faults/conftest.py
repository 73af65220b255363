"""One resource, one fault: a simulated API and a warehouse that is compared with it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.faults.oracle import Warehouse, loaded_rows, truth_of, whole

from headwater.config.read import read_config
from headwater.errors import HeadwaterError
from headwater.plan.graph import make_plan
from headwater.report import Ledger, Report
from headwater.simulate import Options, Simulator

Start = Callable[..., "Case"]
OFFSET: dict[str, Any] = {"type": "offset", "limit": 10, "total_path": None}


class Case:
    """A simulated API and the warehouse it is loaded into."""

    def __init__(self, folder: Path, resources: list[dict[str, Any]], options: Options) -> None:
        self.resources = resources
        # One request at a time, so that a test knows between which pages something happens.
        self.client: dict[str, Any] = {"max_concurrency": 1}
        self.warehouse = Warehouse(folder)
        plan = make_plan(read_config(self.config("http://127.0.0.1:1/x")))
        self.names = [step.name for step in plan.steps]
        self.api = Simulator(plan, options)
        self.report = Report()

    def config(self, base_url: str) -> dict[str, Any]:
        client: dict[str, Any] = {"base_url": base_url, "error_handler": {"backoff_factor": 0}}
        client |= self.client
        defaults = {"primary_key": "id", "write_disposition": "merge"}
        return {"client": client, "resource_defaults": defaults, "resources": self.resources}

    def load(self) -> str:
        """Loads once; what was missing, empty where the run says that it is complete."""
        ledger = Ledger(self.names)
        try:
            self.warehouse.load(self.config(self.api.base_url), "sync", ledger)
        except HeadwaterError as error:
            return str(error)
        finally:
            self.report = ledger.report()
        return ""

    def notes(self, name: str) -> str:
        """What the report notes about a resource."""
        found = next(item for item in self.report.resources if item.resource == name)
        return "; ".join(found.notes)

    def lost(self, name: str = "projects") -> int:
        """How many rows of the API are not in the warehouse, or not as the API has them."""
        return len({whole(row) for row in truth_of(self.api, name)} - set(self.rows(name)))

    def missing(self, name: str = "projects") -> set[Any]:
        """The ids of the API that are not in the warehouse."""
        return {row["id"] for row in truth_of(self.api, name)} - {
            dict(row)["id"] for row in self.rows(name)
        }

    def rows(self, name: str = "projects") -> list[Any]:
        file = self.warehouse.file
        return loaded_rows(file, name, lists=True) if file.exists() else []


@pytest.fixture
def case(tmp_path: Path) -> Iterator[Start]:
    """Starts a case: `paginator` for the one listing, or `resources`; `more` are Options."""
    running: list[Case] = []

    def start(
        paginator: Any = None, *, resources: list[dict[str, Any]] | None = None, **more: Any
    ) -> Case:
        endpoint = {"path": "projects", "data_selector": "data", "paginator": paginator or OFFSET}
        found = Case(
            tmp_path, resources or [{"name": "projects", "endpoint": endpoint}], Options(**more)
        )
        found.api.start()
        running.append(found)
        return found

    yield start
    for found in running:
        found.api.stop()
