"""An API that is wrong for good: broken paths, positions and cursors, totals, rows that move."""

from __future__ import annotations

from typing import Any

import pytest

from headwater.errors import UsageError
from headwater.simulate import Options

OFFSET = {"type": "offset", "limit": 10}
CURSOR = {"type": "cursor", "cursor_path": "next", "cursor_param": "after"}


def things(paginator: Any) -> list[dict[str, Any]]:
    return [{"name": "things", "endpoint": {"path": "things", "paginator": paginator}}]


def test_a_broken_path_fails_for_ever_until_it_is_mended(simulate: Any, ask: Any) -> None:
    """Requests that hold the word get its status each time, the others are served."""
    simulator = simulate(things(OFFSET), broken={"offset=10": 404})
    url = f"{simulator.base_url}/things"
    assert [ask(f"{url}?offset=10").status for _ in range(4)] == [404] * 4
    assert ask(f"{url}?offset=20").status == 200
    simulator.mend()
    assert ask(f"{url}?offset=10").status == 200


def test_positions_may_be_ignored(simulate: Any, ask: Any) -> None:
    """Every offset brings the first page."""
    simulator = simulate(things(OFFSET), quirks=frozenset({"ignores_position"}))
    first, second = (
        ask(f"{simulator.base_url}/things?limit=5&offset={offset}").body["data"]
        for offset in (0, 5)
    )
    assert first == second == simulator.truth("things")[:5]


def test_a_cursor_may_name_itself(simulate: Any, ask: Any) -> None:
    """The second page hands out the cursor it was asked with."""
    simulator = simulate(things(CURSOR), rows=40, quirks=frozenset({"repeats_cursor"}))
    cursor = ask(f"{simulator.base_url}/things").body["next"]
    assert ask(f"{simulator.base_url}/things?after={cursor}").body["next"] == cursor


@pytest.mark.parametrize(("off", "shown"), [(5, 30), (-5, 20), (-100, 0)])
def test_totals_may_be_off(simulate: Any, ask: Any, off: int, shown: int) -> None:
    """The total that is shown is not the count of rows, and never below zero."""
    simulator = simulate(things(OFFSET), totals=True, total_off=off)
    assert ask(f"{simulator.base_url}/things").body["total"] == shown


def test_rows_may_be_listed_twice(simulate: Any, ask: Any) -> None:
    """Every third row stands there twice, though the truth holds it once."""
    simulator = simulate(things(OFFSET), rows=6, quirks=frozenset({"lists_rows_twice"}))
    listed = [row["id"] for row in ask(f"{simulator.base_url}/things?limit=50").body["data"]]
    a, b, c, d, e, f = (row["id"] for row in simulator.truth("things"))
    assert listed == [a, a, b, c, d, d, e, f]


@pytest.mark.parametrize(
    ("quirk", "second", "left"),
    [("deletes_between_pages", 11, 23), ("inserts_between_pages", 9, 27)],
)
def test_rows_may_move_while_they_are_read(
    simulate: Any, ask: Any, quirk: str, second: int, left: int
) -> None:
    """After each page the first row goes, or a new one stands before it: the second page shifts."""
    simulator = simulate(things(OFFSET), quirks=frozenset({quirk}))
    before = simulator.truth("things")
    ask(f"{simulator.base_url}/things?limit=10")
    page = ask(f"{simulator.base_url}/things?limit=10&offset=10").body["data"]
    assert page[0] == before[second]
    assert len({row["id"] for row in simulator.truth("things")}) == left


def test_an_unknown_quirk_is_refused() -> None:
    """The error lists the quirks there are."""
    with pytest.raises(UsageError, match=r"quirk `slow`: unknown \(there are: deletes_between"):
        Options(quirks=frozenset({"slow"}))  # type: ignore[arg-type]
