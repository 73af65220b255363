"""Where secrets of config files come from: dlt's providers."""

from __future__ import annotations

from typing import Any

import dlt

__all__ = ["find_secret"]


def find_secret(name: str, config_name: str) -> str | None:
    """The secret `name`, under `sources.<config_name>` first; None where no provider has it."""
    for key in (f"sources.{config_name}.{name}", name):
        value: Any = dlt.secrets.get(key)
        if value is not None and value != "":
            return str(value)
    return None
