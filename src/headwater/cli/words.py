"""A step of a plan in words: how it pages, where its rows are, how it is written, what it asks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from headwater.config import models
from headwater.plan.bind import Binding
from headwater.plan.graph import Step

__all__ = [
    "binding_words",
    "incremental_words",
    "key_names",
    "paging_words",
    "request_words",
    "selector_words",
    "write_words",
]


def paging_words(paginator: Any) -> str:
    """How a listing is paged: `offset, 10 a page`."""
    match paginator:
        case models.OffsetPaginator(limit=limit):
            return f"offset, {limit} a page"
        case models.PageNumberPaginator(limit=limit):
            return f"page number, {limit} a page" if limit else "page number"
        case models.CursorPaginator(cursor_path=path, limit=limit):
            return f"cursor at {path}, {limit} a page" if limit else f"cursor at {path}"
        case models.HeaderCursorPaginator(cursor_key=key):
            return f"cursor in the header {key}"
        case models.JsonLinkPaginator(next_url_path=path):
            return f"next link at {path}"
        case models.HeaderLinkPaginator(links_next_key=key):
            return f"Link header, rel={key}"
        case models.SinglePagePaginator():
            return "single page"
        case models.AutoPaginator():
            return "paging told by the first answer"
    return f"paged by {type(paginator).__name__}"


def selector_words(selector: str | None) -> str:
    """Where the rows of an answer are."""
    if selector is None:
        return "rows told by the first answer"
    return "the whole answer" if selector == "$" else f"rows at {selector}"


def key_names(key: Any) -> tuple[str, ...]:
    """A primary or merge key as names; empty where it is none or computed."""
    if isinstance(key, str):
        return (key,)
    return tuple(str(name) for name in key) if isinstance(key, (list, tuple)) else ()


def write_words(step: Step) -> str:
    """How rows are written: `merge on id`."""
    resource = step.resource
    written = resource.write_disposition
    strategy = ""
    if isinstance(written, Mapping):
        strategy = str(written.get("strategy") or "")
        written = written.get("disposition")
    word = str(written or "append")
    keys = key_names(resource.primary_key) or key_names(resource.merge_key)
    text = f"{word} on {', '.join(keys)}" if keys and word == "merge" else word
    if keys and word != "merge":
        text += f", key {', '.join(keys)}"
    return f"{text} ({strategy})" if strategy else text


def binding_words(binding: Binding) -> str:
    """What fills a placeholder and by which rule."""
    sources = ", ".join(
        f"{parent}.{field}" for parent, field in zip(binding.parents, binding.fields, strict=True)
    )
    return f"{{{binding.placeholder}}} <- {sources} (rule: {binding.rule})"


def incremental_words(step: Step) -> str:
    """What a listing is limited to from run to run; empty where it is not."""
    found = step.incremental
    if found is None:
        return ""
    param = None
    if isinstance(found, tuple):
        param, found = found
    path = getattr(found, "cursor_path", None) or (
        found.get("cursor_path") if isinstance(found, Mapping) else None
    )
    param = param or getattr(found, "start_param", None)
    how = f"sent as {param}" if param else "older rows dropped here"
    return f"incremental on {path}, {how}"


def request_words(step: Step) -> str:
    """How a step is asked: `offset, 10 a page, fetched ahead; 1 listing per row of projects`."""
    paging = paging_words(step.paginator)
    match step.paginator:
        case models.SinglePagePaginator():
            listing = "1 request"
        case models.OffsetPaginator() | models.PageNumberPaginator():
            paging, listing = f"{paging}, fetched ahead", "1 listing"
        case _:
            listing = "1 listing"
    if not step.parents:
        return paging
    if len(step.parents) > 1:
        return f"{paging}; {listing} per distinct {{{step.bindings[0].placeholder}}}"
    return f"{paging}; {listing} per row of {step.parents[0]}"
