"""Rows become flat tables: alike from columns and from objects, by dlt's names and types."""

from __future__ import annotations

from typing import Any

import msgspec
import pyarrow as pa
import pytest
from dlt.common.schema import Schema

from headwater.decode import Decoder, Slice
from headwater.errors import DecodeError
from headwater.load.rules import DltRules, Foreknown
from headwater.tables.exact import shape_exact
from headwater.tables.rules import Known, NeedsExact, Shaped, TableRules
from headwater.tables.shape import shape

RULES = DltRules(Schema("tables"))
Tables = dict[str, list[dict[str, Any]]]


def table_rules(**settings: Any) -> TableRules:
    return TableRules("t", RULES, **settings)


def contents(shaped: list[Shaped]) -> Tables:
    return {part.name: part.rows.to_pylist() for part in shaped}


def shaped_twice(
    rows: list[dict[str, Any]], table: TableRules, known: Known | None = None
) -> tuple[Tables, Known]:
    """The tables of `rows`, after a look that columns and objects give the same."""
    from_columns = shape(pa.Table.from_pylist(rows), table, known or {})
    from_objects = shape_exact(rows, table, known or {})
    assert contents(from_columns[0]) == contents(from_objects[0])
    assert from_columns[1] == from_objects[1]
    return contents(from_columns[0]), from_columns[1]


def test_nested_objects_become_columns() -> None:
    """Their names are joined, as dlt joins them."""
    tables, known = shaped_twice([{"id": 1, "aB": {"c d": "x"}}], table_rules(key=("id",)))
    assert tables == {"t": [{"id": 1, "a_b__c_d": "x", "_dlt_id": "1"}]}
    assert known == {"t": {"id": "bigint", "a_b__c_d": "text"}}


def test_lists_become_tables_below_their_row() -> None:
    """Ids come from the root's key, so that they are the same at the next load."""
    rows = [{"id": "k", "l": [{"m": [1, 2]}, {"m": []}]}]
    tables, _ = shaped_twice(rows, table_rules(key=("id",), keeps_root=True))
    assert [row["_dlt_id"] for row in tables["t__l"]] == ["k_0", "k_1"]
    assert tables["t__l__m"] == [
        {
            "value": number,
            "_dlt_root_id": "k",
            "_dlt_parent_id": "k_0",
            "_dlt_list_idx": index,
            "_dlt_id": f"k_0_{index}",
        }
        for index, number in enumerate([1, 2])
    ]


KEYS = {
    "a|b": ({"a": "x|y", "b": 1}, "x\\|y|1"),
    "backslash": ({"a": "x\\", "b": 1}, "x\\\\|1"),
}


@pytest.mark.parametrize("name", KEYS)
def test_composite_keys_are_told_apart(name: str) -> None:
    """The parts are joined so that no two keys look alike."""
    row, wanted = KEYS[name]
    tables, _ = shaped_twice([row], table_rules(key=("a", "b")))
    assert tables["t"][0]["_dlt_id"] == wanted


def test_emptied_lists_delete_the_old_rows() -> None:
    """Only in tables that were there before: no other holds rows of the root."""
    known: Known = {"t": {"id": "bigint"}, "t__l": {"value": "bigint"}}
    rows = [{"id": 1, "l": [5]}, {"id": 2, "l": []}]
    table = table_rules(key=("id",), keeps_root=True, tombstones=True)
    tables, _ = shaped_twice(rows, table, known)
    assert [(row["_dlt_root_id"], row["_dlt_deleted"]) for row in tables["t__l"]] == [
        ("1", None),
        ("2", True),
    ]


@pytest.mark.parametrize("rows", [[{"a": 1}], [{"id": None}], [{"id": 1}, {"a": 1}]])
def test_a_row_without_its_key_is_an_error(rows: list[dict[str, Any]]) -> None:
    """Merging by a key that is not there would lose rows."""
    table = table_rules(key=("id",), required=frozenset({"id"}))
    with pytest.raises(DecodeError, match="primary key `id`"):
        shape_exact(rows, table, {})
    with pytest.raises(DecodeError, match="primary key `id`"):
        shape(pa.Table.from_pylist(rows), table, {})


