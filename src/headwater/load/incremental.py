"""The incremental of a step: dlt's object for it, and what requests are filled with."""

from __future__ import annotations

from typing import Any

import dlt
import pyarrow as pa

from headwater.config.models import Incremental
from headwater.decode import Rows, objects_of
from headwater.plan.graph import Step
from headwater.plan.limits import request_texts

__all__ = [
    "cursor_values",
    "has_cursor_per_parent",
    "incremental_of",
    "window_of",
    "with_cursor_column",
]

INCREMENTAL_OWN = ("start_param", "end_param", "convert", "transform", "window")


def incremental_of(step: Step) -> Any:
    """The dlt incremental of a step, None where it has none or needs none.

    A child whose requests do not carry the cursor is read whole. Where its rows are merged by key,
    a filter would spare nothing.
    """
    found = step.incremental
    if step.parents and is_mere_filter(step):
        return None
    if isinstance(found, tuple):
        return found[1]
    if not isinstance(found, Incremental):
        return found
    given = {
        name: value
        for name in found.__dataclass_fields__
        if name not in INCREMENTAL_OWN and (value := getattr(found, name)) is not None
    }
    named = {"min": min, "max": max}
    if given.get("last_value_func") in named:
        given["last_value_func"] = named[given["last_value_func"]]
    return dlt.sources.incremental(**given)


def has_cursor_per_parent(step: Step) -> bool:
    """Whether each parent of a step has a cursor of its own, which JSON can keep."""
    own = incremental_of(step) if step.parents else None
    if own is None or own.allow_external_schedulers:
        return False
    return isinstance(own.initial_value, (str, int, float, type(None)))


def window_of(step: Step) -> str | float | None:
    """The length of the windows that a step is asked for in."""
    return step.incremental.window if isinstance(step.incremental, Incremental) else None


def is_mere_filter(step: Step) -> bool:
    """Whether the cursor only filters rows that are merged by key anyway."""
    own, resource = step.incremental, step.resource
    if not isinstance(own, Incremental) or own.start_param or own.end_param:
        return False
    asked = any("{incremental." in text for text in request_texts(step))
    merged = resource.write_disposition == "merge" and resource.primary_key is not None
    return merged and not asked and own.end_value is None


def cursor_values(step: Step, cursor: Any) -> dict[str, Any]:
    """What `{incremental.…}` and the cursor parameters of a request are filled with."""
    if cursor is None:
        return {}
    own = step.incremental
    convert = None
    start = end = None
    if isinstance(own, Incremental):
        convert, start, end = own.convert or own.transform, own.start_param, own.end_param
    elif isinstance(own, tuple):
        start = own[0]

    def shown(value: Any) -> Any:
        return value if convert is None or value is None else convert(value)

    out: dict[str, Any] = {
        f"incremental.{name}": shown(getattr(cursor, name))
        for name in ("start_value", "initial_value", "end_value")
    }
    # The cursor moves while rows come; requests of one run are measured from where it began.
    out["incremental.last_value"] = out["incremental.start_value"]
    out["incremental.lag"] = cursor.lag
    if start:
        out[f"params.{start}"] = out["incremental.last_value"]
    if end:
        out[f"params.{end}"] = out["incremental.end_value"]
    return out


def with_cursor_column(rows: Rows, incremental: Incremental, cursor: Any) -> Rows:
    """`rows` with a cursor column that has a type, where rows without a cursor are allowed.

    dlt compares it with the value that `cursor` stands at, so it has the type of that. Lists and
    objects are compared as Python does: such rows become objects, since Arrow knows no order there.
    """
    if isinstance(rows, list):
        return rows
    name = incremental.cursor_path
    at = rows.schema.get_field_index(name)
    if at >= 0 and pa.types.is_nested(rows.schema.field(at).type):
        return list(objects_of(rows))
    if at >= 0 and not pa.types.is_null(rows.schema.field(at).type):
        return rows
    if at < 0 and incremental.on_cursor_value_missing in (None, "raise"):
        return rows
    last = getattr(cursor, "last_value", None)
    kind = pa.string() if last is None else pa.scalar(last).type
    column = pa.nulls(rows.num_rows, kind)
    return rows.append_column(name, column) if at < 0 else rows.set_column(at, name, column)
