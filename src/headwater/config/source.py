"""Where a config comes from: a dict, a file or a packaged connector; and where each key stands."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

import yaml

from headwater.errors import ConfigError, Problem

__all__ = ["Document", "connector_names", "open_document"]

KeyPath = tuple[str | int, ...]
FILL = re.compile(r"\{(params|secrets)\.([A-Za-z_][\w.]*)\}")
UNFILLED = "unfilled"
SUFFIXES = (".yaml", ".yml", ".json")


@dataclass(frozen=True, slots=True)
class Document:
    """A config as written: its data, what to call it, and the line and column of each key."""

    raw: Mapping[str, Any]
    origin: str = ""
    marks: Mapping[KeyPath, tuple[int, int]] = field(default_factory=dict)
    from_file: bool = False

    def where(self, path: KeyPath) -> str:
        """`file:line:column dotted.path`, or the dotted path alone for a dict."""
        dotted = self.dotted(path)
        if not self.from_file:
            return dotted
        known = path
        while known and known not in self.marks:
            known = known[:-1]
        line, column = self.marks.get(known, (1, 1))
        return f"{self.origin}:{line}:{column} {dotted}".rstrip()

    def dotted(self, path: KeyPath) -> str:
        """`path` with resources called by name: `resources.stories.paginator`."""
        words: list[str] = []
        for depth, key in enumerate(path):
            if key == "endpoint" and words and words[0] in ("resources", "resource_defaults"):
                continue
            if isinstance(key, int) and depth == 1 and path[0] == "resources":
                name = self.resource_name(key)
                words = [*words, name] if name else [f"{words[0]}[{key}]"]
            elif isinstance(key, int):
                words[-1] += f"[{key}]"
            else:
                words.append(key)
        return ".".join(words)

    def resource_name(self, index: int) -> str:
        listed = self.raw.get("resources")
        if isinstance(listed, (list, tuple)) and index < len(listed):
            item = listed[index]
            name = item.get("name") if isinstance(item, Mapping) else item
            if isinstance(name, str):
                return name
        return ""


class TextDates(yaml.SafeLoader):
    """YAML without guessed dates: `2024-01-01` stays the text an API would be sent."""


TextDates.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in pairs if not tag.endswith(":timestamp")]
    for first, pairs in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def connector_names() -> list[str]:
    """The packaged connectors, sorted."""
    folder = resources.files("headwater.connectors")
    return sorted(
        item.name.removesuffix(".yaml") for item in folder.iterdir() if item.name.endswith(".yaml")
    )


def open_document(config: Mapping[str, Any] | str | Path) -> Document:
    """The document that `config` names. Raises ConfigError where it cannot be read."""
    if isinstance(config, Mapping):
        return Document(config)
    text_name = str(config)
    if text_name.lower().endswith(SUFFIXES):
        path = Path(text_name)
        try:
            return parse(path.read_text(encoding="utf-8"), text_name)
        except FileNotFoundError:
            raise ConfigError([Problem(text_name, "no such file", near_files(path))]) from None
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError([Problem(text_name, f"cannot be read: {error}")]) from None
    names = connector_names()
    if text_name in names:
        file = resources.files("headwater.connectors") / f"{text_name}.yaml"
        return parse(file.read_text(encoding="utf-8"), f"{text_name}.yaml")
    hint = f"a file ends in .yaml, .yml or .json; packaged connectors: {', '.join(names)}"
    raise ConfigError([Problem(text_name, "is neither a config file nor a connector", hint)])


def near_files(path: Path) -> str:
    folder = path.parent
    if not folder.is_dir():
        return f"there is no folder {folder}"
    found = sorted(item.name for item in folder.iterdir() if item.suffix in SUFFIXES)[:5]
    return f"there are: {', '.join(found)}" if found else "no config file is in that folder"


def parse(text: str, origin: str) -> Document:
    """The document in `text`, YAML or JSON. Raises ConfigError with line and column."""
    if origin.lower().endswith(".json"):
        try:
            raw = json.loads(text)
        except ValueError as error:
            line, column = getattr(error, "lineno", 1), getattr(error, "colno", 1)
            what = getattr(error, "msg", str(error))
            raise ConfigError([Problem(f"{origin}:{line}:{column}", f"not JSON: {what}")]) from None
        marks: dict[KeyPath, tuple[int, int]] = {}
        try:
            collect_marks(yaml.compose(text, TextDates), (), marks)
        except yaml.YAMLError:
            marks = {}
        return checked(raw, origin, marks)
    try:
        node = yaml.compose(text, TextDates)
        marks = {}
        problems = collect_marks(node, (), marks, origin)
        raw = yaml.load(text, TextDates)  # noqa: S506 - a SafeLoader
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f"{origin}:{mark.line + 1}:{mark.column + 1}" if mark else origin
        what = getattr(error, "problem", None) or str(error).splitlines()[0]
        raise ConfigError([Problem(place, f"not YAML: {what}")]) from None
    if problems:
        raise ConfigError(problems)
    return checked(raw, origin, marks)


def checked(raw: Any, origin: str, marks: Mapping[KeyPath, tuple[int, int]]) -> Document:
    if not isinstance(raw, Mapping):
        what = "is empty" if raw is None else f"holds {type(raw).__name__}, not a mapping"
        raise ConfigError([Problem(origin, what, "a config has the keys client and resources")])
    return Document(raw, origin, marks, from_file=True)


def collect_marks(
    node: yaml.Node | None, path: KeyPath, marks: dict[KeyPath, tuple[int, int]], origin: str = ""
) -> list[Problem]:
    """Fills `marks` with the place of each key below `node`; gives the keys that come twice."""
    problems: list[Problem] = []
    if isinstance(node, yaml.MappingNode):
        for key_node, value_node in node.value:
            here = (*path, str(getattr(key_node, "value", "")))
            place = (key_node.start_mark.line + 1, key_node.start_mark.column + 1)
            if here in marks:
                problems.append(
                    Problem(f"{origin}:{place[0]}:{place[1]}", f"key `{here[-1]}` comes twice")
                )
            marks[here] = place
            problems += collect_marks(value_node, here, marks, origin)
    elif isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            marks[(*path, index)] = (item.start_mark.line + 1, item.start_mark.column + 1)
            problems += collect_marks(item, (*path, index), marks, origin)
    return problems


def fill(
    document: Document, value_of: Callable[[str, str], Any]
) -> tuple[dict[str, Any], list[Problem]]:
    """The data of `document` with `{params.x}` and `{secrets.x}` filled in.

    `value_of(kind, name)` gives the value; it raises LookupError, with the hint as its text, where
    there is none.
    """
    problems: dict[str, Problem] = {}

    def one(text: str, path: KeyPath) -> Any:
        def value(match: re.Match[str]) -> Any:
            kind, name = match.groups()
            try:
                return value_of(kind, name)
            except LookupError as error:
                what = f"{'secret' if kind == 'secrets' else 'parameter'} `{name}` has no value"
                problems.setdefault(
                    f"{kind}.{name}", Problem(document.where(path), what, str(error.args[0]))
                )
                return UNFILLED

        whole = FILL.fullmatch(text)
        return value(whole) if whole else FILL.sub(lambda match: str(value(match)), text)

    def walk(tree: Any, path: KeyPath) -> Any:
        if isinstance(tree, str):
            return one(tree, path)
        if isinstance(tree, Mapping):
            return {key: walk(value, (*path, key)) for key, value in tree.items()}
        if isinstance(tree, list):
            return [walk(value, (*path, index)) for index, value in enumerate(tree)]
        return tree

    return walk(document.raw, ()), list(problems.values())
