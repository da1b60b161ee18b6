"""The journal: what a run has acknowledged survives a kill and a power loss.

`Journal` writes it, `RunRecorder` keeps one for a film, `inspection_from_journal` and `report_from_journal` read it back. SQLite and the
journal are loaded when they are first asked for: who only wants `files` pays for neither.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from edge_sdk.journal.journal import Journal
    from edge_sdk.journal.writer import Health

_HOME = {"Health": "writer", "Journal": "journal"}

__all__ = ["Health", "Journal"]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'edge_sdk.journal' has no attribute '{name}'")
    return getattr(import_module(f"edge_sdk.journal.{_HOME[name]}"), name)
