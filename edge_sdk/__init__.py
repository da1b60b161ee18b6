"""sewer-edge: a streaming API for compressed sewer-inspection models on crawler robots.

Importing this package is quick and loads no runtime: every name below is fetched from its module when it is first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from edge_sdk.bundle import Bundle
    from edge_sdk.camera import open_live, open_source
    from edge_sdk.errors import EdgeSdkError
    from edge_sdk.inspector import Inspector
    from edge_sdk.live_inspection import LiveInspection
    from edge_sdk.odometer import Odometer
    from edge_sdk.odometer_feed import OdometerFeed
    from edge_sdk.records import Inspection, Observation
    from edge_sdk.report import write_reports
    from edge_sdk.tracking import TrackingPolicy

_HOME = {
    "Bundle": "bundle",
    "EdgeSdkError": "errors",
    "Inspection": "records",
    "Inspector": "inspector",
    "LiveInspection": "live_inspection",
    "Observation": "records",
    "Odometer": "odometer",
    "OdometerFeed": "odometer_feed",
    "TrackingPolicy": "tracking",
    "open_live": "camera",
    "open_source": "camera",
    "write_reports": "report",
}

__all__ = [  # noqa: RUF022 - in the order a program uses them
    "Bundle",
    "Inspector",
    "open_source",
    "Odometer",
    "LiveInspection",
    "open_live",
    "OdometerFeed",
    "TrackingPolicy",
    "Observation",
    "Inspection",
    "write_reports",
    "EdgeSdkError",
    "__version__",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'edge_sdk' has no attribute '{name}'")
    return getattr(import_module(f"edge_sdk.{_HOME[name]}"), name)
