"""Makes the helpers of these tests importable."""

from __future__ import annotations

import os
import sys
from pathlib import Path

os.environ.setdefault("RUNTIME__DLTHUB_TELEMETRY", "false")
sys.path.insert(0, str(Path(__file__).parent))
