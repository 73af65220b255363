"""Answers: from the parts of one request to status, headers and body, without a network."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlencode

import msgspec

from headwater.config.path import parse_path
from headwater.plan.graph import Plan
from headwater.simulate.access import Access, secret_param
from headwater.simulate.compare import comparable
from headwater.simulate.dataset import Dataset, Texts
from headwater.simulate.options import Options, Quirk
from headwater.simulate.paging import LINK_PARAM, Asked, BadRequestError, page_of
from headwater.simulate.route import ENDS, STARTS, Incoming, Route, Router, segments_of
from headwater.simulate.shape import cursor_of

__all__ = ["Answer", "Api", "Request"]

SHIFTING: frozenset[Quirk] = frozenset({"deletes_between_pages", "inserts_between_pages"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request as it came off the wire; `path` is still encoded and has no query."""

    method: str
    path: str
    host: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    cookies: Mapping[str, str]
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Answer:
    """What is sent back, and the resource it is about (empty where it is about none)."""

    status: int
    body: bytes
    resource: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


def refuse(
    status: int, why: str, resource: str = "", headers: Mapping[str, str] | None = None
) -> Answer:
    return Answer(status, msgspec.json.encode({"error": why}), resource, headers or {})


class Api:
    """A plan that answers."""

    def __init__(self, plan: Plan, options: Options) -> None:
        self.options = options
        self.dataset = Dataset(plan, options)
        self.router = Router(plan)
        self.access = Access(plan)
        # Tests read and change rows while the server's thread serves them.
        self.lock = threading.RLock()

    def is_token_request(self, path: str) -> bool:
        return path.rstrip("/") in self.access.token_paths

    def answer(self, request: Request) -> Answer:
        """The answer of an API that behaves as the config says."""
        try:
            incoming = parsed(request)
        except msgspec.DecodeError:
            return refuse(400, "the body is no JSON")
        if self.is_token_request(request.path):
            return self.token_answer(incoming, request)
        found = self.router.at(incoming.segments, request.query)
        if not found:
            return refuse(404, f"there is nothing at {request.path}")
        usable = [item for item in found if item[0].step.method == request.method]
        if not usable:
            allowed = sorted({route.step.method for route, _ in found})
            return refuse(405, f"use {' or '.join(allowed)}", "", {"Allow": ", ".join(allowed)})
        step = usable[0][0].step
        if self.options.secrets_checked:
            why = self.access.refusal(step.auth, request.headers, request.query, request.cookies)
            if why is not None:
                return refuse(401, why, step.name, {"WWW-Authenticate": "Bearer"})
        with self.lock:
            return self.listed(usable, incoming, request)

    def token_answer(self, incoming: Incoming, request: Request) -> Answer:
        if request.method != "POST":
            return refuse(405, "use POST", "", {"Allow": "POST"})
        form = incoming.form or (incoming.json if isinstance(incoming.json, dict) else {})
        shown = request.headers.get("Authorization")
        with self.lock:
            status, body = self.access.grant(request.path.rstrip("/"), form, shown)
        return Answer(status, msgspec.json.encode(body))

    def listed(
        self, usable: Sequence[tuple[Route, dict[str, str]]], incoming: Incoming, request: Request
    ) -> Answer:
        """A page of the first listing among the routes that exists."""
        name = usable[0][0].step.name
        problem = refuse(400, "a parameter that the listing depends on is missing", name)
        for route, in_path in usable:
            values = route.values(incoming, in_path)
            names = [binding.placeholder for binding in route.step.bindings]
            if values is None or not values.keys() >= set(names):
                continue
            texts = tuple(values[name] for name in names)
            if texts in self.dataset.places(route.step.name):
                return self.page(route, texts, values, incoming, request)
            problem = refuse(404, f"no {route.step.name} at {request.path}", route.step.name)
        return problem

    def page(
        self,
        route: Route,
        texts: Texts,
        values: Mapping[str, str],
        incoming: Incoming,
        request: Request,
    ) -> Answer:
        step = route.step
        numbers = self.window(route, texts, values, incoming)
        if "lists_rows_twice" in self.options.quirks:
            numbers = [n for i, n in enumerate(numbers) for _ in range(2 if i % 3 == 0 else 1)]
        envelope = route.envelope
        if envelope.entity:
            rows = self.dataset.encoded(step.name, texts, numbers[:1])
            if not rows:
                return refuse(404, f"no {step.name} at {request.path}", step.name)
            return Answer(200, envelope.body(rows), step.name)
        hidden = {LINK_PARAM, secret_param(step.auth)}

        def link(token: str) -> str:
            kept = [(key, value) for key, value in request.query.items() if key not in hidden]
            return f"http://{request.host}{request.path}?{urlencode([*kept, (LINK_PARAM, token)])}"

        def behind(path: str, token: Any) -> int:
            rows = self.dataset.encoded(step.name, texts, numbers)
            for index, row in enumerate(rows):
                if str(parse_path(path).first(msgspec.json.decode(row))) == str(token):
                    return index + 1
            raise BadRequestError(f"no row has {token!r} at `{path}`")

        asked = Asked(request.query, incoming.json, link, behind)
        try:
            page = page_of(step.paginator, len(numbers), asked, self.options, bare=envelope.bare)
        except BadRequestError as error:
            return refuse(400, str(error), step.name)
        rows = self.dataset.encoded(step.name, texts, numbers[page.start : page.stop])
        for quirk in SHIFTING & self.options.quirks:
            self.dataset.shift(step.name, texts, inserts=quirk == "inserts_between_pages")
        return Answer(200, envelope.body(rows, page.facts), step.name, page.headers)

    def window(
        self, route: Route, texts: Texts, values: Mapping[str, str], incoming: Incoming
    ) -> Sequence[int]:
        """The numbers of a listing's rows, those outside of the asked cursor range left out."""
        numbers = self.dataset.numbers(route.step.name, texts)
        cursor = cursor_of(route.step)
        if cursor is None:
            return numbers
        _, start_param, end_param = cursor
        start = bound(values, incoming, start_param, STARTS)
        end = bound(values, incoming, end_param, ENDS)
        if start is None and end is None:
            return numbers
        least = comparable(start)
        most = comparable(end) if end is not None else (3, 0.0, "")
        held = self.dataset.cursor_values(route.step.name, texts)
        return [
            number for number, value in zip(numbers, held, strict=True) if least <= value < most
        ]


def bound(
    values: Mapping[str, str], incoming: Incoming, param: str | None, names: Sequence[str]
) -> Any:
    """One end of the cursor range asked for, wherever in the request the config puts it."""
    for name in (*names, *([param] if param else [])):
        if name in values:
            return values[name]
    if param is None:
        return None
    if param in incoming.query:
        return incoming.query[param]
    return incoming.json.get(param) if isinstance(incoming.json, dict) else None


def parsed(request: Request) -> Incoming:
    """The request with its body read. Raises msgspec.DecodeError on a body that is no JSON."""
    json: Any = None
    form: dict[str, str] | None = None
    if request.body:
        if "form" in request.headers.get("Content-Type", ""):
            form = dict(parse_qsl(request.body.decode(errors="replace"), keep_blank_values=True))
        else:
            json = msgspec.json.decode(request.body)
    return Incoming(segments_of(request.path), request.query, request.headers, json, form)
