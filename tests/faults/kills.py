"""Many kills, one after another: `python tests/faults/kills.py --kills 50 --seconds 540`.

Exits with 1 where a table held something wrong afterwards, or a run asked again what it had.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.faults.killed import Undisturbed, Verdict, judged, measured
from tests.faults.moments import drawn

WAYS = ("sync", "run")


def verdict_of(undisturbed: dict[str, Undisturbed], seed: int) -> Verdict:
    """The verdict on one case, in a folder that is gone afterwards."""
    case = drawn(seed)
    try:
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            return judged(case, undisturbed[case.way], Path(folder))
    except Exception as error:
        return Verdict(seed, wrong=[f"{type(error).__name__}: {error}"])


def summary(verdicts: Sequence[Verdict]) -> str:
    """The closing line. A case whose run had ended before it could be killed is no kill."""
    kills = sum(len(v.killed_in) for v in verdicts)
    wrong = sum(len(v.killed_in) for v in verdicts if v.wrong)
    late = [v.again for v in verdicts if v.late and v.killed_in]
    text = f"{kills} kills: {kills - wrong} equal to an undisturbed run"
    text += f", {wrong} wrong" if wrong else ""
    return text + (
        f"; at 90 % the resumed run sent {max(late):.0%} of the requests" if late else ""
    )


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def undisturbed_runs() -> dict[str, Undisturbed]:
    out = {}
    for way in WAYS:
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            out[way] = measured(way, Path(folder))
        say(f"undisturbed ({way}): {out[way].requests:,} requests in {out[way].seconds:.1f} s")
    return out


def main() -> int:
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--kills", type=int, default=50)
    words.add_argument("--seconds", type=float, default=540, help="begin no case after these")
    words.add_argument("--first", type=int, default=0, help="seed of the first case")
    words.add_argument("--processes", type=int, default=2)
    words.add_argument("--seed", type=int, help="one case only, with all there is to say of it")
    asked = words.parse_args()
    undisturbed = undisturbed_runs()
    if asked.seed is not None:
        verdict = verdict_of(undisturbed, asked.seed)
        say(f"{drawn(asked.seed)}\n{verdict}")
        return bool(verdict.wrong)
    started_s, verdicts = time.monotonic(), list[Verdict]()
    seeds = range(asked.first, asked.first + 2 * asked.kills)
    with multiprocessing.get_context("spawn").Pool(asked.processes) as pool:
        for verdict in pool.imap_unordered(partial(verdict_of, undisturbed), seeds):
            verdicts.append(verdict)
            for text in verdict.wrong:
                say(f"case {verdict.seed} (killed in {', '.join(verdict.killed_in)}): {text}")
            enough = sum(len(v.killed_in) for v in verdicts) >= asked.kills
            if enough or time.monotonic() - started_s > asked.seconds:
                pool.terminate()
                break
    phases = Counter(phase for v in verdicts for phase in v.killed_in)
    say("killed in: " + ", ".join(f"{phase} {n}" for phase, n in phases.most_common()))
    say(summary(verdicts))
    return any(v.wrong for v in verdicts)


if __name__ == "__main__":
    raise SystemExit(main())
