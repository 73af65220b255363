"""The plan: one step a resource, parents before children, and how it reads when printed."""

from __future__ import annotations

import graphlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from headwater.config import models
from headwater.config.fill import masked
from headwater.config.models import Auth, ErrorHandler, Paginator, Resource
from headwater.config.path import JsonPath
from headwater.config.read import Config, External
from headwater.config.template import placeholders
from headwater.errors import ConfigError, CyclicConfig, Problem
from headwater.plan.bind import Binding, bind, parent_column, path_of
from headwater.plan.carry import Include, carry
from headwater.plan.limits import cursor_problems

__all__ = ["Include", "Plan", "Step", "make_plan"]


@dataclass(frozen=True, slots=True)
class Step:
    """One resource, ready to be asked: every default resolved, every placeholder bound.

    `selector` is None where the first page shows where the rows are. `external` is set for a
    resource that was handed in already built.
    """

    name: str
    resource: Resource
    paginator: Paginator
    selector: str | None
    auth: Auth | None
    error_handler: ErrorHandler | None
    bindings: tuple[Binding, ...] = ()
    includes: tuple[Include, ...] = ()
    params: Mapping[str, Any] = field(default_factory=dict, repr=False)
    statics: Mapping[str, Any] = field(default_factory=dict, repr=False)
    incremental: Any = None
    external: Any = None

    @property
    def parents(self) -> tuple[str, ...]:
        """The resources whose rows this step is asked for: none, one, or those of a union."""
        return self.bindings[0].parents if self.bindings else ()

    @property
    def path(self) -> str:
        return path_of(self.resource)

    @property
    def method(self) -> str:
        return self.resource.endpoint.method


@dataclass(frozen=True, slots=True)
class Plan:
    """Every step of a config, in an order in which parents come first."""

    config: Config
    steps: tuple[Step, ...]

    def step(self, name: str) -> Step:
        """The step called `name`. Raises KeyError."""
        for step in self.steps:
            if step.name == name:
                return step
        raise KeyError(name)

    def children(self, name: str) -> tuple[Step, ...]:
        return tuple(step for step in self.steps if name in step.parents)

    def ancestors(self, name: str) -> tuple[str, ...]:
        """Every resource that must be read for `name`, nearest first."""
        seen: dict[str, None] = {}
        waiting = list(self.step(name).parents)
        while waiting:
            parent = waiting.pop(0)
            if parent not in seen:
                seen[parent] = None
                waiting += self.step(parent).parents
        return tuple(seen)

    def tree(self) -> Iterator[tuple[int, Step]]:
        """Steps with their depth, each child below its (first) parent."""

        def below(step: Step, depth: int) -> Iterator[tuple[int, Step]]:
            yield depth, step
            for child in self.steps:
                if child.parents[:1] == (step.name,):
                    yield from below(child, depth + 1)

        for step in self.steps:
            if not step.parents:
                yield from below(step, 0)


def make_plan(config: Config) -> Plan:
    """The plan of `config`. Raises ConfigError: unbound placeholders, circles, misplaced keys."""
    nearest = bind(config)
    order = in_order(config, nearest)
    bindings, carried = carry(config, order, nearest)
    problems: list[Problem] = []
    steps = {
        item.name: external_step(item)
        if isinstance(item, External)
        else make_step(config, item, (bindings[item.name], carried.get(item.name, ())), problems)
        for item in config.resources
    }
    problems += cursor_problems(config, steps)
    if problems:
        raise ConfigError(masked(problems, config.secrets))
    return Plan(config, tuple(steps[name] for name in order))


def in_order(config: Config, bindings: Mapping[str, tuple[Binding, ...]]) -> list[str]:
    """Names with parents first, else in the order written. Raises CyclicConfig."""
    graph = {
        name: {parent for binding in bound for parent in binding.parents}
        for name, bound in bindings.items()
    }
    sorter = graphlib.TopologicalSorter(graph)
    try:
        sorter.prepare()
    except graphlib.CycleError as error:
        circle = " -> ".join(error.args[1])
        where = config.where(error.args[1][0], "endpoint", "path")
        hint = "one of them must be asked for without the others"
        what = f"resources depend on each other: {circle}"
        raise CyclicConfig([Problem(where, what, hint)]) from None
    placed: list[str] = []
    waiting = [item.name for item in config.resources]
    while waiting:
        name = next(name for name in waiting if graph[name] <= set(placed))
        placed.append(name)
        waiting.remove(name)
    return placed


