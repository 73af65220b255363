"""Aliases and short forms."""

from __future__ import annotations

from typing import Any

import pytest

from headwater.config.aliases import normalise


def config(endpoint: dict[str, Any]) -> dict[str, Any]:
    return {"resources": [{"name": "a", "endpoint": endpoint}]}


@pytest.mark.parametrize(
    ("given", "meant", "note"),
    [
        ({"http_method": "POST"}, {"method": "POST"}, "`http_method` is read as `method`"),
        ({"body": {"a": 1}}, {"json": {"a": 1}}, "`body` is read as `json`"),
        (
            {"incremental_sync": {"cursor_path": "at"}},
            {"incremental": {"cursor_path": "at"}},
            "`incremental_sync` is read as `incremental`",
        ),
        (
            {"data_selector": ["a", "b"]},
            {"data_selector": "a.b"},
            "a list is read as the path `a.b`",
        ),
        ({"data_selector": []}, {"data_selector": "$"}, "a list is read as the path `$`"),
        (
            {"auth": {"type": "basic", "username": "u"}},
            {"auth": {"type": "http_basic", "username": "u"}},
            "`basic` is read as `http_basic`",
        ),
        (
            {"paginator": {"type": "page", "limit": 5}},
            {"paginator": {"type": "page_number", "limit": 5}},
            "`page` is read as `page_number`",
        ),
        (
            {"paginator": "json_response"},
            {"paginator": {"type": "json_link"}},
            "`json_response` is read as `json_link`",
        ),
        (
            {"paginator": {"type": "page_number", "start_from_page": 1}},
            {"paginator": {"type": "page_number", "base_page": 1}},
            "`start_from_page` is read as `base_page`",
        ),
    ],
)
def test_an_alias_is_taken_and_noted(
    given: dict[str, Any], meant: dict[str, Any], note: str
) -> None:
    """Each alias becomes the vocabulary's word, and is said."""
    out, notes = normalise(config(given))
    assert out == config(meant)
    assert [text for _, text in notes] == [note]


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        ({"client_id": "i", "client_secret": "s"}, "oauth2_client_credentials"),
        ({"client_id": "i", "refresh_token": "r"}, "oauth2_refresh_token"),
    ],
)
def test_oauth2_is_told_by_what_is_given(given: dict[str, Any], kind: str) -> None:
    """A refresh token makes it that grant, else it is client credentials."""
    auth = {"type": "oauth2", "token_url": "https://a.x/token", "data": {"scope": "s"}, **given}
    out, notes = normalise({"client": {"auth": auth}})
    assert out["client"]["auth"] == {
        "type": kind,
        "access_token_url": "https://a.x/token",
        "access_token_request_data": {"scope": "s"},
        **given,
    }
    assert len(notes) == 3


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("posts", {"name": "posts", "endpoint": {"path": "posts"}}),
        ({"name": "a", "endpoint": "b"}, {"name": "a", "endpoint": {"path": "b"}}),
        (
            {"name": "a", "endpoint": {"auth": {"token": "t"}, "paginator": {}}},
            {
                "name": "a",
                "endpoint": {
                    "auth": {"type": "bearer", "token": "t"},
                    "paginator": {"type": "auto"},
                },
            },
        ),
        (5, 5),
        ({"name": "a", "endpoint": 5}, {"name": "a", "endpoint": 5}),
    ],
)
def test_short_forms_need_no_note(given: Any, meant: Any) -> None:
    """dlt's own short forms are written out; what has a wrong type is left for the check."""
    assert normalise({"resources": [given]}) == ({"resources": [meant]}, [])


@pytest.mark.parametrize(
    ("paginator", "required"),
    [
        ({"type": "offset", "limit": 5}, None),
        ({"type": "offset", "limit": 5, "total_path": "count"}, True),
        ({"type": "offset", "limit": 5, "total_path": None}, None),
        ({"type": "page_number", "total_path": "pages"}, True),
        ({"type": "page_number", "total_path": "pages", "total_required": False}, False),
    ],
)
def test_a_total_that_is_named_is_a_demand(paginator: Any, required: bool | None) -> None:
    """dlt's default `total` is a hint, a path that the config writes is not."""
    out, _ = normalise(config({"paginator": paginator}))
    assert out["resources"][0]["endpoint"]["paginator"].get("total_required") is required


def test_both_spellings_are_left_for_the_check() -> None:
    """An alias beside the word it stands for is not taken: it is reported as unknown."""
    out, notes = normalise(config({"http_method": "GET", "method": "POST"}))
    assert out == config({"http_method": "GET", "method": "POST"})
    assert notes == []
