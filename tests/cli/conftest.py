"""A command line run inside the test, and a config to run it on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from headwater.cli import app

GOOD = """\
name: tracker
client:
  base_url: https://api.example.com
resources:
  - name: posts
    primary_key: id
    write_disposition: merge
    endpoint: {path: /posts, data_selector: data, http_method: GET}
  - name: comments
    endpoint: {path: "/posts/{post_id}/comments", paginator: {type: offset, limit: 50}}
"""
BAD = """\
client:
  base_url: ftp://api.example.com
resources:
  - name: posts
    endpoint:
      path: /posts
      paginator: {type: offset, limt: 50}
  - name: comments
    endpoint: {path: /comments, colour: red}
"""


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Runs `headwater` with the given words in an empty folder."""
    monkeypatch.chdir(tmp_path)
    runner = CliRunner()
    return lambda *words: runner.invoke(app, words, prog_name="headwater")


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, str], str]:
    """Writes a file into that folder and gives its name."""

    def written(name: str, text: str) -> str:
        (tmp_path / name).write_text(text, encoding="utf-8")
        return name

    return written


@pytest.fixture
def good(write: Callable[[str, str], str], run: object) -> str:
    """The name of a config without faults, secrets and parameters."""
    return write("tracker.yaml", GOOD)


@pytest.fixture
def bad(write: Callable[[str, str], str], run: object) -> str:
    """The name of a config with four faults."""
    return write("bad.yaml", BAD)
