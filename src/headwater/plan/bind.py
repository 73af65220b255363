"""Binding: which field of which resource fills each free {placeholder}, and by which rule."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from headwater.config.fill import masked
from headwater.config.models import Resource
from headwater.config.path import JsonPath, parse_path
from headwater.config.read import Config, External
from headwater.config.template import is_name, placeholders, strings
from headwater.errors import ConfigError, Problem
from headwater.plan.naming import Free, last_segment, plain, plurals, shape, split

__all__ = ["Binding", "Rule", "bind", "parent_column", "path_of", "plain"]

Rule = Literal["explicit", "path prefix", "name", "producers", "ancestor"]
TEXTS = ("path", "params", "json", "data", "headers")
DOUBLE = "write {{ and }} for plain braces"


@dataclass(frozen=True, slots=True)
class Binding:
    """One placeholder, the resources whose rows fill it, and the field of each that does.

    `column` is what child rows carry the value under, None where they do not.
    """

    placeholder: str
    parents: tuple[str, ...]
    fields: tuple[JsonPath, ...]
    rule: Rule
    column: str | None = None

    @property
    def why(self) -> str:
        """The rule in words, for `headwater plan`."""
        return {
            "explicit": "as written",
            "path prefix": f"the path up to it is that of {self.parents[0]}",
            "name": f"its name says {self.parents[0]}",
            "producers": "every resource whose rows are such things, duplicates removed",
            "ancestor": f"carried by the rows of {self.parents[0]}",
        }[self.rule]


def parent_column(parent: str, field: str) -> str:
    """The column of child rows that holds `field` of `parent` (dlt's naming)."""
    return f"_{parent}_{field}"


def path_of(resource: Resource) -> str:
    """The path of a resource: its name where it sets none."""
    path = resource.endpoint.path
    return resource.name if path is None else path


def bind(config: Config) -> dict[str, tuple[Binding, ...]]:
    """The bindings of every resource, each to the resource that is nearest by the rules.

    Raises ConfigError with every placeholder that nothing fills.
    """
    binder = Binder(config)
    bindings = {item.name: binder.of(item.name) for item in config.resources}
    if binder.problems:
        raise ConfigError(masked(binder.problems, config.secrets))
    return bindings


class Binder:
    """Binds resources on demand, so that a candidate's own parents are known when it is weighed."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.items = {item.name: item for item in config.resources}
        self.listed = [item for item in config.resources if isinstance(item, Resource)]
        self.done: dict[str, tuple[Binding, ...]] = {}
        self.open: list[str] = []
        self.problems: list[Problem] = []

    def of(self, name: str) -> tuple[Binding, ...]:
        """The bindings of the resource `name`."""
        if name not in self.done:
            self.open.append(name)
            item = self.items[name]
            self.done[name] = () if isinstance(item, External) else tuple(self.bind_one(item))
            self.open.pop()
        return self.done[name]

    def bind_one(self, resource: Resource) -> list[Binding]:
        path = path_of(resource)
        names = self.names_in(resource, "path", path)
        params = resource.endpoint.params or {}
        bound = self.resolved(resource, names) + self.templates(resource)
        taken = {binding.placeholder for binding in bound} | set(params)
        for name in names:
            if is_name(name) and "." not in name and name not in taken:
                found = self.infer(resource, path, name)
                if found is not None:
                    bound.append(found)
        return bound

    def note(self, resource: Resource, what: str, hint: str, *keys: str) -> None:
        where = self.config.where(resource.name, "endpoint", *keys)
        problem = Problem(where, what, hint)
        if problem not in self.problems:
            self.problems.append(problem)

    def names_in(self, resource: Resource, key: str, text: str) -> list[str]:
        """The placeholders of `text`, each once; a problem where its braces make no sense."""
        try:
            return list(dict.fromkeys(placeholders(text)))
        except ValueError as error:
            reason = str(error).replace("'", "`")
            self.note(resource, f"`{shortened(text)}`: {reason}", DOUBLE, key)
            return []

    def explicit(
        self, resource: Resource, name: str, parent: str, field: str, *keys: str
    ) -> Binding | None:
        """A binding as written; None, with a problem, where there is no such parent or path."""
        if parent not in self.items:
            there = f"there are: {', '.join(self.items)}"
            self.note(resource, f"there is no resource `{parent}`", there, *keys)
            return None
        try:
            return Binding(name, (parent,), (parse_path(field),), "explicit")
        except ValueError as error:
            self.note(resource, str(error), "write the path of a field of its rows", *keys)
            return None

    def resolved(self, resource: Resource, names: list[str]) -> list[Binding]:
        """Bindings of params that say `{type: resolve}`."""
        bound: list[Binding | None] = []
        for name, value in (resource.endpoint.params or {}).items():
            if not isinstance(value, Mapping) or value.get("type") != "resolve":
                continue
            if name in names:
                parent, field = str(value.get("resource")), str(value.get("field"))
                bound.append(self.explicit(resource, name, parent, field, "params", name))
            else:
                path = path_of(resource)
                what = f"param `{name}` resolves a placeholder that `{path}` does not have"
                self.note(resource, what, f"write {{{name}}} into the path", "params", name)
        return [binding for binding in bound if binding is not None]

    def templates(self, resource: Resource) -> list[Binding]:
        """Bindings of `{resources.parent.field}`, anywhere in the request."""
        known = ("resources.", "incremental.") if has_incremental(resource) else ("resources.",)
        params = resource.endpoint.params or {}
        out: dict[str, Binding | None] = {}
        for key in TEXTS:
            texts = (
                [path_of(resource)] if key == "path" else strings(getattr(resource.endpoint, key))
            )
            for text in texts:
                for name in self.names_in(resource, key, text):
                    if name.startswith("resources.") and name.count(".") >= 2:
                        _, parent, field = name.split(".", 2)
                        out[name] = self.explicit(resource, name, parent, field, key)
                    elif not self.is_known(key, name, known, params):
                        may = ", ".join(f"{{{prefix}...}}" for prefix in known)
                        what = f"nothing is known as {{{shortened(name)}}}"
                        self.note(resource, what, f"known: {may}; {DOUBLE}", key)
        return [binding for binding in out.values() if binding is not None]

    def is_known(
        self, key: str, name: str, known: tuple[str, ...], params: Mapping[str, Any]
    ) -> bool:
        """Whether a placeholder is filled by a cursor, or, in a path, by a param or a parent."""
        if name.startswith(known) and not name.startswith("resources."):
            return True
        return key == "path" and (name in params or (is_name(name) and "." not in name))

    def infer(self, resource: Resource, path: str, name: str) -> Binding | None:
        if self.config.strict_bindings:
            hint = "strict_bindings is on: write {resources.PARENT.FIELD} or a param"
            self.note(resource, f"nothing fills {{{name}}} of `{path}`", hint, "path")
            return None
        free = split(name)
        rules: list[tuple[Rule, Callable[[], list[Resource]]]] = [
            ("path prefix", lambda: self.by_prefix(resource, path, name)),
            ("name", lambda: self.by_name(resource, free)),
            ("producers", lambda: self.producers(resource, free)),
        ]
        for rule, candidates in rules:
            usable = [item for item in candidates() if not self.depends(item.name, resource.name)]
            if len(usable) > 1 and rule != "producers":
                both = ", ".join(item.name for item in usable)
                line = f"{{resources.{usable[0].name}.{field_of(free, usable[0])}}}"
                what = f"{{{name}}} of `{path}` may be filled by {both}"
                self.note(resource, what, f"rule: {rule}; write {line}", "path")
                return None
            if usable:
                return binding_of(name, free, rule, usable)
        looked = [item.name for item in self.listed if item.name != resource.name]
        line = f"{{resources.{looked[0] if looked else 'parent'}.{free.field or 'id'}}}"
        what = f"nothing fills {{{name}}} of `{path}`"
        hint = (
            f"looked at: {', '.join(looked) or 'no other resource'};"
            f" write {line} or a param `{name}`"
        )
        self.note(resource, what, hint, "path")
        return None

    def by_prefix(self, resource: Resource, path: str, name: str) -> list[Resource]:
        prefix = shape(re.split(rf"\{{{re.escape(name)}[!:}}]", path, maxsplit=1)[0])
        if not prefix:
            return []
        return [
            item for item in self.listed if item is not resource and shape(path_of(item)) == prefix
        ]

    def by_name(self, resource: Resource, free: Free) -> list[Resource]:
        wanted = plurals(free.stem)
        others = [item for item in self.listed if item is not resource]
        named = [item for item in others if plain(item.name) in wanted]
        if named:
            return named
        static = [item for item in others if "{" not in path_of(item)]
        return [item for item in static if plain(last_segment(path_of(item))) in wanted]

    def producers(self, resource: Resource, free: Free) -> list[Resource]:
        wanted = plurals(free.stem)

        def makes(word: str) -> bool:
            return word in wanted or word.endswith(tuple(f"_{plural}" for plural in wanted))

        return [
            item
            for item in self.listed
            if item is not resource
            and (makes(plain(item.name)) or makes(plain(last_segment(path_of(item)))))
        ]

    def depends(self, candidate: str, name: str) -> bool:
        """Whether the rows of `candidate` need those of `name`, now or by what is being bound."""
        seen: set[str] = set()
        waiting = [candidate]
        while waiting:
            here = waiting.pop()
            if here in self.open or here == name:
                return True
            if here not in seen:
                seen.add(here)
                waiting += [parent for binding in self.of(here) for parent in binding.parents]
        return False


def binding_of(name: str, free: Free, rule: Rule, parents: list[Resource]) -> Binding:
    fields = tuple(field_of(free, parent) for parent in parents)
    column = parent_column(parents[0].name, fields[0]) if len(parents) == 1 else f"_{name}"
    paths = tuple(parse_path(field) for field in fields)
    return Binding(name, tuple(parent.name for parent in parents), paths, rule, column)


def field_of(free: Free, parent: Resource) -> str:
    """The field of `parent` that a placeholder means: its suffix, else the primary key, else id."""
    if free.field is not None:
        return free.field
    key = parent.primary_key
    if isinstance(key, (list, tuple)) and len(key) == 1:
        key = key[0]
    return key if isinstance(key, str) else "id"


def has_incremental(resource: Resource) -> bool:
    params = resource.endpoint.params or {}
    return resource.endpoint.incremental is not None or any(
        (isinstance(value, Mapping) and value.get("type") == "incremental")
        or (hasattr(value, "cursor_path") and hasattr(value, "initial_value"))
        for value in params.values()
    )


def shortened(text: str) -> str:
    """One line of `text`, cut to what a message has room for."""
    line = " ".join(text.split())
    return line if len(line) <= 60 else f"{line[:57]}..."
