"""Routing: which step a request is for, and which of its listings."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import parse_qsl, unquote, urlsplit

from headwater.config.path import walk
from headwater.config.template import FORMATTER, placeholders
from headwater.plan.graph import Plan, Step
from headwater.simulate.envelope import Envelope, envelope_of

__all__ = ["ENDS", "STARTS", "Incoming", "Route", "Router", "segments_of"]

Source = Literal["query", "json", "form", "headers"]
# A decoded segment may hold a slash, so segments are parted by what a URL cannot hold.
PART = "\0"
STARTS = ("incremental.start_value", "incremental.last_value", "incremental.initial_value")
ENDS = ("incremental.end_value",)


@dataclass(frozen=True, slots=True)
class Incoming:
    """The parts of a request that routing reads; `segments` are decoded."""

    segments: tuple[str, ...]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    json: Any = None
    form: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Template:
    """Text with placeholders, read backwards: from the filled text to the values."""

    pattern: re.Pattern[str]
    names: tuple[str, ...]

    def values(self, text: str) -> dict[str, str] | None:
        """The value of each placeholder, None where the text is not of this form."""
        found = self.pattern.fullmatch(text)
        return dict(zip(self.names, found.groups(), strict=True)) if found else None


@dataclass(frozen=True, slots=True)
class Probe:
    """A templated text somewhere in the request, outside of the path."""

    source: Source
    keys: tuple[str | int, ...]
    template: Template

    def values(self, incoming: Incoming) -> dict[str, str] | None:
        tree = getattr(incoming, self.source)
        if self.source in ("query", "headers"):
            found = tree.get(self.keys[0])
        else:
            found = walk(tree, self.keys)
        return self.template.values(format(found)) if isinstance(found, (str, int, float)) else None


@dataclass(frozen=True, slots=True)
class Route:
    """One step as the server sees it: the form of its path, and what else tells it apart."""

    step: Step
    template: Template
    literalness: tuple[int, ...]
    statics: tuple[tuple[str, str], ...]
    probes: tuple[Probe, ...]
    envelope: Envelope

    def values(self, incoming: Incoming, path: Mapping[str, str]) -> dict[str, str] | None:
        """Every placeholder's value, None where one is not in the request."""
        out = dict(path)
        for probe in self.probes:
            found = probe.values(incoming)
            if found is None and not all(
                n.startswith("incremental.") for n in probe.template.names
            ):
                return None
            out.update(found or {})
        return out

    def fits(self, query: Mapping[str, str]) -> int:
        """How many of the params that tell steps of one path apart the request has."""
        return sum(query.get(name) == value for name, value in self.statics)


class Router:
    """The routes of a plan, the most literal first."""

    def __init__(self, plan: Plan) -> None:
        client = plan.config.client
        self.root = urlsplit(client.base_url).path.rstrip("/")
        routes = [route_of(step, client.base_url) for step in plan.steps if step.external is None]
        self.routes = sorted(routes, key=lambda route: route.literalness)

    def at(
        self, segments: tuple[str, ...], query: Mapping[str, str]
    ) -> list[tuple[Route, dict[str, str]]]:
        """The routes whose path this is, best first: literal before placeholder, then by params."""
        text = PART.join(segments)
        found = [
            (route, values)
            for route in self.routes
            if (values := route.template.values(text)) is not None
        ]
        if len(found) > 1:
            found.sort(key=lambda item: (item[0].literalness, -item[0].fits(query)))
        return found


def segments_of(raw_path: str) -> tuple[str, ...]:
    """The decoded segments of a path as it stands on the wire, outer slashes left out."""
    return tuple(unquote(part) for part in raw_path.strip("/").split("/"))


def route_of(step: Step, base_url: str) -> Route:
    path, _, own_query = step.path.partition("?")
    absolute = path.startswith(("http://", "https://"))
    full = (
        urlsplit(path).path
        if absolute
        else f"{urlsplit(base_url).path.rstrip('/')}/{path.lstrip('/')}"
    )
    template = template_of(full, step.statics, path=True)
    literalness = tuple(int("{" in part) for part in full.strip("/").split("/"))
    statics = [
        *parse_qsl(own_query),
        *((n, v) for n, v in step.params.items() if isinstance(v, (str, int))),
    ]
    endpoint = step.resource.endpoint
    trees: tuple[tuple[Source, Any], ...] = (
        ("query", {**dict(parse_qsl(own_query)), **step.params}),
        ("json", endpoint.json),
        ("form", endpoint.data if isinstance(endpoint.data, Mapping) else None),
        ("headers", endpoint.headers),
    )
    probes = [
        Probe(source, keys, template_of(text, step.statics))
        for source, tree in trees
        for keys, text in texts_in(tree)
        if asks(text)
    ]
    fixed = tuple((n, str(v)) for n, v in statics if not asks(str(v)))
    return Route(step, template, literalness, fixed, tuple(probes), envelope_of(step))


def asks(text: str) -> bool:
    """Whether a text has placeholders; what is no template (a GraphQL query) has none."""
    try:
        return bool(placeholders(text))
    except ValueError:
        return False


def texts_in(
    tree: Any, keys: tuple[str | int, ...] = ()
) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Every string of a tree with the keys that lead to it."""
    if isinstance(tree, str):
        yield keys, tree
    elif isinstance(tree, Mapping):
        for key, value in tree.items():
            yield from texts_in(value, (*keys, key))
    elif isinstance(tree, (list, tuple)):
        for index, value in enumerate(tree):
            yield from texts_in(value, (*keys, index))


def template_of(text: str, statics: Mapping[str, Any], *, path: bool = False) -> Template:
    """The template of a config's text; in a path, the literal parts are decoded and parted."""
    pattern = ""
    names: list[str] = []
    for literal, name in pieces(text, statics, path=path):
        pattern += re.escape(literal)
        if name is None:
            continue
        if name in names:
            pattern += f"(?P=g{names.index(name)})"
        else:
            pattern += f"(?P<g{len(names)}>[^{PART}]+?)"
            names.append(name)
    return Template(re.compile(pattern, re.DOTALL), tuple(names))


def pieces(
    text: str, statics: Mapping[str, Any], *, path: bool = False
) -> Iterator[tuple[str, str | None]]:
    """Literal text and the placeholder after it, what params fill written in."""
    for literal, name, _, _ in FORMATTER.parse(text.strip("/") if path else text):
        yield PART.join(map(unquote, literal.split("/"))) if path else literal, None
        filled = statics.get(name) if name else None
        if isinstance(filled, str) and asks(filled):
            yield from pieces(filled, {})
        elif filled is not None:
            yield format(filled), None
        elif name is not None:
            yield "", name
