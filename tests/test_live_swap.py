"""Exchanging the model of a live stream: between two frames, on probation, and back by itself."""

import threading
import time
from types import SimpleNamespace

import numpy as np
import pytest

from edge_sdk.contract.golden import GoldenReport
from edge_sdk.live import LiveStream
from edge_sdk.live.models import PROBATION_FRAMES
from edge_sdk.live.result import LiveEvent, LiveSettings
from edge_sdk.tracking import TrackingPolicy
from live_fakes import GREY, FakeSession, live_model, settled, until


def ready(stream: LiveStream) -> LiveStream:
    assert stream.wait_ready(30)
    return stream


def one(stream: LiveStream) -> None:
    stream.submit(GREY)
    settled(stream)


def outcomes(stream: LiveStream) -> list[str]:
    return [report.outcome for report in stream.swaps]


def test_the_frame_in_flight_ends_on_the_old_model_and_the_next_runs_on_the_new() -> None:
    gate = threading.Semaphore(1)
    old, new = FakeSession(1.0, gate=gate), FakeSession(2.0)
    with LiveStream(live_model(old, "old"), LiveSettings(thresholds=(0.1,) * 17)) as stream:
        results = ready(stream).results()
        stream.submit(GREY)
        until(lambda: stream.status.working_s > 0)

        report = stream.swap(live_model(new, "new", temperature=2.0), LiveSettings(thresholds=(0.2,) * 17))
        stream.submit(GREY)
        gate.release()
        settled(stream)

    assert (report.outcome, report.before, report.after) == ("on_probation", "old", "new")
    first, second = results
    assert (first.model, first.provider, first.settings.thresholds[0]) == ("old", "fake-1", 0.1)
    assert (second.model, second.provider, second.settings.thresholds[0]) == ("new", "fake-2", 0.2)
    assert first.scores_C[0] == second.scores_C[0] == pytest.approx(1 / (1 + np.exp(-1.0))), "logit 2 at temperature 2 is logit 1"
    assert not old.closed, "sessions belong to the caller"


@pytest.mark.parametrize(
    ("session", "self_test", "reason"),
    [
        (FakeSession(), lambda session: GoldenReport(0.3, 0.01, 4), "golden frames differ by 0.300"),
        (FakeSession(fail_at={0}), None, "scripted failure"),
        (FakeSession(nan_at={0}), None, "NaN"),
        (FakeSession(), lambda session: 1 / 0, "division by zero"),
    ],
    ids=["golden", "fails", "nan", "raises"],
)
def test_a_model_that_fails_its_test_is_never_let_in(session, self_test, reason: str) -> None:
    with LiveStream(live_model(FakeSession(), "old")) as stream:
        results = ready(stream).results()

        report = stream.swap(live_model(session, "bad"), self_test=self_test)
        one(stream)

        assert report.outcome == "refused" and reason in report.reason and stream.swaps == (report,)
    assert next(results).model == "old"


def test_a_model_that_fails_its_first_frames_is_taken_back_with_the_reason() -> None:
    events: list[LiveEvent] = []
    old_settings = LiveSettings(thresholds=(0.1,) * 17)
    stream = LiveStream(live_model(FakeSession(1.0), "old"), old_settings)
    stream.on_event(events.append)
    with stream:
        results = ready(stream).results()
        stream.swap(live_model(FakeSession(2.0, fail_at=range(3, 99)), "bad"), LiveSettings(thresholds=(0.2,) * 17))
        for _ in range(8):
            one(stream)
        until(lambda: [event for event in events if event.kind == "swap_reverted"])

        assert outcomes(stream) == ["on_probation", "reverted"]
        assert stream.swaps[1].reason == "3 of its first 5 frames failed: scripted failure"
        assert stream.status.model == "old" and stream.accounting == (8, 5, {"inference_failed": 3}, 0)
    seen = list(results)
    assert [result.model for result in seen] == ["bad"] * 5 + ["old"] * 3
    assert [result.dropped for result in seen] == [None] * 2 + ["inference_failed"] * 3 + [None] * 3
    assert seen[-1].settings is old_settings and seen[5].drops == {"inference_failed": 3}


def test_after_fifty_good_frames_the_model_stays_whatever_fails_later() -> None:
    session = FakeSession(2.0)
    with LiveStream(live_model(FakeSession(1.0), "old")) as stream:
        ready(stream).swap(live_model(session, "new"))
        for _ in range(PROBATION_FRAMES):
            one(stream)
        assert outcomes(stream) == ["on_probation", "kept"]
        session.fail_at = range(10_000)
        for _ in range(5):
            one(stream)

        assert outcomes(stream) == ["on_probation", "kept"] and stream.status.model == "new"


