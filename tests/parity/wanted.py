"""Where headwater's tables differ from dlt's on purpose, each with its reason.

`dlt_record` gives dlt a record in which what it fails on or loses is put as headwater stores it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from headwater.objects import read_object

REASONS = {
    "child tables": "dlt cannot write Arrow items to nested tables: here they are tables of their"
    " own, linked by the same columns; the stored schema names no `parent`, under `merge` they have"
    " a column `_dlt_deleted`",
    "`_dlt_id` under `merge`": "dlt draws it at random; here it is made from the primary key",
    "width of decimals": "dlt leaves it to the destination; here the stored schema names 38 and 9"
    " (38 and 0 for `wei`)",
    "null in a column that a contract refuses": "with `discard_row` dlt drops such a row if it"
    " comes after the first refusal, and keeps it before; here a null never costs a row",
    "`max_table_nesting` of a resource whose new table is under a contract": "dlt forgets it in"
    " that run, and makes child tables; here it holds",
    "a contract that freezes": "dlt fails in the normalize step, here the extract step fails",
    "the first value of a column, which decides its type": "dlt asks parents one by one, and mixes"
    " the pages of a `yield_map`; here parents, and resources of one table, are asked at once, and"
    " pages stay in order",
    "a run without rows": "dlt makes no load of it; here the run is noted in the state, a load",
    "halves of surrogate pairs": "dlt fails to write them; U+FFFD stands for them here",
    "lists under a blank key": "dlt adds their rows to the root table; here `_empty` is a table",
    "a key of underscores": "dlt makes a column without a name, which no database takes",
    "lists of lists under the key `_`, by other naming conventions than snake_case": "dlt names"
    " Arrow items again: the table of the inner lists has two underscores fewer here",
    "null beside a value": "of `a: 1, A: null`, one column, dlt stores the null: the value is lost",
    "integers beyond 64 bits": "dlt fails to write or load them; here they are text, to the digit",
    "numbers and times beyond their type": "dlt fails in the middle of a load; variants take them",
    "two lists of a row in one table (`a: {b: []}, a__b: []`)": "dlt gives two rows one id",
    "numbers with an exponent in a column of decimals (`6.343846225824973e+16`)": "dlt's INSERT"
    " statement has them read as doubles, which loses the last digits; here they are exact",
    "null records": "dlt stores rows without any value; a null in a listing is no record",
    "text that begins like dlt's own marks (U+F026 and on)": "dlt takes it for a date or number",
    "text that looks like a number of more than 64 bits, in a column of integers": "dlt fails",
}


def dlt_record(text: str, nesting: int, is_json: Callable[[str], bool]) -> Any:
    """The record that dlt makes the same tables of; values of JSON columns are left alone."""
    record = read_object(text.encode())
    fixed = sane(record, nesting, nesting)
    if isinstance(record, dict):
        fixed |= {k: v for k, v in record.items() if v is not None and k.strip() and is_json(k)}
    return fixed


def sane(value: Any, level: int, row_level: int) -> Any:
    if isinstance(value, dict):
        return {
            (key if key.replace("__", "").strip() else "_empty"): inner(part, level, row_level)
            for key, part in value.items()
            if part is not None
        }
    return inner(value, level, row_level) if isinstance(value, list) else value


def inner(value: Any, level: int, row_level: int) -> Any:
    """What is below `level` becomes JSON text, and stays as it is."""
    if level <= 0:
        return value
    if isinstance(value, list):
        return [item(part, row_level) for part in value]
    return sane(value, level - 1, row_level)


def item(value: Any, row_level: int) -> Any:
    """An item of a list in a row at `row_level`."""
    if isinstance(value, list):
        return inner(value, row_level - 2, row_level - 2)
    return sane(value, row_level - 1, row_level - 1)
