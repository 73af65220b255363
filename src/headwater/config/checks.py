"""Checks that types alone cannot make: URLs, JSON paths, paging that cannot end, param mappings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from headwater.config.fill import UNFILLED
from headwater.config.path import parse_path
from headwater.config.source import KeyPath
from headwater.config.strict import is_mapping, type_words
from headwater.config.words import Mistake, suggest

__all__ = ["check_base_url", "check_params", "check_resource", "listed_resources"]

ENDPOINT_PATHS = ("data_selector",)
PAGINATOR_PATHS = ("total_path", "has_more_path", "cursor_path", "next_url_path")
EITHER = ("offset", "limit", "page", "cursor")
DISPOSITIONS = ["append", "replace", "merge", "skip"]
RESOLVE = ["type", "resource", "field"]
PARAM_TYPES = ["resolve", "incremental"]


def listed_resources(value: Any) -> list[Any]:
    """The resources to check; none where `value` is no list, which is a mistake of its own."""
    return list(value) if isinstance(value, (list, tuple)) else []


def check_base_url(client: Any) -> list[Mistake]:
    """Whether requests can be sent below `base_url`; the URL is shown without its credentials."""
    url = client.get("base_url") if isinstance(client, Mapping) else None
    if not isinstance(url, str) or UNFILLED in url:
        return []
    fine = False
    if not any(sign.isspace() for sign in url):
        try:
            parts = urlsplit(url)
            fine = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        except ValueError:
            fine = False
    if fine:
        return []
    scheme, _, rest = url.rpartition("://")
    shown = f"{scheme}://" * bool(scheme) + "***@" * ("@" in rest) + rest.rpartition("@")[2]
    hint = "write http://host/path or https://host/path"
    return [Mistake(("client", "base_url"), f"`{shown}` is no URL to load from", hint)]


def check_resource(item: Mapping[str, Any]) -> list[Mistake]:
    """Mistakes in the JSON paths, the paging and the disposition of a resource or the defaults."""
    found: list[Mistake] = []
    for name in ("primary_key", "merge_key"):
        key = item.get(name)
        named = isinstance(key, str) or callable(key)
        if not (key is None or named or (isinstance(key, (list, tuple)) and all_texts(key))):
            found.append(Mistake((name,), "a column name, or a list of them, is expected"))
    disposition = item.get("write_disposition")
    if isinstance(disposition, str) and disposition not in DISPOSITIONS:
        what = f"unknown disposition `{disposition}`"
        found.append(Mistake(("write_disposition",), what, suggest(disposition, DISPOSITIONS)))
    found += check_columns(item.get("columns"))
    endpoint = item.get("endpoint")
    if isinstance(endpoint, Mapping):
        found += check_paths(endpoint, ENDPOINT_PATHS, ("endpoint",))
        paginator = endpoint.get("paginator")
        if isinstance(paginator, Mapping):
            found += check_paths(paginator, PAGINATOR_PATHS, ("endpoint", "paginator"))
            found += check_paging(paginator, ("endpoint", "paginator"))
    return found


def all_texts(values: Any) -> bool:
    return all(isinstance(value, str) for value in values)


def check_columns(columns: Any) -> list[Mistake]:
    """Mistakes in columns that are a mapping or a list; a class or a function is dlt's matter."""
    if is_mapping(columns):
        specs: list[tuple[KeyPath, Any]] = [((str(k),), v) for k, v in columns.items()]
    elif isinstance(columns, (list, tuple)):
        specs = [((index,), value) for index, value in enumerate(columns)]
    else:
        return []
    found: list[Mistake] = []
    for path, spec in specs:
        if not is_mapping(spec):
            what = f"a mapping is expected, not {type_words(spec)}"
            found.append(Mistake(("columns", *path), what, "write {data_type: text}"))
        elif isinstance(path[0], int) and not isinstance(spec.get("name"), str):
            found.append(Mistake(("columns", *path), "`name` is missing"))
    return found


def check_paths(holder: Mapping[str, Any], keys: tuple[str, ...], base: KeyPath) -> list[Mistake]:
    found: list[Mistake] = []
    for key in keys:
        if isinstance(holder.get(key), str):
            try:
                parse_path(holder[key])
            except ValueError as error:
                found.append(Mistake((*base, key), str(error)))
    return found


def check_paging(paginator: Mapping[str, Any], base: KeyPath) -> list[Mistake]:
    """A value goes into one place, and a listing has an end (dlt refuses both too)."""
    found: list[Mistake] = []
    for name in EITHER:
        param, body = f"{name}_param", f"{name}_body_path"
        if paginator.get(param) and paginator.get(body):
            what = f"{param} and {body} are both set"
            found.append(Mistake((*base, body), what, "one request has one place for it"))
    kind = paginator.get("type")
    if kind in ("offset", "page_number"):
        most = "maximum_offset" if kind == "offset" else "maximum_page"
        ends = [paginator.get(key) for key in (most, "has_more_path")]
        total = paginator.get("total_path", "total")
        if total is None and not any(ends) and paginator.get("stop_after_empty_page") is False:
            hint = f"set total_path, {most} or has_more_path, or stop_after_empty_page: true"
            found.append(Mistake(base, "nothing would end this listing", hint))
    return found


def check_params(params: Any) -> list[Mistake]:
    """Mistakes in the params that are mappings; the rest may hold anything."""
    found: list[Mistake] = []
    for name, value in params.items() if isinstance(params, Mapping) else ():
        if not is_mapping(value):
            continue
        path = (str(name),)
        kind = value.get("type")
        if kind == "resolve":
            unknown = [str(key) for key in value if key not in RESOLVE]
            found += [
                Mistake((*path, key), f"unknown key `{key}`", suggest(key, RESOLVE))
                for key in unknown
            ]
            for key in RESOLVE[1:]:
                if not isinstance(value.get(key), str):
                    hint = "write {type: resolve, resource: ..., field: ...}"
                    found.append(Mistake(path, f"`{key}` is missing", hint))
            if isinstance(value.get("field"), str):
                found += check_paths(value, ("field",), path)
        elif kind == "incremental":
            found += [
                Mistake((*path, key), f"`{key}` cannot be set in a param", "use `incremental`")
                for key in ("end_value", "end_param")
                if value.get(key) is not None
            ]
        elif kind is None:
            hint = "a mapping is {type: resolve, ...} or {type: incremental, ...}"
            found.append(Mistake(path, f"param `{name}` is a mapping without a type", hint))
        else:
            what = f"unknown type `{kind}`"
            found.append(Mistake((*path, "type"), what, suggest(str(kind), PARAM_TYPES)))
    return found
