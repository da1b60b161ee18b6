"""What a run lacks, from successive looks at it: each reason comes and goes, and nothing trembles."""

from dataclasses import replace
from pathlib import Path

import pytest

from edge_sdk.supervision.degradation import NAMES, Assessor, Limits
from edge_sdk.supervision.host import Host, look_at_host
from edge_sdk.supervision.progress import ProgressProof
from edge_sdk.supervision.snapshot import CameraSnapshot, Counts, JournalSnapshot, Snapshot

WELL = Host(disk_free_bytes=10 << 30)


def names(assessor: Assessor, snapshot: Snapshot, host: Host = WELL) -> list[str]:
    return [item.name for item in assessor.assess(snapshot, host)]


@pytest.mark.parametrize(
    ("change", "host", "expected"),
    [
        ({"cameras": (CameraSnapshot("a", "online"), CameraSnapshot("b", "offline"))}, WELL, "camera_offline"),
        ({"cameras": (CameraSnapshot("a", "closed"),)}, WELL, "camera_offline"),
        ({"fallback": "TensorRT failed at create, parse"}, WELL, "backend_fallback"),
        ({"phase": "stuck"}, WELL, "inference_stuck"),
        ({"working_s": 10.5}, WELL, "inference_stuck"),
        ({"phase": "failed"}, WELL, "inference_failed"),
        ({"provider": "none"}, WELL, "inference_failed"),
        ({"accounting": Counts(10, 7, {"inference_failed": 3}, 0)}, WELL, "inference_errors"),
        ({"journal": JournalSnapshot("warn", "no room for pictures")}, WELL, "journal_warn"),
        ({"journal": JournalSnapshot("error", "cannot be written")}, WELL, "journal_error"),
        ({}, Host(disk_free_bytes=(512 << 20) - 1), "disk_low"),
        ({"results_lost": 1}, WELL, "results_dropped"),
        ({"odometer_age_s": 2.1}, WELL, "odometer_stale"),
        ({}, Host(10 << 30, 99.0, "cpu-thermal: 99 °C"), "too_hot"),
    ],
)
def test_each_thing_that_is_lacking_has_its_name_and_goes_again(running, clock, change: dict, host: Host, expected: str) -> None:
    assessor = Assessor(monotonic=clock)
    assert names(assessor, running) == []

    (found,) = assessor.assess(replace(running, **change), host)

    grave = expected in ("inference_stuck", "inference_failed", "journal_error")
    assert (found.name, found.severity, found.since_s) == (expected, "ERROR" if grave else "WARN", clock.now_s)
    assert found.detail and "\n" not in found.detail and found.name in NAMES
    clock.pass_s(11)
    assert names(assessor, replace(running, results_lost=1 if expected == "results_dropped" else 0)) == []


def test_a_camera_that_never_came_is_offline_after_a_while(running, clock) -> None:
    assessor, absent = Assessor(monotonic=clock), replace(running, cameras=(CameraSnapshot("a", "connecting"),))
    assert names(assessor, absent) == []
    clock.pass_s(9.9)
    assert names(assessor, absent) == []
    clock.pass_s(0.2)
    assert names(assessor, absent) == ["camera_offline"]
    assert names(assessor, running) == []
    assert names(assessor, absent) == []  # it is given its time anew


def test_bad_pictures_count_only_when_they_last(running, clock) -> None:
    assessor, black = Assessor(monotonic=clock), replace(running, cameras=(CameraSnapshot("a", "online", quality=("black",)),))
    for snapshot, wait_s, expected in [
        (black, 1.9, []),
        (running, 0.1, []),
        (black, 1.9, []),
        (black, 0.1, []),
        (black, 0, ["picture_bad"]),
    ]:
        assert names(assessor, snapshot) == expected
        clock.pass_s(wait_s)


def test_lost_results_are_held_so_that_the_state_does_not_tremble(running, clock) -> None:
    assessor = Assessor(monotonic=clock)
    for lost in range(5):
        assessor.assess(replace(running, results_lost=lost), WELL)
        clock.pass_s(3)
        assert names(assessor, replace(running, results_lost=lost)) == (["results_dropped"] if lost else [])
    clock.pass_s(7.1)
    assert names(assessor, replace(running, results_lost=4)) == []


def test_loading_an_engine_within_a_run_is_not_stuck(running, clock) -> None:
    assert names(Assessor(monotonic=clock), replace(running, working_s=600.0, is_loading=True)) == []


def test_limits_can_be_set(running, clock) -> None:
    assert names(Assessor(Limits(odometer_s=5.0), monotonic=clock), replace(running, odometer_age_s=4.0)) == []


def thermal_zone(folder: Path, number: int, kind: str, millidegrees: str, **trips: str) -> None:
    zone = folder / f"thermal_zone{number}"
    zone.mkdir(parents=True)
    (zone / "type").write_text(f"{kind}\n")
    (zone / "temp").write_text(f"{millidegrees}\n")
    for i, (name, degrees) in enumerate(trips.items()):
        (zone / f"trip_point_{i}_type").write_text(f"{name}\n")
        (zone / f"trip_point_{i}_temp").write_text(f"{degrees}\n")


def test_the_kernels_own_trip_points_say_what_is_hot(tmp_path: Path) -> None:
    thermal_zone(tmp_path, 0, "cpu-thermal", "71500", active="50000", passive="99000", critical="104500")
    thermal_zone(tmp_path, 1, "gpu-thermal", "64000")
    thermal_zone(tmp_path, 2, "cv0-thermal", "-274000")  # a zone that is switched off answers with nonsense
    thermal_zone(tmp_path, 3, "broken", "")
    host = look_at_host(tmp_path, thermal=tmp_path)
    assert (host.temperature_c, host.hot_zone) == (71.5, None) and (host.disk_free_bytes or 0) > 0

    (tmp_path / "thermal_zone0" / "temp").write_text("99000\n")
    assert look_at_host(None, thermal=tmp_path) == Host(None, 99.0, "cpu-thermal: 99 °C, throttles from 99 °C")
    assert look_at_host(tmp_path / "absent", thermal=tmp_path / "absent") == Host(None, None, None)


def test_proof_of_progress(running, clock) -> None:
    proof = ProgressProof(loading_limit_s=100.0, monotonic=clock)
    at_work = replace(running, accounting=Counts(11, 8, {"superseded": 2}, 1), working_s=0.1)
    assert proof.holds(running)  # nothing to do: a camera that is unplugged gives no frames
    assert proof.holds(replace(running, cameras=(CameraSnapshot("a", "offline"),)))
    assert not proof.holds(at_work)
    assert not proof.holds(replace(at_work, accounting=Counts(500, 8, {"superseded": 491}, 1), working_s=9.0))
    assert proof.holds(replace(at_work, accounting=Counts(501, 9, {"superseded": 491}, 1)))
    assert not proof.holds(replace(running, accounting=Counts(12, 9, {}, 1)))  # a frame waits, and nobody works
    for phase in ("stuck", "failed", "abandoned", "stopped"):
        assert not proof.holds(replace(running, phase=phase))
    loading = replace(at_work, is_loading=True)
    assert proof.holds(loading)
    clock.pass_s(101)
    assert not proof.holds(loading)
