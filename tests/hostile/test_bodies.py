"""Answers made to crash, fill or freeze a client: each ends with an error or the right rows."""

from __future__ import annotations

import json
import resource
import zlib
from collections.abc import Callable

import brotli
import pytest

from .conftest import Answer, Hostile

pytestmark = pytest.mark.timeout(20)


def page(*records: str) -> bytes:
    return ('{"data": [' + ", ".join(records) + "]}").encode()


def gzipped(size: int) -> bytes:
    pack = zlib.compressobj(1, wbits=31)
    zeros = bytes(1 << 20)
    return b"".join(pack.compress(zeros) for _ in range(size >> 20)) + pack.flush()


def zstandard(size: int) -> bytes:
    zstd = pytest.importorskip("backports.zstd")
    return bytes(zstd.compress(bytes(size)))


def brotlied(size: int) -> bytes:
    return bytes(brotli.compress(bytes(size), quality=1))


@pytest.mark.parametrize(
    ("encoding", "pack", "size"),
    [
        ("gzip", gzipped, 300 << 20),
        ("br", brotlied, 300 << 20),
        ("zstd", zstandard, 300 << 20),
    ],
)
def test_a_bomb_is_stopped_before_it_fills_the_memory(
    hostile: Hostile, encoding: str, pack: Callable[[int], bytes], size: int
) -> None:
    """A body that unpacks to hundreds of megabytes is read up to the limit, and asked for once."""
    body = pack(size)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    hostile.answer = lambda path: Answer(body, headers={"Content-Encoding": encoding})
    told = hostile.refused(client={"max_body_bytes": 20 << 20})
    assert "more than 20971520 bytes once it is unpacked" in told
    assert "client.max_body_bytes" in told
    assert len(hostile.asked) == 1
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 150 << 10


def test_a_length_beyond_the_limit_is_not_read(hostile: Hostile) -> None:
    """A body that says it is too long is refused by what it says."""
    hostile.answer = lambda path: Answer(b"x", headers={"Content-Length": str(1 << 40)})
    assert "more than 268435456 bytes" in hostile.refused()


def test_a_body_that_is_not_packed_as_it_says_is_told(hostile: Hostile) -> None:
    """Rubbish that is said to be gzip is an answer that cannot be read."""
    hostile.answer = lambda path: Answer(b"\x00rubbish" * 9, headers={"Content-Encoding": "gzip"})
    assert "/items -> " in hostile.refused()


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Long": "x" * 200_000},
        {f"X-{n}": "x" for n in range(2000)},
        {"Content-Length": "many"},
        {"Transfer-Encoding": "chunked"},
    ],
)
def test_hostile_headers_are_told(hostile: Hostile, headers: dict[str, str]) -> None:
    """Headers without end or sense are an error that names the request."""
    hostile.answer = lambda path: Answer(b"{}", headers=headers)
    assert "/items -> " in hostile.refused()


DEEP = [
    ("[" * 10_000 + "]" * 10_000, None),
    ('{"data": ' + "[" * 10_000 + "]" * 10_000 + "}", "data"),
    ('{"data": [{"a": ' + '{"a": ' * 10_000 + "1" + "}" * 10_001 + "]}", "data"),
    ('{"data": [{"a": ' + "[" * 100_000 + "1" + "]" * 100_000 + "}]}", "data"),
    ('{"data": [{"a": ' + '{"a": ' * 600 + "1" + "}" * 601 + "]}", "data"),
    ('{"data": [{"a": ' + "[" * 600 + "1" + "]" * 600 + "}]}", "data"),
    ('{"data": [{"a": ' + '[{"a": ' * 120 + "1" + "}]" * 120 + "}]}", "data"),
    ('{"other": ' + '{"a": ' * 10_000 + "1" + "}" * 10_001, None),
    ('{"data": [{"id": 1}], "other": ' + "[" * 100_000 + "]" * 100_000 + "}", "data"),
]


@pytest.mark.parametrize(
    ("number", "paginator"),
    [*((number, "single_page") for number in range(len(DEEP))), (4, "auto"), (7, "auto")],
)
def test_json_without_a_bottom_is_refused(hostile: Hostile, number: int, paginator: str) -> None:
    """JSON nested beyond sense is an error in words, never a crash of the process."""
    text, selector = DEEP[number]
    hostile.answer = lambda path: Answer(text.encode())
    told = hostile.refused(data_selector=selector, paginator=paginator)
    assert "deep" in told


