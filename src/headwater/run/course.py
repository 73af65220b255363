"""The course of a listing by position: what came, where the next page is, whether there is one."""

from __future__ import annotations

from dataclasses import dataclass, field

from headwater.errors import PagingError
from headwater.fetch.paginate import Facts, Indexed

__all__ = ["MOST_EMPTY", "Course", "Short"]

MOST_EMPTY = 1000


@dataclass(slots=True)
class Short:
    """The longest only page of a resource that was seen to be all there is, over its listings."""

    rows: int = 0


@dataclass(slots=True)
class Course:
    """Takes page after page, in order. `most` is how many pages may be asked ahead.

    A total that the config demands ends the listing. One that is merely there is believed when it
    agrees with what came; where a full page stands at the end, one more is asked for. So it is
    after a first page that is shorter than asked for: it may be all there is, or as long as the
    server lets a page be. Listings of a resource share what was learned of that in `short`.
    """

    pager: Indexed
    most: int
    short: Short = field(default_factory=Short)
    position: int = 0
    rows: int = 0
    pages: int = 0
    empties: int = 0
    largest: int = 0
    short_first: int = 0
    window: int = 1
    total: int | None = None
    first_total: int | None = None
    doubted: bool = False
    notes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.position = self.pager.start

    @property
    def open(self) -> bool:
        """Whether the position is one that may be asked for at all."""
        return self.pager.maximum is None or self.position < self.pager.maximum

    @property
    def end(self) -> int | None:
        """The position before which every page is; None where nobody says."""
        ends = [self.pager.maximum, None if self.doubted else self.total]
        return min((end for end in ends if end is not None), default=None)

    @property
    def probing(self) -> bool:
        """Whether the next page is asked for only to see that there is none."""
        return self.doubted and self.position == self.total

    def after(self, count: int, facts: Facts) -> bool:
        """Moves past a page of `count` rows; whether another is to be asked for.

        Raises PagingError where empty pages go on and on.
        """
        self.pages += 1
        self.rows += count
        if facts.end is not None:
            self.first_total = facts.end if self.first_total is None else self.first_total
            self.total = facts.end
        if count == 0:
            return self.past_empty(facts) and self.open
        full = self.is_full(count)
        self.empties = 0
        self.position += self.pager.step(count)
        going = self.open and self.goes_on(count, full, facts)
        bounded = self.end is not None or facts.more is not None
        self.window = self.most if bounded else min(self.window * 2, self.most) if full else 0
        return going

    def past_empty(self, facts: Facts) -> bool:
        """Whether the listing goes on past an empty page, which is the end by default."""
        if self.pager.stop_on_empty or facts.more is False:
            return False
        self.empties += 1
        if self.empties > MOST_EMPTY:
            raise PagingError(f"{MOST_EMPTY} empty pages came in a row")
        size = self.pager.limit or self.largest or 1
        self.position += size if self.pager.by_rows else 1
        return facts.more is True or (self.end is not None and self.position < self.end)

    def goes_on(self, count: int, full: bool, facts: Facts) -> bool:
        """Whether there may be more rows after a page that had some."""
        limit = self.pager.limit
        if facts.more is not None:
            return facts.more
        if self.total is not None and not (self.doubted and self.position > self.total):
            if self.position < self.total:
                return True
            if self.pager.total_required:
                return False
            asked_for = limit is not None and count >= limit
            unsure = self.pager.by_rows and not self.pager.stop_on_short
            capped = unsure and self.pages == 1 and count > self.short.rows
            full = full and self.pages > 1
            self.doubted = self.position > self.total or asked_for or full or capped
            return self.doubted
        return not (self.pager.stop_on_short and limit is not None and count < limit)

    def is_full(self, count: int) -> bool:
        """Whether this page is as long as asked for, or as any before it."""
        limit = self.pager.limit
        full = count >= (self.largest or limit or count)
        if not full and not self.largest and self.pager.by_rows and limit:
            self.short_first = count
        elif full and self.short_first == count and limit:
            name = self.pager.limit_param or self.pager.limit_body_path
            self.notes.append(f"the server caps `{name}`: {limit} asked, {count} a page")
            self.short_first = 0
        self.largest = max(self.largest, count)
        return full

    def upcoming(self) -> list[int]:
        """The positions worth asking for now, the next one first."""
        if self.probing or not self.largest:
            return []
        stride = self.largest if self.pager.by_rows else 1
        places = range(self.position, self.position + stride * self.window, stride)
        end = self.end
        return [place for place in places if end is None or place < end]

    def missed(self) -> None:
        """Says that pages asked ahead were out of step: fewer are asked ahead from now on."""
        self.most = max(1, self.most // 4)
        self.window = min(self.window, self.most)

    def expected(self) -> int | None:
        """How many rows the API says there are."""
        if not self.pager.by_rows or self.total is None:
            return None
        return max(0, self.total - self.pager.start)

    def weigh(self) -> list[str]:
        """What is missing, by the total that the API named; what is odd goes to the notes."""
        wanted = self.expected()
        if self.rows == self.largest == wanted:
            self.short.rows = max(self.short.rows, self.rows)
        if wanted is None or self.pager.maximum is not None:
            return []
        if self.first_total != self.total:
            self.notes.append(
                f"the total moved from {self.first_total} to {self.total} while it was read"
            )
        if self.rows > wanted:
            self.notes.append(f"the API names a total of {wanted}, {self.rows} rows came")
        return [f"{self.rows} of {wanted} rows came"] if self.rows < wanted else []
