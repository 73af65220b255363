"""Runs that are killed, and what the same command makes of it afterwards."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from tests.faults.mixture import Mixture
from tests.faults.moments import ALL_ASKED, LATE, Case, Moment, mixture_of
from tests.faults.oracle import Warehouse, bare, change, loaded_rows, truth_of, whole

from headwater.config.read import read_config
from headwater.plan.graph import make_plan
from headwater.simulate import Simulator

__all__ = ["Command", "Undisturbed", "Verdict", "judged", "measured"]

NAME = "killed"
PAGES_S = 60.0
MOST_AGAIN = 0.15
IN_FLIGHT = 0.1
TICK_S = 0.0005
END = "end"
RUN = """
import json, sys, dlt
from headwater import rest_api_source
config, file, folder = sys.argv[1:]
dlt.pipeline("killed", destination=dlt.destinations.duckdb(file), dataset_name="raw",
    pipelines_dir=folder).run(rest_api_source(json.load(open(config, encoding="utf-8"))))
"""


@dataclass(frozen=True, slots=True)
class Undisturbed:
    """What a run comes to where nothing happens: its requests, and its time.

    `share` is how many requests it sent for each one that was needed: it asks ahead of knowing.
    """

    requests: int
    share: float
    seconds: float


@dataclass(slots=True)
class Verdict:
    """What became of a case. `again` is the share of requests that the last run sent."""

    seed: int
    killed_in: list[str] = field(default_factory=list)
    asked: float = 0.0
    again: float = 0.0
    late: bool = False
    wrong: list[str] = field(default_factory=list)


def simulator_of(mixture: Mixture) -> Simulator:
    plan = make_plan(read_config(mixture.config("http://127.0.0.1:1/x")))
    return Simulator(plan, mixture.options)


class Command:
    """The command of a case: the same each time it is started."""

    def __init__(self, case: Case, simulator: Simulator, folder: Path) -> None:
        self.simulator = simulator
        self.before = 0
        self.log = folder / "output.txt"
        self.pipelines = folder / "pipelines"
        config = folder / f"{NAME}.json"
        config.write_text(json.dumps(mixture_of(case).config(simulator.base_url)))
        file = str(Warehouse(folder).file)
        self.words = [sys.executable, "-c", RUN, str(config), file, str(self.pipelines)]
        if case.way == "sync":
            self.words = [sys.executable, "-m", "headwater", "sync", str(config)]
            self.words += ["--to", f"duckdb:///{file}", "--dataset", "raw", "--pipeline", NAME]
        self.environment = {
            **os.environ,
            "DLT_DATA_DIR": str(folder),
            "RUNTIME__DLTHUB_TELEMETRY": "false",
            "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        }

    def start(self) -> subprocess.Popen[bytes]:
        """Starts it in a session of its own, with no requests counted yet."""
        self.simulator.requests.clear()
        self.before = self.arrived()
        with self.log.open("wb") as out:
            return subprocess.Popen(
                self.words,
                env=self.environment,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def run(self) -> str:
        """Runs it to its end; what it wrote, where that was no good end."""
        code = self.start().wait(PAGES_S)
        return "" if code == 0 else f"exit code {code}: {self.log.read_text()[-600:]}"

    def run_until(self, moment: Moment, most: float) -> int:
        """Starts it and kills it at a moment; the code with which it ended.

        `most` is how many requests it may send before.
        """
        process, seen = self.start(), self.simulator.requests
        deadline_s = time.monotonic() + PAGES_S
        signs = self.pipelines / NAME
        while process.poll() is None and time.monotonic() < deadline_s:
            if moment.sign in ("", ALL_ASKED):
                if len(seen) >= most:
                    break
            elif any(signs.glob(moment.sign)):
                break
            time.sleep(TICK_S)
        time.sleep(moment.later_s)
        process.send_signal(signal.SIGKILL)
        process.wait()
        # What the server was about to answer is counted before the next run begins.
        time.sleep(0.05)
        return process.returncode

    def phase(self) -> str:
        """Where a killed run was, by what it left."""
        folder = self.pipelines / NAME
        if self.arrived() > self.before:
            return END
        packages = [*folder.glob("load/normalized/*/*_jobs/*")]
        if packages:
            begun = any(path.parent.name != "new_jobs" for path in packages)
            return "load" if begun else "before load"
        if [*folder.glob("normalize/extracted/*")]:
            return "normalize"
        return "extract" if [*folder.glob("normalize/*/*/new_jobs")] else "start"

    def arrived(self) -> int:
        """How many loads are complete."""
        return len([*self.pipelines.glob(f"{NAME}/load/loaded/*")])


def measured(way: str, folder: Path) -> Undisturbed:
    """What a run comes to where nothing happens. Raises RuntimeError where it does not end well."""
    case = Case(0, way, "merge", (), changes=False)
    mixture = mixture_of(case)
    with simulator_of(mixture) as simulator:
        started_s, failure = time.monotonic(), Command(case, simulator, folder).run()
        if failure:
            raise RuntimeError(failure)
        requests = len(simulator.requests)
        share = requests / needed_requests(simulator, mixture)
        return Undisturbed(requests, share, time.monotonic() - started_s)


def needed_requests(simulator: Simulator, mixture: Mixture) -> int:
    """How many pages there are, with the last and empty one of each listing."""
    out = 0
    for resource in mixture.resources:
        limit = resource["endpoint"]["paginator"]["limit"]
        listings = simulator.truth_by_parent(resource["name"]).values()
        out += sum(len(rows) // limit + 1 for rows in listings)
    return out


def judged(case: Case, undisturbed: Undisturbed, folder: Path) -> Verdict:
    """Runs a case to its end and compares every table with what the API holds."""
    verdict, mixture, warehouse = Verdict(case.seed), mixture_of(case), Warehouse(folder)
    with simulator_of(mixture) as simulator:
        command = Command(case, simulator, folder)
        if case.changes:
            verdict.wrong += filter(None, [command.run()])
            note(warehouse, simulator, mixture)
            change(simulator, mixture)
        needed = needed_requests(simulator, mixture)
        kill_and_resume(case, command, undisturbed, needed, verdict)
        note(warehouse, simulator, mixture)
    verdict.wrong += differences(warehouse, mixture)
    return verdict


def kill_and_resume(
    case: Case, command: Command, undisturbed: Undisturbed, needed: int, verdict: Verdict
) -> None:
    """Kills a run at its moments and lets the last one end, unless the rows arrived before."""
    seen, whole_run = command.simulator.requests, needed * undisturbed.share
    for moment in case.moments:
        most = needed if moment.sign else max(1, whole_run * moment.asked)
        code = command.run_until(moment, most)
        verdict.asked += len(seen) / whole_run
        if code == -signal.SIGKILL:
            verdict.killed_in.append(command.phase())
        elif code:
            verdict.wrong.append(f"exit code {code}: {command.log.read_text()[-600:]}")
        if code != -signal.SIGKILL or verdict.killed_in[-1] == END:
            return
    verdict.late = case.moments == (Moment(LATE),)
    verdict.wrong += filter(None, [command.run()])
    verdict.again = len(seen) / whole_run
    if (text := asked_again(verdict)) and not thrown_away(case, verdict):
        verdict.wrong.append(text)


def asked_again(verdict: Verdict) -> str:
    """What is wrong with the number of requests of the last run; empty where nothing is."""
    most = MOST_AGAIN if verdict.late else max(0, 1 - verdict.asked) + IN_FLIGHT
    sent = (
        f"killed at {verdict.asked:.0%} of the requests, the resumed run sent {verdict.again:.0%}"
    )
    return sent if verdict.again > most else ""


def thrown_away(case: Case, verdict: Verdict) -> bool:
    """Whether dlt's own `run` threw away what was fetched: nothing of it was ever loaded before."""
    return (
        case.way == "run"
        and not case.changes
        and any(phase in ("normalize", "before load") for phase in verdict.killed_in)
    )


