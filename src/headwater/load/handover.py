"""Rows on their way to the children of their resource, before and after the cursor filters them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

import pyarrow as pa
from dlt.extract.items import DataItemWithMeta
from dlt.extract.items_transform import ItemTransform, LimitItem

from headwater.decode import Rows
from headwater.run.extraction import Token

__all__ = ["HandOver", "HandOverChanged", "Parent"]


class Parent:
    """Travels with rows: what children are asked for, and the token of their being on the way.

    `changed` are those of the rows that the cursor let pass. Rows that are no news are for children
    only.
    """

    __slots__ = ("changed", "is_news", "rows", "token")

    def __init__(
        self,
        token: Token,
        rows: Rows | None = None,
        changed: Rows | None = None,
        *,
        is_news: bool = True,
    ) -> None:
        self.is_news = is_news
        self.token = token
        self.rows = rows
        self.changed = changed


class HandOver(ItemTransform[Any, Any]):
    """Gives children the rows as they are before the incremental filter, after the user's steps."""

    placement_affinity: ClassVar[float] = 0.5

    def __init__(self, *, limited: bool = False) -> None:
        super().__init__(lambda item: item)
        self.limited = limited

    def bind(self, pipe: Any) -> HandOver:
        return HandOver(limited=pipe.get_by_type(LimitItem) is not None)

    def __call__(self, item: Any, meta: Any = None) -> Iterator[Any]:
        rows = item if isinstance(item, (list, pa.Table)) else [item]
        if not isinstance(meta, Parent) or len(rows) == 0:
            yield item
        elif not meta.is_news:
            yield DataItemWithMeta(Parent(meta.token, rows), [])
        elif self.limited:
            # A limit counts items, so none is added; what the cursor filters has no children then.
            yield DataItemWithMeta(Parent(meta.token, rows), item)
        else:
            # Filters drop an item with its meta, but they let an empty list pass.
            yield DataItemWithMeta(Parent(meta.token, rows), [])
            yield DataItemWithMeta(Parent(meta.token), item)


class HandOverChanged(HandOver):
    """Gives children that want no others the rows that the incremental filter let pass."""

    placement_affinity: ClassVar[float] = 1.5

    def bind(self, pipe: Any) -> HandOverChanged:
        return HandOverChanged(limited=pipe.get_by_type(LimitItem) is not None)

    def __call__(self, item: Any, meta: Any = None) -> Iterator[Any]:
        rows = item if isinstance(item, (list, pa.Table)) else [item]
        if not isinstance(meta, Parent) or len(rows) == 0:
            yield item
        elif self.limited:
            yield DataItemWithMeta(Parent(meta.token, meta.rows, rows), item)
        else:
            yield DataItemWithMeta(Parent(meta.token, changed=rows), [])
            yield item
