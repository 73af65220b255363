"""Many mixtures, one after another: `python tests/faults/soak.py --mixtures 500 --seconds 540`.

Exits with 1 where a table held something wrong, or a run said less than it should.
"""

from __future__ import annotations

import argparse
import multiprocessing
import signal
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.faults.mixture import drawn
from tests.faults.oracle import Verdict, judged

MOST_S = 30.0


def verdict_of(seed: int) -> Verdict:
    """The verdict on one mixture, in a folder that is gone afterwards. Ends at all costs."""
    started_s = time.monotonic()
    signal.signal(signal.SIGALRM, too_long)
    signal.setitimer(signal.ITIMER_REAL, MOST_S, 1)
    try:
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            verdict = judged(drawn(seed), Path(folder))
            verdict.seconds = time.monotonic() - started_s
            return verdict
    except Exception as error:
        return Verdict(seed, wrong=[f"{type(error).__name__}: {error}"])
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def too_long(number: int, frame: object) -> None:
    raise TimeoutError(f"it ran for more than {MOST_S} s")


def summary(verdicts: Iterable[Verdict]) -> str:
    """The closing line: a mixture counts as complete where each of its runs was."""
    found = list(verdicts)
    wrong = sum(bool(v.wrong) for v in found)
    said = sum(bool(v.said) for v in found if not v.wrong)
    complete = len(found) - wrong - said
    runs = sum(v.complete + v.said for v in found)
    return (
        f"{len(found)} mixtures ({runs} runs): {complete} complete,"
        f" {said} said what is missing, {wrong} wrong"
    )


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> int:
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--mixtures", type=int, default=500)
    words.add_argument("--seconds", type=float, default=540, help="begin no mixture after these")
    words.add_argument("--first", type=int, default=0, help="seed of the first mixture")
    words.add_argument("--processes", type=int, default=2)
    words.add_argument("--seed", type=int, help="one mixture only, with all there is to say of it")
    asked = words.parse_args()
    warnings.simplefilter("ignore")
    if asked.seed is not None:
        say(f"{drawn(asked.seed)}")
        verdict = verdict_of(asked.seed)
        say(f"{verdict}")
        return bool(verdict.wrong)
    started_s = time.monotonic()
    verdicts: list[Verdict] = []
    seeds = range(asked.first, asked.first + asked.mixtures)
    with multiprocessing.get_context("spawn").Pool(asked.processes) as pool:
        for verdict in pool.imap_unordered(verdict_of, seeds):
            verdicts.append(verdict)
            for text in verdict.wrong:
                say(f"mixture {verdict.seed}: {text}")
            if time.monotonic() - started_s > asked.seconds:
                pool.terminate()
                break
    kinds = Counter(kind for v in verdicts for kind in {kind_of(text) for text in v.reasons})
    for kind, count in kinds.most_common():
        say(f"  {count} x {kind}")
    slowest = max(verdicts, key=lambda v: v.seconds)
    say(f"the slowest took {slowest.seconds:.1f} s (seed {slowest.seed})")
    say(f"{len(verdicts) / (time.monotonic() - started_s):.1f} mixtures a second")
    say(summary(verdicts))
    return any(v.wrong for v in verdicts)


def kind_of(reason: str) -> str:
    """A failure without its figures and addresses."""
    text = reason.partition(": ")[2]
    text = text.partition(" -> ")[2] or text
    return "".join("n" if c.isdigit() else c for c in text).partition(":")[0][:70]


if __name__ == "__main__":
    raise SystemExit(main())
