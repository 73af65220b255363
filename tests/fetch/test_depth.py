"""Depth is told from bytes alone, and brackets in text do not deceive it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.fetch.depth import is_deeper


def depth_of(value: Any) -> int:
    inner = value.values() if isinstance(value, dict) else value
    is_nested = isinstance(value, (dict, list))
    return 1 + max(map(depth_of, inner), default=0) if is_nested else 0


def values(letters: str) -> st.SearchStrategy[Any]:
    text = st.text(letters, max_size=6)
    return st.recursive(
        st.none() | text,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    )


@given(values('"\\:a'), st.integers(0, 12))
def test_depth_is_that_of_the_value(value: Any, levels: int) -> None:
    """A value is deeper exactly where its nesting is."""
    assert is_deeper(json.dumps(value).encode(), levels) is (depth_of(value) > levels)


@given(values('[]{}"\\'), st.integers(0, 12))
def test_brackets_in_text_are_no_depth(value: Any, levels: int) -> None:
    """Whatever its text, no value seems deeper than it is."""
    assert depth_of(value) > levels or not is_deeper(json.dumps(value).encode(), levels)


@pytest.mark.timeout(5)
@pytest.mark.parametrize("text", [b"[" * 10**6 + b"]" * 10**6, b'[{"a":' * 10**5, b'"' * 999_999])
def test_depth_is_told_in_no_time(text: bytes) -> None:
    """A million brackets, balanced or not, take no more than a moment."""
    assert is_deeper(text, 200) is (text[:1] == b"[")
