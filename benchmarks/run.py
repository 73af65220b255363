"""Loads the same listing with headwater and with dlt, in turn, and prints medians and ratios.

Every load is a process of its own, import included; times and memory are those of the process.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).parent
ROWS = {
    "flat": 200_000,
    "nested": 100_000,
    "wide": 20_000,
    "deep": 100_000,
    "mixed": 50_000,
    "latency": 20_000,
    "fanout": 300,
}
PEERS = ("dlt", "dlt-parquet", "dlt-tuned", "headwater")


@contextmanager
def api(kind: str, rows: int) -> Iterator[str]:
    command = [sys.executable, str(HERE / "server.py"), kind, str(rows)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield process.stdout.readline().strip()
    finally:
        process.stdin.close()
        process.wait(timeout=10)
        process.stdout.close()


def load(who: str, kind: str, url: str) -> dict[str, float]:
    with tempfile.TemporaryDirectory(prefix="headwater-bench-") as folder:
        command = [sys.executable, str(HERE / "load.py"), who, kind, url, folder]
        done = subprocess.run(command, capture_output=True, text=True, timeout=900, check=False)
        if done.returncode:
            sys.exit(f"{who} failed on {kind}:\n{done.stderr[-2000:]}")
        figures: dict[str, float] = json.loads(done.stdout.strip().splitlines()[-1])
        return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kinds", nargs="*", default=["flat"], help=", ".join(ROWS))
    parser.add_argument(
        "--runs", type=int, default=3, help="runs of each (dlt's default runs once)"
    )
    parser.add_argument("--only", nargs="*", default=list(PEERS), help=", ".join(PEERS))
    given = parser.parse_args()
    for kind in given.kinds:
        with api(kind, ROWS[kind]) as url:
            measure(kind, url, given.only, given.runs)


def measure(kind: str, url: str, peers: list[str], runs: int) -> None:
    taken: dict[str, list[dict[str, float]]] = {who: [] for who in peers}
    for run in range(runs):
        for who in peers:
            if who == "dlt" and run > 0:
                continue
            taken[who].append(load(who, kind, url))
    ours = median(taken["headwater"], "seconds") if taken.get("headwater") else None
    print(f"\n{kind}: {int(taken[peers[0]][0]['rows']):,} rows, medians of whole processes")
    print(f"{'':14}{'seconds':>9}{'peak MB':>9}{'above import':>14}{'headwater is':>16}")
    for who, figures in taken.items():
        seconds = median(figures, "seconds")
        above = statistics.median(f["peak_mb"] - f["imported_mb"] for f in figures)
        faster = f"{seconds / ours:.1f} times faster" if ours and who != "headwater" else ""
        peak = median(figures, "peak_mb")
        print(f"{who:14}{seconds:9.2f}{peak:9.0f}{above:14.0f}{faster:>16}", flush=True)


def median(figures: list[dict[str, float]], name: str) -> float:
    return statistics.median(f[name] for f in figures)


if __name__ == "__main__":
    main()
