"""Files: YAML and JSON, and where each key stands."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from headwater.config.source import Document, connector_names, open_document, parse
from headwater.errors import ConfigError

YAML = """\
client:
  base_url: https://a.x
resources:
  - name: posts
    endpoint:
      paginator: {type: offset, limit: 5}
  - tags
"""
JSON = (
    '{\n\t"client": {"base_url": "https://a.x"},\n\t"resources": [\n\t\t{"name": "posts"}\n\t]\n}'
)


@pytest.mark.parametrize(
    ("path", "where"),
    [
        ((), "c.yaml:1:1"),
        (("client", "base_url"), "c.yaml:2:3 client.base_url"),
        (("resources", 0), "c.yaml:4:5 resources.posts"),
        (
            ("resources", 0, "endpoint", "paginator", "limit"),
            "c.yaml:6:33 resources.posts.paginator.limit",
        ),
        (("resources", 0, "endpoint", "gone"), "c.yaml:5:5 resources.posts.gone"),
        (("resources", 1), "c.yaml:7:5 resources.tags"),
        (("resources", 9), "c.yaml:3:1 resources[9]"),
    ],
)
def test_places_of_keys_in_yaml(path: tuple[Any, ...], where: str) -> None:
    """Line and column count from 1; a key that is not there is at its nearest parent."""
    assert parse(YAML, "c.yaml").where(path) == where


@pytest.mark.parametrize("change", [str, lambda text: text.replace("\n", "\r\n")])
def test_line_ends_do_not_move_places(change: Any) -> None:
    """CRLF counts as one line end, in YAML and JSON."""
    assert parse(change(YAML), "c.yaml").where(("resources",)) == "c.yaml:3:1 resources"
    assert parse(change(JSON), "c.json").where(("resources",)) == "c.json:3:2 resources"


def test_tabs_in_json_do_not_hide_places() -> None:
    """JSON may be indented with tabs, each one column wide."""
    document = parse(JSON, "c.json")
    assert document.where(("resources", 0, "name")) == "c.json:4:4 resources.posts.name"


def test_a_dict_has_paths_but_no_lines() -> None:
    """A config from Python is named by its keys alone."""
    raw = {"resources": [{"name": "a"}, "b", {}]}
    document = Document(raw)
    assert document.where(("resources", 0, "endpoint", "path")) == "resources.a.path"
    assert document.where(("resources", 1, "name")) == "resources.b.name"
    assert document.where(("resources", 2, "name")) == "resources[2].name"


@pytest.mark.parametrize(
    ("text", "origin", "error"),
    [
        ("", "c.yaml", "c.yaml: is empty (a config has the keys client and resources)"),
        ("# nothing\n", "c.yaml", "c.yaml: is empty (a config has the keys client and resources)"),
        (
            "- a\n",
            "c.yaml",
            "c.yaml: holds a list, not a mapping (a config has the keys client and resources)",
        ),
        (
            "hello",
            "c.yml",
            "c.yml: holds text, not a mapping (a config has the keys client and resources)",
        ),
        (
            "[1]",
            "c.json",
            "c.json: holds a list, not a mapping (a config has the keys client and resources)",
        ),
        (
            "null",
            "c.json",
            "c.json: is empty (a config has the keys client and resources)",
        ),
        ("", "c.json", "c.json:1:1: not JSON: Expecting value"),
        ('{"a": 1,}', "c.json", None),
        (
            "client:\n\tbase_url: x\n",
            "c.yaml",
            (
                "c.yaml:2:1: not YAML: found character '\\t' that cannot start any token"
                " (indent with spaces)"
            ),
        ),
        ("a: [1\nb: 2\n", "c.yaml", "c.yaml:2:2: not YAML: expected ',' or ']', but got ':'"),
        (
            "a:\n  - b: 1\n   c: 2\n",
            "c.yaml",
            (
                "c.yaml:3:4: not YAML: expected <block end>, but found '<block mapping start>'"
                " (is the line indented like those it belongs to?)"
            ),
        ),
        ("a: 1\n---\nb: 2\n", "c.yaml", "c.yaml:2:1: not YAML: but found another document"),
        ("a: 1\nb: 2\na: 3\n", "c.yaml", "c.yaml:3:1: key `a` comes twice"),
        ('{"a": 1,\n "a": 2}', "c.json", "c.json:2:2: key `a` comes twice"),
        ("a: &x [*x]\n", "c.yaml", "c.yaml:1:4: an alias holds itself"),
        ("a: *x\n", "c.yaml", "c.yaml:1:4: not YAML: found undefined alias 'x'"),
        ("a: !!python/object:os.system x\n", "c.yaml", None),
        ("a: \x00\n", "c.yaml", None),
        ("? [a]\n: 1\n", "c.yaml", None),
    ],
)
def test_files_that_hold_no_config(text: str, origin: str, error: str | None) -> None:
    """What is wrong with a file is one line with its place, never a traceback."""
    with pytest.raises(ConfigError) as caught:
        parse(text, origin)
    assert str(caught.value).startswith(f"{origin}:")
    assert "\n" not in str(caught.value)
    if error is not None:
        assert str(caught.value) == error


def test_aliases_of_aliases_cannot_fill_the_memory() -> None:
    """A few lines that stand for millions of keys are refused quickly."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 9)]
    with pytest.raises(ConfigError, match="more than 100,000 keys"):
        parse("\n".join(lines), "c.yaml")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2024-01-01", "2024-01-01"),
        ("2024-01-01T00:00:00Z", "2024-01-01T00:00:00Z"),
        ("12:30", "12:30"),
        ("no", "no"),
        ("on", "on"),
        ("010", "010"),
        ("0x10", "0x10"),
        ("true", True),
        ("False", False),
        ("7", 7),
        ("-7", -7),
        ("1.5", 1.5),
        ("null", None),
        ("~", None),
        ("'7'", "7"),
    ],
)
def test_yaml_guesses_little(text: str, value: Any) -> None:
    """What an API is to be sent stays as it was written."""
    assert parse(f"a: {text}\n", "c.yaml").raw == {"a": value}


