"""A tracking module for dlt, which tells such modules of every step of every pipeline.

It hears of a load before dlt looks for files to load: also of one that an earlier run left, which
`pipeline.run` loads before it looks at its source.
"""

from __future__ import annotations

import sys
from typing import Any

from dlt.pipeline import trace

from headwater.load.started import release, take_back

__all__ = ["follow_loads"]


def follow_loads() -> None:
    """Has dlt tell this module of each step from now on."""
    module: Any = sys.modules[__name__]
    if module not in trace.TRACKING_MODULES:
        trace.TRACKING_MODULES.append(module)


def on_start_trace_step(_trace: Any, step: str, pipeline: Any) -> None:
    """dlt makes a warning of what this raises; the load goes on."""
    if step == "load":
        take_back(pipeline)


def on_end_trace_step(_trace: Any, step: Any, pipeline: Any, *_: Any) -> None:
    """Also of a load that failed."""
    if step.step == "load":
        release(pipeline)


def on_start_trace(*_: Any) -> None:
    pass


def on_end_trace(*_: Any) -> None:
    pass
