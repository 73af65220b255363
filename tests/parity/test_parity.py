"""The tables are those that dlt makes of the same records, on the fast path and the exact one."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from reference import by_dlt, by_headwater, new_schema, three_ways
from rows import batches, declarations, nestings


@settings(max_examples=80, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(batches(), nestings, declarations)
def test_tables_are_those_of_dlt(
    texts: list[list[str]], nesting: int | None, declared: dict[str, str]
) -> None:
    """Names, types, values and links are equal, whatever the rows and however they are cut."""
    ours, exact, theirs = three_ways(texts, nesting, declared)
    assert ours == exact
    assert theirs in (None, ours)


FAST = {
    "fractions, then fractions": [["1.5"], ["2.25"]],
    "fractions that begin with a whole number": [["1", "1.5"], ["3", "2.5"]],
    "whole numbers, then fractions": [["1"], ["1.5"], ["2.5", "4"]],
    "times of every precision": [['"2024-01-02T03:04:05Z"'], ['"2024-01-02T03:04:05.1234567Z"']],
    "null first": [["null", "1"], ["2"]],
    "lists that begin with null": [["[null, 1]"], ["[null, 2]"]],
    "objects in lists after null": [['[{"b": "x"}]'], ['[null, {"b": "y"}]', "[]"]],
    "lists of lists": [["[[1], []]"], ["[[2, 3]]"]],
}


@pytest.mark.parametrize("name", FAST)
def test_batches_become_fast_again(name: str) -> None:
    """What sends one batch down the exact path does not keep the later ones there."""
    texts = [[f'{{"x": {value}}}' for value in batch] for batch in FAST[name]]
    ours, fast = by_headwater([*texts, texts[-1]], new_schema())
    assert ours == by_dlt([*texts, texts[-1]], new_schema())
    nulls_in_lists = "objects in lists" in name
    assert fast[-1] is not nulls_in_lists


LOST_BY_DLT = {
    "integers beyond 64 bits": (
        ["9223372036854775808", "1"], {"items": {"x": "text"}}, ["9223372036854775808", "1"],
    ),
    "times beyond year 9999": (
        ['"9999-12-31T23:59:59-01:00"'], {"items": {"x__v_text__v_text": "text"}},
        ["9999-12-31T23:59:59-01:00"],
    ),
    "half a surrogate pair": ([r'"a\ud800b"'], {"items": {"x": "text"}}, ["a\ufffdb"]),
    "null beside a value": (["1, \"X\": null"], {"items": {"x": "bigint"}}, [1]),
}  # fmt: skip


@pytest.mark.parametrize("name", LOST_BY_DLT)
@pytest.mark.parametrize("exact", [False, True])
def test_what_dlt_loses_is_kept(name: str, exact: bool) -> None:
    """Each wanted difference, on both paths."""
    values, columns, stored = LOST_BY_DLT[name]
    texts = [[f'{{"x": {value}}}' for value in values]]
    (types, rows), _ = by_headwater(texts, new_schema(), exact=exact)
    assert types == columns
    assert [next(iter(row.values())) for row, _ in rows] == stored
