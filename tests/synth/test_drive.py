"""Rendered drives: motion, looks into laterals, the counter, steady pictures, truth that agrees with the frames."""

from dataclasses import replace

import numpy as np
import pytest

from edge_sdk.contract.taxonomy import taxonomy
from trainer.synth import RenderedDrive, SynthError, render_drive
from trainer.synth.camera_chain import hidden
from trainer.synth.counter import read_counter
from trainer.synth.drive import REACH_RADII
from trainer.synth.light import illuminate
from trainer.synth.motion import LATERALS
from trainer.synth.overlay import Overlay
from trainer.synth.trace import trace_scene
from trainer.synth.truth import labels_from_masks, off_axis_deg, operator_labels, visible_masks

SMALL = (72, 88)


@pytest.fixture(scope="module")
def drives() -> list[RenderedDrive]:
    """Drives long enough for all that may happen on one."""
    return [render_drive(seed, length_m=10.0, fps=4, size=SMALL, num_defects=6, counter="robot") for seed in range(4)]


def test_long_drive_goes_forward_with_a_stop_and_a_way_back() -> None:
    drive = render_drive(4, length_m=10.0, fps=10, size=SMALL)
    step = np.diff(drive.chainage_m)

    assert drive.chainage_m[0] == 0 and drive.chainage_m[-1] == pytest.approx(10.0)
    assert (step < -1e-6).sum() > 5
    assert (np.abs(step) < 1e-9).sum() >= 15
    assert (step > 0).mean() > 0.6
    np.testing.assert_allclose(np.diff(drive.time_s), 0.1)
    assert len(drive.frames) == len(drive.chainage_m) == len(drive.time_s) == len(drive.labels) == len(drive.operator_labels)


def test_speed_changes_but_stays_that_of_an_inspection() -> None:
    drive = render_drive(4, length_m=10.0, fps=10, size=SMALL, speed_m_s=0.2, num_defects=0)
    speed = np.diff(drive.chainage_m) * 10

    assert 0.1 < speed[speed > 1e-6].mean() < 0.35
    assert speed[speed > 1e-6].std() > 0.01
    assert np.abs(speed).max() < 0.5  # what the odometer holds possible


def test_frames_are_steady_and_repeatable() -> None:
    drive, again = render_drive(5, length_m=1.0, fps=25, size=SMALL), render_drive(5, length_m=1.0, fps=25, size=SMALL)
    images = [drive.frames[i].astype(float) for i in (0, 1, len(drive.frames) - 1)]

    np.testing.assert_array_equal(drive.frames[1], again.frames[1])
    np.testing.assert_array_equal(drive.frames[-1], drive.frames[len(drive.frames) - 1])
    assert np.abs(images[0] - images[1]).mean() < 12


def test_camera_turns_to_laterals_only_while_it_stands(drives: list[RenderedDrive]) -> None:
    turned_frames = 0

    for drive in drives:
        turned = np.array([off_axis_deg(camera) > 15 for camera in drive.frames.cameras])
        turned_frames += int(turned.sum())
        assert not turned[1:][np.abs(np.diff(drive.chainage_m)) > 1e-9].any()
        for number in np.flatnonzero(turned).tolist():
            z, camera = drive.chainage_m[number], drive.frames.cameras[number]
            near = [p for p in drive.frames.scene.placed if p.code in LATERALS and 0 < p.from_m - z < 3 * drive.frames.scene.radius_m]
            assert any(np.sin(camera.pan) * np.sin(p.theta) + np.sin(camera.tilt) * np.cos(p.theta) > 0.1 for p in near)
    assert turned_frames > 10


def test_truth_agrees_with_what_the_frames_show(drives: list[RenderedDrive]) -> None:
    agree, shown, total, turned = 0, 0, 0, 0

    for drive in drives:
        frames = drive.frames
        covered = hidden(frames.chain, (144, 176), overlay=frames.overlay)
        off_axis = [i for i, camera in enumerate(frames.cameras) if off_axis_deg(camera) > 15]
        for number in [*range(0, len(frames), 20), *off_axis[::4]]:
            surface = trace_scene(frames.scene, frames.cameras[number], (144, 176))
            light = illuminate(surface, frames.lamps, frames.scene.radius_m)
            seen = labels_from_masks(visible_masks(surface, light, covered))
            agree += int((seen == drive.labels[number]).sum())
            shown += int(seen.sum())
            total += 17
        turned += len(off_axis)

    assert shown > 10 and turned > 0
    assert agree / total > 0.97