def test_every_key_is_text() -> None:
    """`on`, `1` and `null` as keys are what they look like."""
    assert parse("on: 1\n1: 2\nnull: 3\n", "c.yaml").raw == {"on": 1, "1": 2, "null": 3}


def test_merge_keys_work() -> None:
    """YAML anchors with `<<` are merged, and the key itself wins."""
    text = "x: &x {a: 1, b: 2}\ny: {<<: *x, b: 3}\n"
    assert parse(text, "c.yaml").raw["y"] == {"a": 1, "b": 3}


def test_unicode_and_a_byte_order_mark(tmp_path: Path) -> None:
    """Files are UTF-8, with or without the mark that some editors write."""
    for name, text in {"c.yaml": "ключ: ünï 🎈\n", "c.json": '{"ключ": "ünï 🎈"}'}.items():
        for mark in (b"", b"\xef\xbb\xbf"):
            (tmp_path / name).write_bytes(mark + text.encode())
            assert open_document(tmp_path / name).raw == {"ключ": "ünï 🎈"}


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    """A missing file names those there are; a folder and wrong bytes say why."""
    (tmp_path / "latin.yaml").write_bytes(b"a: \xfc\n")
    (tmp_path / "folder.yaml").mkdir()
    with pytest.raises(ConfigError, match=r"c\.yaml: no such file \(there are: folder\.yaml, lat"):
        open_document(tmp_path / "c.yaml")
    with pytest.raises(ConfigError, match=r"no such file \(there is no folder "):
        open_document(tmp_path / "gone" / "c.yaml")
    with pytest.raises(ConfigError, match=r"latin\.yaml: cannot be read: 'utf-8' codec"):
        open_document(tmp_path / "latin.yaml")
    with pytest.raises(ConfigError, match=r"folder\.yaml: cannot be read: "):
        open_document(tmp_path / "folder.yaml")


def test_packaged_connectors_have_names() -> None:
    """The five connectors, and a name that is none of them."""
    assert connector_names() == [
        "delivery",
        "feature_flags",
        "project_api",
        "project_tracker",
        "time_tracking",
    ]
    with pytest.raises(ConfigError, match="is neither a config file nor a connector"):
        open_document("nothing")


TREES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**6), 10**6)
    | st.text(st.characters(codec="ascii")),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc", max_size=3), inner),
    max_leaves=8,
)


@given(st.dictionaries(st.text("abcü-", min_size=1, max_size=5), TREES, max_size=4))
def test_json_is_read_as_json(tree: dict[str, Any]) -> None:
    """A JSON document gives what json.loads gives, whatever it holds."""
    text = json.dumps(tree, indent=2)
    assert parse(text, "c.json").raw == tree


@given(st.dictionaries(st.text("abcü-", min_size=1, max_size=5), TREES, max_size=4))
def test_every_key_of_a_written_document_has_its_place(tree: dict[str, Any]) -> None:
    """The place of each top key is the line it stands on."""
    text = yaml.safe_dump(tree, allow_unicode=True, width=10_000)
    document = parse(text, "c.yaml") if tree else Document({}, "c.yaml", from_file=True)
    lines = text.splitlines()
    for key in tree:
        line = int(document.where((key,)).split(":")[1])
        assert key in lines[line - 1]
