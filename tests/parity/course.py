"""A drawn world through dlt and through headwater, and the outcome of it."""

from __future__ import annotations

import traceback
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from compare import comparable
from dlt.sources.rest_api import rest_api_source as dlts_own
from pipelines import api, load, named_by
from reference import DltFails, by_dlt, new_schema
from rows import unlike_dlt
from worlds import Drawn, World

from headwater import rest_api_source


@dataclass(frozen=True)
class Outcome:
    """What became of a pipeline: its tables, or the text of its failure."""

    tables: dict[str, Any] | None
    failure: str = ""


def outcome(make: Any, world: World) -> Outcome:
    with TemporaryDirectory() as folder, named_by(world.naming), api(world) as url:
        try:
            return Outcome(comparable(load(make, Path(folder), world, url)))
        except Exception as error:
            return Outcome(None, "".join(traceback.format_exception(error))[-3000:])


def judged(world: World) -> tuple[Counter[str], list[str]]:
    """How often what was the outcome, by resource, and each difference as text.

    All resources go in one pipeline; where that fails or differs, each half goes in its own.
    """
    theirs, ours = outcome(dlts_own, world), outcome(rest_api_source, world)
    if theirs.tables is not None and theirs.tables == ours.tables:
        return Counter(equal=len(world.resources)), []
    if len(world.resources) == 1:
        if theirs.tables is None:
            return Counter({"both fail" if ours.tables is None else "dlt fails": 1}), []
        return Counter(different=1), [f"{difference(theirs, ours)}\n{world.described()}"]
    middle = len(world.resources) // 2
    counts, found = judged(world.of(world.resources[:middle]))
    more, also = judged(world.of(world.resources[middle:]))
    tally = counts + more
    if not (found or also or tally["both fail"] or tally["dlt fails"]):
        also = [f"only together: {difference(theirs, ours)}\n{world.described()}"]
    return tally, [*found, *also]


def difference(theirs: Outcome, ours: Outcome) -> str:
    """The first things in which two outcomes are unlike."""
    if theirs.tables is None or ours.tables is None:
        return f"dlt: {theirs.failure[-900:] or 'loads'}\nheadwater: {ours.failure or 'loads'}"
    lines = list(unlike("", theirs.tables, ours.tables))
    return "\n".join(lines[:12])


def unlike(where: str, theirs: Any, ours: Any) -> list[str]:
    if theirs == ours:
        return []
    if isinstance(theirs, dict) and isinstance(ours, dict):
        keys = dict.fromkeys([*theirs, *ours])
        none = "(none)"
        return [
            line
            for key in keys
            for line in unlike(f"{where}.{key}", theirs.get(key, none), ours.get(key, none))
        ]
    if isinstance(theirs, list) and isinstance(ours, list):
        gone = [item for item in theirs if item not in ours]
        more = [item for item in ours if item not in theirs]
        return [f"{where}: dlt {gone!r:.1500}\n{where}: headwater {more!r:.1500}"]
    return [f"{where}: dlt {theirs!r:.300}, headwater {ours!r:.300}"]


def part_of(world: World) -> World:
    """The resources of `world` that dlt loads as they are."""
    return world.of(tuple(drawn for drawn in world.resources if loadable(drawn, world)))


def loadable(drawn: Drawn, world: World) -> bool:
    """Whether dlt gets such rows loaded, and as they are: no wanted difference is in them."""
    texts = [page for run in drawn.runs for page in run]
    if any(unlike_dlt(text) for page in texts for text in page):
        return False
    if world.naming and any('"_":' in text for page in texts for text in page):
        return False
    nesting = drawn.hints.get("max_table_nesting", world.source.get("max_table_nesting"))
    with named_by(world.naming):
        try:
            as_is = by_dlt(texts, new_schema(max_nesting=nesting), as_is=True)
            return as_is == by_dlt(texts, new_schema(max_nesting=nesting))
        except DltFails:
            return False
