"""Whole runs leave the dataset in DuckDB that dlt's own REST source leaves."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from course import judged, part_of
from hypothesis import HealthCheck, Phase, given, settings
from worlds import Drawn, World, worlds

NESTED = '{"id":1,"a":{"b":[{"c":[1]}]}}'


@settings(
    max_examples=5, deadline=None, phases=[Phase.generate], derandomize=True, database=None,
    suppress_health_check=list(HealthCheck),
)  # fmt: skip
@given(worlds(6))
def test_pipelines_give_the_dataset_of_dlt(world: World) -> None:
    """Tables, columns, types, the schema that dlt stores, values, links and loads are equal."""
    kept = part_of(world)
    if kept.resources:
        _, found = judged(kept)
        assert not found, "\n".join(found)


def hinted(name: str, *runs: list[str], **hints: Any) -> Drawn:
    """A resource of one page a run."""
    return Drawn(name, {"write_disposition": "append", **hints}, tuple([list(r)] for r in runs))


ONE = ['{"id":1,"a":1}', '{"id":2,"a":2,"l":[{"x":1}]}']
MORE = ['{"id":2,"a":"two","l":[{"x":1,"y":2}]}', '{"id":3,"a":3,"b":true}']
ALIKE = ['{"id":2,"a":5,"l":[{"x":1,"y":2}]}', '{"id":3,"a":3,"b":true}']
WORLDS = {
    f"contract {entity} {mode}": World(
        (hinted("rows", ONE, MORE, schema_contract={entity: mode}),),
    )
    for entity in ("tables", "columns", "data_type")
    for mode in ("discard_row", "discard_value")
} | {
    f"naming {naming}": World((hinted("Some Rows", ONE, [NESTED, *MORE]),), naming)
    for naming in ("direct", "sql_cs_v1", "sql_ci_v1", "duck_case")
}
WORLDS |= {
    "nesting of the resource before that of the source": World(
        (hinted("rows", [NESTED], max_table_nesting=2), hinted("flat", [NESTED])),
        source={"max_table_nesting": 0},
    ),
    "root keys": World((hinted("rows", ONE, MORE),), source={"root_key": True}),
    "records that are no objects": World((hinted("rows", ["1", '"x"', "[1, 2]", "true"]),)),
    "no records in the first run": World((hinted("rows", [], ONE), hinted("more", ONE, []))),
    "names that are words of SQL": World(
        (
            hinted("select", ['{"from":1,"where":[{"order":2}],"Group By":"x"}']),
            hinted("Größe", ['{"ä":1,"日本":[{"é":1}]}']),
        )
    ),
    "a contract of a parent that is not loaded": World(
        (
            Drawn(
                "rows",
                {"selected": False, "schema_contract": "freeze", "primary_key": "guid"},
                ([ONE],),
                child={"include_from_parent": ["id"]},
            ),
        )
    ),
    "a cursor that is no text, and rows without one": World(
        (
            Drawn(
                "rows",
                {"write_disposition": "append"},
                ([['{"id":1,"at":false}', '{"id":2}']], [['{"id":3}']], [['{"id":4,"at":true}']]),
                cursor="at",
            ),
        )
    ),
    "more digits than a decimal has": World(
        (
            hinted(
                "rows",
                ['{"d":0.20000000298023224}', '{"d":-1.0000000005}', '{"d":2}', '{"w":7}'],
                columns={"d": {"data_type": "decimal"}, "w": {"data_type": "wei"}},
            ),
        )
    ),
    "one table of two resources": World(
        (hinted("one", ONE, table_name="both"), hinted("two", ALIKE, table_name="both"))
    ),
}


@pytest.mark.parametrize("name", WORLDS)
def test_each_setting_gives_the_dataset_of_dlt(name: str) -> None:
    """Contracts, naming conventions and nesting do as they do in dlt, each for itself."""
    tally, found = judged(WORLDS[name])
    assert not found, "\n".join(found)
    assert tally == Counter(equal=len(WORLDS[name].resources))


FROZEN = {
    "columns": '{"id":4,"new":1}',
    "data_type": '{"id":4,"a":"text"}',
    "tables": '{"id":4,"new":[1]}',
}


@pytest.mark.parametrize("entity", FROZEN)
def test_what_fails_in_dlt_for_a_contract_fails_here(entity: str) -> None:
    """`freeze` fails in both."""
    contract = {entity: "freeze"}
    world = World((hinted("rows", ONE, [FROZEN[entity]]),), source={"schema_contract": contract})
    drawn = world.resources[0]
    if entity == "tables":
        # The first run would add a table as well.
        assert judged(world)[0] == Counter({"both fail": 1})
        return
    first = World((Drawn("rows", drawn.hints, drawn.runs[:1]),), source=world.source)
    assert judged(first)[0] == Counter(equal=1)
    assert judged(world)[0] == Counter({"both fail": 1})