def note(warehouse: Warehouse, simulator: Simulator, mixture: Mixture) -> None:
    """Takes in what a complete run must have done."""
    for resource in mixture.resources:
        name, cursor = resource["name"], "incremental" in resource["endpoint"]
        disposition = resource.get("write_disposition", mixture.disposition)
        warehouse.note(name, truth_of(simulator, name), disposition, cursor)


def differences(warehouse: Warehouse, mixture: Mixture) -> list[str]:
    """In what the tables differ from what they ought to hold; one line for each table."""
    out = []
    for resource in mixture.resources:
        name = resource["name"]
        added = resource.get("write_disposition", mixture.disposition) == "append"
        wanted = [whole(row) for row in warehouse.expected[name]]
        found = loaded_rows(warehouse.file, name, lists=True) if warehouse.file.exists() else []
        if added and mixture.changes:
            # Two rows of one id have one `_dlt_id`: their lists cannot be told apart.
            wanted, found = [bare(row) for row in wanted], [bare(row) for row in found]
        lost, extra = Counter(wanted) - Counter(found), Counter(found) - Counter(wanted)
        if lost or extra:
            text = f"{name}: {lost.total()} of {len(wanted)} rows lost, {extra.total()} too many"
            out.append("; ".join([text, *(f"{next(iter(c))}" for c in (lost, extra) if c)]))
    return out
