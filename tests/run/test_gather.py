"""Slices gathered and fanned out: nothing lost, nothing hung, nothing left under way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from typing import Any

import msgspec
import pytest

from headwater.decode import Slice
from headwater.run import gather
from headwater.run.gather import fan_out, joined, read_ahead

pytestmark = pytest.mark.timeout(10)
Put = Callable[[Slice], Awaitable[None]]


def piece(number: int, size_bytes: int = 10) -> Slice:
    return Slice([msgspec.Raw(str(number).encode())], (), size_bytes)


def numbers(pieces: list[Slice]) -> list[int]:
    return [int(bytes(p.records[0])) for p in pieces]


def run(work: Any) -> Any:
    async def bounded() -> Any:
        before = asyncio.all_tasks()
        out = await asyncio.wait_for(work, 5)
        await asyncio.sleep(0)
        assert len(asyncio.all_tasks()) <= len(before)
        return out

    return asyncio.run(bounded())


async def counted(count: int, size_bytes: int = 10, wait_s: float = 0.0) -> AsyncIterator[Slice]:
    for number in range(count):
        if wait_s:
            await asyncio.sleep(wait_s)
        yield piece(number, size_bytes)


async def all_of(batches: AsyncIterator[list[Slice]]) -> list[list[int]]:
    return [numbers(pieces) async for pieces in batches]


@pytest.mark.parametrize(
    ("size_bytes", "page_by_page", "batches"),
    [
        (10, False, 1),
        (10, True, 6),
        (gather.BATCH_BYTES, False, 6),
        (gather.BATCH_BYTES // 2, False, 3),
    ],
)
def test_slices_are_joined_by_size(size_bytes: int, page_by_page: bool, batches: int) -> None:
    """Batches hold about two megabytes, or one page where a limit counts pages; order stays."""
    out = run(all_of(joined(counted(6, size_bytes), page_by_page=page_by_page)))
    assert len(out) == batches
    assert [n for batch in out for n in batch] == list(range(6))


def test_slow_slices_are_not_held_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """What came is handed on after a while, though the batch is small."""
    monkeypatch.setattr(gather, "BATCH_WAIT_S", 0.02)
    out = run(all_of(joined(counted(6, wait_s=0.01))))
    assert len(out) > 1
    assert [n for batch in out for n in batch] == list(range(6))


def test_no_more_than_a_batch_waits_to_be_taken() -> None:
    """A slow reader holds the listing back: memory is bounded by about two batches."""
    made: list[int] = []

    async def source() -> AsyncIterator[Slice]:
        for number in range(100):
            made.append(number)
            yield piece(number, gather.BATCH_BYTES)

    async def read() -> None:
        batches = joined(source())
        await anext(batches)
        await asyncio.sleep(0.01)
        assert len(made) <= 4
        await batches.aclose()

    run(read())


@pytest.mark.parametrize("fault", [RuntimeError("crash"), asyncio.CancelledError()])
def test_a_crash_surfaces_after_what_came_before(fault: BaseException) -> None:
    """An exception that nobody expects is raised, not swallowed and not waited for."""

    async def source() -> AsyncIterator[Slice]:
        yield piece(1)
        raise fault

    async def read() -> None:
        batches = joined(source())
        assert numbers(await anext(batches)) == [1]
        with pytest.raises(RuntimeError):
            await anext(batches)

    run(read())


@pytest.mark.parametrize("fault", [RuntimeError("crash"), asyncio.CancelledError()])
def test_a_crash_of_one_worker_ends_all(fault: BaseException) -> None:
    """One reader that crashes, or is cancelled from outside, ends the fan-out with an error."""

    async def read(item: int, put: Put) -> None:
        if item == 3:
            raise fault
        await put(piece(item))
        await asyncio.sleep(0)

    async def work() -> None:
        with pytest.raises(RuntimeError):
            async for _ in fan_out(range(50), read, at_once=4):
                pass

    run(work())


def test_fan_out_puts_everything_and_bounds_what_waits() -> None:
    """Every item is read once, so many at a time, and a slow reader holds the others back."""
    busy = [0, 0, 0]

    async def read(item: int, put: Put) -> None:
        busy[0] += 1
        busy[1] = max(busy[1], busy[0])
        for n in range(3):
            await put(piece(item * 3 + n))
            busy[2] += 1
        busy[0] -= 1

    async def work() -> list[int]:
        out: list[int] = []
        async for p in fan_out(range(20), read, at_once=4):
            out += numbers([p])
            assert busy[2] <= len(out) + 4 * 2 + 4 + 8
        return out

    assert sorted(run(work())) == list(range(60))
    assert busy[1] <= 4


def test_a_reader_that_leaves_ends_the_fan_out() -> None:
    """Closing the fan-out early leaves no task behind."""

    async def read(item: int, put: Put) -> None:
        await put(piece(item))
        await asyncio.sleep(3600)

    async def work() -> None:
        pieces = fan_out(range(20), read, at_once=4)
        await anext(pieces)
        await pieces.aclose()

    run(work())


def test_read_ahead_keeps_order_and_raises_at_the_end() -> None:
    """Items come in order, and a failure of the source comes after the items before it."""
    got: list[int] = []

    async def source() -> AsyncGenerator[int, None]:
        for number in range(5):
            yield number
        raise ValueError("broken")

    async def take() -> None:
        async for item in read_ahead(source()):
            got.append(item)

    with pytest.raises(ValueError, match="broken"):
        run(take())
    assert got == [0, 1, 2, 3, 4]


def test_read_ahead_closes_its_source_when_it_is_closed() -> None:
    """A taker that stops early leaves no task and no open source behind."""
    closed: list[bool] = []

    async def source() -> AsyncGenerator[int, None]:
        try:
            while True:
                yield 1
        finally:
            closed.append(True)

    async def take() -> None:
        async with aclosing(read_ahead(source())) as items:
            async for _ in items:
                break

    run(take())
    assert closed == [True]