def test_a_second_exchange_during_probation_falls_back_to_the_one_that_proved_itself() -> None:
    with LiveStream(live_model(FakeSession(1.0), "proved")) as stream:
        ready(stream).swap(live_model(FakeSession(2.0), "second"))
        one(stream)
        stream.swap(live_model(FakeSession(3.0, fail_at=range(1, 99)), "third"))
        for _ in range(3):
            one(stream)

        assert stream.status.model == "proved" and outcomes(stream) == ["on_probation", "on_probation", "reverted"]


def test_a_run_that_hangs_is_told_once_and_ends_when_it_does() -> None:
    events: list[LiveEvent] = []
    session = FakeSession()
    stream = LiveStream(live_model(session), LiveSettings(stuck_s=0.2))
    stream.on_event(events.append)
    with stream:
        ready(stream)
        gate = session.gate = threading.Event()
        stream.submit(GREY)
        until(lambda: stream.state == "stuck")
        until(lambda: [event for event in events if event.kind == "stuck"])
        time.sleep(0.6)
        assert [event.kind for event in events] == ["ready", "stuck"]
        gate.set()
        settled(stream)

        assert stream.state == "running" and stream.accounting == (1, 1, {}, 0)


def test_a_runtime_that_is_being_started_within_a_run_is_not_stuck() -> None:
    session = FakeSession()
    with LiveStream(live_model(session, is_loading=lambda: True), LiveSettings(stuck_s=0.1)) as stream:
        ready(stream)
        gate = session.gate = threading.Event()
        stream.submit(GREY)
        until(lambda: stream.status.working_s > 0.3)

        assert stream.state == "running"
        gate.set()


