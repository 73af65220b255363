"""How a destination replaces rows by key, and what child tables must tell it for that."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any

from dlt.common.configuration.container import Container
from dlt.common.configuration.exceptions import ContextDefaultCannotBeCreated
from dlt.common.destination import DestinationCapabilitiesContext

__all__ = ["Merging", "capabilities", "child_hints", "merging_of"]

# Delta joins a batch with the table and deletes what a deleting row matches. Child rows are matched
# by their root; this lets rows that do not delete match nothing, so that all of them are inserted.
ONLY_DELETING = "{staging_table}._dlt_deleted = true OR target._dlt_id IS NULL"


class Merging(Enum):
    """What becomes of old child rows when their root comes again."""

    DELETE_INSERT = "those of roots that come with new ones are replaced by dlt"
    DELTA = "a deleting row for each root takes them out"
    UPSERT = "they are overwritten by position; those beyond the end of a shorter list stay"
    NONE = "rows are added"


def merging_of(table: Mapping[str, Any] | None) -> Merging:
    """How the destination of this run merges a resource whose root is `table`."""
    able = capabilities()
    if able is None:
        return Merging.DELETE_INSERT
    strategies = able.supported_merge_strategies or ()
    if able.merge_strategies_selector is not None:
        schema: Any = table or {}
        strategies = able.merge_strategies_selector(strategies, table_schema=schema)
    if "delete-insert" in strategies:
        return Merging.DELETE_INSERT
    if "upsert" not in strategies:
        return Merging.NONE
    return Merging.DELTA if (table or {}).get("table_format") == "delta" else Merging.UPSERT


def child_hints(merging: Merging) -> dict[str, Any]:
    """The keys of a child table whose roots are merged, as `apply_hints` takes them."""
    match merging:
        case Merging.DELETE_INSERT:
            return {"primary_key": "_dlt_id", "merge_key": "_dlt_root_id"}
        case Merging.DELTA:
            return {
                "primary_key": "_dlt_root_id",
                "additional_table_hints": {"x-merge-source-filter": ONLY_DELETING},
            }
        case Merging.UPSERT:
            return {"primary_key": "_dlt_id"}
        case Merging.NONE:
            return {}


def capabilities() -> DestinationCapabilitiesContext | None:
    """What the destination of this run can do; None where no pipeline runs."""
    try:
        return Container()[DestinationCapabilitiesContext]
    except ContextDefaultCannotBeCreated:
        return None
