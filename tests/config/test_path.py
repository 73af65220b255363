"""JSON paths, against jsonpath-ng."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonpath_ng.ext import parse

from headwater.config.path import parse_path
from headwater.errors import DecodeError

KEYS = st.sampled_from(["a", "b", "data", "items", "x_1", "next-page"])
BODIES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(["", "text"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=12,
)
STEPS = st.lists(st.tuples(KEYS, st.none() | st.integers(0, 3)), min_size=1, max_size=4)
BODY = {"data": {"items": [{"id": 1}, {"id": 2}], "next": None}, "a-b": 5, "@type": "x", "ü": 7}


def spelled(steps: list[tuple[str, int | None]]) -> str:
    return ".".join(key if index is None else f"{key}[{index}]" for key, index in steps)


@given(body=BODIES, steps=STEPS, root=st.sampled_from(["", "$."]))
def test_dotted_paths_find_what_jsonpath_ng_finds(body: Any, steps: Any, root: str) -> None:
    """A path of keys and indexes gives the values that the reference gives."""
    text = root + spelled(steps)
    path = parse_path(text)
    assert path.steps is not None
    expected = [match.value for match in parse(text).find(body)]
    assert path.find(body) == expected


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("$", [BODY]),
        ("", [BODY]),
        ("data.items", [BODY["data"]["items"]]),  # type: ignore[index]
        ("$.data.items[1].id", [2]),
        (" data.next ", [None]),
        ("data.gone", []),
        ("data.items[9]", []),
        ("data.items.id", []),
        ("a-b", [5]),
        ("@type", ["x"]),
        ("ü", [7]),
        ("data.items[*].id", [1, 2]),
        ("$..id", [1, 2]),
        ("data.items[?(@.id > 1)].id", [2]),
        ("data.items[-1].id", [2]),
    ],
)
def test_what_a_path_finds(text: str, found: list[Any]) -> None:
    """Every value in document order, an empty list where there is none."""
    assert parse_path(text).find(BODY) == found


def test_first_is_none_where_there_is_none() -> None:
    """`first` does not tell a null from a missing key; `find` does."""
    assert parse_path("data.next").first(BODY) is None
    assert parse_path("data.gone").first(BODY) is None
    assert parse_path("data.items[*].id").first(BODY) == 1


@pytest.mark.parametrize(
    ("text", "keys"),
    [("$", ()), ("a.b", ("a", "b")), ("a[0].b", None), ("a[*]", None)],
)
def test_keys_are_known_for_plain_paths_only(text: str, keys: tuple[str, ...] | None) -> None:
    """Only a path of object keys can be cut without building objects."""
    assert parse_path(text).keys == keys


def test_the_error_of_a_path_names_it() -> None:
    """A text that is no path is in the message."""
    with pytest.raises(ValueError, match=r"^`a\[` is no JSONPath: "):
        parse_path("a[")


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@settings(max_examples=400)
@given(st.text(alphabet="ab.$[]*?()@'\" |`0-,:<>=&~!\\", max_size=12))
def test_any_text_is_a_path_or_a_value_error(text: str) -> None:
    """A text that is no path is a ValueError, one that does not fit an answer a DecodeError."""
    with suppress(ValueError, DecodeError):
        parse_path(text).find(BODY)
