"""Batches hold every record as it was sent, whichever path read it."""

from __future__ import annotations

from typing import Any

import msgspec
import pyarrow as pa
import pytest

from headwater.decode import Batch, Decoder, Slice, objects_of
from headwater.errors import DecodeError


def decode(decoder: Decoder, *records: bytes | str) -> Batch:
    raw = [msgspec.Raw(r if isinstance(r, bytes) else r.encode()) for r in records]
    return decoder.decode([Slice(raw)])


ONE_BATCH: dict[str, tuple[list[str], list[Any], bool]] = {
    "plain": (['{"a": 1}', '{"a": 2}'], [{"a": 1}, {"a": 2}], True),
    "no key at all": (["{}", "{}"], [{}, {}], True),
    "times stay text": (['{"t": "2024-01-02T03:04:05Z"}'], [{"t": "2024-01-02T03:04:05Z"}], True),
    "new lines inside": (['{\n"a":\n1\n}', '{"a": 2}'], [{"a": 1}, {"a": 2}], True),
    "huge record": (['{"a": "%s"}' % ("x" * 3_000_000)], [{"a": "x" * 3_000_000}], True),
    "fractions": (['{"a": 1.5}', '{"a": 2}'], [{"a": 1.5}, {"a": 2.0}], True),
    "whole number, then fractions": (['{"a": 1}', '{"a": 1.5}'], [{"a": 1}, {"a": 1.5}], False),
    "mixed types": (['{"a": 1}', '{"a": "x"}'], [{"a": 1}, {"a": "x"}], False),
    "beyond 64 bits": (['{"a": 9223372036854775808}'], [{"a": 2**63}], False),
    "key twice": (['{"a": 1, "a": 2}'], [{"a": 2}], False),
    "NaN": (['{"a": NaN}', '{"a": 1.5}'], [{"a": None}, {"a": 1.5}], False),
    "infinity": (['{"a": 1e400}', '{"a": -Infinity}'], [{"a": None}, {"a": None}], False),
    "half a pair": (['{"a": "\\ud800"}'], [{"a": "�"}], False),
    "whole pair": (['{"a": "\\ud83d\\ude00"}'], [{"a": "😀"}], True),
    "null first": (["null", '{"a": 1}'], [{"a": 1}], False),
    "null later": (['{"a": 1}', "null"], [{"a": 1}], False),
    "scalars": (["1", '"x"'], [1, "x"], False),
    "lists": (["[1]"], [[1]], False),
    "list that begins with null": (['{"a": [null, "x"]}'], [{"a": [None, "x"]}], False),
    "object in list after null": (['{"a": [null, {"b": 1}]}'], [{"a": [None, {"b": 1}]}], False),
    "empty key": (['{"": 1}'], [{"": 1}], True),
}  # fmt: skip


@pytest.mark.parametrize("name", ONE_BATCH)
def test_records_are_read_as_they_are(name: str) -> None:
    """Values are those of Python's JSON reader, but for what no table can hold."""
    texts, rows, fast = ONE_BATCH[name]
    batch = decode(Decoder(), *texts)
    assert objects_of(batch.rows) == rows
    assert isinstance(batch.rows, pa.Table) is fast
    assert objects_of(decode(Decoder(exact=True), *texts).rows) == rows


def test_bytes_that_are_no_utf8_are_replaced() -> None:
    """As dlt does, by way of requests."""
    assert decode(Decoder(), b'{"a": "\xff"}').rows == [{"a": "�"}]


def test_what_is_no_json_is_an_error() -> None:
    """A record that nothing can read names itself."""
    with pytest.raises(DecodeError, match="a record cannot be read"):
        decode(Decoder(), "{oops}")


BATCHES: dict[str, list[str]] = {
    "fractions": ['{"a": 1.5}', '{"a": 2}', '{"a": 3.5}'],
    "a type learned from objects": ['{"a": [null, {"b": 1}]}', '{"a": [null, {"b": 2}]}'],
    "whole numbers, then fractions": ['{"a": 1}', '{"a": 1.5}', '{"a": 2.5}'],
    "null, then text": ['{"a": null}', '{"a": "x"}'],
    "empty list, then rows": ['{"a": []}', '{"a": [{"b": 1}]}'],
    "empty object, then list": ['{"a": {}}', '{"a": [1]}'],
}


@pytest.mark.parametrize("name", BATCHES)
def test_the_last_batch_is_a_table(name: str) -> None:
    """What objects were seen to hold is known to the fast path afterwards."""
    decoder = Decoder()
    assert [isinstance(decode(decoder, text).rows, pa.Table) for text in BATCHES[name]][-1]


def test_large_whole_numbers_among_fractions_keep_every_digit() -> None:
    """A double cannot tell 2**53 from 2**53 + 1."""
    decoder = Decoder()
    for text in ('{"a": 1}', '{"a": 1.5}'):
        decode(decoder, text)
    assert decode(decoder, '{"a": 9007199254740993}', '{"a": 0.5}').rows[0] == {"a": 2**53 + 1}


JSON_VALUES = {
    '{"b":  [1, 1.50, null]}': '{"b":[1,1.5,null]}',
    "[]": "[]",
    '{"u": "\\u00fc"}': '{"u":"ü"}',
    "null": None,
}


@pytest.mark.parametrize("value", JSON_VALUES)
def test_json_columns_are_compact_text(value: str) -> None:
    """Their values are neither opened nor typed."""
    decoder = Decoder(is_json={"meta"}.__contains__)
    rows = decode(decoder, f'{{"meta": {value}, "a": 1}}', '{"meta": {}, "a": 2}').rows
    assert isinstance(rows, pa.Table)
    assert rows.column("meta").to_pylist() == [JSON_VALUES[value], "{}"]
    assert rows.schema.field("meta").type.equals(pa.json_(pa.string()))


def test_a_scalar_in_a_json_column_takes_the_exact_path() -> None:
    """The table decides what becomes of it."""
    decoder = Decoder(is_json={"meta"}.__contains__)
    assert decode(decoder, '{"meta": "x"}').rows == [{"meta": "x"}]


CARRIED: dict[str, tuple[list[Any], bool]] = {
    "numbers": ([1, 2], True),
    "nothing": ([None, None], True),
    "some": ([None, "x"], True),
    "mixed": ([1, "x"], False),
    "fractions": ([1.5, 2], False),
    "objects": ([{"a": 1}, {"b": 2}], False),
    "beyond 64 bits": ([2**63, 1], False),
}


@pytest.mark.parametrize("name", CARRIED)
def test_rows_carry_what_their_parent_gave(name: str) -> None:
    """Each row the value of its own slice, in its own type."""
    values, fast = CARRIED[name]
    slices = [Slice([msgspec.Raw(b'{"a": 1}')] * 2, (value,)) for value in values]
    rows = Decoder(["_p_id"]).decode(slices).rows
    assert isinstance(rows, pa.Table) is fast
    wanted = [value for value in values for _ in range(2)]
    assert [row["_p_id"] for row in objects_of(rows)] == wanted
