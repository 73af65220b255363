"""The rows of a simulated API: made on demand, kept as JSON, the same for the same seed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import gcd
from typing import Any

import msgspec

from headwater.plan.graph import Plan, Step
from headwater.simulate.compare import comparable
from headwater.simulate.draw import Draw, hashed
from headwater.simulate.options import Options
from headwater.simulate.shape import Shape, cursor_of, is_entity, shape_of

__all__ = ["Dataset", "Place", "Row", "Texts"]

Row = dict[str, Any]
Texts = tuple[str, ...]
NOWHERE: Mapping[str, Any] = {}
ADDED = 1 << 50
encode = msgspec.json.Encoder().encode
decode = msgspec.json.Decoder().decode


@dataclass(frozen=True, slots=True)
class Place:
    """One listing of a resource: its parent values, and what its rows carry of the parent."""

    values: tuple[Any, ...]
    ordinal: int
    start: int
    size: int
    carried: Mapping[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Store:
    """The rows of a resource, or of the pool that several resources draw from, by number."""

    shape: Shape
    base: int
    members: tuple[str, ...]
    rows: dict[int, bytes] = field(default_factory=dict)
    deleted: set[int] = field(default_factory=set)

    @property
    def pooled(self) -> bool:
        return len(self.members) > 1

    def row(self, number: int, origin: Mapping[str, Any]) -> bytes:
        found = self.rows.get(number)
        if found is None:
            shown = number if number >= ADDED else number + 1 + self.base % 90 * 100
            found = encode(self.shape.row(Draw(self.base, shown, origin)))
            self.rows[number] = found
        return found


class Dataset:
    """Every row of every resource of a plan. Not safe for several threads: the simulator locks."""

    def __init__(self, plan: Plan, options: Options) -> None:
        self.plan = plan
        self.options = options
        self.steps = {step.name: step for step in plan.steps if step.external is None}
        self.stores: dict[str, Store] = {}
        for members in pools(self.steps.values()):
            steps = [self.steps[name] for name in members]
            shape = shape_of(plan, steps, pooled=len(members) > 1)
            store = Store(shape, hashed(options.seed, *members), members)
            self.stores.update(dict.fromkeys(members, store))
        # Numbers and sizes stay as first seen, whatever `update` does to the parents later.
        self.pinned: dict[str, dict[Texts, tuple[int, int, int]]] = {
            name: {} for name in self.steps
        }
        self.pool_sizes: dict[int, int] = {}
        self.added: dict[tuple[str, Texts], list[int]] = {}
        self.ahead: dict[tuple[str, Texts], list[int]] = {}
        self.found: dict[str, dict[Texts, Place]] = {}
        self.listed: dict[tuple[str, Texts], Sequence[int]] = {}
        self.cursors: dict[tuple[str, Texts], list[Any]] = {}

    def places(self, name: str) -> dict[Texts, Place]:
        """The listings of a resource by the text of their parent values; () for a root."""
        if name not in self.found:
            step = self.steps[name]
            if step.bindings:
                self.found[name] = self.child_places(step)
            else:
                self.found[name] = {(): self.place(step, (), (), {})}
        return self.found[name]

    def child_places(self, step: Step) -> dict[Texts, Place]:
        found: dict[Texts, Place] = {}
        for index, parent in enumerate(step.parents):
            if parent not in self.steps:
                continue
            for outer, row in self.rows_of(parent):
                seen = {**row, **outer.carried}
                values = tuple(binding.fields[index].first(seen) for binding in step.bindings)
                if any(value is None or isinstance(value, (dict, list)) for value in values):
                    continue
                texts = tuple(format(value) for value in values)
                if texts not in found:
                    carried = {
                        item.column: item.fields[index].first(seen) for item in step.includes
                    }
                    found[texts] = self.place(step, texts, values, carried)
        return found

    def place(
        self, step: Step, texts: Texts, values: tuple[Any, ...], carried: Mapping[str, Any]
    ) -> Place:
        pinned = self.pinned[step.name]
        if texts not in pinned:
            _, start, size = next(reversed(pinned.values()), (0, 0, 0))
            pinned[texts] = (len(pinned), start + size, self.size(step, texts))
        ordinal, start, size = pinned[texts]
        return Place(values, ordinal, start, size, carried)

    def size(self, step: Step, texts: Texts) -> int:
        """How many rows a listing starts with."""
        if is_entity(step):
            return 1
        if not step.bindings:
            return self.options.rows
        if self.options.rows_per_parent is not None:
            return self.options.rows_per_parent
        drawn = hashed(self.options.seed, step.name, "size", *texts)
        mean = max(1, min(100, self.options.rows // 5))
        return 0 if drawn % 7 == 0 else 1 + drawn // 7 % (2 * mean)

    def numbers(self, name: str, texts: Texts) -> Sequence[int]:
        """The numbers of the rows of one listing, in the order it serves them."""
        key = (name, texts)
        if key not in self.listed:
            place, store = self.places(name)[texts], self.stores[name]
            numbers: Sequence[int] = (
                self.pooled(store, name, place) if store.pooled else self.own(place)
            )
            if store.deleted or key in self.added or key in self.ahead:
                both = [*self.ahead.get(key, ()), *numbers, *self.added.get(key, ())]
                numbers = [number for number in both if number not in store.deleted]
            self.listed[key] = self.in_order(name, texts, numbers)
        return self.listed[key]

    def own(self, place: Place) -> range:
        first = place.ordinal * self.stride() if place.values else 0
        return range(first, first + place.size)

    def stride(self) -> int:
        """How far the first numbers of two parents are apart: more than any listing has."""
        each = self.options.rows_per_parent
        most = 2 * max(1, min(100, self.options.rows // 5)) if each is None else each
        return int(10 ** len(str(most)))

    def pooled(self, store: Store, name: str, place: Place) -> list[int]:
        """A seeded share of the pool; listings of one producer have no number in common."""
        size = self.pool_size(store)
        step = hashed(store.base, name) % size | 1
        while gcd(step, size) > 1:
            step += 2
        # Parents that appeared after the pool was measured have nothing left to draw.
        stop = min(place.start + place.size, size)
        return [(step * index + step // 3) % size for index in range(place.start, stop)]

    def pool_size(self, store: Store) -> int:
        """A fifth more than the largest producer serves, so that producers overlap."""
        if store.base not in self.pool_sizes:
            totals = [sum(p.size for p in self.places(name).values()) for name in store.members]
            self.pool_sizes[store.base] = max(totals) * 6 // 5 + 1
        return self.pool_sizes[store.base]

    def in_order(self, name: str, texts: Texts, numbers: Sequence[int]) -> Sequence[int]:
        """`numbers` by cursor where the config promises an order."""
        found = self.steps[name].incremental
        order = getattr(found[1] if isinstance(found, tuple) else found, "row_order", None)
        cursor = cursor_of(self.steps[name])
        if order is None or cursor is None:
            return numbers
        values = [cursor[0].first(decode(row)) for row in self.encoded(name, texts, numbers)]
        ranks = [(comparable(value), number) for value, number in zip(values, numbers, strict=True)]
        return [number for _, number in sorted(ranks, reverse=order == "desc")]

    def encoded(self, name: str, texts: Texts, numbers: Sequence[int]) -> list[bytes]:
        """The JSON of the rows with these numbers."""
        store = self.stores[name]
        rows = store.rows
        try:
            return [rows[number] for number in numbers]
        except KeyError:
            origin = NOWHERE
            if not store.pooled and texts:
                bindings = self.steps[name].bindings
                values = self.places(name)[texts].values
                origin = {b.placeholder: value for b, value in zip(bindings, values, strict=True)}
            return [store.row(number, origin) for number in numbers]

    def listing(self, name: str, texts: Texts) -> list[bytes]:
        return self.encoded(name, texts, self.numbers(name, texts))

    def rows_of(self, name: str) -> Iterator[tuple[Place, Row]]:
        """Every row of a resource with the listing it is in."""
        for texts, place in self.places(name).items():
            for row in self.listing(name, texts):
                yield place, decode(row)

    def cursor_values(self, name: str, texts: Texts) -> list[Any]:
        """What the rows of one listing hold at the cursor path, ready to be compared."""
        key = (name, texts)
        if key not in self.cursors:
            cursor = cursor_of(self.steps[name])
            assert cursor is not None
            rows = self.listing(name, texts)
            self.cursors[key] = [comparable(cursor[0].first(decode(row))) for row in rows]
        return self.cursors[key]

    def update(self, name: str, change: Callable[[Row], Row | None]) -> None:
        """Replaces each row of a resource by what `change` makes of it; None deletes it."""
        self.pin()
        store = self.stores[name]
        rows = {
            number: row
            for texts in self.places(name)
            for number, row in zip(
                self.numbers(name, texts), self.listing(name, texts), strict=True
            )
        }
        for number, row in rows.items():
            new = change(decode(row))
            if new is None:
                store.deleted.add(number)
            else:
                store.rows[number] = encode(new)
        self.forget()

    def add(self, name: str, row: Row, texts: Texts, *, ahead: bool = False) -> None:
        """Puts a row at one end of a listing. Raises KeyError where there is no such listing."""
        self.pin()
        place = self.places(name)[texts]
        number = self.next_number()
        self.stores[name].rows[number] = encode(row)
        key = (name, tuple(map(format, place.values)))
        if ahead:
            self.ahead.setdefault(key, []).insert(0, number)
        else:
            self.added.setdefault(key, []).append(number)
        self.forget()

    def next_number(self) -> int:
        """The number of the next row that is added."""
        return ADDED + sum(len(n) for ends in (self.added, self.ahead) for n in ends.values())

    def shift(self, name: str, texts: Texts, *, inserts: bool) -> None:
        """Puts a new row before the first one of a listing, or deletes that one."""
        store, numbers = self.stores[name], self.numbers(name, texts)
        if inserts:
            row = store.shape.row(Draw(store.base, self.next_number(), NOWHERE))
            self.add(name, row, texts, ahead=True)
        elif numbers:
            self.pin()
            store.deleted.add(numbers[0])
            self.forget()

    def pin(self) -> None:
        """Settles every number and size that depends on rows, before any of them is changed."""
        for name, store in self.stores.items():
            self.places(name)
            if store.pooled:
                self.pool_size(store)

    def forget(self) -> None:
        for cache in (self.found, self.listed, self.cursors):
            cache.clear()


def pools(steps: Any) -> list[tuple[str, ...]]:
    """Resources that serve the same entities, together; every other one by itself."""
    groups = [{step.name} for step in steps]
    for step in steps:
        for binding in step.bindings:
            touched = [group for group in groups if group & set(binding.parents)]
            groups = [group for group in groups if group not in touched]
            groups += [set().union(*touched)] if touched else []
    return [tuple(sorted(group)) for group in groups]