COLUMNS: dict[str, tuple[str, list[Any], dict[str, list[Any]]]] = {
    "whole numbers as fractions": ("double", [1, 2], {"x": [1.0, 2.0]}),
    "fractions among whole numbers": (
        "bigint", [1.0, 1.5], {"x": [1, None], "x__v_double": [None, 1.5]},
    ),
    "numbers as text": ("text", [1, 2], {"x": ["1", "2"]}),
    "little": ("bigint", [None, 1], {"x": [None, 1]}),
}  # fmt: skip


@pytest.mark.parametrize("name", COLUMNS)
def test_values_take_the_type_of_their_column(name: str) -> None:
    """What does not fit goes to a variant column, as in dlt."""
    kind, values, wanted = COLUMNS[name]
    rows = [{"id": number, "x": value} for number, value in enumerate(values)]
    known: Known = {"t": {"id": "bigint", "x": kind}}
    tables, _ = shaped_twice(rows, table_rules(key=("id",)), known)
    assert {key: [row.get(key) for row in tables["t"]] for key in wanted} == wanted


UNFIT = {
    "text as number": ({"x": "a"}, {"x": "bigint"}),
    "two keys for one column": ({"a": 1, "A": 2}, {}),
    "two lists for one table": ({"a": {"b": [1]}, "a__b": [2]}, {}),
    "object in a JSON column": ({"x": {"y": 1}}, {"x": "json"}),
    "numbers too large to tell apart": ({"x": 2.0**53}, {"x": "bigint"}),
    "null in a list of objects": ({"x": [None, {"y": 1}]}, {}),
}


@pytest.mark.parametrize("name", UNFIT)
def test_what_columns_cannot_tell_takes_the_exact_path(name: str) -> None:
    """Nothing is guessed."""
    row, types = UNFIT[name]
    with pytest.raises(NeedsExact):
        shape(pa.Table.from_pylist([row]), table_rules(), {"t": dict(types)})


LOSSY = {
    "two keys for one column": '{"a": 1, "A": 2}',
    "nested JSON column": '{"j": {"k": {"l": 1}}}',
    "fractions in a text column": '{"s": 1.5}',
}


@pytest.mark.parametrize("name", LOSSY)
def test_decoders_know_what_arrow_would_lose(name: str) -> None:
    """Such records are read as objects from the start."""
    tables = Foreknown(table_rules(), {"t": {"j__k": "json", "s": "text"}})
    rows = Decoder(tables=tables).decode([Slice([msgspec.Raw(LOSSY[name].encode())])]).rows
    assert isinstance(rows, list)


DEPTHS = {
    0: {"t": [{"a": '{"b":[[{"c":1}]]}'}]},
    1: {"t": [{"a__b": '[[{"c":1}]]'}]},
}


@pytest.mark.parametrize("depth", [0, 1])
def test_what_is_nested_too_deep_stays_json(depth: int) -> None:
    """As in dlt, levels count from the root."""
    shaped, _ = shape_exact([{"a": {"b": [[{"c": 1}]]}}], table_rules(max_nesting=depth), {})
    found = {
        part.name: [{k: v for k, v in row.items() if k[0] != "_"} for row in part.rows.to_pylist()]
        for part in shaped
    }
    assert found == DEPTHS[depth]


PATHS = {
    ("a",): "bigint",
    ("o", "b"): "text",
    ("l", None, "c"): "double",
    ("o", "l", None): "bool",
    ("l", None, "m", None, None): "json",
    ("new",): None,
}


@pytest.mark.parametrize("path", PATHS)
def test_paths_of_values_lead_to_columns(path: tuple[str | None, ...]) -> None:
    """Keys as they are sent, columns as they are stored."""
    known: Known = {
        "t": {"a": "bigint", "o__b": "text"},
        "t__l": {"c": "double"},
        "t__o__l": {"value": "bool"},
        "t__l__m__list": {"value": "json"},
    }
    assert Foreknown(table_rules(), known).type_of(path) == PATHS[path]
