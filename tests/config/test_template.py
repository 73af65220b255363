"""Texts with {placeholders}."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.config.template import (
    encode_segment,
    expand,
    expand_tree,
    is_name,
    lone_placeholder,
    placeholders,
    strings,
)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("", []),
        ("/a/b", []),
        ("/a/{b}", ["b"]),
        ("{a}{b}{a}", ["a", "b", "a"]),
        ("{resources.a.b[0].c}", ["resources.a.b[0].c"]),
        ("{{a}}", []),
        ("{{{a}}}", ["a"]),
        ("{a!s:>3}", ["a"]),
        ("{}", [""]),
    ],
)
def test_names_in_order(text: str, names: list[str]) -> None:
    """Doubled braces are plain ones."""
    assert placeholders(text) == names


@pytest.mark.parametrize("text", ["{a", "a}", "{ viewer { login } }", "{a:{b}}", "{a!x}", "{a!}"])
def test_braces_that_make_no_sense(text: str) -> None:
    """A brace that is not closed, or stands in another, is a ValueError."""
    with pytest.raises(ValueError, match=r"."):
        placeholders(text)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("{a}", "a"),
        ("{a.b}", "a.b"),
        (" {a}", None),
        ("{a}{b}", None),
        ("{a!s}", None),
        ("a", None),
    ],
)
def test_lone_placeholder(text: str, name: str | None) -> None:
    """Only a text that is one placeholder can keep the type of its value."""
    assert lone_placeholder(text) == name


@pytest.mark.parametrize(
    ("text", "good"),
    [
        ("post_id", True),
        ("post-id", True),
        ("ünïcode", True),
        ("resources.a.b[0]", True),
        ("1a", False),
        (" a ", False),
        ('"key"', False),
        ("", False),
    ],
)
def test_what_may_be_a_name(text: str, good: bool) -> None:
    """A name is a word, or words joined by dots."""
    assert is_name(text) is good


def test_expand() -> None:
    """Values become text, with their format; plain braces stay."""
    assert expand("/{a}/{b:03d}/{{c}}", {"a": "x", "b": 7}) == "/x/007/{c}"


def test_a_missing_value_is_named() -> None:
    """The name that has no value is in the KeyError."""
    with pytest.raises(KeyError, match="b"):
        expand("{a}{b}", {"a": 1})


def test_a_tree_keeps_types_when_asked() -> None:
    """A lone placeholder becomes the value itself in JSON, text elsewhere; keys are filled too."""
    tree = {"{a}": ["{b}", 3, None, {"c": "x{b}"}]}
    assert expand_tree(tree, {"a": "k", "b": 5}, keep_type=True) == {"k": [5, 3, None, {"c": "x5"}]}
    assert expand_tree(tree, {"a": "k", "b": 5}) == {"k": ["5", 3, None, {"c": "x5"}]}


def test_every_string_of_a_tree() -> None:
    """Keys and values, at any depth."""
    assert list(strings({"a": ["b", {"c": 1}], "d": None})) == ["a", "b", "c", "d"]


@given(st.text(max_size=20))
def test_a_segment_stays_one_segment(value: str) -> None:
    """No value can leave its place in a path, and each can be read back."""
    encoded = encode_segment(value)
    url = urlsplit(f"http://h/a/{encoded}/b")
    assert unquote(encoded) == value
    assert url.path == f"/a/{encoded}/b"
    assert (url.query, url.fragment) == ("", "")
    assert encoded not in (".", "..")
    assert encoded.count("/") == 0


@given(st.dictionaries(st.sampled_from("abc"), st.integers() | st.text(), max_size=3), st.text())
def test_doubled_braces_are_the_text_itself(values: dict[str, Any], text: str) -> None:
    """A text whose braces are doubled comes out as it was."""
    doubled = text.replace("{", "{{").replace("}", "}}")
    assert placeholders(doubled) == []
    assert expand(doubled, values) == text
