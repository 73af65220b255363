"""Row shapes: the fields that rows have, by their columns and by what the config needs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from headwater.config.path import JsonPath, parse_path
from headwater.plan.bind import plain
from headwater.plan.graph import Plan, Step
from headwater.simulate.draw import Draw
from headwater.simulate.values import Make, guessed_type, key_value, labels, made_by, owner, tags

__all__ = ["Field", "Keys", "Shape", "cursor_of", "put", "shape_of"]

Keys = tuple[str | int, ...]
UNDECLARED = {
    "name": "text",
    "kind": "text",
    "created_at": "timestamp",
    "updated_at": "timestamp",
    "description": "text",
    "amount": "double",
    "active": "bool",
}
NESTED: dict[str, Make] = {"labels": labels, "tags": tags}
PYTHON_TYPES = {
    "int": "bigint",
    "float": "double",
    "bool": "bool",
    "datetime": "timestamp",
    "date": "date",
}


@dataclass(frozen=True, slots=True)
class Field:
    """One value of a row: where it stands, what draws it, whether it may be null or missing."""

    keys: Keys
    make: Make
    nullable: bool = False


@dataclass(frozen=True, slots=True)
class Shape:
    """The fields of a resource's rows, in order."""

    fields: tuple[Field, ...]

    def row(self, draw: Draw) -> dict[str, Any]:
        """The row that `draw` makes: of the nullable values 8 % are null and 2 % missing."""
        row: dict[str, Any] = {}
        for field in self.fields:
            if field.nullable and (chance := draw.below(50)) < 5:
                if chance:
                    put(row, field.keys, None)
                continue
            put(row, field.keys, field.make(draw))
        return row


def put(tree: Any, keys: Keys, value: Any) -> None:
    """Sets `value` at `keys` of `tree`, making what is missing; stops at a scalar."""
    if len(keys) == 1 and isinstance(tree, dict):
        tree[keys[0]] = value
        return
    for key, following in zip(keys, (*keys[1:], None), strict=True):
        if isinstance(key, int):
            if not isinstance(tree, list):
                return
            tree += [None] * (key + 1 - len(tree))
        elif not isinstance(tree, dict):
            return
        if following is None:
            tree[key] = value
            return
        inside = tree[key] if isinstance(key, int) else tree.get(key)
        if inside is None:
            inside = tree[key] = [] if isinstance(following, int) else {}
        tree = inside


def shape_of(plan: Plan, steps: Sequence[Step], *, pooled: bool) -> Shape:
    """The shape that serves all of `steps`: one resource, or the producers of one pool."""
    wanted = Wanted.of(plan, steps, pooled=pooled)
    fields = [wanted.field(keys) for keys in wanted.all_keys()]
    taken = {field.keys[0] for field in fields}
    more = NESTED if wanted.columns else {**NESTED, "owner": owner}
    extra = [Field((name,), make) for name, make in more.items() if name not in taken]
    return Shape((*fields, *extra))


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the config says and needs of the rows of a resource, field by field."""

    entity: str
    columns: Mapping[Keys, Mapping[str, Any]]
    keyed: tuple[Keys, ...]
    binding: frozenset[Keys]
    needed: tuple[Keys, ...]
    cursors: tuple[Keys, ...]
    cursor_type: str
    origins: Mapping[Keys, str]

    @classmethod
    def of(cls, plan: Plan, steps: Sequence[Step], *, pooled: bool) -> Wanted:
        columns: dict[Keys, Mapping[str, Any]] = {}
        for step in steps:
            hints = columns_of(step.resource.columns)
            columns = {**{split_name(name): hint for name, hint in hints.items()}, **columns}
        keyed = unique(keys for step in steps for keys in key_fields(step, columns))
        return cls(
            entity=singular(steps[0].name),
            columns=columns,
            keyed=keyed,
            binding=frozenset(keys for step in steps for keys in binding_fields(plan, step)),
            needed=unique(keys for step in steps for keys in asked_fields(plan, step)),
            cursors=unique(keys for step in steps if (keys := cursor_keys(step))),
            cursor_type=cursor_type(steps),
            # Rows of a pool are the same below every parent, so none can repeat a parent's value.
            origins={} if pooled else origin_fields(steps[0], keyed),
        )

    def all_keys(self) -> list[Keys]:
        """Every field once: the `projectId` a child asks for is the declared `project_id`."""
        plain_fields: list[Keys] = [] if self.columns else [(name,) for name in UNDECLARED]
        spelled: dict[Keys, Keys] = {}
        for keys in (*self.needed, *self.cursors, *self.keyed, *self.columns, *plain_fields):
            spelled.setdefault(snake(keys), keys)
        asked = (*self.keyed, *self.columns, *plain_fields, *self.needed, *self.cursors)
        order = dict.fromkeys(spelled[snake(keys)] for keys in asked)
        # A column that is an object has no value of its own.
        return [
            keys
            for keys in order
            if not any(keys == other[: len(keys)] != other for other in order)
        ]

    def field(self, keys: Keys) -> Field:
        name = str(keys[-1]).lower()
        hints = self.columns.get(keys) or self.columns.get(snake(keys)) or {}
        declared = hints.get("data_type")
        guess = (
            self.cursor_type if keys in self.cursors else UNDECLARED.get(name) or guessed_type(name)
        )
        kind = str(declared or guess)
        is_key = keys in self.keyed or keys in self.binding
        make = key_value(kind, name) if is_key else made_by(kind, name)
        if keys in self.origins:
            make = from_parent(self.origins[keys], make, kind if declared else "")
        elif name in ("kind", "entity_type") and not is_key and kind == "text":
            make = always(self.entity)
        firm = is_key or keys in self.needed or keys in self.cursors or keys in self.origins
        nullable = bool(hints.get("nullable", True)) and (
            bool(self.columns) or name == "description"
        )
        return Field(keys, make, nullable and not firm)


def unique(found: Iterable[Keys]) -> tuple[Keys, ...]:
    return tuple(dict.fromkeys(found))


def snake(keys: Keys) -> Keys:
    return tuple(plain(key) if isinstance(key, str) else key for key in keys)


def singular(name: str) -> str:
    return f"{name[:-3]}y" if name.endswith("ies") else name.removesuffix("s")


def always(value: str) -> Make:
    return lambda _: value


def from_parent(placeholder: str, otherwise: Make, kind: str) -> Make:
    """The parent's value where it fits `kind`, the declared type (empty where none is)."""

    def make(draw: Draw) -> Any:
        value = draw.origin.get(placeholder)
        fits = not kind or (isinstance(value, str) if kind == "text" else isinstance(value, int))
        return value if value is not None and fits else otherwise(draw)

    return make


