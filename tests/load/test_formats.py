"""Which files rows travel in, by what the destination can do."""

from __future__ import annotations

import pytest
from dlt.common.configuration.container import Container
from dlt.destinations import duckdb, postgres

from headwater.load.formats import file_format, formats_of


def test_postgres_is_never_sent_csv(monkeypatch: pytest.MonkeyPatch) -> None:
    """CSV would turn empty texts into nulls; without the driver for Parquet rows are inserted."""
    monkeypatch.setenv("DISABLE_ADBC_DETECTION", "true")
    with Container().injectable_context(postgres("postgresql://u:p@h/d").capabilities()):
        assert formats_of({}) == ("insert_values",)
        assert formats_of({"file_format": "parquet"}) == ("insert_values",)
        assert formats_of({"file_format": "csv"}) == ()
    with Container().injectable_context(duckdb(":memory:").capabilities()):
        assert formats_of({}) == ()


@pytest.mark.parametrize(
    ("types", "disposition", "wanted"),
    [
        (["text", "bigint"], "merge", "parquet"),
        (["text", "json"], "append", "insert_values"),
        (["wei"], "append", "insert_values"),
        (["text"], "replace", "insert_values"),
    ],
)
def test_parquet_where_the_driver_can_copy_it(
    types: list[str], disposition: str, wanted: str
) -> None:
    """The driver copies neither into JSONB columns nor a file without rows."""
    chosen = file_format(("parquet", "insert_values"), types, disposition)
    assert chosen == {"file_format": wanted}
    assert file_format((), types, disposition) == {}
