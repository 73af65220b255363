"""dlt's warnings about what headwater does on purpose are not shown.

A module of its own: loggers outlive modules, and what a filter can reach is kept with them until
the very end. DuckDB would complain of types that were not freed.
"""

from __future__ import annotations

import logging
from typing import ClassVar

__all__ = ["drop_hint_noise"]


class HintNoise(logging.Filter):
    """Drops records by what they say."""

    known: ClassVar[tuple[str, ...]] = (
        "when merging arrow schema with dlt schema",  # JSON columns are sent as text
        "A ArrowToInsertValuesWriter writer is used",  # into JSONB columns of Postgres
    )

    def filter(self, record: logging.LogRecord) -> bool:
        said = record.getMessage()
        return not any(text in said for text in self.known)


HINT_NOISE = HintNoise()


def drop_hint_noise() -> None:
    """Has dlt's logger drop them; again and again is once."""
    logging.getLogger("dlt").addFilter(HINT_NOISE)
