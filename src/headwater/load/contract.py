"""dlt's schema contracts, asked row by row while tables take shape, as dlt does for objects."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from dlt.common.normalizers.json import helpers
from dlt.common.schema import Schema
from dlt.common.schema.exceptions import SchemaException
from dlt.common.schema.typing import TPartialTableSchema
from dlt.common.schema.utils import normalize_table_identifiers

from headwater.tables.rules import Verdict

__all__ = ["SchemaContract", "contract_of"]

EVOLVE_ONCE = "evolve-columns-once"


class SchemaContract:
    """The contract of one resource, and a copy of its schema that grows as rows come.

    Tables below the root are under the contract of the root.
    """

    def __init__(self, schema: Schema, root: TPartialTableSchema) -> None:
        self._schema = schema.clone()
        name = str(root["name"])
        modes = self._schema.resolve_contract_settings_for_table(name, root)
        self.evolves_once = modes["columns"] != "evolve" and self._schema.is_new_table(name)
        if self.evolves_once:
            # A new root table takes new columns until the end of the run.
            root["x-normalizer"] = {EVOLVE_ONCE: True}
        self._schema.update_table(root, normalize_identifiers=False, merge_compound_props=False)
        self._modes = self._schema.resolve_contract_settings_for_table(name)

    def judge(self, table: str, new: Mapping[str, str], variants: frozenset[str]) -> Verdict:
        """What becomes of a row whose table would gain the columns `new`, some of them variants.

        Raises dlt's DataValidationError where the contract is to fail.
        """
        columns: dict[str, Any] = {
            name: {"name": name, "data_type": kind, "nullable": True}
            | ({"variant": True} if name in variants else {})
            for name, kind in new.items()
        }
        if table not in self._schema.tables:
            own = "_dlt_id"
            columns[own] = {"name": own, "data_type": "text", "nullable": False}
        if not columns:
            return Verdict(keeps_row=True)
        partial = cast("TPartialTableSchema", {"name": table, "columns": columns})
        allowed, filters = self._schema.apply_schema_contract(self._modes, partial)
        if allowed is None:
            return Verdict(keeps_row=False)
        self._schema.update_table(allowed, normalize_identifiers=False)
        return Verdict(
            keeps_row=all(mode != "discard_row" for _, _, mode in filters),
            columns=frozenset(allowed["columns"]) & frozenset(new),
        )


def contract_of(schema: Schema, resource: Any) -> SchemaContract | None:
    """The contract that rows of `resource` are under, None where everything may change."""
    if resource is None:
        return None
    root = normalize_table_identifiers(resource.compute_table_schema(), schema.naming)
    name = helpers.normalize_table_identifier(schema, schema.naming, str(root["name"]))
    root["name"] = name
    found = [schema.resolve_contract_settings_for_table(name, root)]
    if name in schema.tables:
        found.append(schema.resolve_contract_settings_for_table(name))
    if all(modes == Schema.expand_schema_contract_settings({}) for modes in found):
        return None
    try:
        contract = SchemaContract(schema, root)
    except SchemaException:
        # The hints are at odds with the stored table: dlt says so when it gets the first rows.
        return None
    remind(resource, evolves_once=contract.evolves_once)
    return contract


def remind(resource: Any, *, evolves_once: bool) -> None:
    """Has dlt take new columns of a new table from every batch, as `SchemaContract` does.

    dlt marks the table at its first batch. A `max_table_nesting` is kept under the same hint, and
    at the second batch it would take the place of the mark.
    """
    hint = resource._hints.get("x-normalizer")
    if hint is None:
        return
    hint.pop(EVOLVE_ONCE, None)
    if evolves_once:
        hint[EVOLVE_ONCE] = True
