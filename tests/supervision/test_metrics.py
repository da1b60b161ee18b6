"""T-SUP3: the names, their labels, and that Prometheus' own parser reads back what was counted."""

import itertools
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

import tiny
from edge_sdk.live.slot import LiveDrop
from edge_sdk.supervision.degradation import Degradation
from edge_sdk.supervision.exposition import Family, Sample, text_from_families
from edge_sdk.supervision.histogram import FollowingCounter, Histogram
from edge_sdk.supervision.host import Host
from edge_sdk.supervision.metrics import DROP_REASONS, Metrics
from edge_sdk.supervision.snapshot import CameraSnapshot, Counts, JournalSnapshot, Snapshot
from edge_sdk.supervision.timed_session import TimedSession
from live_fakes import FakeSession

LABELS = {  # every metric there may ever be, and its labels: a new one is a decision
    "edge_sdk_frames_received": set(), "edge_sdk_frames_dropped": {"reason"}, "edge_sdk_frames_processed": set(),
    "edge_sdk_inference_duration_seconds": {"le"}, "edge_sdk_result_age_seconds": {"le"}, "edge_sdk_camera_reconnects": {"camera"},
    "edge_sdk_camera_online": {"camera"}, "edge_sdk_backend_info": {"provider", "precision"}, "edge_sdk_observations": set(),
    "edge_sdk_results_lost": set(), "edge_sdk_observation_log_bytes": set(), "edge_sdk_observation_log_waiting": set(),
    "edge_sdk_state": {"state"}, "edge_sdk_degradation": {"reason"}, "edge_sdk_disk_free_bytes": set(),
    "edge_sdk_temperature_celsius": set(),
}  # fmt: skip