def test_the_time_of_a_run_counts_from_when_a_runtime_was_started_within_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Minutes of building an engine are no hang of the inference that follows in the same run."""
    now_ns, loading, session = [time.monotonic_ns()], [True], FakeSession()
    for module in ("intake", "crew"):
        monkeypatch.setattr(f"edge_sdk.live.{module}.time", SimpleNamespace(monotonic_ns=lambda: now_ns[0]))
    with LiveStream(live_model(session, is_loading=lambda: loading[0]), LiveSettings(stuck_s=10.0)) as stream:
        ready(stream)
        gate = session.gate = threading.Event()
        stream.submit(GREY)
        until(lambda: session.runs == 2)

        seen = []
        for seconds, loads in ((300, True), (0, False), (5, False), (6, False)):
            now_ns[0], loading[0] = now_ns[0] + seconds * 10**9, loads
            seen.append((stream.state, stream.status.working_s))
        gate.set()

    assert seen == [("running", 300), ("running", 0), ("running", 5), ("stuck", 11)]


def test_a_new_model_that_hangs_is_taken_back_and_the_stream_goes_on() -> None:
    gate, old, new = threading.Event(), FakeSession(1.0), FakeSession(2.0)
    with LiveStream(live_model(old, "old"), LiveSettings(stuck_s=0.3)) as stream:
        results = ready(stream).results()
        stream.swap(live_model(new, "new"))
        new.gate = gate
        stream.submit(GREY)
        until(lambda: stream.status.model == "old")
        until(lambda: stream.status.workers_abandoned == 1)
        one(stream)
        gate.set()  # the hanging run ends after all: too late

        assert outcomes(stream) == ["on_probation", "reverted"] and stream.swaps[-1].reason == "it hung"
        assert stream.accounting == (2, 1, {"abandoned": 1}, 0)
    (result,) = results
    assert result.model == "old" and result.drops == {"abandoned": 1}


def test_a_supervisor_can_exchange_a_model_that_hangs() -> None:
    gate, old = threading.Event(), FakeSession(1.0)
    with LiveStream(live_model(old, "old"), LiveSettings(stuck_s=0.1)) as stream:
        ready(stream)
        old.gate = gate
        stream.submit(GREY)
        until(lambda: stream.state == "stuck")

        stream.swap(live_model(FakeSession(2.0), "new"))
        stream.configure(LiveSettings(stuck_s=60.0))  # or a machine that stands still for a moment hangs, too
        one(stream)
        gate.set()

        assert stream.status.model == "new" and stream.accounting == (2, 1, {"abandoned": 1}, 0)


@pytest.mark.parametrize("to", ["another model", "the same model"])
def test_a_model_that_hangs_is_left_behind_though_the_next_settings_are_more_patient(to: str) -> None:
    """The run is judged by the settings it began under, or the new model would wait for a worker that never comes back."""
    gate, first = threading.Event(), live_model(old := FakeSession(1.0), "first")
    with LiveStream(first, LiveSettings(stuck_s=0.1, thresholds=(0.1,) * 17)) as stream:
        results = ready(stream).results()
        old.gate = gate
        stream.submit(GREY)
        until(lambda: stream.state == "stuck")

        old.gate = None  # a run that is begun now comes back
        stream.swap(live_model(FakeSession(2.0), "second") if to == "another model" else first, LiveSettings(stuck_s=600.0))
        one(stream)
        gate.set()

        assert stream.accounting == (2, 1, {"abandoned": 1}, 0) and stream.status.workers_abandoned == 1
    assert next(results).settings.stuck_s == 600.0


def test_a_new_model_that_hangs_is_left_behind_though_the_one_it_is_taken_back_to_is_more_patient() -> None:
    gate, new = threading.Event(), FakeSession(2.0)
    with LiveStream(live_model(FakeSession(1.0), "old"), LiveSettings(stuck_s=600.0)) as stream:
        ready(stream).swap(live_model(new, "new"), LiveSettings(stuck_s=0.1))
        new.gate = gate
        stream.submit(GREY)
        until(lambda: stream.status.workers_abandoned == 1)
        one(stream)
        gate.set()

        assert outcomes(stream) == ["on_probation", "reverted"] and stream.accounting == (2, 1, {"abandoned": 1}, 0)


def test_a_new_model_is_not_blamed_for_the_run_of_the_old_one_that_hangs() -> None:
    """It was let in before anybody could know that the old one would not come back."""
    gate, old = threading.Event(), FakeSession(1.0)
    events: list[LiveEvent] = []
    stream = LiveStream(live_model(old, "old"), LiveSettings(stuck_s=2.0))
    stream.on_event(events.append)
    with stream:
        ready(stream)
        old.gate = gate
        stream.submit(GREY)
        until(lambda: old.runs == 2)

        stream.swap(live_model(FakeSession(2.0), "new"), LiveSettings(stuck_s=600.0))
        until(lambda: stream.status.workers_abandoned == 1)
        one(stream)
        gate.set()

        assert outcomes(stream) == ["on_probation"] and stream.status.model == "new"
        until(lambda: [event for event in events if event.kind == "worker_replaced"])
    (stuck,) = (event for event in events if event.kind == "stuck")
    assert stuck.reason.startswith("old: a run has lasted")


def test_settings_change_from_the_next_frame_on_and_do_not_end_a_probation() -> None:
    with LiveStream(live_model(FakeSession(1.0), "old"), LiveSettings(thresholds=(0.1,) * 17)) as stream:
        results = ready(stream).results()
        one(stream)
        changed = LiveSettings(thresholds=(0.9,) * 17, policy=TrackingPolicy(gap_m=0.5))
        stream.configure(changed)
        one(stream)
        stream.swap(live_model(FakeSession(2.0, fail_at=range(2, 99)), "bad"))
        one(stream)
        stream.configure(LiveSettings(thresholds=(0.8,) * 17))
        for _ in range(4):
            one(stream)

        assert stream.status.model == "old"
    assert [result.settings.thresholds[0] for result in results] == [0.1, 0.9, 0.9, 0.8, 0.8, 0.8, 0.9]


def test_models_exchanged_all_the_time_never_mix() -> None:
    """Every result must carry the logits, the temperature and the settings of one and the same model."""
    temperatures = {f"model-{i}": 1.0 + i for i in range(4)}
    models = [live_model(FakeSession(1.0 + i), f"model-{i}", temperature=1.0 + i) for i in range(4)]
    settings = [LiveSettings(thresholds=(i / 10,) * 17) for i in range(4)]
    with LiveStream(models[0], settings[0]) as stream:
        results, seen, enough = ready(stream).results(depth=100_000), [], threading.Event()

        def exchange() -> None:
            i = 0
            while not enough.is_set():
                i = (i + 1) % 4
                stream.swap(models[i], settings[i])

        def several_seen(least_s: float) -> bool:
            for _ in range(50):
                stream.submit(GREY)
            seen.extend(iter(results.poll, None))
            return time.monotonic() > least_s and len({result.model for result in seen}) > 1

        thread = threading.Thread(target=exchange)
        thread.start()
        begun_s = time.monotonic()
        try:
            until(lambda: several_seen(begun_s + 0.5))
        finally:
            enough.set()
            thread.join()
        settled(stream)

    seen += results
    for result in seen:
        number = int(result.model[-1])
        assert result.settings is settings[number] and result.provider == f"fake-{number + 1}"
        assert result.scores_C[0] == pytest.approx(1 / (1 + np.exp(-(number + 1.0) / temperatures[result.model])))
