"""A full disk, told in one line whoever ran into it: dlt, Arrow or the warehouse."""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Iterator

from headwater.errors import HeadwaterError, LoadError

__all__ = ["room_wanted"]

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
WORDS = ("No space left on device", "Disk quota exceeded", "File too large")
KEPT = "make room and run again: nothing that was fetched is asked again"


@contextlib.contextmanager
def room_wanted(*places: str) -> Iterator[None]:
    """Raises LoadError where anything below failed for want of room; `places` are written to."""
    try:
        yield
    except HeadwaterError:
        raise
    except Exception as error:
        found = list(below(error))
        own = any(isinstance(item, HeadwaterError) for item in found)
        if own or not any(is_full(item) for item in found):
            raise
        where = " or ".join(places)
        raise LoadError(f"{where}: no room left on the disk ({KEPT})") from error


def below(error: BaseException) -> Iterator[BaseException]:
    """`error` and all that led to it, causes and what was being handled alike."""
    waiting: list[BaseException | None] = [error]
    seen: set[int] = set()
    while waiting:
        item = waiting.pop()
        if item is not None and id(item) not in seen:
            seen.add(id(item))
            yield item
            waiting += [item.__cause__, item.__context__]


def is_full(error: BaseException) -> bool:
    number = error.errno if isinstance(error, OSError) else None
    return number in FULL or any(words in str(error) for words in WORDS)
