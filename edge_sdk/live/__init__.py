"""Live streams: the newest frame of each camera, never a wait for the caller, exact accounting, and a model that may be swapped.

`LiveStream` is the pipeline; `edge_sdk.live_inspection` makes observations of what comes out of it.
"""

from edge_sdk.live.stream import STOP_S, LiveStream

__all__ = ["STOP_S", "LiveStream"]
