"""Supervision of a running inspection: what state it is in, whether it makes progress, and how an operator or a service manager sees it.

    def look() -> Snapshot:                                     # called four times a second; must return at once
        status, health = stream.status, journal.health
        return Snapshot(
            phase=status.state, self_test_passed=True, model=status.model, provider=status.provider, precision=session.precision,
            accounting=Counts(*status.accounting), working_s=status.working_s, results_lost=status.results_lost,
            cameras=tuple(CameraSnapshot(f"camera {i}", c.source_state, c.frame_age_ms, c.reconnects, c.frames_lost)
                          for i, c in enumerate(status.cameras)),
            journal=JournalSnapshot(health.state, health.reason, health.waiting),
        )

    configure_logging(json=True)                                # a program does this, a library never
    with Supervisor(look, run_dir=out, notifier=Notifier.from_environment()) as supervisor:
        stream.on_result(lambda result: supervisor.frame_done(age_s=result.age_ms / 1e3))
        ...

It only looks: nothing here starts, stops or changes the inspection, and no socket listens unless `metrics_port` is given.
"""

from edge_sdk.supervision.degradation import Limits
from edge_sdk.supervision.json_log import configure_logging
from edge_sdk.supervision.lifecycle import Lifecycle, Transition
from edge_sdk.supervision.metrics import Metrics
from edge_sdk.supervision.notify import Notifier
from edge_sdk.supervision.snapshot import CameraSnapshot, Counts, JournalSnapshot, Snapshot
from edge_sdk.supervision.status_file import read_status
from edge_sdk.supervision.supervisor import Supervisor
from edge_sdk.supervision.timed_session import TimedSession
from edge_sdk.supervision.watchdog import Watchdog

__all__ = [
    "CameraSnapshot",
    "Counts",
    "JournalSnapshot",
    "Lifecycle",
    "Limits",
    "Metrics",
    "Notifier",
    "Snapshot",
    "Supervisor",
    "TimedSession",
    "Transition",
    "Watchdog",
    "configure_logging",
    "read_status",
]