def columns_of(declared: Any) -> dict[str, Mapping[str, Any]]:
    """dlt column hints by name, from a mapping, a list of hints or a pydantic model; else none."""
    if isinstance(declared, Mapping):
        return {str(name): hints for name, hints in declared.items() if isinstance(hints, Mapping)}
    if isinstance(declared, (list, tuple)):
        return {str(hints["name"]): hints for hints in declared if "name" in hints}
    model_fields = getattr(declared, "model_fields", None)
    if isinstance(model_fields, Mapping):
        return {
            item.alias or name: {
                "data_type": PYTHON_TYPES.get(getattr(item.annotation, "__name__", ""), "text"),
                "nullable": False,
            }
            for name, item in model_fields.items()
        }
    return {}


def split_name(name: str) -> Keys:
    """`a__b` is `b` inside `a`; `a___b` is `_b` inside `a`, as dlt names nested fields."""
    parts = re.split(r"(?<=[^_])__(?=.)", name)
    return tuple(parts)


def key_fields(step: Step, columns: Mapping[Keys, Any]) -> list[Keys]:
    """The primary key's fields; `id` where there is no key and no columns say otherwise."""
    key = step.resource.primary_key
    names = [key] if isinstance(key, str) else list(key) if isinstance(key, (list, tuple)) else []
    if not names and (not columns or ("id",) in columns):
        names = ["id"]
    return [split_name(name) for name in names if isinstance(name, str)]


def asked_fields(plan: Plan, step: Step) -> Iterator[Keys]:
    """The fields of this step's rows that children read and the rows must therefore have."""
    carried = {item.column for item in step.includes}
    for child in plan.children(step.name):
        paths = [(b.fields, b.parents) for b in child.bindings]
        paths += [(item.fields, child.parents) for item in child.includes]
        for fields, parents in paths:
            for path, parent in zip(fields, parents, strict=True):
                if parent == step.name and path.text not in carried and path.steps:
                    yield path.steps


def binding_fields(plan: Plan, step: Step) -> Iterator[Keys]:
    """The fields of this step's rows that fill a placeholder of a child."""
    for child in plan.children(step.name):
        for binding in child.bindings:
            for path, parent in zip(binding.fields, binding.parents, strict=True):
                if parent == step.name and path.steps:
                    yield path.steps


def origin_fields(step: Step, keyed: Sequence[Keys]) -> dict[Keys, str]:
    """Fields that repeat a parent's value: named like the placeholder, or an entity's key."""
    origins: dict[Keys, str] = {
        (b.placeholder,): b.placeholder
        for b in step.bindings
        if keyed != [(b.placeholder,)]  # `/projects/{id}/tasks`: a task has an id of its own
    }
    if step.bindings and is_entity(step) and len(keyed) == 1:
        last = step.bindings[-1]
        if last.fields[0].steps == keyed[0]:
            origins[keyed[0]] = last.placeholder
    return origins


def is_entity(step: Step) -> bool:
    """Whether the answer is one object: selector `$` and a path that ends in a placeholder."""
    return step.selector == "$" and "{" in step.path.split("?", 1)[0].rstrip("/").rsplit("/", 1)[-1]


def cursor_of(step: Step) -> tuple[JsonPath, str | None, str | None] | None:
    """Cursor path, start param and end param of a step's incremental, however written."""
    param, found = (
        step.incremental if isinstance(step.incremental, tuple) else (None, step.incremental)
    )
    path = getattr(found, "cursor_path", None)
    if not isinstance(path, str):
        return None
    start = param or getattr(found, "start_param", None)
    return parse_path(path), start, getattr(found, "end_param", None)


def cursor_keys(step: Step) -> Keys | None:
    cursor = cursor_of(step)
    return cursor[0].steps if cursor else None


def cursor_type(steps: Sequence[Step]) -> str:
    """Integers where an initial value is one, else timestamps."""
    for step in steps:
        found = step.incremental[1] if isinstance(step.incremental, tuple) else step.incremental
        if isinstance(getattr(found, "initial_value", None), (int, float)):
            return "bigint"
    return "timestamp"
