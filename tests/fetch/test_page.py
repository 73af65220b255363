"""URLs as `requests` makes them, and the places they may lead to."""

from __future__ import annotations

from typing import Any

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from headwater.fetch.page import Request, follow, join_url, origin, requoted, set_at

SCALARS = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
    st.integers(),
    st.booleans(),
    st.none(),
    st.floats(allow_nan=False),
)
PARAMS = st.dictionaries(
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=5),
    st.one_of(SCALARS, st.lists(SCALARS, max_size=3)),
    max_size=4,
)


@given(PARAMS, st.sampled_from(["", "?a=1", "?", "#part", "?a=1#part"]))
def test_params_are_encoded_as_requests_does(params: dict[str, Any], tail: str) -> None:
    """Any params on any kind of URL give the URL that `requests` would ask for."""
    url = f"http://api.test/items{tail}"
    ours = Request("GET", url, params).full_url
    theirs = requests.Request("GET", url, params=params).prepare().url
    assert theirs is not None
    assert requoted(ours).replace("?#", "#").rstrip("?") == theirs.replace("?#", "#").rstrip("?")


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://h/a b", "http://h/a%20b"),
        ("http://h/ü?q=é", "http://h/%C3%BC?q=%C3%A9"),
        ("http://h/a%2Fb", "http://h/a%2Fb"),
        ("http://h/100%", "http://h/100%25"),
        ("http://h/%2E%2E/x", "http://h/%2E%2E/x"),
        ("http://h/a\r\nX: 1", "http://h/a%0D%0AX:%201"),
    ],
)
def test_what_may_not_stand_in_a_url_is_quoted(url: str, expected: str) -> None:
    """Spaces, line ends and other letters are encoded; what is encoded stays."""
    assert requoted(url) == expected


@pytest.mark.parametrize(
    ("base", "path", "expected"),
    [
        ("http://h/v1", "items", "http://h/v1/items"),
        ("http://h/v1/", "/items", "http://h/v1/items"),
        ("http://h/v1", "", "http://h/v1"),
        ("http://h/v1", "https://other/x", "https://other/x"),
    ],
)
def test_paths_join_the_base_url(base: str, path: str, expected: str) -> None:
    """A path is below the base URL, whatever the slashes; an absolute one stands for itself."""
    assert join_url(base, path) == expected


@pytest.mark.parametrize(
    ("link", "expected"),
    [
        ("?page=2", "http://h/v1/items?page=2"),
        ("/v2/x", "http://h/v2/x"),
        ("more", "http://h/v1/more"),
        (" http://h/z ", "http://h/z"),
        ("//evil/x", "http://evil/x"),
    ],
)
def test_links_are_followed_from_the_page_they_stand_in(link: str, expected: str) -> None:
    """Relative links join the URL of their page."""
    assert follow("http://h/v1/items?page=1", link) == expected


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://H/x", ("http", "h", 80)),
        ("https://h:8443", ("https", "h", 8443)),
        ("http://good@evil/", ("http", "evil", 80)),
        ("http://good\\@evil/", ("http", "evil", 80)),
    ],
)
def test_the_origin_is_who_would_be_spoken_to(url: str, expected: tuple[str, str, int]) -> None:
    """User names in a URL do not change the host that it leads to."""
    assert origin(url) == expected


@pytest.mark.parametrize("url", ["", "javascript:alert(1)", "file:///etc/passwd", "http://", "/x"])
def test_what_is_no_http_url_has_no_origin(url: str) -> None:
    """Anything but http with a host is refused."""
    with pytest.raises(ValueError, match="is no http URL"):
        origin(url)


@pytest.mark.parametrize(
    ("tree", "path", "expected"),
    [
        (None, "page", {"page": 7}),
        ({"q": 1}, "$.page", {"q": 1, "page": 7}),
        ({"a": {"b": 1, "c": 2}}, "a.b", {"a": {"b": 7, "c": 2}}),
        ({"a": 1}, "a.b", {"a": {"b": 7}}),
    ],
)
def test_a_value_is_set_in_a_copy(tree: Any, path: str, expected: Any) -> None:
    """The body of a request is never changed in place."""
    before = repr(tree)
    assert set_at(tree, path, 7) == expected
    assert repr(tree) == before
