"""Binding: which field of which resource fills each free {placeholder}, and by which rule."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from headwater.config.models import Resource
from headwater.config.path import JsonPath, parse_path
from headwater.config.read import Config, External
from headwater.config.template import placeholders, strings
from headwater.errors import ConfigError, Problem

__all__ = ["Binding", "Rule", "bind", "parent_column"]

Rule = Literal["explicit", "path prefix", "name", "producers", "ancestor"]
SUFFIXES = ("_id", "_key", "_guid", "_uuid", "_slug", "_name", "_number")
BRACED = re.compile(r"\{[^{}]*\}")


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


@dataclass(frozen=True, slots=True)
class Free:
    """A placeholder cut into what it names and which field it means."""

    stem: str
    field: str | None


def parent_column(parent: str, field: str) -> str:
    """The column of child rows that holds `field` of `parent` (dlt's naming)."""
    return f"_{parent}_{field}"


def bind(config: Config) -> dict[str, tuple[Binding, ...]]:
    """The bindings of every resource. Raises ConfigError with every placeholder nothing fills."""
    binder = Binder(config)
    bindings = {item.name: binder.of(item.name) for item in config.resources}
    if binder.problems:
        raise ConfigError(binder.problems)
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
        if name not in self.done:
            self.open.append(name)
            item = self.items[name]
            self.done[name] = () if isinstance(item, External) else tuple(self.bind_one(item))
            self.open.pop()
        return self.done[name]

    def bind_one(self, resource: Resource) -> list[Binding]:
        endpoint = resource.endpoint
        path = endpoint.path or resource.name
        names = list(dict.fromkeys(self.names_in(resource, path)))
        params = endpoint.params or {}
        explicit = [
            self.resolve(resource, name, value)
            for name, value in params.items()
            if isinstance(value, Mapping) and value.get("type") == "resolve"
        ]
        bound = [binding for binding in explicit if binding is not None]
        for name, value in params.items():
            if isinstance(value, Mapping) and value.get("type") == "resolve" and name not in names:
                what = f"param `{name}` resolves a placeholder that the path `{path}` does not have"
                self.note(resource, what, f"write {{{name}}} into the path", "params", name)
        bound += [b for b in self.templates(resource) if b is not None]
        taken = {binding.placeholder for binding in bound} | set(params)
        for name in names:
            if "." not in name and name not in taken:
                found = self.infer(resource, path, name)
                if found is not None:
                    bound.append(found)
        return self.one_parent(resource, bound)

    def names_in(self, resource: Resource, path: str) -> list[str]:
        try:
            return placeholders(path)
        except ValueError as error:
            self.note(resource, f"`{path}`: {error}", "write {{ and }} for plain braces", "path")
            return []

    def note(self, resource: Resource, what: str, hint: str, *keys: str) -> None:
        where = self.config.where(resource.name, "endpoint", *keys)
        problem = Problem(where, what, hint)
        if problem not in self.problems:
            self.problems.append(problem)

    def known_parent(self, resource: Resource, parent: str, *keys: str) -> bool:
        if parent in self.items:
            return True
        self.note(
            resource,
            f"there is no resource `{parent}`",
            f"there are: {', '.join(self.items)}",
            *keys,
        )
        return False

    def resolve(self, resource: Resource, name: str, value: Mapping[str, Any]) -> Binding | None:
        parent, field = value.get("resource"), value.get("field")
        if not isinstance(parent, str) or not isinstance(field, str):
            hint = "write {type: resolve, resource: ..., field: ...}"
            self.note(resource, f"param `{name}` lacks a resource or a field", hint, "params", name)
            return None
        if not self.known_parent(resource, parent, "params", name):
            return None
        return Binding(name, (parent,), (parse_path(field),), "explicit")

    def templates(self, resource: Resource) -> list[Binding | None]:
        """Bindings of `{resources.parent.field}`, anywhere in the request."""
        endpoint = resource.endpoint
        allowed = ("resources.", "incremental.") if has_incremental(resource) else ("resources.",)
        out: dict[str, Binding | None] = {}
        for key in ("path", "params", "json", "data", "headers"):
            for text in strings(getattr(endpoint, key)):
                try:
                    names = placeholders(text)
                except ValueError:
                    continue
                for name in names:
                    if name.startswith("resources.") and name.count(".") >= 2:
                        _, parent, field = name.split(".", 2)
                        if self.known_parent(resource, parent, key):
                            out[name] = Binding(name, (parent,), (parse_path(field),), "explicit")
                    elif not name.startswith(allowed) and (key != "path" or "." in name):
                        what = f"nothing is known as {{{name}}}"
                        hint = "known: " + ", ".join(f"{{{prefix}...}}" for prefix in allowed)
                        self.note(
                            resource, what, f"{hint}; write {{{{ and }}}} for plain braces", key
                        )
        return list(out.values())

    def infer(self, resource: Resource, path: str, name: str) -> Binding | None:
        if self.config.strict_bindings:
            self.note(resource, f"nothing fills {{{name}}}", "strict_bindings is on", "path")
            return None
        free = split(name)
        rules: list[tuple[Rule, list[Resource]]] = [
            ("path prefix", self.by_prefix(resource, path, name)),
            ("name", self.by_name(resource, free)),
            ("producers", self.producers(resource, free)),
        ]
        for rule, candidates in rules:
            usable = [item for item in candidates if not self.depends(item.name, resource.name)]
            if len(usable) > 1 and rule != "producers":
                both = ", ".join(item.name for item in usable)
                line = f"{{resources.{usable[0].name}.{self.field_of(free, usable[0])}}}"
                what = f"{{{name}}} of `{path}` may be filled by {both} (rule: {rule})"
                self.note(resource, what, f"write {line}", "path")
                return None
            if usable:
                return self.binding(name, free, rule, usable)
        looked = [item.name for item in self.listed if item.name != resource.name]
        line = f"{{resources.{looked[0] if looked else 'parent'}.id}}"
        what = f"nothing fills {{{name}}} of `{path}`"
        hint = f"looked at: {', '.join(looked) or 'no other resource'}; write {line} or a param `{name}`"
        self.note(resource, what, hint, "path")
        return None

    def binding(self, name: str, free: Free, rule: Rule, parents: list[Resource]) -> Binding:
        fields = tuple(self.field_of(free, parent) for parent in parents)
        column = parent_column(parents[0].name, fields[0]) if len(parents) == 1 else f"_{name}"
        return Binding(
            name, tuple(p.name for p in parents), tuple(parse_path(f) for f in fields), rule, column
        )

    def field_of(self, free: Free, parent: Resource) -> str:
        if free.field is not None:
            return free.field
        key = parent.primary_key
        if isinstance(key, (list, tuple)) and len(key) == 1:
            key = key[0]
        return key if isinstance(key, str) else "id"

    def by_prefix(self, resource: Resource, path: str, name: str) -> list[Resource]:
        prefix = shape(path.split(f"{{{name}}}", 1)[0])
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
        static = [item for item in others if not BRACED.search(path_of(item))]
        return [item for item in static if plain(last_segment(item)) in wanted]

    def producers(self, resource: Resource, free: Free) -> list[Resource]:
        wanted = tuple(plurals(free.stem))
        return [
            item
            for item in self.listed
            if item is not resource
            and (plain(item.name).endswith(wanted) or plain(last_segment(item)).endswith(wanted))
        ]

    def depends(self, candidate: str, name: str) -> bool:
        """Whether the rows of `candidate` need those of `name`, now or by what is being bound."""
        if candidate in self.open:
            return True
        return any(
            parent == name or self.depends(parent, name)
            for binding in self.of(candidate)
            for parent in binding.parents
        )

    def one_parent(self, resource: Resource, bound: list[Binding]) -> list[Binding]:
        """All bindings on the same parent: values of an ancestor come from the parent's own rows."""
        sets = list(dict.fromkeys(binding.parents for binding in bound))
        if len(sets) <= 1:
            return bound
        deepest = next((s for s in sets if all(o == s or self.carries(s, o) for o in sets)), None)
        if deepest is None or any(b.rule == "explicit" and b.parents != deepest for b in bound):
            all_names = ", ".join(dict.fromkeys(name for s in sets for name in s))
            what = f"placeholders are filled by several parents: {all_names}"
            self.note(resource, what, "one resource can have one parent, and its ancestors", "path")
            return bound
        return [b if b.parents == deepest else self.carried(b, deepest[0]) for b in bound]

    def carries(self, child: tuple[str, ...], ancestor: tuple[str, ...]) -> bool:
        return len(child) == 1 and any(
            b.parents == ancestor and b.column for b in self.of(child[0])
        )

    def carried(self, binding: Binding, parent: str) -> Binding:
        own = next(b for b in self.of(parent) if b.parents == binding.parents and b.column)
        assert own.column is not None
        field = parse_path(own.column)
        return Binding(binding.placeholder, (parent,), (field,), "ancestor", binding.column)


def has_incremental(resource: Resource) -> bool:
    params = resource.endpoint.params or {}
    return resource.endpoint.incremental is not None or any(
        isinstance(value, Mapping) and value.get("type") == "incremental"
        for value in params.values()
    )


def split(name: str) -> Free:
    """`project_key` is (project, key); `{x_id}` and `{parent_id}` leave the field to the parent."""
    for suffix in SUFFIXES:
        if name.endswith(suffix) and len(name) > len(suffix):
            return Free(name.removesuffix(suffix), None if suffix == "_id" else suffix[1:])
    if name.endswith("Id") and len(name) > 2:
        return Free(name[:-2], None)
    if name in ("id", "parent"):
        return Free(name, None)
    return Free(name, name if f"_{name}" in SUFFIXES else None)


def plain(name: str) -> str:
    """A name in lower snake case."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).replace("-", "_").replace(" ", "_").lower()


def plurals(stem: str) -> set[str]:
    """What a listing of `stem` may be called."""
    word = plain(stem)
    if word.endswith("y") and word[-2:-1] not in ("a", "e", "i", "o", "u", ""):
        return {f"{word[:-1]}ies"}
    if word.endswith(("s", "x", "z", "ch", "sh")):
        return {f"{word}es"}
    if word == "person" or word.endswith("_person"):
        return {f"{word}s", f"{word.removesuffix('person')}people"}
    return {f"{word}s"}


def shape(path: str) -> str:
    """A path without outer slashes, its placeholders nameless, so that two can be compared."""
    return BRACED.sub("{}", path.split("?", 1)[0]).strip("/")


def path_of(resource: Resource) -> str:
    return resource.endpoint.path or resource.name


def last_segment(resource: Resource) -> str:
    fixed = [part for part in shape(path_of(resource)).split("/") if part and part != "{}"]
    return fixed[-1].removesuffix(".json") if fixed else ""