def parsed(text: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """Every sample by name and labels; none may come twice."""
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    found = {(sample.name, tuple(sorted(sample.labels.items()))): sample.value for sample in samples}
    assert len(found) == len(samples)
    return found


@pytest.fixture
def full(running: Snapshot) -> Snapshot:
    return replace(
        running,
        accounting=Counts(20, 12, {"superseded": 5, "inference_failed": 1, "of_tomorrow": 2}, 0),
        cameras=(CameraSnapshot("a", "online", reconnects=3), CameraSnapshot("b", "offline")),
        journal=JournalSnapshot("ok", "", 4, 4096),
        observations=7,
        results_lost=2,
    )


def test_prometheus_reads_back_what_was_counted(full: Snapshot) -> None:
    metrics = Metrics()
    metrics.observe_inference(0.03)
    for age_s in (0.04, 0.2, 99.0):
        metrics.observe_age(age_s)
    metrics.update(full, Host(1 << 30, 71.5), "DEGRADED", [Degradation("camera_offline", "WARN", "camera 1", 0.0)])

    seen = parsed(metrics.text())

    def value(name: str, **labels: str) -> float:
        return seen[f"edge_sdk_{name}", tuple(sorted(labels.items()))]

    assert (value("frames_received_total"), value("frames_processed_total"), value("observations_total")) == (20, 12, 7)
    dropped = {reason: value("frames_dropped_total", reason=reason) for reason in DROP_REASONS}
    assert (dropped["superseded"], dropped["inference_failed"], dropped["other"], sum(dropped.values())) == (5, 1, 2, 8)
    assert value("backend_info", provider="CPUExecutionProvider", precision="fp32") == 1
    assert (value("camera_online", camera="0"), value("camera_online", camera="1"), value("camera_reconnects_total", camera="0")) == (
        1,
        0,
        3,
    )
    assert (value("observation_log_bytes"), value("disk_free_bytes"), value("temperature_celsius")) == (4096, 1 << 30, 71.5)
    assert {state: value("state", state=state) for state in ("active", "degraded", "finalized")} == {
        "active": 0,
        "degraded": 1,
        "finalized": 0,
    }
    assert value("degradation", reason="camera_offline") == 1 and value("degradation", reason="disk_low") == 0
    assert value("inference_duration_seconds_count") == 1 and value("inference_duration_seconds_sum") == pytest.approx(0.03)
    assert (value("result_age_seconds_bucket", le="0.04"), value("result_age_seconds_bucket", le="0.2")) == (1, 2)
    assert (value("result_age_seconds_bucket", le="10"), value("result_age_seconds_bucket", le="+Inf")) == (2, 3)


def test_names_and_labels_are_the_fixed_ones_whatever_the_run_is_called(full: Snapshot) -> None:
    metrics = Metrics()
    metrics.update(full, Host(1, 40.0), "ACTIVE", [])
    families = {family.name: family for family in text_string_to_metric_families(metrics.text())}

    assert set(families) == set(LABELS)
    for name, family in families.items():
        assert family.documentation and family.type in ("counter", "gauge", "histogram")
        assert {label for sample in family.samples for label in sample.labels} == LABELS[name]
    assert not any(word in metrics.text() for word in ("tiny 1", "secret", "10.0.0.2"))


def test_before_the_first_look_there_are_zeros_and_no_guesses() -> None:
    seen = parsed(Metrics().text())
    assert seen["edge_sdk_frames_received_total", ()] == 0
    assert seen["edge_sdk_state", (("state", "unconfigured"),)] == 1
    assert not any(name.startswith(("edge_sdk_camera", "edge_sdk_backend")) for name, _ in seen)


def test_counters_go_on_over_an_exchange_of_the_model_and_a_new_stream(running: Snapshot) -> None:
    metrics, totals = Metrics(), []
    for stream in range(3):  # each counts from zero
        for i in range(5):
            counts = Counts(10 * i, 8 * i, {"superseded": 2 * i}, 0)
            cameras = (CameraSnapshot("a", "online", reconnects=i),)
            metrics.update(replace(running, accounting=counts, cameras=cameras, model=f"m{stream}"), Host(), "ACTIVE", [])
            totals.append({key: value for key, value in parsed(metrics.text()).items() if key[0].endswith("_total")})
    assert all(before[key] <= after[key] for before, after in itertools.pairwise(totals) for key in before)
    assert totals[-1]["edge_sdk_frames_received_total", ()] == 3 * 40
    assert totals[-1]["edge_sdk_camera_reconnects_total", (("camera", "0"),)] == 3 * 4


@given(st.lists(st.integers(0, 1000)))
def test_a_following_counter_never_falls_and_loses_nothing(theirs: list[int]) -> None:
    counter, before = FollowingCounter(), 0
    for total in theirs:
        counter.follow(total)
        assert counter.value >= max(before, total)
        before = counter.value
    rises = sum(b - a if b >= a else b for a, b in zip([0, *theirs], theirs, strict=False))
    assert counter.value == rises


@given(st.lists(st.floats(allow_nan=True, allow_infinity=True)))
def test_a_histogram_counts_each_measurement_once(values: list[float]) -> None:
    histogram = Histogram((0.1, 1.0, 10.0))
    for value in values:
        histogram.observe(value)
    *buckets, total, count = histogram.samples()
    good = [value for value in values if 0 <= value < float("inf")]
    expected = [sum(value <= bound for value in good) for bound in (0.1, 1.0, 10.0, float("inf"))]
    assert [bucket.value for bucket in buckets] == expected and count.value == len(good)
    assert total.value == pytest.approx(sum(good))


@given(st.text(st.characters(exclude_categories=["Cs"])), st.floats(allow_nan=False))
def test_any_label_and_number_reads_back(label: str, number: float) -> None:
    text = text_from_families([Family("edge_sdk_x", "gauge", 'a "help"\nof two \\ lines', [Sample(number, {"provider": label})])])
    assert text.count("\n") == 3
    lines = text.split("\n")  # the parser splits at other line ends too, which the format does not know
    if len(text.splitlines()) == 3:
        ((sample,),) = [family.samples for family in text_string_to_metric_families(text)]
        assert sample.labels["provider"] == label and sample.value == number
    assert lines[0].startswith("# HELP edge_sdk_x ") and lines[1] == "# TYPE edge_sdk_x gauge"


def test_a_timed_session_is_the_session_and_tells_its_times() -> None:
    seconds: list[float] = []
    inner = FakeSession(1.5, latency_s=0.01)
    session = TimedSession(inner, seconds.append)

    outputs = session.run(tiny.painted(tiny.GREY)[None])

    assert outputs[0][0, 0] == 1.5 and len(seconds) == 1 and 0.01 <= seconds[0] < 30
    assert (session.provider, session.precision, session.threads) == (inner.provider, inner.precision, inner.threads)
    session.close()
    assert inner.closed


def test_every_reason_the_live_stream_knows_has_its_own_label() -> None:
    from typing import get_args

    assert set(get_args(LiveDrop)) == set(DROP_REASONS) - {"other"}
