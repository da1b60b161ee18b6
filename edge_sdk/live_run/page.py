"""One camera's page of the ledger: its tracks, its coverage, and why it gives nothing where it does."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from edge_sdk.live.result import CameraStatus, LiveState, LiveStatus
from edge_sdk.live.slot import LiveAccounting, LiveDrop
from edge_sdk.live_run.coverage import LiveCoverage
from edge_sdk.live_run.tracks import CameraTracks
from edge_sdk.records import Gap, GapReason

STALL_S = 1.0  # frames come, and none has been looked at for so long
BROKEN: tuple[LiveState, ...] = ("stuck", "failed")
REJECTED: tuple[Literal["bad_shape", "unreadable"], ...] = ("bad_shape", "unreadable")


@dataclass(slots=True)
class Page:
    """`before` are the camera's frames at its newest result; `quality` is what is wrong with its newest picture."""

    tracks: CameraTracks
    coverage: LiveCoverage
    quality: tuple[str, ...] = ()
    before: LiveAccounting = field(default_factory=lambda: LiveAccounting(0, 0, {}, 0))
    _gaps_told: int = 0
    _newest_gap: Gap | None = None

    def new_gaps(self) -> Iterator[tuple[int, Gap]]:
        """The gaps that have begun or grown since the last time, by number."""
        start = max(self._gaps_told - 1, 0)
        for index, gap in enumerate(self.coverage.gaps(start), start):
            if index >= self._gaps_told or gap != self._newest_gap:
                yield index, gap
            self._newest_gap = gap
        self._gaps_told = self.coverage.num_gaps

    def dropped_since(self, accounting: LiveAccounting) -> dict[LiveDrop, int]:
        """The frames dropped since the newest result, by reason."""
        return {reason: num - self.before.dropped.get(reason, 0) for reason, num in accounting.dropped.items()}

    def silence(self, camera: CameraStatus, status: LiveStatus, *, now_s: float, no_frame_s: float) -> GapReason | None:
        """Why the camera gives no results just now; None if it does, or may be about to.

        Args:
            camera: Its status.
            status: The stream's.
            now_s: Time of the run.
            no_frame_s: A camera that never gave a frame is lost after it.
        """
        silent_s = now_s - self.coverage.last_look_s
        if status.state in BROKEN:
            return "inference_failed"
        if camera.accounting.in_flight and silent_s < STALL_S:
            return None
        if status.state == "paused":
            return "paused"
        if camera.source_state in ("offline", "closed") or (camera.source_state == "connecting" and silent_s > no_frame_s):
            return "camera_lost"
        if silent_s < STALL_S:
            return None
        since = self.dropped_since(camera.accounting)
        if since.get("superseded") or (camera.accounting.in_flight and status.working_s > STALL_S):
            return "too_few_looks"
        return next((reason for reason in REJECTED if since.get(reason)), None)