def test_every_observation_is_a_class_within_the_pipe_and_has_been_seen(drives: list[RenderedDrive]) -> None:
    for drive in drives:
        assert len(drive.observations) >= 5
        for observation in drive.observations:
            assert observation.code in taxonomy().codes
            assert (observation.to_m is None) == (observation.kind == "point")
            assert 0 <= observation.clock <= 12
            assert observation.from_m <= 10.0
            assert observation.first_seen_s is not None
            frame = round(observation.first_seen_s * drive.fps)
            assert drive.labels[frame, taxonomy().index(observation.code)] == 1
            assert drive.chainage_m[frame] > observation.from_m - REACH_RADII * drive.frames.scene.radius_m


def test_a_label_has_its_thing_within_reach_ahead(drives: list[RenderedDrive]) -> None:
    for drive in drives:
        reach = REACH_RADII * drive.frames.scene.radius_m
        for number, k in zip(*np.nonzero(drive.labels), strict=True):
            z, code = drive.chainage_m[number], taxonomy().codes[k]
            assert any(p.code == code and p.from_m - reach < z < p.to_m + 1.0 for p in drive.frames.scene.placed), f"{code} at {z} m"


def test_operator_labels_are_what_lies_near(drives: list[RenderedDrive]) -> None:
    drive = drives[0]

    np.testing.assert_array_equal(drive.operator_labels, operator_labels(drive.frames.scene.placed, drive.chainage_m))
    assert (drive.operator_labels > drive.labels).any()  # beside the camera or just behind it: noted, but out of view
    assert (drive.labels > drive.operator_labels).any()  # in view, but further ahead than an operator notes


def test_robots_counters_start_anywhere_jump_or_fall_to_zero() -> None:
    chainage = np.linspace(0, 20, 1000)
    events: dict[str, int] = {"preset": 0, "jump": 0, "reset": 0, "": 0}

    for seed in range(60):
        readings = read_counter(np.random.default_rng(seed), chainage, "robot")
        step = np.diff(readings.value_m) - np.diff(chainage)
        jumps = [i for i, event in enumerate(readings.event) if event in ("jump", "reset")]
        assert [i + 1 for i in np.nonzero(np.abs(step) > 0.3)[0]] == jumps
        for i in jumps:
            assert readings.event[i] != "reset" or readings.value_m[i] == 0
        assert (readings.value_m[0] != 0) == (readings.event[0] == "preset")
        for event in {*readings.event}:
            events[event] += 1

    assert min(events.values()) > 3 and events[""] == 60


def test_true_counter_is_the_chainage() -> None:
    drive = render_drive(2, length_m=6.0, fps=2, size=SMALL)

    np.testing.assert_array_equal(drive.counter.value_m, drive.chainage_m)
    assert not any(drive.counter.event)


def test_text_in_the_picture_says_what_the_counter_says(monkeypatch: pytest.MonkeyPatch) -> None:
    drive = render_drive(3, length_m=6.0, fps=2, size=SMALL, num_defects=0, counter="robot")
    overlay = replace(drive.frames.overlay, lines=(("0.00m", 0.1, 0.1), ("PIPE", 0.1, 0.2)))
    written: list[Overlay] = []
    monkeypatch.setattr("trainer.synth.drive.develop", lambda *_, overlay: written.append(overlay))

    for _ in replace(drive.frames, overlay=overlay):
        pass

    assert np.abs(drive.counter.value_m - drive.chainage_m).max() > 0.5
    assert [shown.lines[0] for shown in written] == [(f"{value:.2f}m", 0.1, 0.1) for value in drive.counter.value_m]
    assert {shown.lines[1] for shown in written} == {("PIPE", 0.1, 0.2)}


def test_pipe_without_defects_has_no_labels() -> None:
    drive = render_drive(1, length_m=3.0, fps=2, size=SMALL, num_defects=0)

    assert not drive.labels.any() and not drive.operator_labels.any() and not drive.observations


@pytest.mark.parametrize(
    "arguments",
    [
        {"length_m": 0.0},
        {"length_m": 1e4},
        {"fps": 0},
        {"speed_m_s": 0},
        {"num_defects": -1},
        {"size": (8, 8)},
        {"seed": -2},
        {"counter": "wheel"},
        {"length_m": float("nan")},
        {"fps": float("inf")},
    ],
)
def test_wrong_arguments_are_refused(arguments: dict[str, object]) -> None:
    given: dict[str, object] = {"seed": 0, "length_m": 2.0, **arguments}

    with pytest.raises(SynthError):
        render_drive(given.pop("seed"), **given)  # type: ignore[arg-type]
