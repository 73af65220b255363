"""Which files rows travel in, where dlt's own choice for Arrow tables would change values."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from headwater.load.merging import capabilities

__all__ = ["file_format", "formats_of"]

SLOW_ONLY = frozenset({"json", "wei"})


def formats_of(table: Mapping[str, Any] | None) -> tuple[str, ...]:
    """The formats to choose from for a resource with this root table; none where dlt chooses.

    Left alone, dlt sends Arrow tables to Postgres as CSV, in which an empty text is a null.
    Parquet needs the ADBC driver, and is the faster of the other two.
    """
    able = capabilities()
    if able is None or able.preferred_loader_file_format != "insert_values":
        return ()
    known = list(able.supported_loader_file_formats or ())
    if "csv" not in known or (table or {}).get("file_format") == "csv":
        return ()
    if able.loader_file_format_selector is not None:
        schema: Any = {"name": ""}
        _, chosen = able.loader_file_format_selector("insert_values", known, table_schema=schema)
        known = list(chosen)
    return tuple(name for name in ("parquet", "insert_values") if name in known)


def file_format(
    formats: tuple[str, ...], types: Collection[str], disposition: str
) -> dict[str, Any]:
    """The hint for a table with columns of these types.

    The driver cannot copy into JSONB columns, nor read a Parquet file without rows, which is what
    dlt sends to empty a table that is replaced.
    """
    if not formats:
        return {}
    slow = disposition == "replace" or SLOW_ONLY & set(types)
    return {"file_format": formats[-1] if slow else formats[0]}
