"""Joints: displaced, with intruding seals, at a change of construction; and sound ones, which must stay unlabelled."""

import numpy as np
import pytest

from edge_sdk.contract.taxonomy import taxonomy
from trainer.synth import render_frame
from trainer.synth.defects import PAINTERS
from trainer.synth.defects.joints import FS_LOOKS, paint_step
from trainer.synth.defects.looks import Looks
from trainer.synth.defects.seals import IS_LOOKS
from trainer.synth.defects.transitions import OK_LOOKS
from trainer.synth.geometry import FACE, Camera
from trainer.synth.materials import MATERIALS, draw_material
from trainer.synth.pipe import lay_segments, new_scene
from trainer.synth.scene import Scene
from trainer.synth.trace import trace_scene

SMALL = (96, 118)
LOOKS: dict[str, Looks] = {"FS": FS_LOOKS, "IS": IS_LOOKS, "OK": OK_LOOKS}


def axial_area(seed: int, code: str, severity: float) -> float:
    """Share of an axial view that shows the class, 2.5 radii ahead."""
    rng = np.random.default_rng(seed)
    scene = new_scene(rng, draw_material(rng), start_m=-0.5, end_m=10.0)
    scene.section = None
    PAINTERS[code](scene, rng, severity, 2.5 * scene.radius_m)
    lay_segments(scene, -5.0, 20.0)
    surface = trace_scene(scene, Camera((0.0, 0.0, 0.0)), (60, 74))
    return float(surface.masks[taxonomy().index(code)].mean())


@pytest.mark.parametrize(("code", "look"), [(code, look) for code, looks in LOOKS.items() for look in looks])
def test_every_look_is_seen_and_labelled(code: str, look: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PAINTERS, code, LOOKS[code][look][1])

    for seed in range(3):
        labels = render_frame(seed, size=SMALL, classes=[code], severity=0.9).labels
        assert labels[taxonomy().index(code)] == 1, f"seed {seed}"
        assert labels.sum() == 1, f"seed {seed}: {labels}"


@pytest.mark.parametrize("code", ["FS", "IS"])
def test_severity_enlarges_what_is_seen(code: str) -> None:
    def mean_area(severity: float) -> float:
        return float(np.mean([axial_area(seed, code, severity) for seed in range(30)]))

    assert mean_area(1.0) > 1.3 * mean_area(0.0)


def test_sound_joints_are_not_labelled() -> None:
    joint_codes = [taxonomy().index(code) for code in LOOKS]

    for seed in range(60):
        assert not render_frame(seed, size=(48, 60), classes=[]).labels[joint_codes].any(), f"seed {seed}"


def test_smallest_displaced_joint_steps_clearly_more_than_any_sound_one() -> None:
    sound, displaced = [], []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        scene = new_scene(rng, draw_material(rng), start_m=0.0, end_m=15.0)
        sound += [np.hypot(*joint.shift_xy) / scene.radius_m for joint in scene.joints]
        before = len(scene.bands)
        paint_step(scene, rng, 0.0, 5.0)
        marked = scene.bands[before]
        moved = next(j for j in scene.joints if marked.start_m < j.z_m < marked.end_m)
        displaced.append(np.hypot(*moved.shift_xy) / scene.radius_m)

    assert min(displaced) > 1.5 * max(sound)


def test_end_face_of_a_displaced_joint_is_seen_on_one_side_and_marked() -> None:
    rng = np.random.default_rng(3)
    scene = Scene(0.15, [MATERIALS["concrete"]])
    theta = paint_step(scene, rng, 0.8, 0.6)
    lay_segments(scene, -5.0, 20.0)

    surface = trace_scene(scene, Camera((0.0, 0.0, 0.0)), SMALL)

    face = surface.hits.part == FACE
    towards = np.cos(surface.hits.theta[face] - theta)
    assert face.sum() > 100
    assert (towards > 0).mean() > 0.85
    assert surface.masks[taxonomy().index("FS")][face].all()
