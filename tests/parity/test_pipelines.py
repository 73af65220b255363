"""Whole runs give the same tables in DuckDB as dlt's own REST source."""

from __future__ import annotations

import json
import os
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from dlt.sources.rest_api import rest_api_source as dlts_own
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st
from pipelines import load
from reference import DltFails, by_dlt, new_schema, tree_of
from rows import batches, unlike_dlt

from headwater import rest_api_source

RUNS = max(2, int(os.environ.get("HEADWATER_PARITY", "100")) // 50)
OURS = {"_dlt_deleted"}


def comparable(found: dict[str, Any], resources: list[str]) -> dict[str, Any]:
    """Columns with their types, and the rows as trees, by resource; no order, no ids."""
    types = {
        table: {name: kind for name, kind in columns.items() if name not in OURS}
        for table, columns in found["types"].items()
    }
    json_columns = {
        (table, name)
        for table, columns in types.items()
        for name, kind in columns.items()
        if kind == "JSON"
    }
    trees = {}
    for resource in resources:
        rows = {
            table: [
                {
                    name: json.loads(value) if (table, name) in json_columns and value else value
                    for name, value in row.items()
                    if name not in OURS
                }
                for row in part
            ]
            for table, part in found["rows"].items()
            if part and (table == resource or table.startswith(f"{resource}__"))
        }
        trees[resource] = sorted(tree_of(rows, resource), key=repr)
    return {"types": types, "trees": trees}


def with_id(text: str, number: int) -> str:
    return f'{{"id":{number}' + ("," if text != "{}" else "") + text[1:].replace('"id"', '"idx"', 1)


def loadable(example: list[list[str]], nesting: int | None) -> bool:
    """Whether dlt gets such rows loaded at all."""
    if any(unlike_dlt(text) for batch in example for text in batch):
        return False
    try:
        as_is = by_dlt(example, new_schema(max_nesting=nesting), as_is=True)
        return as_is == by_dlt(example, new_schema(max_nesting=nesting))
    except DltFails:
        return False


@settings(
    max_examples=RUNS, deadline=None, phases=[Phase.generate], derandomize=True, database=None,
    suppress_health_check=list(HealthCheck),
)  # fmt: skip
@given(
    st.lists(batches(), min_size=16, max_size=16),
    st.sampled_from(["append", "merge", "replace"]),
    st.sampled_from([None, None, 0, 1]),
)
def test_runs_give_the_tables_of_dlt(
    examples: list[list[list[str]]], disposition: str, nesting: int | None
) -> None:
    """Names, types and values of every table are equal, after two runs."""
    numbered = [
        [[with_id(text, n) for n, text in enumerate(batch)] for batch in example]
        for example in examples
    ]
    kept = [example for example in numbered if loadable(example, nesting)]
    assume(kept)
    names = [f"res{n}" for n in range(len(kept))]
    half = [(len(example) + 1) // 2 for example in kept]
    runs: list[Any] = [
        {n: e[:h] for n, e, h in zip(names, kept, half, strict=True)},
        {n: e[h:] or e[:1] for n, e, h in zip(names, kept, half, strict=True)},
    ]
    with TemporaryDirectory() as one, TemporaryDirectory() as two:
        hints = {"max_table_nesting": nesting}
        theirs = comparable(load(dlts_own, Path(one), runs, disposition, **hints), names)
        ours = comparable(load(rest_api_source, Path(two), runs, disposition, **hints), names)
    for name in names:
        assert ours["trees"][name] == theirs["trees"][name], kept[names.index(name)]
    assert ours["types"] == theirs["types"]
