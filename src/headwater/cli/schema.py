"""`headwater schema`: the JSON Schema of a config file."""

from __future__ import annotations

from headwater.cli.options import Debug
from headwater.cli.show import print_json

__all__ = ["schema"]


def schema(debug: Debug = False) -> None:
    """Print the JSON Schema of a config file, for editors."""
    from headwater.config.schema import json_schema

    print_json(json_schema())
