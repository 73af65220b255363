"""Reads a config: every problem at once, with its place and what would be right."""

from __future__ import annotations

import dataclasses
import difflib
import os
import re
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pydantic import TypeAdapter, ValidationError

from headwater.config.aliases import normalise
from headwater.config.models import Client, ConfigModel, Resource, ResourceDefaults
from headwater.config.path import parse_path
from headwater.config.secret import Secret
from headwater.config.source import UNFILLED, Document, KeyPath, fill, open_document
from headwater.errors import ConfigError, Problem

__all__ = ["Config", "External", "read_config"]

PATH_KEYS = ("data_selector", "total_path", "has_more_path", "cursor_path", "next_url_path")
CLIENT = TypeAdapter(Client)
RESOURCE = TypeAdapter(Resource)
DEFAULTS = TypeAdapter(ResourceDefaults)
TOP = TypeAdapter(ConfigModel)


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
    Raises ConfigError with every problem found.
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
    read = Reader(document, problems)
    result = read.config(raw, name, frozenset(found))
    if read.problems:
        raise ConfigError(sorted(read.problems, key=place))
    assert result is not None
    return result


def place(problem: Problem) -> tuple[int, int]:
    """Line and column of a problem, for reading them in the order of the file."""
    match = re.match(r".*?:(\d+):(\d+)", problem.where)
    return (int(match[1]), int(match[2])) if match else (0, 0)


def default_name(document: Document) -> str:
    return Path(document.origin).stem if document.origin else "rest_api"


def from_environment(name: str, config_name: str) -> str | None:
    return os.environ.get(f"SOURCES__{config_name}__{name}".upper()) or os.environ.get(name.upper())


def values(
    document: Document,
    config_name: str,
    params: Mapping[str, Any],
    secret: Callable[[str, str], str | None],
    found: set[Secret],
) -> Callable[[str, str], Any]:
    declared = document.raw.get("parameters")
    defaults = declared if isinstance(declared, Mapping) else {}

    def value_of(kind: str, name: str) -> Any:
        if kind == "params":
            if name in params:
                return params[name]
            entry = defaults.get(name)
            if isinstance(entry, Mapping) and entry.get("default") is not None:
                return entry["default"]
            raise LookupError(f"give it with --set {name}=...")
        text = secret(name, config_name)
        if text is None or text == "":
            section = f"SOURCES__{config_name}__{name}".upper()
            raise LookupError(
                f"set {name.upper()} or {section} in the environment, or {name} in"
                f" .dlt/secrets.toml, at the top or under [sources.{config_name}]"
            )
        found.add(Secret(text))
        return text

    return value_of


def unknown_params(document: Document, params: Mapping[str, Any]) -> list[Problem]:
    declared = document.raw.get("parameters")
    known = list(declared) if isinstance(declared, Mapping) else []
    used = {name for name in params if f"{{params.{name}}}" in str(document.raw)}
    return [
        Problem(
            f"--set {name}", f"{document.origin} has no parameter `{name}`", suggest(name, known)
        )
        for name in params
        if name not in known and name not in used
    ]


def suggest(word: str, known: list[str]) -> str:
    """The nearest of `known` as a question, else the list of them."""
    near = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    if near:
        return f"did you mean `{near[0]}`?"
    return f"known: {', '.join(known)}" if known else ""


