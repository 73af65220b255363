"""Reads a config: every problem at once, with its place and what would be right."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from headwater.config.aliases import normalise
from headwater.config.checks import check_base_url, check_params, check_resource, listed_resources
from headwater.config.fill import fill, from_environment, masked, unknown_params, values
from headwater.config.merge import merge_defaults, without_none
from headwater.config.models import Client, ConfigModel, Incremental, Resource
from headwater.config.secret import Secret
from headwater.config.source import Document, KeyPath, open_document
from headwater.config.strict import type_words
from headwater.config.words import Mistake, in_order, mistake
from headwater.errors import ConfigError, Problem

__all__ = ["Config", "External", "default_name", "read_config"]


@dataclass(frozen=True, slots=True)
class External:
    """A resource that is already built (a `DltResource`), taken as it is."""

    name: str
    built: Any


@dataclass(frozen=True, slots=True)
class Config:
    """An API, read and checked: defaults merged, secrets and parameters filled in.

    `default_keys` are the resources whose primary key, if any, comes from `resource_defaults`.
    """

    name: str
    client: Client
    resources: tuple[Resource | External, ...]
    strict_bindings: bool = False
    description: str = ""
    notes: tuple[Problem, ...] = ()
    secrets: frozenset[Secret] = frozenset()
    default_keys: frozenset[str] = frozenset()
    document: Document = field(default_factory=lambda: Document({}), repr=False, compare=False)

    def where(self, resource: str, *keys: str) -> str:
        """The place of a key of a resource, for messages."""
        for index, item in enumerate(self.resources):
            if item.name == resource:
                return self.document.where(("resources", index, *keys))
        return resource


def read_config(
    config: Mapping[str, Any] | str | Path,
    *,
    params: Mapping[str, Any] | None = None,
    secret: Callable[[str, str], str | None] | None = None,
) -> Config:
    """The Config that a dict, a YAML or JSON file or a packaged connector's name describes.

    `params` fill `{params.x}`; `secret(name, config_name)` fills `{secrets.x}`, None where unknown.
    Raises ConfigError with every problem found, secrets masked.
    """
    document = open_document(config)
    name = str(document.raw.get("name") or default_name(document))
    found: set[Secret] = set()
    raw: Mapping[str, Any] = document.raw
    problems: list[Problem] = []
    if document.from_file:
        value_of = values(document, name, params or {}, secret or from_environment, found)
        raw, problems = fill(document, value_of)
        problems += unknown_params(document, params or {})
    reader = Reader(document, problems)
    result = reader.config(raw, name, frozenset(found))
    if result is None:
        raise ConfigError(sorted(masked(reader.problems, found), key=place))
    return result


def place(problem: Problem) -> tuple[int, int]:
    """Line and column of a problem, for reading them in the order of the file."""
    match = re.match(r".*?:(\d+):(\d+)", problem.where)
    return (int(match[1]), int(match[2])) if match else (0, 0)


def default_name(document: Document) -> str:
    """What a config is called that does not say so: after its file."""
    return Path(document.origin).stem if document.origin else "rest_api"


class Reader:
    """Collects problems while the parts of one document are checked."""

    def __init__(self, document: Document, problems: list[Problem]) -> None:
        # Filled-in data has no marks of its own: places are looked up in the document as written.
        self.document = document
        self.problems = list(problems)

    def config(
        self, raw: Mapping[str, Any], name: str, secrets: frozenset[Secret]
    ) -> Config | None:
        """The config in `raw`, None where there is any problem."""
        data, notes = normalise(raw)
        listed = listed_resources(data.get("resources"))
        # Resources are checked one by one: here they only have to be there.
        top = self.check(ConfigModel, data, ())
        self.note((), check_base_url(data.get("client")))
        defaults = data.get("resource_defaults")
        defaults = defaults if isinstance(defaults, Mapping) else {}
        self.note(("resource_defaults",), check_resource(defaults))
        resources = [self.resource(item, defaults, index) for index, item in enumerate(listed)]
        self.check_names(listed)
        if self.problems:
            return None
        assert isinstance(top, ConfigModel)
        return Config(
            name=name,
            client=top.client,
            resources=tuple(item for item in resources if item is not None),
            strict_bindings=top.strict_bindings,
            description=top.description or "",
            notes=tuple(Problem(self.document.where(path), text) for path, text in notes),
            secrets=secrets,
            default_keys=frozenset(
                item["name"]
                for item in listed
                if isinstance(item, Mapping) and item.get("primary_key") is None
            ),
            document=self.document,
        )

    def check(self, cls: type, data: Any, base: KeyPath) -> Any:
        """`data` as `cls`, or None with the problems noted."""
        try:
            return TYPES[cls].validate_python(data)
        except ValidationError as error:
            found = [mistake(cls, dict(item)) for item in error.errors(include_url=False)]
            self.note(base, in_order(cls, found))
            return None

    def note(self, base: KeyPath, mistakes: list[Mistake]) -> None:
        """Makes problems of mistakes below `base`, each once."""
        for item in mistakes:
            where = self.document.where((*base, *item.path))
            problem = Problem(where, item.what, item.hint)
            if problem not in self.problems:
                self.problems.append(problem)

    def resource(
        self, item: Any, defaults: Mapping[str, Any], index: int
    ) -> Resource | External | None:
        base: KeyPath = ("resources", index)
        if not isinstance(item, Mapping):
            name = getattr(item, "name", None)
            if isinstance(name, str) and hasattr(item, "__iter__"):
                return External(name, item)
            what = f"a mapping or a name is expected, not {type_words(item)}"
            self.note(base, [Mistake((), what)])
            return None
        self.note(base, check_resource(item))
        endpoint = item.get("endpoint")
        alone = without_none(item)
        if isinstance(endpoint, Mapping):
            alone["endpoint"] = without_none(endpoint)
            self.params(endpoint.get("params"), (*base, "endpoint", "params"))
        self.check(Resource, alone, base)
        if self.problems:
            return None
        result = self.check(Resource, merge_defaults(defaults, item), base)
        return result if isinstance(result, Resource) else None

    def params(self, params: Any, base: KeyPath) -> None:
        """Checks the params that are mappings: `{type: resolve}` and `{type: incremental}`."""
        self.note(base, check_params(params))
        for name, value in params.items() if isinstance(params, Mapping) else ():
            if isinstance(value, Mapping) and value.get("type") == "incremental":
                settings = {key: item for key, item in value.items() if key != "type"}
                self.check(Incremental, without_none(settings), (*base, str(name)))

    def check_names(self, listed: list[Any]) -> None:
        seen: set[str] = set()
        for index, item in enumerate(listed):
            name = item.get("name") if isinstance(item, Mapping) else getattr(item, "name", None)
            if not isinstance(name, str):
                continue
            if name in seen:
                what = f"resource `{name}` already exists"
                self.note(("resources", index, "name"), [Mistake((), what, "rename one of them")])
            seen.add(name)


TYPES: dict[type, TypeAdapter[Any]] = {
    cls: TypeAdapter(cls) for cls in (ConfigModel, Resource, Incremental)
}
