"""Inference runtimes behind one seam.

Each runtime's library is imported only in the module named after it, so that this package imports anywhere.
"""

import os

from edge_sdk.runtime.session import Session

__all__ = ["Session"]

# onnxruntime (seen in 1.31) reports its use over the network and keeps a device number and a database in the user's cache folder. It reads
# this as it is loaded, and `disable_telemetry_events` comes too late; a robot calls nobody it was not told to.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
