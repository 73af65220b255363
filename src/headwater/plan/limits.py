"""Checks of cursors: windows need an end to ask for, changed parents a cursor that tells them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from headwater.config.models import Incremental
from headwater.config.read import Config
from headwater.config.template import strings
from headwater.errors import Problem

if TYPE_CHECKING:
    from headwater.plan.graph import Step

__all__ = ["cursor_problems", "request_texts"]


def cursor_problems(config: Config, steps: Mapping[str, Step]) -> Iterator[Problem]:
    """What is wrong with `window` and `only_changed_parents`, over all steps."""
    for step in steps.values():
        own = step.incremental
        if isinstance(own, Incremental) and own.window is not None:
            where = config.where(step.name, "endpoint", "incremental", "window")
            yield from (Problem(where, what, hint) for what, hint in window_problems(step, own))
        if step.external is None and step.resource.only_changed_parents:
            where = config.where(step.name, "only_changed_parents")
            if len(step.parents) != 1:
                what = f"`{step.name}` has {len(step.parents) or 'no'} parents"
                yield Problem(where, what, "it is for a resource with one parent")
            elif steps[step.parents[0]].incremental is None:
                what = f"its parent `{step.parents[0]}` has no cursor to tell what changed"
                yield Problem(where, what, f"give `{step.parents[0]}` an `incremental`")


def window_problems(step: Step, own: Incremental) -> Iterator[tuple[str, str]]:
    """Pairs of what is wrong and what would be right."""
    asked = own.end_param or any("{incremental.end_value" in text for text in request_texts(step))
    if not asked:
        yield "no request says where a window ends", "set end_param, or use {incremental.end_value}"
    if own.initial_value is None:
        yield "there is nowhere to begin", "set initial_value"
    if own.row_order is not None:
        yield "windows come in no order", "leave out row_order"
    if own.last_value_func not in (None, max, "max"):
        yield "windows go from the smallest value to the largest", "leave out last_value_func"


def request_texts(step: Step) -> Iterator[str]:
    """Every text of the step's request."""
    endpoint = step.resource.endpoint
    for part in (step.path, dict(step.params), endpoint.json, endpoint.data, endpoint.headers):
        yield from strings(part)
