"""Which state of the lifecycle a run's phase stands for, and the legal steps from here to there."""

from edge_sdk.supervision.lifecycle import Lifecycle, State
from edge_sdk.supervision.snapshot import Snapshot

ORDER: tuple[State, ...] = ("UNCONFIGURED", "INACTIVE", "ACTIVE")


def stage_of(snapshot: Snapshot) -> State:
    """The state, DEGRADED left aside: a stuck or failed run is active, and lacks something grave."""
    if snapshot.phase in ("stopped", "abandoned"):
        return "FINALIZED"
    if not snapshot.self_test_passed:
        return "UNCONFIGURED"
    return "INACTIVE" if snapshot.phase in ("new", "loading", "paused") else "ACTIVE"


def follow(lifecycle: Lifecycle, snapshot: Snapshot) -> None:
    """Take the steps that lead from the lifecycle's state to the run's; from FINALIZED there are none."""
    goal = stage_of(snapshot)
    if lifecycle.state == "FINALIZED":
        return
    if goal == "FINALIZED":
        lifecycle.shutdown(f"the run is {snapshot.phase}")
        return
    here = ORDER.index("ACTIVE" if lifecycle.state == "DEGRADED" else lifecycle.state)
    there = ORDER.index(goal)
    up = (lifecycle.configure, lifecycle.activate)
    down = (lifecycle.cleanup, lifecycle.deactivate)
    for step in up[here:there] if there > here else reversed(down[there:here]):
        step()
