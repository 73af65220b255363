"""Ancestors: what a step needs of its grandparents, its parent's rows carry to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from headwater.config.fill import masked
from headwater.config.path import JsonPath
from headwater.config.read import Config
from headwater.errors import ConfigError, Problem
from headwater.plan.bind import Binding, parent_column

__all__ = ["Include", "carry"]

Bindings = Mapping[str, tuple[Binding, ...]]


@dataclass(frozen=True, slots=True)
class Include:
    """A value of the parent's row that child rows carry under `column`."""

    column: str
    fields: tuple[JsonPath, ...]


def carry(
    config: Config, order: Sequence[str], bindings: Bindings
) -> tuple[dict[str, tuple[Binding, ...]], dict[str, tuple[Include, ...]]]:
    """Bindings with one parent (or one union) each, and what parents carry for that.

    Order: `order` has parents first. Raises ConfigError where the parents of a step are not
    ancestors of one of them.
    """
    carrier = Carrier(bindings)
    problems: list[Problem] = []
    for name in order:
        try:
            carrier.unite(name)
        except LookupError:
            parents = dict.fromkeys(p for binding in bindings[name] for p in binding.parents)
            what = f"placeholders are filled by several parents: {', '.join(parents)}"
            hint = "one resource can have one parent, and its ancestors"
            where = config.where(name, "endpoint", "path")
            problems.append(Problem(where, what, hint))
    if problems:
        raise ConfigError(masked(problems, config.secrets))
    carried = {name: tuple(columns.values()) for name, columns in carrier.includes.items()}
    return carrier.done, carried


class Carrier:
    """Unites the bindings of one step after another; parents must come first."""

    def __init__(self, bindings: Bindings) -> None:
        self.bindings = bindings
        self.done: dict[str, tuple[Binding, ...]] = {}
        self.includes: dict[str, dict[str, Include]] = {}

    def unite(self, name: str) -> None:
        """All bindings of `name` on the nearest of its parents. Raises LookupError."""
        bound = self.bindings[name]
        self.done[name] = bound
        sets = list(dict.fromkeys(binding.parents for binding in bound))
        if len(sets) <= 1:
            return
        for nearest in sets:
            if all(other == nearest or self.is_below(nearest, other) for other in sets):
                self.done[name] = tuple(
                    binding if binding.parents == nearest else self.by_way_of(nearest[0], binding)
                    for binding in bound
                )
                return
        raise LookupError(name)

    def is_below(self, parents: tuple[str, ...], others: tuple[str, ...]) -> bool:
        """Whether `parents` is one resource whose rows are asked for rows of `others`."""
        while len(parents) == 1:
            above = self.done[parents[0]]
            if not above:
                return False
            parents = above[0].parents
            if parents == others:
                return True
        return False

    def by_way_of(self, parent: str, binding: Binding) -> Binding:
        """`binding` filled from the rows of `parent`, which carry the value from further up."""
        column = self.carried(parent, binding)
        own = replace(binding, parents=(parent,), fields=(key_path(column),))
        return replace(own, rule="explicit" if binding.rule == "explicit" else "ancestor")

    def carried(self, name: str, binding: Binding) -> str:
        """The column of `name` that holds the value of `binding`, carried there where it is not."""
        above = self.done[name]
        if above[0].parents != binding.parents:
            column = self.carried(above[0].parents[0], binding)
            return self.include(name, column, (key_path(column),))
        own = (b for b in above if b.column is not None and b.fields == binding.fields)
        found = next(own, None)
        if found is not None and found.column is not None:
            return found.column
        column = binding.column or parent_column(binding.parents[0], str(binding.fields[0]))
        return self.include(name, column, binding.fields)

    def include(self, name: str, column: str, fields: tuple[JsonPath, ...]) -> str:
        known = {binding.column for binding in self.done[name]}
        if column not in known:
            self.includes.setdefault(name, {}).setdefault(column, Include(column, fields))
        return column


def key_path(column: str) -> JsonPath:
    """The path of a column, whatever signs its name has."""
    return JsonPath(column, (column,))
