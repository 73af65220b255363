"""dlt's naming and value rules, as the table stage wants them."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from dlt.common.normalizers.json import helpers
from dlt.common.schema import Schema
from dlt.common.schema.utils import autodetect_sc_type
from dlt.common.time import normalize_timezone

from headwater.tables.rules import Known

__all__ = ["DltRules", "known_types"]


class DltRules:
    """The rules of one dlt schema."""

    def __init__(self, schema: Schema) -> None:
        self.schema = schema
        naming = schema.naming
        self._normalizer: Any = schema.data_item_normalizer
        self._join = lru_cache(maxsize=None)(naming.shorten_fragments)
        self._identifier = lru_cache(maxsize=None)(
            lambda key: helpers.normalize_identifier(schema, naming, key)
        )
        self._table = lru_cache(maxsize=None)(
            lambda key: helpers.normalize_table_identifier(schema, naming, key)
        )

    def identifier(self, key: str) -> str:
        return self._identifier(key) if key and not key.isspace() else "_empty"

    def table(self, key: str) -> str:
        return self._table(key)

    def join(self, *parts: str) -> str:
        return self._join(*parts)

    def infer(self, column: str, value: Any) -> str:
        preferred = self.schema.get_preferred_type(column)
        if preferred:
            return preferred
        detections = self.schema._type_detections
        return autodetect_sc_type(detections, type(value), value) or self.natural(value)

    def natural(self, value: Any) -> str:
        return str(self._normalizer.py_type_to_sc_type(type(value)))

    def coerce(self, to: str, natural: str, value: Any) -> Any:
        fitted = self._normalizer.coerce_type(to, natural, value)
        return normalize_timezone(fitted, True) if to == "timestamp" else fitted

    def variant(self, column: str, natural: str) -> str:
        return self._join(column, f"v_{natural}")


def known_types(schema: Schema, resource: str, table: str) -> Known:
    """The column types that `schema` holds for the tables of a resource."""
    known: Known = {}
    for name, stored in schema.tables.items():
        if name == table or stored.get("resource") == resource:
            known[name] = {
                column: str(props["data_type"])
                for column, props in stored["columns"].items()
                if props.get("data_type") and not column.startswith("_dlt_")
            }
    return known
