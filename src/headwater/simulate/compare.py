"""Cursor values from both ends of the wire, made comparable."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

__all__ = ["comparable"]


def comparable(value: Any) -> tuple[int, float, str]:
    """Times as seconds and numbers as they are, both before any other text.

    Numbers so large that they must be milliseconds are taken as such, so that the ISO time of a row
    and a start in either unit meet.
    """
    if value is None:
        return (0, 0.0, "")
    try:
        number = float(value)
        return (1, number / 1000 if number > 1e11 else number, "")
    except (TypeError, ValueError):
        pass
    try:
        moment = datetime.fromisoformat(str(value).strip().replace(" ", "T", 1))
    except ValueError:
        return (2, 0.0, str(value))
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return (1, aware.timestamp(), "")
