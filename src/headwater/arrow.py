"""The parts of pyarrow whose type stubs lag behind the library, under names of our own."""

from __future__ import annotations

from typing import Any, TypeAlias

import pyarrow as pa
import pyarrow.compute

__all__ = ["Column", "compute", "count_up"]

Column: TypeAlias = Any
"""An Arrow array."""

compute: Any = pyarrow.compute


def count_up(length: int) -> Column:
    """The integers from 0 to `length` - 1, 64 bits wide."""
    module: Any = pa
    return compute.cast(module.arange(0, length), pa.int64())
