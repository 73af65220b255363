"""Auth of a user's own: it is handed the request as it is to be sent, and signs it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import requests
from dlt.common.configuration.specs.base_configuration import is_secret_hint

from headwater.config.secret import Secret
from headwater.fetch.ask import Fault
from headwater.fetch.auth import is_sensitive
from headwater.fetch.compat.hooks import PASSING, told
from headwater.fetch.compat.messages import draft_of, to_requests
from headwater.fetch.foreign import Draft, Foreign, Signer
from headwater.fetch.page import Request
from headwater.fetch.wire import Faulty

__all__ = ["DltAuth", "unsigned"]

TELLING = (str, int, float, bool)
RENEWED = ("access_token", "token")


class DltAuth(Signer):
    """An auth object in a config. Who it is for is noted at once: tokens may be renewed later."""

    def __init__(self, auth: Any) -> None:
        self.auth = auth
        held = dict(fields_of(auth))
        kind = type(auth)
        lasting = {name: value for name, value in held.items() if name not in RENEWED}
        who = lasting if any(map(is_sensitive, lasting)) else held
        self.identity = f"{kind.__module__}.{kind.__qualname__} {sorted(who.items())!r}"
        hints = auth.get_resolvable_fields() if hasattr(auth, "get_resolvable_fields") else {}
        self.secrets = tuple(
            Secret(value)
            for name, value in held.items()
            if isinstance(value, str)
            and value
            and (is_sensitive(name) or (name in hints and is_secret_hint(hints[name])))
        )

    def __repr__(self) -> str:
        return type(self.auth).__name__

    def signed(self, request: Request, headers: Mapping[str, str]) -> Draft:
        prepared = prepare(request, headers)
        try:
            prepared.prepare_auth(self.auth, request.url)
        except Exception as error:
            what = told(error, f"auth {self!r}")
            if isinstance(error, PASSING):
                raise Faulty(Fault(what, hint="")) from error
            raise Foreign(what) from error
        return draft_of(prepared)


def unsigned(request: Request, headers: Mapping[str, str]) -> Draft:
    """`request` with `headers` as it is to be sent, signed already or by nobody. Raises Faulty."""
    return draft_of(prepare(request, headers))


def prepare(request: Request, headers: Mapping[str, str]) -> Any:
    try:
        return to_requests(request, headers).prepare()
    except (requests.exceptions.RequestException, ValueError) as error:
        raise Faulty(Fault(f"cannot be sent: {error}", repeats=False, hint="")) from error


def fields_of(auth: Any) -> Iterator[tuple[str, Any]]:
    """The plain values that an auth object holds, by name."""
    for name, value in getattr(auth, "__dict__", {}).items():
        if not name.startswith("__") and isinstance(value, TELLING):
            yield name, value