def external_step(item: External) -> Step:
    single = models.SinglePagePaginator()
    return Step(item.name, Resource(name=item.name), single, None, None, None, external=item.built)


def make_step(
    config: Config,
    resource: Resource,
    bound: tuple[tuple[Binding, ...], tuple[Include, ...]],
    problems: list[Problem],
) -> Step:
    bindings, carried = bound
    endpoint, client = resource.endpoint, config.client
    single = is_single_entity(resource)
    paginator = endpoint.paginator or (models.SinglePagePaginator() if single else client.paginator)
    selector = endpoint.data_selector or ("$" if single else None)
    where = config.where(resource.name)
    if resource.include_from_parent and not bindings:
        what = "include_from_parent is set, but no parent fills a placeholder"
        problems.append(Problem(where, what, "remove it, or bind a placeholder of the path"))
    if endpoint.json is not None and endpoint.data is not None:
        problems.append(Problem(where, "json and data are both set", "a request has one body"))
    in_path = set(path_names(resource))
    params = dict(endpoint.params or {})
    incremental, rest = incremental_of(resource, params, where, problems)
    return Step(
        name=resource.name,
        resource=resource,
        paginator=paginator or models.AutoPaginator(),
        selector=selector,
        auth=endpoint.auth or client.auth,
        error_handler=endpoint.error_handler or client.error_handler,
        bindings=bindings,
        includes=includes_of(resource, bindings, carried),
        params={k: v for k, v in rest.items() if k not in in_path and not is_resolve(v)},
        statics={k: v for k, v in rest.items() if k in in_path and not is_resolve(v)},
        incremental=incremental,
    )


def path_names(resource: Resource) -> list[str]:
    return placeholders(path_of(resource))


def is_single_entity(resource: Resource) -> bool:
    """Whether the path ends in a placeholder, with no selector or paginator set (dlt's rule)."""
    endpoint = resource.endpoint
    last = path_of(resource).rstrip("/").rsplit("/", 1)[-1]
    return "{" in last and endpoint.data_selector is None and endpoint.paginator is None


def is_resolve(value: Any) -> bool:
    return isinstance(value, Mapping) and value.get("type") == "resolve"


def includes_of(
    resource: Resource, bindings: tuple[Binding, ...], carried: tuple[Include, ...]
) -> tuple[Include, ...]:
    """What child rows carry: inferred bindings by themselves, explicit ones when asked for.

    `carried` is what the children of this resource need of its ancestors.
    """
    out = [Include(b.column, b.fields) for b in bindings if b.column]
    out += carried
    if bindings:
        parent = bindings[0].parents[0]
        known = {item.column for item in out}
        width = len(bindings[0].parents)
        for name in resource.include_from_parent or ():
            column = parent_column(parent, name)
            if column not in known:
                out.append(Include(column, (JsonPath(name, (name,)),) * width))
    return tuple(out)


def incremental_of(
    resource: Resource, params: Mapping[str, Any], where: str, problems: list[Problem]
) -> tuple[Any, dict[str, Any]]:
    """The one incremental of an endpoint, wherever it is written, and the params without it."""
    found: list[Any] = []
    rest: dict[str, Any] = {}
    for name, value in params.items():
        if isinstance(value, Mapping) and value.get("type") == "incremental":
            settings = {key: item for key, item in value.items() if key != "type"}
            found.append(models.Incremental(**{**settings, "start_param": name}))
        elif hasattr(value, "cursor_path") and hasattr(value, "initial_value"):
            found.append((name, value))
        else:
            rest[name] = value
    if resource.endpoint.incremental is not None:
        found.append(resource.endpoint.incremental)
    if len(found) > 1:
        problems.append(Problem(where, "two incrementals", "an endpoint can have one"))
    return (found[0] if found else None), rest
