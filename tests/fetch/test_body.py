"""Records cut out of bodies: the same as by jsonpath-ng and by dlt's own detector."""

from __future__ import annotations

import json
from typing import Any

import pytest
from dlt.sources.helpers.rest_client.detector import find_response_page_data
from hypothesis import given
from hypothesis import strategies as st
from jsonpath_ng.ext import parse as reference

from headwater.config.path import parse_path
from headwater.errors import DecodeError
from headwater.fetch.body import Body, lens_of

KEYS = st.sampled_from(["data", "items", "meta", "a", "b", "rows", "next", "total", "errors"])
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=4), st.floats()),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=4)),
    max_leaves=14,
)
PATHS = st.lists(KEYS, max_size=3).map(lambda keys: ".".join(["$", *keys]))


def cut(body: Body, selector: str) -> Any:
    records = body.records(parse_path(selector))
    return None if records is None else [json.loads(bytes(record)) for record in records]


def same(one: Any, other: Any) -> bool:
    return json.dumps(one) == json.dumps(other)


@given(JSON, PATHS, st.lists(PATHS, max_size=2), st.booleans())
def test_records_are_those_of_jsonpath(
    tree: Any, selector: str, paths: list[str], lens: bool
) -> None:
    """With and without a lens, a selector finds what jsonpath-ng finds, NaN and all."""
    parsed = tuple(parse_path(path) for path in paths)
    glass = lens_of(parse_path(selector).keys, parsed) if lens else None
    body = Body(json.dumps(tree).encode(), glass)
    found = [match.value for match in reference(selector).find(tree)]
    expected: Any = None
    if found:
        value = found[0]
        expected = value if isinstance(value, list) else [] if value is None else [value]
    assert same(cut(body, selector), expected)
    for path in paths:
        values = [match.value for match in reference(path).find(tree)]
        assert same(body.first(parse_path(path)), values[0] if values else None)


@given(st.dictionaries(KEYS.filter(lambda key: key != "errors"), JSON, max_size=4) | JSON)
def test_lists_are_found_where_dlt_finds_them(tree: Any) -> None:
    """The list that is taken for the rows is the one dlt takes, unless there are only errors."""
    found = Body(json.dumps(tree).encode()).find_records()
    path, _ = find_response_page_data(tree)
    if found is None:
        assert tree.get("errors") is not None
    else:
        assert (found.keys or ("$",)) == path


@pytest.mark.parametrize(
    ("raw", "selector", "expected"),
    [
        (b'{"a": {"b": [1, 2]}}', "a.b", [1, 2]),
        (b'{"a": {"b": {"x": 1}}}', "a.b", [{"x": 1}]),
        (b'{"a": null}', "a", []),
        (b'{"a": 1}', "b", None),
        (b'{"a": [{"k": 1}, {"k": 2}]}', "a[*].k", [1, 2]),
        (b'[{"k": 1}]', "$", [{"k": 1}]),
        (b'\xef\xbb\xbf{"a": [1]}', "a", [1]),
        ('{"a": [1]}'.encode("utf-16"), "a", [1]),
        (b'{"a": [1], "a": [2]}', "a", [2]),
    ],
)
def test_a_selector_cuts_records(raw: bytes, selector: str, expected: Any) -> None:
    """A list is its items, null is nothing, anything else is one record; None is no match."""
    assert cut(Body(raw), selector) == expected
    assert cut(Body(raw, lens_of(parse_path(selector).keys, ())), selector) == expected


@pytest.mark.parametrize(
    "raw", [b"", b" ", b"<html>", b'{"a": [1', b'{"a": [1]} x', b'{"a": [1,]}', b'{"b": [1']
)
@pytest.mark.parametrize("selector", ["a", "$", "a[*].k"])
def test_what_is_no_json_is_refused(raw: bytes, selector: str) -> None:
    """A body that is not JSON, wherever it breaks off, is an error and never an empty page."""
    with pytest.raises(DecodeError, match="the answer is not JSON"):
        cut(Body(raw, lens_of(parse_path(selector).keys, ())), selector)


@pytest.mark.parametrize(
    ("tree", "expected"),
    [
        ({"errors": [{"message": "no"}]}, '[{"message": "no"}]'),
        ({"error": "no"}, '"no"'),
        ({"errors": []}, ""),
        ({"error": False}, ""),
        ({"data": []}, ""),
        ([], ""),
    ],
)
def test_errors_in_a_body_are_told(tree: Any, expected: str) -> None:
    """What a body says went wrong is read from `errors` or `error`; nothing is nothing."""
    assert Body(json.dumps(tree).encode()).errors() == expected
