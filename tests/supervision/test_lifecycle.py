"""T-SUP2: only legal steps, DEGRADED exactly while something is lacking, STALE when nobody looks."""

from typing import get_args

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from edge_sdk.supervision.diagnostics import Diagnostics
from edge_sdk.supervision.lifecycle import Lifecycle, State, Transition
from edge_sdk.supervision.snapshot import Phase, Snapshot
from edge_sdk.supervision.stages import follow, stage_of

STEPS = {  # written out a second time, from the standard's drawing: verb -> from -> to
    "configure": {"UNCONFIGURED": "INACTIVE"},
    "activate": {"INACTIVE": "ACTIVE"},
    "deactivate": {"ACTIVE": "INACTIVE"},
    "cleanup": {"INACTIVE": "UNCONFIGURED"},
    "shutdown": {"UNCONFIGURED": "FINALIZED", "INACTIVE": "FINALIZED", "ACTIVE": "FINALIZED"},
}
REASONS = st.dictionaries(st.sampled_from(["camera_offline", "journal_warn", "disk_low"]), st.text(max_size=5))


class LifecycleModel(RuleBasedStateMachine):
    """A model of two variables beside the real one; every sequence of calls must keep them together."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[Transition] = []
        self.lifecycle = Lifecycle(self.told.append)
        self.ros, self.lacking = "UNCONFIGURED", set[str]()

    @rule(verb=st.sampled_from(sorted(STEPS)))
    def step(self, verb: str) -> None:
        before = self.lifecycle.state
        target = STEPS[verb].get(self.ros)
        if target is None:
            with pytest.raises(RuntimeError, match=f"while {before}; "):
                getattr(self.lifecycle, verb)()
            assert self.lifecycle.state == before
            return
        getattr(self.lifecycle, verb)("because")
        self.ros = target
        assert self.told[-1].before == before and self.told[-1].reason == "because"

    @rule(reasons=REASONS)
    def lack(self, reasons: dict[str, str]) -> None:
        told = len(self.told)
        self.lifecycle.lack(reasons)
        if self.ros == "FINALIZED":
            assert len(self.told) == told
            return
        changed = set(reasons) ^ self.lacking
        assert len(self.told) - told == bool(changed)
        if changed:
            assert set(self.told[-1].entered) == set(reasons) - self.lacking
            assert set(self.told[-1].left) == self.lacking - set(reasons)
        self.lacking = set(reasons)

    @invariant()
    def degraded_is_active_with_reasons(self) -> None:
        expected = "DEGRADED" if self.ros == "ACTIVE" and self.lacking else self.ros
        assert self.lifecycle.state == expected
        assert set(self.lifecycle.reasons) == self.lacking

    @invariant()
    def the_history_is_a_chain(self) -> None:
        assert list(self.lifecycle.history) == self.told[-256:]
        for first, second in zip(self.told, self.told[1:], strict=False):
            assert first.after == second.before and first.at_ns <= second.at_ns


TestLifecycleModel = LifecycleModel.TestCase
TestLifecycleModel.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)


@pytest.mark.parametrize("self_test_passed", [False, True])
@pytest.mark.parametrize("start", get_args(Phase))
@pytest.mark.parametrize("goal", get_args(Phase))
def test_every_change_of_phase_is_reached_by_legal_steps(start: Phase, goal: Phase, self_test_passed: bool) -> None:
    lifecycle = Lifecycle()
    follow(lifecycle, Snapshot(phase=start, self_test_passed=True))

    follow(lifecycle, Snapshot(phase=goal, self_test_passed=self_test_passed))

    ended = start in ("stopped", "abandoned")
    assert lifecycle.state == ("FINALIZED" if ended else stage_of(Snapshot(phase=goal, self_test_passed=self_test_passed)))


@pytest.mark.parametrize(
    ("phase", "passed", "state"),
    [
        ("new", False, "UNCONFIGURED"), ("running", False, "UNCONFIGURED"), ("new", True, "INACTIVE"), ("loading", True, "INACTIVE"),
        ("running", True, "ACTIVE"), ("paused", True, "INACTIVE"), ("stuck", True, "ACTIVE"), ("failed", True, "ACTIVE"),
        ("stopped", True, "FINALIZED"), ("abandoned", False, "FINALIZED"),
    ],
)  # fmt: skip
def test_a_phase_stands_for_a_state(phase: Phase, passed: bool, state: State) -> None:
    assert stage_of(Snapshot(phase=phase, self_test_passed=passed)) == state


def test_diagnostics_are_stale_after_three_periods_and_before_the_first_look(clock) -> None:
    diagnostics = Diagnostics(0.5, monotonic=clock)
    assert diagnostics.level == "STALE" and diagnostics.age_s is None

    for severities, level in [((), "OK"), (["WARN"], "WARN"), (["WARN", "ERROR"], "ERROR")]:
        diagnostics.update(severities)
        clock.pass_s(1.5)
        assert diagnostics.level == level
    clock.pass_s(0.01)
    assert diagnostics.level == "STALE" and diagnostics.age_s == pytest.approx(1.51)
    diagnostics.update(())
    assert diagnostics.level == "OK"
