"""The wanted differences from dlt are told to those who come from it."""

from __future__ import annotations

from pathlib import Path

from wanted import REASONS

PAGE = Path(__file__).parents[2] / "docs" / "coming-from-dlt.md"


def test_the_docs_list_the_wanted_differences_and_no_other() -> None:
    """The table below "Tables and values" is wanted.py, row for row."""
    text = PAGE.read_text().partition("## Tables and values")[2].partition("\n## ")[0]
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    assert rows[1:] == [f"| {what} | {reason} |" for what, reason in REASONS.items()]
