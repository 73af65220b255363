"""Configs of every kind with the answers of their API, drawn: what a pipeline may meet."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from hypothesis import strategies as st
from rows import KEYS, KINDS, kinds, scalars, text_of, wild_rows

Pages = list[list[str]]
"""JSON texts of records, page by page."""


@dataclass(frozen=True)
class Drawn:
    """A resource: its hints, its pages in each run, and the hints of its child if it has one."""

    name: str
    hints: Mapping[str, Any]
    runs: tuple[Pages, ...]
    steps: str | None = None
    cursor: str | None = None
    child: Mapping[str, Any] | None = None

    def described(self) -> str:
        """All of it as text that another test can be written from."""
        parts = {
            name: getattr(self, name) for name in ("hints", "steps", "cursor", "child", "runs")
        }
        return json.dumps(parts, indent=1, ensure_ascii=False)


@dataclass(frozen=True)
class World:
    """Some resources, and what holds for all of them."""

    resources: tuple[Drawn, ...]
    naming: str | None = None
    source: Mapping[str, Any] = field(default_factory=dict)

    def of(self, resources: tuple[Drawn, ...]) -> World:
        """The world with these resources only."""
        return World(resources, self.naming, self.source)

    def described(self) -> str:
        parts = "\n".join(drawn.described() for drawn in self.resources)
        return f"naming={self.naming} source={dict(self.source)}\n{parts}"


MODES = ["evolve", "freeze", "discard_row", "discard_value"]
contracts = st.one_of(
    st.sampled_from(MODES),
    st.fixed_dictionaries(
        {},
        optional={
            "tables": st.sampled_from(MODES),
            "columns": st.sampled_from(MODES),
            "data_type": st.sampled_from(MODES),
        },
    ),
)
COLUMNS: list[dict[str, Any]] = [
    {"a": {"data_type": "json"}},
    {"b": {"data_type": "double"}},
    {"a_b": {"data_type": "text"}, "value": {"data_type": "decimal"}},
    {"created_at": {"data_type": "timestamp"}},
    {"created_at": {"data_type": "timestamp", "timezone": False}},
    {"created_at": {"data_type": "date"}, "a": {"data_type": "time"}},
    {"created_at": {"data_type": "text"}},
    {"b": {"data_type": "decimal", "precision": 12, "scale": 2}},
    {"a": {"data_type": "bigint"}, "never": {"data_type": "bigint"}},
    {"a": {"data_type": "bool"}, "b": {"data_type": "text", "precision": 40}},
    {"id": {"data_type": "text", "unique": True}},
    {"id": {"data_type": "decimal"}},
    {"id": {"nullable": False}},
    {"a": {"nullable": True}},
    {"a": {"data_type": "wei"}, "b": {"data_type": "binary"}},
]
NAMINGS = ["direct", "sql_cs_v1", "sql_ci_v1", "duck_case"]
LONG = ["é" * 2_000, "x" * 70_000]


@st.composite
def pages(draw: st.DrawFn, texts: list[str]) -> Pages:
    """`texts` cut into pages."""
    cuts = sorted(draw(st.sets(st.integers(1, max(1, len(texts))), max_size=3)) - {len(texts)})
    edges = [0, *cuts, len(texts)]
    return [texts[a:b] for a, b in itertools.pairwise(edges)]


@st.composite
def two_runs(draw: st.DrawFn) -> tuple[Pages, ...]:
    """Pages of one or two runs; in the second columns are new and some hold other types."""
    names = draw(st.lists(st.sampled_from(KEYS), min_size=1, max_size=4, unique=True))
    columns = {name: draw(kinds()) for name in names}
    later = dict(columns)
    for name in draw(st.lists(st.sampled_from(KEYS), max_size=2, unique=True)):
        later[name] = draw(st.one_of(kinds(), st.sampled_from(KINDS)))
    out = []
    for number, kind in enumerate((columns, later)[: draw(st.sampled_from([1, 2, 2, 2]))]):
        maybe = {name: st.one_of(st.none(), kind, kind) for name, kind in kind.items()}
        rows = draw(st.lists(st.fixed_dictionaries({}, optional=maybe), min_size=1, max_size=6))
        if draw(st.integers(0, 5)) == 0:
            rows += draw(wild_rows)
        if draw(st.integers(0, 40)) == 0:
            rows[-1]["b"] = draw(st.sampled_from(LONG))
        texts = [with_id(text_of(row), n + number) for n, row in enumerate(rows)]
        if draw(st.integers(0, 7)) == 0:
            again = text_of({draw(st.sampled_from(["a", "b", "kind"])): draw(scalars)})
            texts[-1] = f"{texts[-1][:-1]},{again[1:]}"
        out.append(draw(pages(texts)))
    return tuple(out)


def with_id(text: str, number: int) -> str:
    """The record `text` with an id; what it had under that key goes to `idx`."""
    rest = text[1:].replace('"id":', '"idx":').replace('"kind":', '"sort":')
    comma = "" if text == "{}" else ","
    return f'{{"id":{number},"kind":"k{number % 2}"{comma}{rest}'


@st.composite
def hints(draw: st.DrawFn) -> dict[str, Any]:
    """Hints of a resource."""
    disposition = draw(st.sampled_from(["append", "replace", "merge", "merge"]))
    out: dict[str, Any] = {"write_disposition": disposition}
    if disposition == "merge":
        out["primary_key"] = draw(st.sampled_from(["id", ["id", "kind"], ["kind", "id"]]))
    elif draw(st.integers(0, 4)) == 0:
        out["primary_key"] = "id"
    if draw(st.integers(0, 2)) == 0:
        out["columns"] = draw(st.sampled_from(COLUMNS))
    if draw(st.integers(0, 3)) == 0:
        out["schema_contract"] = draw(contracts)
    if draw(st.integers(0, 3)) == 0:
        out["max_table_nesting"] = draw(st.integers(0, 3))
    if draw(st.integers(0, 9)) == 0:
        out["table_name"] = "Other Name"
    return out


@st.composite
def resources(draw: st.DrawFn, name: str) -> Drawn:
    """A resource, some with a child."""
    child: dict[str, Any] | None = None
    own = draw(hints())
    if draw(st.integers(0, 4)) == 0:
        child = {**draw(hints()), "include_from_parent": ["id"]}
        child.pop("table_name", None)
        if draw(st.booleans()):
            own["selected"] = False
    steps = draw(st.sampled_from([None] * 6 + ["filter", "map", "yield_map"]))
    if "table_name" in own:
        own["table_name"] += f" {name}"
    cursor = None
    if child is None and steps is None and draw(st.integers(0, 4)) == 0:
        cursor = draw(st.sampled_from(["id", "created_at"]))
    return Drawn(name, own, draw(two_runs()), steps, cursor, child)


EXPONENT = re.compile(r"\d[eE][+-]?\d")
NULL = re.compile(r'"(?:[^"\\]|\\.)*":null,?')


def without_nulls(drawn: Drawn) -> Drawn:
    """The resource without null under any key."""

    def bare(text: str) -> str:
        return NULL.sub("", text).replace(",}", "}")

    runs = tuple([[bare(text) for text in page] for page in run] for run in drawn.runs)
    return replace(drawn, runs=runs)


def discards_rows(contract: Any) -> bool:
    """Whether a contract has rows thrown away for a column that is new."""
    mode = contract.get("columns") if isinstance(contract, Mapping) else contract
    return bool(mode == "discard_row")


def without_decimals(hints: Mapping[str, Any]) -> Mapping[str, Any]:
    """The hints without columns of decimals."""
    kept = {
        name: column
        for name, column in hints.get("columns", {}).items()
        if column.get("data_type") not in ("decimal", "wei")
    }
    return {**hints, "columns": kept} if "columns" in hints else hints


def settled(hints: Mapping[str, Any], source: Mapping[str, Any]) -> Mapping[str, Any]:
    """The hints without a nesting of their own where a contract is on the columns."""
    contracts = [part.get("schema_contract") or {} for part in (hints, source)]
    modes = [c.get("columns", "evolve") if isinstance(c, Mapping) else c for c in contracts]
    if all(mode == "evolve" for mode in modes):
        return hints
    return {key: value for key, value in hints.items() if key != "max_table_nesting"}


@st.composite
def worlds(draw: st.DrawFn, count: int) -> World:
    """A world of `count` resources."""
    naming = draw(st.sampled_from([None] * 6 + NAMINGS))
    source: dict[str, Any] = {}
    if draw(st.integers(0, 3)) == 0:
        source["max_table_nesting"] = draw(st.integers(0, 3))
    if draw(st.integers(0, 4)) == 0:
        source["root_key"] = True
    if draw(st.integers(0, 5)) == 0:
        source["schema_contract"] = draw(contracts)
    drawn = [draw(resources(f"res{n}")) for n in range(count)]
    return World(tuple(sane(one, source) for one in drawn), naming, source)


def sane(drawn: Drawn, source: Mapping[str, Any]) -> Drawn:
    """The resource without what is wanted to differ: see wanted.py."""
    hints = (source, drawn.hints, drawn.child or {})
    if any(EXPONENT.search(text) for run in drawn.runs for page in run for text in page):
        drawn = replace(drawn, hints=without_decimals(drawn.hints))
        drawn = replace(drawn, child=drawn.child and without_decimals(drawn.child))
    child = None if drawn.child is None else settled(drawn.child, source)
    drawn = replace(drawn, hints=settled(drawn.hints, source), child=child)
    if any(discards_rows(part.get("schema_contract")) for part in hints):
        drawn = without_nulls(drawn)
    if drawn.steps == "yield_map":
        # dlt mixes the rows of several pages then, and the first value of a column decides.
        one_page = tuple([[text for page in run for text in page]] for run in drawn.runs)
        drawn = replace(drawn, runs=one_page)
    return drawn
