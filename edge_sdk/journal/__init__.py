"""The journal: what a run has acknowledged survives a kill and a power loss.

`Journal` writes it, `RunRecorder` keeps one for a film, `inspection_from_journal` and `report_from_journal` read it back.
"""

from edge_sdk.journal.journal import Journal
from edge_sdk.journal.writer import Health

__all__ = ["Health", "Journal"]
