"""What a failure touches: which rows are not whole, which cursors must stay, what is not loaded.

A cursor that moved past rows that were lost, or whose parents will not be listed again, would hide
them for ever. A table must not be replaced by half of itself, nor be added to twice.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Literal

from headwater.plan.graph import Plan, Step

__all__ = ["Fallout", "Manner", "Way", "fallout"]

Manner = Literal["upsert", "replace", "append"]


@dataclass(frozen=True, slots=True)
class Way:
    """How the rows of a step are written: into which table, in which manner, by a cursor or not."""

    table: str
    manner: Manner
    has_cursor: bool


@dataclass(frozen=True, slots=True)
class Fallout:
    """Names of resources, in the order of the plan.

    `kept` cursors stay where they were before the run; rows of `withheld` are not loaded.
    """

    kept: tuple[str, ...]
    withheld: tuple[str, ...]


def fallout(plan: Plan, failed: Collection[str], way_of: Callable[[Step], Way]) -> Fallout:
    """What must not move and not be loaded after a run in which `failed` fell short.

    Rows that are merged by key are loaded as far as they came. What would be replaced is loaded
    when it is whole; what would be added to, when it is whole and will not be asked again.
    """
    ways = {step.name: way_of(step) for step in plan.steps}
    partial = with_descendants(plan, failed)
    withheld: set[str] = set()
    while True:
        lost = partial | withheld
        kept = lost | {above for name in lost for above in plan.ancestors(name)}
        again = with_descendants(plan, [name for name in kept if ways[name].has_cursor])
        held = {name for name in partial if ways[name].manner != "upsert"}
        held |= {name for name in again if ways[name].manner == "append"}
        tables = {ways[name].table for name in held}
        held = {name for name, way in ways.items() if way.table in tables}
        if held == withheld:
            return Fallout(in_order(plan, kept), in_order(plan, withheld))
        withheld = held


def with_descendants(plan: Plan, names: Iterable[str]) -> set[str]:
    """`names`, and all that is asked for their rows."""
    wanted = set(names)
    return wanted | {step.name for step in plan.steps if wanted & set(plan.ancestors(step.name))}


def in_order(plan: Plan, names: Collection[str]) -> tuple[str, ...]:
    return tuple(step.name for step in plan.steps if step.name in names)
