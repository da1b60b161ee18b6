"""What a person at the terminal sees of a live run: a line now and then, and each observation once it is on the disk."""

import sys
import time
from typing import TextIO

from edge_sdk.records import Observation
from edge_sdk.report.figures import count
from edge_sdk.supervision import Snapshot

REWRITE_EVERY_S = 0.5
PLAIN_EVERY_S = 5.0  # where the line cannot be rewritten


class LiveLine:
    """The state of a run in one line, on stderr.

    Args:
        stream: Where to write.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._rewrites = self._stream.isatty()
        self._shown_s = -PLAIN_EVERY_S

    def show(self, status: Snapshot) -> None:
        """Show it if the line is due."""
        now_s = time.monotonic()
        if now_s - self._shown_s < (REWRITE_EVERY_S if self._rewrites else PLAIN_EVERY_S):
            return
        self._shown_s = now_s
        line = live_line(status)
        print(f"\r\x1b[2K{line}" if self._rewrites else line, end="" if self._rewrites else "\n", file=self._stream, flush=True)

    def close(self) -> None:
        """End a line that was rewritten."""
        if self._rewrites:
            print(file=self._stream)


def live_line(status: Snapshot) -> str:
    """`running, camera online, at 12.34 m, 1 250 frames inspected, 3 observations, journal ok`."""
    cameras = ", ".join("/".join((camera.state, *camera.quality)) for camera in status.cameras)
    parts = [status.phase, f"camera {cameras}"]
    if status.chainage_m is not None:
        parts.append(f"at {status.chainage_m:.2f} m")
    parts += [f"{count(status.accounting.processed, 'frame')} inspected", count(status.observations, "observation")]
    if status.journal is not None and status.journal.state != "ok":
        parts.append(f"journal {status.journal.state}: {status.journal.reason}")
    return ", ".join(parts)


def observation_line(observation: Observation) -> str:
    """`recorded RB Cracks, breaks and collapses at 12.34 m, score 0.91`; a revised one says so."""
    place = f"{observation.time_s:.1f} s" if observation.chainage_m is None else f"{observation.chainage_m:.2f} m"
    place += "" if observation.chainage_to_m is None else f" to {observation.chainage_to_m:.2f} m"
    which = "" if observation.camera is None else f"camera {observation.camera}, "
    again = f", revision {observation.revision}" if observation.revision else ""
    return f"recorded {observation.class_.code} {observation.class_.label} at {place}, {which}score {observation.score.peak:.2f}{again}"
