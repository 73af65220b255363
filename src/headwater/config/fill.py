"""Parameters and secrets: where `{params.x}` and `{secrets.x}` of a file get their values."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from headwater.config.secret import Secret
from headwater.config.source import Document, KeyPath
from headwater.config.words import suggest
from headwater.errors import Problem

__all__ = [
    "UNFILLED",
    "fill",
    "filled_names",
    "from_environment",
    "masked",
    "unknown_params",
    "values",
]

FILL = re.compile(r"\{\{|\}\}|\{(params|secrets)\.([A-Za-z_][\w.]*)\}")
UNFILLED = "unfilled"
TEMPLATED = ("path", "params", "json", "body", "data", "headers")
SHORTEST_MASKED = 4


def filled_names(text: str) -> list[tuple[str, str]]:
    """What `text` asks for, as (kind, name): `("params", "base_url")`."""
    return [(kind, name) for kind, name in FILL.findall(text) if kind]


def fill(
    document: Document, value_of: Callable[[str, str], Any]
) -> tuple[dict[str, Any], list[Problem]]:
    """The data of `document` with `{params.x}` and `{secrets.x}` filled in.

    `value_of(kind, name)` gives the value; it raises LookupError, with the hint as its text, where
    there is none. Braces in a value are doubled where the text is a template for requests.
    """
    filler = Filler(document, value_of)
    return filler.walk(document.raw, ()), list(filler.problems.values())


class Filler:
    """Fills one document; keeps a problem for each name that has no value."""

    def __init__(self, document: Document, value_of: Callable[[str, str], Any]) -> None:
        self.document = document
        self.value_of = value_of
        self.problems: dict[tuple[str, str], Problem] = {}

    def walk(self, tree: Any, path: KeyPath) -> Any:
        if isinstance(tree, str):
            return self.text(tree, path)
        if isinstance(tree, Mapping):
            return {key: self.walk(value, (*path, key)) for key, value in tree.items()}
        if isinstance(tree, list):
            return [self.walk(value, (*path, index)) for index, value in enumerate(tree)]
        return tree

    def text(self, text: str, path: KeyPath) -> Any:
        """`text` filled in; a value of another type where it is one name and nothing else."""
        whole = FILL.fullmatch(text)
        if whole and whole[1]:
            return self.value(whole[1], whole[2], path)
        return FILL.sub(
            lambda m: str(self.value(m[1], m[2], path)) if m[1] else m[0],
            text,
        )

    def value(self, kind: str, name: str, path: KeyPath) -> Any:
        try:
            found = self.value_of(kind, name)
        except LookupError as error:
            what = f"{'secret' if kind == 'secrets' else 'parameter'} `{name}` has no value"
            problem = Problem(self.document.where(path), what, str(error.args[0]))
            self.problems.setdefault((kind, name), problem)
            return UNFILLED
        if isinstance(found, str) and is_template(path):
            return found.replace("{", "{{").replace("}", "}}")
        return found


def is_template(path: KeyPath) -> bool:
    """Whether the text at `path` has its placeholders filled for each request."""
    if path[:1] == ("resources",):
        rest = path[2:]
    elif path[:1] == ("resource_defaults",):
        rest = path[1:]
    else:
        return False
    return rest in ((), ("endpoint",)) or (rest[:1] == ("endpoint",) and rest[1] in TEMPLATED)


def from_environment(name: str, config_name: str) -> str | None:
    """The secret `name` in the environment, under the config's section first."""
    return os.environ.get(f"SOURCES__{config_name}__{name}".upper()) or os.environ.get(name.upper())


def values(
    document: Document,
    config_name: str,
    params: Mapping[str, Any],
    secret: Callable[[str, str], str | None],
    found: set[Secret],
) -> Callable[[str, str], Any]:
    """What `fill` asks: `params`, else the defaults declared; `secret`, each noted in `found`."""
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
    """Parameters that were given and that the document does not have."""
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


def masked(problems: Iterable[Problem], secrets: Iterable[Secret]) -> list[Problem]:
    """`problems` with every secret in their texts shown as `***`."""
    texts = [text for text in (item.reveal() for item in secrets) if len(text) >= SHORTEST_MASKED]
    texts.sort(key=len, reverse=True)

    def clean(text: str) -> str:
        for secret in texts:
            text = text.replace(secret, "***")
        return text

    return [replace(item, what=clean(item.what), hint=clean(item.hint)) for item in problems]
