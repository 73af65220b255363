"""How rows are merged, by what the destination can do."""

from __future__ import annotations

from typing import Any

import pytest
from dlt.common.configuration.container import Container
from dlt.common.destination import Destination, DestinationCapabilitiesContext
from dlt.destinations import filesystem, postgres

from headwater.load.formats import formats_of
from headwater.load.merging import Merging, merging_of

UPSERTS = DestinationCapabilitiesContext.generic_capabilities(supported_merge_strategies=["upsert"])


def within(able: Destination[Any, Any] | DestinationCapabilitiesContext) -> Any:
    """A run into a destination."""
    known = able if isinstance(able, DestinationCapabilitiesContext) else able.capabilities()
    return Container().injectable_context(known)


@pytest.mark.parametrize(
    ("destination", "table", "wanted"),
    [
        (postgres("postgresql://u:p@h/d"), {}, Merging.DELETE_INSERT),
        (filesystem("file:///x"), {}, Merging.NONE),
        (filesystem("file:///x"), {"table_format": "delta"}, Merging.DELTA),
        (filesystem("file:///x"), {"table_format": "iceberg"}, Merging.UPSERT),
        (UPSERTS, {}, Merging.UPSERT),
    ],
)
def test_rows_are_merged_as_the_destination_can(
    destination: Any, table: dict[str, Any], wanted: Merging
) -> None:
    """The way of merging follows from the destination and the format of the table."""
    with within(destination):
        assert merging_of(table) is wanted


def test_without_a_pipeline_rows_are_merged_as_in_a_database() -> None:
    """Where no destination is known, tables are those that most have."""
    if DestinationCapabilitiesContext in Container():
        del Container()[DestinationCapabilitiesContext]  # what an earlier test's run left
    assert merging_of(None) is Merging.DELETE_INSERT
    assert formats_of(None) == ()