class Reader:
    """Collects problems while the parts of one document are checked."""

    def __init__(self, document: Document, problems: list[Problem]) -> None:
        self.document = document
        self.problems = list(problems)

    def config(
        self, raw: Mapping[str, Any], name: str, secrets: frozenset[Secret]
    ) -> Config | None:
        data, notes = normalise(raw)
        # Filled-in data has no marks of its own: places are looked up in the document as written.
        top = self.check(TOP, data, ())
        client = data.get("client")
        listed = data.get("resources")
        if top is None and (not isinstance(client, Mapping) or not isinstance(listed, list)):
            return None
        self.check_base_url(client)
        defaults = data.get("resource_defaults") or {}
        if isinstance(defaults, Mapping):
            self.check_paths(defaults, ("resource_defaults",))
        resources = [
            self.resource(item, defaults, index) for index, item in enumerate(listed or [])
        ]
        self.check_names(resources)
        if self.problems or top is None or not isinstance(listed, list):
            return None
        built = tuple(item for item in resources if item is not None)
        return Config(
            name=name,
            client=top.client,
            resources=built,
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

    def check(self, adapter: TypeAdapter[Any], data: Any, base: KeyPath) -> Any:
        """`data` as the adapter's class, or None with the problems noted."""
        try:
            return adapter.validate_python(data)
        except ValidationError as error:
            root = {id(CLIENT): Client, id(RESOURCE): Resource, id(DEFAULTS): ResourceDefaults}
            cls = root.get(id(adapter), ConfigModel)
            for item in error.errors(include_url=False, include_context=False):
                problem = self.problem(cls, base, item["loc"], item["type"], item["msg"], data)
                if problem not in self.problems:
                    self.problems.append(problem)
            return None

    def problem(
        self, cls: Any, base: KeyPath, loc: tuple[Any, ...], kind: str, text: str, data: Any
    ) -> Problem:
        path, owner = locate(cls, loc)
        full = (*base, *path)
        key = str(path[-1]) if path else ""
        if kind in ("unexpected_keyword_argument", "extra_forbidden"):
            return Problem(
                self.document.where(full),
                f"unknown key `{key}`",
                suggest(key, [f.name for f in dataclasses.fields(owner)]) if owner else "",
            )
        if kind == "missing":
            return Problem(self.document.where(full[:-1]), f"`{key}` is missing")
        if kind == "union_tag_invalid":
            known = [tag for member in members_at(owner, key) if (tag := tag_of(member))]
            named = chosen_type(data, path)
            what = f"unknown type `{named}`"
            return Problem(self.document.where((*full, "type")), what, suggest(named, known))
        shown = (text[0].lower() + text[1:]).replace("valid tuple", "list").replace("tuple", "list")
        return Problem(self.document.where(full), shown.replace("value error, ", ""))

    def check_base_url(self, client: Any) -> None:
        if not isinstance(client, Mapping) or not isinstance(client.get("base_url"), str):
            return
        url = client["base_url"]
        if UNFILLED in url:
            return
        try:
            parts = urlsplit(url)
            fine = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        except ValueError:
            fine = False
        if not fine:
            where = self.document.where(("client", "base_url"))
            hint = "write http://host/path or https://host/path"
            self.problems.append(Problem(where, f"`{url}` is no URL to load from", hint))

    def check_paths(self, item: Mapping[str, Any], base: KeyPath) -> None:
        endpoint = item.get("endpoint")
        if not isinstance(endpoint, Mapping):
            return
        places = [(endpoint, (*base, "endpoint"))]
        if isinstance(endpoint.get("paginator"), Mapping):
            places.append((endpoint["paginator"], (*base, "endpoint", "paginator")))
        for holder, path in places:
            for key in PATH_KEYS:
                if isinstance(holder.get(key), str):
                    try:
                        parse_path(holder[key])
                    except ValueError as error:
                        self.problems.append(Problem(self.document.where((*path, key)), str(error)))

    def resource(self, item: Any, defaults: Any, index: int) -> Resource | External | None:
        base: KeyPath = ("resources", index)
        if not isinstance(item, Mapping):
            name = getattr(item, "name", None)
            if isinstance(name, str):
                return External(name, item)
            what = f"a resource is a mapping or a name, not {type(item).__name__}"
            self.problems.append(Problem(self.document.where(base), what))
            return None
        self.check_paths(item, base)
        before = len(self.problems)
        own = self.check(RESOURCE, item, base)
        if own is None or len(self.problems) > before or not isinstance(defaults, Mapping):
            return None
        merged = merge_defaults(defaults, item)
        endpoint = merged["endpoint"]
        if endpoint.get("path") is None:
            merged["endpoint"] = {**endpoint, "path": merged["name"]}
        merged = {key: value for key, value in merged.items() if value is not None}
        result = self.check(RESOURCE, merged, base)
        return result if isinstance(result, Resource) else None

    def check_names(self, resources: list[Resource | External | None]) -> None:
        seen: set[str] = set()
        for index, item in enumerate(resources):
            if item is None:
                continue
            if item.name in seen:
                where = self.document.where(("resources", index, "name"))
                self.problems.append(Problem(where, f"resource `{item.name}` already exists"))
            seen.add(item.name)


def merge_defaults(defaults: Mapping[str, Any], item: Mapping[str, Any]) -> dict[str, Any]:
    """`item` on top of `defaults`: `params`, `json` and `columns` merge, the rest is replaced."""
    base = defaults.get("endpoint") or {}
    own = item.get("endpoint") or {}
    endpoint = {**base, **own}
    for key in ("params", "json"):
        if isinstance(base.get(key), Mapping) and isinstance(own.get(key), Mapping):
            endpoint[key] = {**base[key], **own[key]}
    merged = {**defaults, **item, "endpoint": endpoint}
    columns, own_columns = by_name(defaults.get("columns")), by_name(item.get("columns"))
    if columns is not None and own_columns is not None:
        merged["columns"] = {
            name: {**columns.get(name, {}), **own_columns.get(name, {})}
            for name in [*columns, *(name for name in own_columns if name not in columns)]
        }
    return merged


def by_name(columns: Any) -> dict[str, Any] | None:
    if isinstance(columns, Mapping):
        return dict(columns)
    if isinstance(columns, list) and all(isinstance(item, Mapping) for item in columns):
        return {item["name"]: dict(item) for item in columns if "name" in item}
    return None


def locate(cls: Any, loc: tuple[Any, ...]) -> tuple[KeyPath, Any]:
    """The path that pydantic's `loc` stands for, without union tags, and its owner's class."""
    path: list[str | int] = []
    annotation, owner = cls, cls
    for step in loc:
        if isinstance(step, int):
            path.append(step)
            continue
        members = classes_in(annotation)
        tagged = [m for m in members if tag_of(m) == step]
        if tagged and len(members) > 1:
            annotation = owner = tagged[0]
            continue
        holder = members[0] if members else None
        hints = typing.get_type_hints(holder, include_extras=False) if holder else {}
        if members and step not in hints and step in (m.__name__ for m in members):
            continue
        owner = holder
        path.append(str(step))
        annotation = hints.get(step)
    return tuple(path), owner


def classes_in(annotation: Any) -> list[Any]:
    """The vocabulary's classes that an annotation names."""
    if isinstance(annotation, type) and dataclasses.is_dataclass(annotation):
        return [annotation]
    if annotation is None or isinstance(annotation, types.NoneType):
        return []
    return [cls for part in typing.get_args(annotation) for cls in classes_in(part)]


def tag_of(cls: Any) -> str | None:
    for item in dataclasses.fields(cls):
        if item.name == "type" and isinstance(item.default, str):
            return item.default
    return None


def members_at(owner: Any, key: str) -> list[Any]:
    """The classes that the field `key` of `owner` may hold."""
    return classes_in(typing.get_type_hints(owner, include_extras=False).get(key)) if owner else []


def chosen_type(data: Any, path: KeyPath) -> str:
    """The `type` that stands at `path` in `data`."""
    for key in path:
        data = data[key]
    return str(data.get("type"))
