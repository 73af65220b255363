"""The journal: what was fetched is not asked again, and nothing torn is ever believed."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headwater.run.journal import DIGEST_BYTES, HEAD, MAGIC, Journal, JournalBusy, run_to_resume

META = {"url": "http://x/", "status": 200, "headers": {}, "reason": "OK"}


def digest(number: int) -> bytes:
    return number.to_bytes(16, "big")


def written(path: Path, bodies: list[bytes]) -> None:
    journal = Journal(path, "run-1")
    journal.open()
    for number, body in enumerate(bodies):
        journal.put(digest(number), META, body)
    journal.close()


def test_pages_come_back_as_they_were(tmp_path: Path) -> None:
    """A page that was kept has the same body and the same meta in the next process."""
    path = tmp_path / "j" / "it.journal"
    written(path, [b"one", b"", b"three" * 1000])
    journal = Journal(path, "run-1")
    journal.open()
    assert journal.pages == 3
    assert journal.get(digest(2)) == (META, b"three" * 1000)
    assert journal.get(digest(1)) == (META, b"")
    assert journal.get(digest(9)) is None
    journal.close()


def test_another_run_begins_with_nothing(tmp_path: Path) -> None:
    """A file of another run is thrown away."""
    path = tmp_path / "it.journal"
    written(path, [b"one"])
    journal = Journal(path, "run-2")
    journal.open()
    assert journal.pages == 0
    journal.close()
    assert run_to_resume(path, [None]) == "run-2"


@settings(max_examples=60, deadline=None)
@given(st.lists(st.binary(max_size=60), max_size=6), st.integers(0, 600), st.binary(max_size=40))
def test_a_torn_file_gives_whole_pages_or_none(
    tmp_path_factory: pytest.TempPathFactory, bodies: list[bytes], cut: int, junk: bytes
) -> None:
    """Wherever a file is cut, and whatever is behind the cut, no wrong page comes out of it."""
    path = tmp_path_factory.mktemp("torn") / "it.journal"
    written(path, bodies)
    whole = path.read_bytes()
    first = whole.index(b"\n") + 1
    path.write_bytes(whole[: max(first, min(cut, len(whole)))] + junk)
    journal = Journal(path, "run-1")
    journal.open()
    for number, body in enumerate(bodies):
        assert journal.get(digest(number)) in (None, (META, body))
    journal.put(digest(99), META, b"new")
    assert journal.get(digest(99)) == (META, b"new")
    journal.close()


def test_a_flipped_byte_is_not_believed(tmp_path: Path) -> None:
    """A page whose bytes changed on disk is asked again."""
    path = tmp_path / "it.journal"
    written(path, [b"abcdef"])
    path.write_bytes(path.read_bytes().replace(b"abcdef", b"abcdeX"))
    journal = Journal(path, "run-1")
    journal.open()
    assert journal.get(digest(0)) is None
    journal.close()


def test_a_header_of_zeros_is_no_page(tmp_path: Path) -> None:
    """What begins like a record and goes on with blocks that never reached the disk."""
    path = tmp_path / "it.journal"
    written(path, [b"abcdef"])
    begun = path.read_bytes().index(b"\n") + 1 + len(MAGIC)
    path.write_bytes(path.read_bytes()[:begun].ljust(begun + HEAD.size, b"\0"))
    journal = Journal(path, "run-1")
    journal.open()
    assert journal.get(bytes(DIGEST_BYTES)) is None
    journal.close()


def test_one_process_at_a_time(tmp_path: Path) -> None:
    """A second run of the same pipeline is refused while the first one is going on."""
    path = tmp_path / "it.journal"
    first, second = Journal(path, "run-1"), Journal(path, "run-1")
    first.open()
    with pytest.raises(JournalBusy, match="another run of this pipeline is going on"):
        second.open()
    first.close()
    second.open()
    second.close()


def test_a_run_that_arrived_or_is_old_is_not_gone_on_with(tmp_path: Path) -> None:
    """Pages of a run whose rows are safe, or that began a day ago, are fetched anew."""
    path = tmp_path / "it.journal"
    written(path, [b"one"])
    assert run_to_resume(path, [None]) == "run-1"
    assert run_to_resume(path, ["run-0"]) == "run-1"
    assert run_to_resume(path, ["run-1"]) is None
    assert run_to_resume(path, [None], now_s=9e9) is None
    assert run_to_resume(tmp_path / "none", [None]) is None


def test_a_spoiled_journal_is_emptied(tmp_path: Path) -> None:
    """Pages that were found wrong are not kept for the next run."""
    path = tmp_path / "it.journal"
    written(path, [b"one"])
    journal = Journal(path, "run-1")
    journal.open()
    journal.spoil()
    journal.close()
    assert path.stat().st_size == 0
    assert run_to_resume(path, [None]) is None


@settings(max_examples=80, deadline=None)
@given(
    bodies=st.lists(st.binary(max_size=60), min_size=1, max_size=6),
    start=st.integers(0, 1500),
    filling=st.sampled_from([b"\0", b"\xff", b"hwp1", b"\n"]),
)
def test_a_tail_that_the_power_took_gives_whole_pages_or_none(
    tmp_path_factory: pytest.TempPathFactory, bodies: list[bytes], start: int, filling: bytes
) -> None:
    """Blocks that never reached the disk read as zeros or as what lay there, size unchanged.

    No wrong page comes out of it, and what is kept afterwards is there in the next process.
    """
    path = tmp_path_factory.mktemp("power") / "it.journal"
    written(path, bodies)
    whole = path.read_bytes()
    start = min(start, len(whole))
    lost = len(whole) - start
    path.write_bytes(whole[:start] + (filling * (lost // len(filling) + 1))[:lost])
    journal = Journal(path, "run-1")
    journal.open()
    for number, body in enumerate(bodies):
        assert journal.get(digest(number)) in (None, (META, body))
        journal.put(digest(number), META, body)
    journal.close()
    journal = Journal(path, "run-1")
    journal.open()
    assert [journal.get(digest(n)) for n in range(len(bodies))] == [(META, b) for b in bodies]
    journal.close()
