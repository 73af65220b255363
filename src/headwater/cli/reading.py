"""Reading a config for a command: with its real values, or with stand-ins for the missing ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from headwater.errors import Problem

if TYPE_CHECKING:
    from headwater.config.read import Config
    from headwater.plan.graph import Plan

__all__ = ["Draft", "draft", "no_secret", "real_secret"]

STAND_IN_URL = "http://127.0.0.1"
STAND_IN_SECRET = "unset"
FindSecret = Callable[[str, str], str | None]


@dataclass(frozen=True, slots=True)
class Draft:
    """A config and its plan; where values were missing, stand-ins fill it and `missing` says so."""

    config: Config
    plan: Plan
    missing: tuple[Problem, ...] = ()
    stand_ins: frozenset[str] = frozenset()


def real_secret(name: str, config_name: str) -> str | None:
    """The secret from the environment or dlt's files, None where there is none."""
    from headwater.load.secrets import find_secret

    return find_secret(name, config_name)


def no_secret(name: str, config_name: str) -> str | None:
    """A secret for commands that send nothing: the stand-in."""
    return STAND_IN_SECRET


def draft(name: str, params: Mapping[str, Any], secret: FindSecret = no_secret) -> Draft:
    """The config called `name` and its plan, stand-ins where a parameter or secret has no value.

    Raises ConfigError with every other problem.
    """
    from headwater.config.fill import fill, values
    from headwater.config.read import default_name, read_config
    from headwater.config.source import open_document
    from headwater.plan.graph import make_plan

    document = open_document(name)
    config_name = str(document.raw.get("name") or default_name(document))
    known: dict[str, str | None] = {}

    def once(wanted: str, of: str) -> str | None:
        if wanted not in known:
            known[wanted] = secret(wanted, of)
        return known[wanted]

    _, missing = fill(document, values(document, config_name, params, once, set()))
    unset = {
        word: stand_in(uses)
        for word, uses in parameter_uses(document.raw).items()
        if word not in params and not has_default(document.raw, word)
    }
    config = read_config(
        name,
        params={**unset, **params},
        secret=lambda wanted, of: once(wanted, of) or STAND_IN_SECRET,
    )
    return Draft(config, make_plan(config), tuple(missing), frozenset(unset))


def has_default(raw: Mapping[str, Any], word: str) -> bool:
    declared = raw.get("parameters")
    entry = declared.get(word) if isinstance(declared, Mapping) else None
    return isinstance(entry, Mapping) and entry.get("default") is not None


def parameter_uses(raw: Mapping[str, Any]) -> dict[str, list[tuple[str, str]]]:
    """For each `{params.x}` in a document: the keys it stands under and the whole texts there."""
    from headwater.config.fill import filled_names

    uses: dict[str, list[tuple[str, str]]] = {}

    def walk(tree: Any, key: str) -> None:
        if isinstance(tree, str):
            for kind, word in filled_names(tree):
                if kind == "params":
                    uses.setdefault(word, []).append((key, tree))
        elif isinstance(tree, Mapping):
            for inner, value in tree.items():
                walk(value, str(inner))
        elif isinstance(tree, list):
            for value in tree:
                walk(value, key)

    walk(raw, "")
    return uses


def stand_in(uses: list[tuple[str, str]]) -> str:
    """A value that passes for what a parameter may be: a URL, a piece of text, or a number."""
    if any(key.endswith("url") and text.startswith("{params.") for key, text in uses):
        return STAND_IN_URL
    return "1"
