"""dlt's naming and value rules, as the table stage wants them."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import pyarrow as pa
from dlt.common.normalizers.json import helpers
from dlt.common.schema import Schema
from dlt.common.schema.utils import autodetect_sc_type
from dlt.common.time import normalize_timezone

from headwater.kinds import Path
from headwater.objects import json_text
from headwater.tables.fits import Fits
from headwater.tables.rules import Known, TableRules

__all__ = ["DltRules", "Foreknown", "known_types"]

EMPTY_KEY = "_empty"


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
        return self._identifier(key) or EMPTY_KEY

    def table(self, key: str) -> str:
        return self._table(key) or EMPTY_KEY

    def join(self, *parts: str) -> str:
        return self._join(*parts)

    def infer(self, column: str, value: Any) -> str:
        return self.schema.get_preferred_type(column) or self.detect(column, value)

    def detect(self, column: str, value: Any) -> str:
        detections = self.schema._type_detections
        return autodetect_sc_type(detections, type(value), value) or self.natural(value)

    def natural(self, value: Any) -> str:
        return str(self._normalizer.py_type_to_sc_type(type(value)))

    def coerce(self, to: str, natural: str, value: Any) -> Any:
        try:
            fitted = self._normalizer.coerce_type(to, natural, value)
            return normalize_timezone(fitted, True) if to == "timestamp" else fitted
        except (ArithmeticError, OSError, TypeError) as error:
            if (to, natural) == ("text", "json"):
                return json_text(value)
            raise ValueError(str(error)) from None

    def variant(self, column: str, natural: str) -> str:
        return self._join(column, f"v_{natural}")


def known_types(schema: Schema, resource: str, table: str) -> Known:
    """The column types that `schema` holds for the tables of a resource."""
    known: Known = {}
    for name, stored in list(schema.tables.items()):
        if name == table or stored.get("resource") == resource:
            known[name] = {
                column: str(props["data_type"])
                for column, props in list(stored["columns"].items())
                if props.get("data_type") and not column.startswith("_dlt_")
            }
    return known


class Foreknown:
    """What a decoder must know of its tables: the types that they have before the run."""

    def __init__(self, table: TableRules, known: Known) -> None:
        self._fits = Fits(table, known)

    @property
    def has_json(self) -> bool:
        return self._fits.has_json

    def is_json(self, key: str) -> bool:
        return self._fits.type_of((key,)) == "json"

    def type_of(self, path: Path) -> str | None:
        return self._fits.type_of(path)

    def keeps(self, schema: pa.Schema) -> bool:
        return self._fits.keeps(schema)
