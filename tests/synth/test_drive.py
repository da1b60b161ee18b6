"""Rendered drives: motion, steady pictures, truth that agrees with the frames."""

import numpy as np
import pytest

from edge_sdk.contract.taxonomy import taxonomy
from trainer.synth import SynthError, render_drive
from trainer.synth.frame import labels_from_masks, visible_masks
from trainer.synth.light import illuminate
from trainer.synth.trace import trace_scene

SMALL = (72, 88)


def test_long_drive_goes_forward_with_a_stop_and_a_way_back() -> None:
    drive = render_drive(4, length_m=10.0, fps=10, size=SMALL)
    step = np.diff(drive.chainage_m)

    assert drive.chainage_m[0] == 0 and drive.chainage_m[-1] == pytest.approx(10.0)
    assert (step < -1e-6).sum() > 5
    assert (np.abs(step) < 1e-9).sum() >= 15
    assert (step > 0).mean() > 0.7
    np.testing.assert_allclose(np.diff(drive.time_s), 0.1)
    assert len(drive.frames) == len(drive.chainage_m) == len(drive.time_s) == len(drive.labels)


def test_frames_are_steady_and_repeatable() -> None:
    drive, again = render_drive(5, length_m=1.0, fps=25, size=SMALL), render_drive(5, length_m=1.0, fps=25, size=SMALL)
    images = [drive.frames[i].astype(float) for i in (0, 1, len(drive.frames) - 1)]

    np.testing.assert_array_equal(drive.frames[1], again.frames[1])
    np.testing.assert_array_equal(drive.frames[-1], drive.frames[len(drive.frames) - 1])
    assert np.abs(images[0] - images[1]).mean() < 12


def test_truth_agrees_with_what_the_frames_show() -> None:
    agree, shown, total = 0, 0, 0
    for seed in range(4):
        drive = render_drive(seed, length_m=4.0, fps=2, size=SMALL)
        for number in range(0, len(drive.frames), 4):
            surface = trace_scene(drive.frames.scene, drive.frames.cameras[number], (144, 176))
            light = illuminate(surface, drive.frames.lamps, drive.frames.scene.radius_m)
            seen = labels_from_masks(visible_masks(surface, light))
            agree += int((seen == drive.labels[number]).sum())
            shown += int(seen.sum())
            total += 17

    assert shown > 10
    assert agree / total > 0.97


def test_every_observation_is_a_class_within_the_pipe() -> None:
    drive = render_drive(6, length_m=10.0, fps=2, size=SMALL, num_defects=6)

    assert len(drive.observations) == 6
    for observation in drive.observations:
        assert observation.code in taxonomy().codes
        assert (observation.to_m is None) == (observation.kind == "point")
        assert 0 <= observation.clock <= 12
        assert observation.from_m <= 10.0
    coded = {o.code for o in drive.observations}
    assert {c for c, seen in zip(taxonomy().codes, drive.labels.any(axis=0), strict=True) if seen} <= coded


def test_pipe_without_defects_has_no_labels() -> None:
    assert not render_drive(1, length_m=3.0, fps=2, size=SMALL, num_defects=0).labels.any()


@pytest.mark.parametrize(
    "arguments", [{"length_m": 0.0}, {"length_m": 1e4}, {"fps": 0}, {"speed_m_s": 0}, {"num_defects": -1}, {"size": (8, 8)}, {"seed": -2}]
)
def test_wrong_arguments_are_refused(arguments: dict[str, object]) -> None:
    given: dict[str, object] = {"seed": 0, "length_m": 2.0, **arguments}

    with pytest.raises(SynthError):
        render_drive(given.pop("seed"), **given)  # type: ignore[arg-type]
