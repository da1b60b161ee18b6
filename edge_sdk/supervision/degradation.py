"""What a live run may lack, by name: the rules that turn a look at it into reasons, with an entry and a leaving delay for each.

The delays keep a value that trembles at its limit from filling the journal. The list of names is closed: metrics label by it.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple, get_args

import msgspec

from edge_sdk.supervision.diagnostics import Severity
from edge_sdk.supervision.host import Host
from edge_sdk.supervision.snapshot import CameraSnapshot, Snapshot

Name = Literal[
    "camera_offline", "picture_bad", "backend_fallback", "inference_stuck", "inference_failed", "inference_errors",
    "journal_warn", "journal_error", "disk_low", "results_dropped", "odometer_stale", "too_hot",
]  # fmt: skip
NAMES: tuple[Name, ...] = get_args(Name)

SEVERITY: dict[Name, Severity] = {
    "inference_stuck": "ERROR", "inference_failed": "ERROR", "journal_error": "ERROR",
}  # fmt: skip


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """When something counts as lacking.

    `connecting_s`: a camera that never gave a frame is offline after it. `picture_s`: bad pictures for so long. `hold_s`: an event (lost
    results, failed frames) is a reason for so long. `odometer_s`: readings older than that. `stuck_s`: one run of the network.
    `disk_bytes`: free space beside the journal's own reserve of 64 MB.
    """

    connecting_s: float = 10.0
    picture_s: float = 2.0
    hold_s: float = 10.0
    odometer_s: float = 2.0
    stuck_s: float = 10.0
    disk_bytes: int = 512 << 20


class Degradation(NamedTuple):
    """A named reason, how grave it is, one line of detail, and since when (monotonic seconds)."""

    name: Name
    severity: Severity
    detail: str
    since_s: float


@dataclass(slots=True)
class _Known:
    first_s: float  # of the present row of looks that found it
    last_s: float
    detail: str


class Assessor:
    """Compares successive looks at one run.

    Args:
        limits: See `Limits`.
        monotonic: The clock, seconds.
    """

    def __init__(self, limits: Limits | None = None, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._limits, self._monotonic = limits or Limits(), monotonic
        self._enter_s: dict[Name, float] = {"picture_bad": self._limits.picture_s}
        self._leave_s: dict[Name, float] = dict.fromkeys(("results_dropped", "inference_errors"), self._limits.hold_s)
        self._known: dict[Name, _Known] = {}
        self._before: Snapshot | None = None
        self._connecting_since: dict[int, float] = {}

    def assess(self, now: Snapshot, host: Host) -> tuple[Degradation, ...]:
        """Everything that is lacking, in the order of the list of names."""
        at_s = self._monotonic()
        found = dict(self._findings(now, host, at_s))
        self._before = now
        for name, detail in found.items():
            entry = self._known.setdefault(name, _Known(at_s, at_s, detail))
            entry.last_s, entry.detail = at_s, detail
        over = [name for name in self._known if name not in found and at_s - self._known[name].last_s >= self._leave_s.get(name, 0.0)]
        for name in over:
            del self._known[name]
        return tuple(
            Degradation(name, SEVERITY.get(name, "WARN"), known.detail, known.first_s)
            for name in NAMES
            if (known := self._known.get(name)) and at_s - known.first_s >= self._enter_s.get(name, 0.0)
        )

    def _findings(self, now: Snapshot, host: Host, at_s: float) -> Iterator[tuple[Name, str]]:
        yield from self._cameras(now.cameras, at_s)
        yield from self._inference(now)
        if now.journal is not None and now.journal.state != "ok":
            yield ("journal_error" if now.journal.state == "error" else "journal_warn"), now.journal.reason or now.journal.state
        if host.disk_free_bytes is not None and host.disk_free_bytes < self._limits.disk_bytes:
            yield "disk_low", f"{host.disk_free_bytes / 1e6:.0f} MB are free, {self._limits.disk_bytes / 1e6:.0f} MB is the least"
        if (lost := now.results_lost - (self._before.results_lost if self._before else 0)) > 0:
            yield "results_dropped", f"{lost} results were replaced before they were read; {now.results_lost} in all"
        if now.odometer_age_s is not None and now.odometer_age_s > self._limits.odometer_s:
            yield "odometer_stale", f"no reading for {self._limits.odometer_s:g} s"
        if host.hot_zone is not None:
            yield "too_hot", host.hot_zone

    def _cameras(self, cameras: tuple[CameraSnapshot, ...], at_s: float) -> Iterator[tuple[Name, str]]:
        offline = [str(i) for i, camera in enumerate(cameras) if self._is_offline(i, camera, at_s)]
        if offline:
            yield "camera_offline", f"camera {', '.join(offline)} of {len(cameras)} gives no frames"
        flags = [f"camera {i}: {', '.join(camera.quality)}" for i, camera in enumerate(cameras) if camera.quality]
        if flags:
            yield "picture_bad", "; ".join(flags)

    def _is_offline(self, number: int, camera: CameraSnapshot, at_s: float) -> bool:
        if camera.state != "connecting":
            self._connecting_since.pop(number, None)
            return camera.state != "online"
        return at_s - self._connecting_since.setdefault(number, at_s) >= self._limits.connecting_s

    def _inference(self, now: Snapshot) -> Iterator[tuple[Name, str]]:
        if now.fallback:
            yield "backend_fallback", now.fallback
        if now.phase == "stuck" or (now.working_s > self._limits.stuck_s and not now.is_loading and now.phase != "loading"):
            yield "inference_stuck", f"a run on {now.provider or 'the runtime'} has not come back"
        if now.phase == "failed" or now.provider == "none":
            yield "inference_failed", "the worker died" if now.phase == "failed" else "every runtime has failed"
        before = self._before.accounting.dropped.get("inference_failed", 0) if self._before else 0
        if (failed := now.accounting.dropped.get("inference_failed", 0)) > before:
            yield "inference_errors", f"{failed - before} frames failed; {failed} in all"
