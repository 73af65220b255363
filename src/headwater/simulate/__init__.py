"""Stage for tests and demo: any config becomes a loopback API that behaves as it says."""

from headwater.simulate.options import Options, Seen
from headwater.simulate.server import Simulator, serve

__all__ = ["Options", "Seen", "Simulator", "serve"]
