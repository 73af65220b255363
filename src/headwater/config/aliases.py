"""One spelling for each thing: short forms and known aliases become the vocabulary's own words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from headwater.config.strict import is_mapping

__all__ = ["normalise"]

Path = tuple[str | int, ...]
Note = Callable[[Path, str], None]

ENDPOINT_ALIASES = {"http_method": "method", "body": "json", "incremental_sync": "incremental"}
AUTH_TYPES = {"basic": "http_basic"}
OAUTH2_KEYS = {
    "token_url": "access_token_url",
    "token_request_endpoint": "access_token_url",
    "data": "access_token_request_data",
}
PAGINATOR_TYPES = {"json_response": "json_link", "page": "page_number", "link": "header_link"}


def normalise(raw: Mapping[str, Any]) -> tuple[dict[str, Any], list[tuple[Path, str]]]:
    """A copy of `raw` in the vocabulary's words, and a note for each alias taken.

    Values of a wrong type are left as they are, for the check that follows.
    """
    notes: list[tuple[Path, str]] = []

    def note(path: Path, text: str) -> None:
        notes.append((path, text))

    out = dict(raw)
    if isinstance(out.get("client"), Mapping):
        out["client"] = client(out["client"], ("client",), note)
    if isinstance(out.get("resource_defaults"), Mapping):
        out["resource_defaults"] = resource(out["resource_defaults"], ("resource_defaults",), note)
    if isinstance(out.get("resources"), (list, tuple)):
        out["resources"] = [
            resource(item, ("resources", index), note)
            for index, item in enumerate(out["resources"])
        ]
    return {key: value for key, value in out.items() if value is not None}, notes


def client(raw: Mapping[str, Any], path: Path, note: Note) -> dict[str, Any]:
    out = dict(raw)
    if "auth" in out:
        out["auth"] = auth(out["auth"], (*path, "auth"), note)
    if "paginator" in out:
        out["paginator"] = paginator(out["paginator"], (*path, "paginator"), note)
    return out


def resource(raw: Any, path: Path, note: Note) -> Any:
    if isinstance(raw, str):
        return {"name": raw, "endpoint": {"path": raw}}
    if not isinstance(raw, Mapping):
        return raw
    out = dict(raw)
    if isinstance(out.get("endpoint"), str):
        out["endpoint"] = {"path": out["endpoint"]}
    if isinstance(out.get("endpoint"), Mapping):
        out["endpoint"] = endpoint(out["endpoint"], (*path, "endpoint"), note)
    return out


def rename(out: dict[str, Any], old: str, new: str, path: Path, note: Note) -> None:
    if old in out and new not in out:
        out[new] = out.pop(old)
        note((*path, old), f"`{old}` is read as `{new}`")


def endpoint(raw: Mapping[str, Any], path: Path, note: Note) -> dict[str, Any]:
    out = dict(raw)
    for old, new in ENDPOINT_ALIASES.items():
        rename(out, old, new, path, note)
    selector = out.get("data_selector")
    if type(selector).__module__.startswith("jsonpath_ng"):
        out["data_selector"] = str(selector)
    if isinstance(selector, (list, tuple)):
        out["data_selector"] = ".".join(str(key) for key in selector) or "$"
        note((*path, "data_selector"), f"a list is read as the path `{out['data_selector']}`")
    if "auth" in out:
        out["auth"] = auth(out["auth"], (*path, "auth"), note)
    if "paginator" in out:
        out["paginator"] = paginator(out["paginator"], (*path, "paginator"), note)
    return out


def auth(raw: Any, path: Path, note: Note) -> Any:
    if isinstance(raw, str):
        return {"type": raw}
    if not is_mapping(raw):
        return raw
    out = dict(raw)
    kind = out.get("type")
    if kind is None:
        out["type"] = "bearer"
    elif kind in AUTH_TYPES:
        out["type"] = AUTH_TYPES[kind]
        note((*path, "type"), f"`{kind}` is read as `{out['type']}`")
    elif kind == "oauth2" or (
        isinstance(kind, str) and kind.startswith("oauth2_") and "token_url" in out
    ):
        for old, new in OAUTH2_KEYS.items():
            rename(out, old, new, path, note)
        grant = "refresh_token" if out.get("refresh_token") else "client_credentials"
        if kind == "oauth2":
            out["type"] = f"oauth2_{grant}"
            note((*path, "type"), f"`oauth2` is read as `{out['type']}`")
    return out


def paginator(raw: Any, path: Path, note: Note) -> Any:
    if isinstance(raw, str):
        raw = {"type": raw}
    if not is_mapping(raw):
        return raw
    out = {key: value for key, value in raw.items() if value is not None or key == "total_path"}
    kind = out.setdefault("type", "auto")
    if kind in PAGINATOR_TYPES:
        kind = out["type"] = PAGINATOR_TYPES[kind]
        note((*path, "type"), f"`{raw['type']}` is read as `{kind}`")
    if kind in ("offset", "page_number") and out.get("total_path") is not None:
        out.setdefault("total_required", True)
    if kind == "page_number":
        rename(out, "start_from_page", "base_page", path, note)
    return out
