"""Thousands of drawn cases against dlt: `python tests/parity/run.py --cases 2000`.

Some go through the table stage in this process, the others through whole pipelines into DuckDB.
Exits with 1 where a difference is not in wanted.py, or fewer cases ran than were asked for.
"""

from __future__ import annotations

import argparse
import logging
import multiprocessing
import os
import sys
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[2]))

from course import judged, part_of
from hypothesis import HealthCheck, Phase, given, seed, settings
from reference import three_ways
from rows import batches, declarations, nestings
from worlds import World, worlds

Found = tuple[Counter[str], list[str]]
TOGETHER = 8
GRACE_S = 120


def drawn(check: Callable[..., Any], number: int, count: int, *strategies: Any) -> None:
    """Calls `check` with `count` examples."""
    wanted = settings(
        max_examples=count, deadline=None, database=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    seed(number)(wanted(given(*strategies)(check)))()


def in_process(number: int, count: int) -> Found:
    """Compares tables made of record batches; no database."""
    tally: Counter[str] = Counter()
    found: list[str] = []

    def check(texts: list[list[str]], nesting: int | None, declared: dict[str, str]) -> None:
        if tally["cases"] == count:
            return
        try:
            ours, exact, theirs = three_ways(texts, nesting, declared)
            same = ours == exact and theirs in (None, ours)
            what = f"{ours}\n{exact}\n{theirs}"
        except Exception as error:
            theirs, same, what = None, False, repr(error)
        tally.update(cases=1, refused=theirs is None and same)
        if not same:
            found.append(f"texts={texts!r}\nnesting={nesting} declared={declared}\n{what}")

    drawn(check, number, count, batches(), nestings, declarations)
    return tally, found


def end_to_end(number: int, count: int) -> Found:
    """Compares datasets of whole pipelines, some resources in each."""
    tally: Counter[str] = Counter()
    found: list[str] = []

    def check(world: World) -> None:
        kept = part_of(world)
        if not kept.resources or tally["cases"] >= count:
            return
        counts, differences = judged(kept)
        tally.update(counts)
        tally.update(cases=len(kept.resources), pipelines=1)
        found.extend(differences)

    drawn(check, number, 8, worlds(TOGETHER))
    return tally, found


def task(what: tuple[str, int, int]) -> tuple[str, Found]:
    kind, number, count = what
    os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
    warnings.simplefilter("ignore")
    logging.getLogger("dlt").setLevel(logging.CRITICAL)
    sys.stderr = Path(os.devnull).open("w")  # noqa: SIM115
    return kind, (in_process if kind == "in process" else end_to_end)(number, count)


def tasks(first: int, cases: int, whole: int) -> Iterator[tuple[str, int, int]]:
    """Small pieces of work, each with a seed of its own; without end where pipelines are drawn."""
    left = cases - whole
    while left > 0:
        yield "in process", first, min(100, left)
        first, left = first + 1, left - 100
    while True:
        yield "end to end", first, whole
        first += 1


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> int:
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--cases", type=int, default=2000)
    words.add_argument("--pipelines", type=int, default=500, help="cases of these end to end")
    words.add_argument("--seconds", type=float, default=840, help="begin nothing after these")
    words.add_argument("--first", type=int, default=0, help="the first seed")
    words.add_argument("--processes", type=int, default=2)
    asked = words.parse_args()
    started_s = time.monotonic()
    tallies: dict[str, Counter[str]] = {"in process": Counter(), "end to end": Counter()}
    differences: list[str] = []
    with multiprocessing.get_context("spawn").Pool(asked.processes) as pool:
        work = tasks(asked.first, asked.cases, asked.pipelines)
        waiting = [pool.apply_async(task, (next(work),)) for _ in range(asked.processes)]
        while waiting:
            done = next((part for part in waiting if part.ready()), None)
            if done is None:
                if time.monotonic() - started_s > asked.seconds + GRACE_S:
                    say(f"{len(waiting)} pieces of work did not end")
                    return 1
                time.sleep(0.05)
                continue
            waiting.remove(done)
            kind, (tally, found) = done.get()
            tallies[kind].update(tally)
            differences += found
            for text in found:
                say(f"--- {kind}\n{text}\n")
            enough = tallies["end to end"]["cases"] >= asked.pipelines
            if not enough and time.monotonic() - started_s < asked.seconds:
                waiting.append(pool.apply_async(task, (next(work),)))
    say(summary(tallies, len(differences), time.monotonic() - started_s))
    short = sum(tally["cases"] for tally in tallies.values()) < asked.cases
    return bool(differences or short)


def summary(tallies: dict[str, Counter[str]], differences: int, seconds: float) -> str:
    """The closing line."""
    inside, whole = tallies["in process"], tallies["end to end"]
    refused = inside["refused"] + whole["dlt fails"] + whole["both fail"]
    return (
        f"{inside['cases'] + whole['cases']} cases: {inside['cases']} in process,"
        f" {whole['cases']} end to end in {whole['pipelines']} pairs of pipelines;"
        f" dlt refused {refused}, of which headwater took {refused - whole['both fail']};"
        f" {differences} differences outside the list; {seconds:.0f} s"
    )


if __name__ == "__main__":
    sys.exit(main())