@pytest.mark.parametrize("depth", [30, 90])
def test_what_is_merely_deep_is_loaded(hostile: Hostile, depth: int) -> None:
    """Brackets inside of text are no depth, and depth that may occur is no error."""
    inner = '{"a": ' * depth + json.dumps("[" * 5000 + '"{') + "}" * depth
    hostile.load(page(f'{{"id": 1, "deep": [[{inner}]]}}', '{"id": 2}'))
    assert hostile.rows("SELECT id FROM raw.items ORDER BY id") == [(1,), (2,)]


ODD = [
    ('{"id": 1, "id": 11}', "id", 11),
    ('{"id": 2, "nan": NaN}', "nan", None),
    ('{"id": 3, "nan": -Infinity}', "nan", None),
    ('{"id": 4, "nan": 1.5}', "nan", 1.5),
    ('{"id": 5, "half": "\\ud800"}', "half", "\ufffd"),
    ('{"id": 6, "whole": -0}', "whole", 0),
    ('{"id": 7, "whole": 9223372036854775807}', "whole", 9223372036854775807),
    ('{"id": 8, "whole": -9223372036854775808}', "whole", -9223372036854775808),
    ('{"id": 9, "huge": 1e400}', "id", 9),
    ('{"id": 10, "nested": {}, "_dlt_id": "x", "_dlt_load_id": "y"}', "id", 10),
    ('{"id": 12, "nested": [], "zero": "a\\u0000b"}', "id", 12),
]


def test_odd_values_become_right_rows(hostile: Hostile) -> None:
    """What readers of JSON differ on is read as Python's reader does, and is storable."""
    hostile.load(page(*(text for text, _, _ in ODD), "null"))
    assert hostile.rows("SELECT count(*) FROM raw.items") == [(len(ODD),)]
    for text, name, expected in ODD:
        key = 11 if '"id": 11' in text else json.loads(text)["id"]
        assert hostile.rows(f"SELECT {name} FROM raw.items WHERE id = {key}") == [(expected,)]


def test_bytes_that_are_no_utf_8_are_replaced(hostile: Hostile) -> None:
    """A byte that is no text does not lose the row that it is in."""
    hostile.load(b'{"data": [{"id": 1, "v": "a\xff\xfeb"}]}')
    assert hostile.rows("SELECT v FROM raw.items") == [("a\ufffd\ufffdb",)]


@pytest.mark.parametrize("digits", [30, 400, 5000])
def test_whole_numbers_without_end_are_no_crash(hostile: Hostile, digits: int) -> None:
    """A number of 400 digits is loaded somehow or refused in words."""
    records = page('{"id": 1, "v": 1}', f'{{"id": 2, "v": {"9" * digits}}}')
    try:
        hostile.load(records)
    except Exception:
        hostile.refused(records)
    else:
        assert hostile.rows("SELECT count(*) FROM raw.items") == [(2,)]


NAMES = {
    "odd": ["", " ", "x" * 5000, '"; DROP TABLE items; --', "select", "a'b", "1=1", "🦆", "🦢🦢",
            "é", "e\u0301", "a\u0000b", "a\nb", "\u202ea", "\ufeff", ".", "..", "$", "a/b"],
    "long twins": ["x" * 4999 + "y", "x" * 4999 + "z"],
    "colliding": ["aB", "a_b", "a-b", "A B", "a__b"],
    "own": ["_dlt_id", "_dlt_parent_id", "_dlt_list_idx"],
    "surrogate": ["\ud800"],
}  # fmt: skip


@pytest.mark.parametrize("kind", NAMES)
def test_names_from_hell_are_columns_or_an_error(hostile: Hostile, kind: str) -> None:
    """Whatever a key is called, its rows are loaded, or refused in words; nothing is dropped."""
    records = [{"id": n, **{name: f"v{i}" for i, name in enumerate(NAMES[kind])}} for n in (1, 2)]
    body = json.dumps({"data": records}).encode()
    try:
        hostile.load(body)
    except Exception:
        assert hostile.refused(body)
        return
    assert hostile.rows("SELECT id FROM raw.items ORDER BY id") == [(1,), (2,)]
    assert len(hostile.columns()) >= 1


@pytest.mark.timeout(60)
def test_ten_thousand_columns_end(hostile: Hostile) -> None:
    """A record of so many keys is loaded or refused, in bounded time."""
    record = json.dumps({"id": 1, **{f"k{n}": n for n in range(10_000)}})
    try:
        hostile.load(page(record))
    except Exception:
        assert hostile.refused(page(record))
    else:
        assert hostile.rows("SELECT id, k9999 FROM raw.items") == [(1, 9999)]
