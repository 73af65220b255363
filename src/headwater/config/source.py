"""Where a config comes from: a dict, a file or a packaged connector; and where each key stands."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

import yaml

from headwater.config.strict import type_words
from headwater.errors import ConfigError, Problem

__all__ = ["Document", "connector_names", "open_document"]

KeyPath = tuple[str | int, ...]
SUFFIXES = (".yaml", ".yml", ".json")
MOST_KEYS = 100_000
YAML_HINTS = {
    "'\\t'": "indent with spaces",
    "<block end>": "is the line indented like those it belongs to?",
}


@dataclass(frozen=True, slots=True)
class Document:
    """A config as written: its data, what to call it, and the line and column of each key."""

    raw: Mapping[str, Any] = field(repr=False)
    origin: str = ""
    marks: Mapping[KeyPath, tuple[int, int]] = field(default_factory=dict, repr=False)
    from_file: bool = False

    def where(self, path: KeyPath) -> str:
        """`file:line:column dotted.path`, or the dotted path alone for a dict."""
        dotted = self.dotted(path)
        if not self.from_file:
            return dotted
        known = path
        while known and known not in self.marks:
            known = known[:-1]
        if not self.marks:
            return f"{self.origin} {dotted}".rstrip()
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
            elif isinstance(key, int) and words:
                words[-1] += f"[{key}]"
            else:
                words.append(str(key))
        return ".".join(words)

    def resource_name(self, index: int) -> str:
        listed = self.raw.get("resources")
        if isinstance(listed, (list, tuple)) and index < len(listed):
            item = listed[index]
            name = item.get("name") if isinstance(item, Mapping) else item
            if isinstance(name, str):
                return name
        return ""


class PlainText(yaml.SafeLoader):
    """YAML that guesses less: what an API is sent stays as it was written.

    `2024-01-01`, `12:30`, `no` and `on` are text, and so is every key.
    """

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        self.flatten_mapping(node)
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
                key.tag = "tag:yaml.org,2002:str"
        return super().construct_mapping(node, deep)


GUESSED = ("timestamp", "bool", "int")
PlainText.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in pairs if tag.rpartition(":")[2] not in GUESSED]
    for first, pairs in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
PlainText.add_implicit_resolver(
    "tag:yaml.org,2002:bool", re.compile(r"(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF")
)
PlainText.add_implicit_resolver(
    "tag:yaml.org,2002:int", re.compile(r"[-+]?(?:0|[1-9][0-9]*)$"), list("-+0123456789")
)


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
            return parse(path.read_text(encoding="utf-8-sig"), text_name)
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
    marks: dict[KeyPath, tuple[int, int]] = {}
    if origin.lower().endswith(".json"):
        raw = parse_json(text, origin)
        try:
            # JSON is YAML, but for tabs; only the places of keys are read here.
            problems = collect_marks(
                yaml.compose(text.replace("\t", " "), PlainText), marks, origin
            )
        except yaml.YAMLError:
            return checked(raw, origin, {})
    else:
        try:
            problems = collect_marks(yaml.compose(text, PlainText), marks, origin)
            raw = None if problems else yaml.load(text, PlainText)  # noqa: S506 - a SafeLoader
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            place = f"{origin}:{mark.line + 1}:{mark.column + 1}" if mark else origin
            what = getattr(error, "problem", None) or str(error).splitlines()[0]
            hint = next((hint for part, hint in YAML_HINTS.items() if part in what), "")
            raise ConfigError([Problem(place, f"not YAML: {what}", hint)]) from None
    if problems:
        raise ConfigError(problems)
    return checked(raw, origin, marks)


def parse_json(text: str, origin: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        place = f"{origin}:{error.lineno}:{error.colno}"
        raise ConfigError([Problem(place, f"not JSON: {error.msg}")]) from None
    except (ValueError, RecursionError) as error:
        raise ConfigError([Problem(origin, f"not JSON: {error}")]) from None


def checked(raw: Any, origin: str, marks: Mapping[KeyPath, tuple[int, int]]) -> Document:
    if not isinstance(raw, Mapping):
        what = "is empty" if raw is None else f"holds {type_words(raw)}, not a mapping"
        raise ConfigError([Problem(origin, what, "a config has the keys client and resources")])
    return Document(raw, origin, marks, from_file=True)


def collect_marks(
    root: yaml.Node | None, marks: dict[KeyPath, tuple[int, int]], origin: str
) -> list[Problem]:
    """Fills `marks` with the place of each key below `root`; gives what no config may have.

    That is a key that comes twice, an alias that holds itself, and aliases of aliases that would
    make a small file a huge config.
    """
    marker = Marker(marks, origin)
    marker.walk(root, (), ())
    return marker.problems


class Marker:
    """Walks the nodes of one YAML text."""

    def __init__(self, marks: dict[KeyPath, tuple[int, int]], origin: str) -> None:
        self.marks = marks
        self.origin = origin
        self.problems: list[Problem] = []

    def note(self, node: yaml.Node, what: str) -> None:
        line, column = place_of(node)
        problem = Problem(f"{self.origin}:{line}:{column}", what)
        if problem not in self.problems:
            self.problems.append(problem)

    def walk(self, node: yaml.Node | None, path: KeyPath, above: tuple[int, ...]) -> None:
        if node is None:
            return
        if id(node) in above:
            self.note(node, "an alias holds itself")
            return
        if len(self.marks) > MOST_KEYS:
            self.note(node, f"more than {MOST_KEYS:,} keys")
            return
        within = (*above, id(node))
        if isinstance(node, yaml.MappingNode):
            for key_node, value_node in node.value:
                here = (*path, str(getattr(key_node, "value", "")))
                if here in self.marks and self.marks[here] != place_of(key_node):
                    self.note(key_node, f"key `{here[-1]}` comes twice")
                self.marks[here] = place_of(key_node)
                self.walk(value_node, here, within)
        elif isinstance(node, yaml.SequenceNode):
            for index, item in enumerate(node.value):
                self.marks[(*path, index)] = place_of(item)
                self.walk(item, (*path, index), within)


def place_of(node: yaml.Node) -> tuple[int, int]:
    """Line and column of a node, from 1."""
    return node.start_mark.line + 1, node.start_mark.column + 1
