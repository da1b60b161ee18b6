"""Joints: displaced, with intruding seals, at a change of construction; and sound ones, which must stay unlabelled."""

import numpy as np

from edge_sdk.contract.taxonomy import taxonomy
from trainer.synth import render_frame
from trainer.synth.defects.joints import paint_step
from trainer.synth.geometry import FACE, Camera
from trainer.synth.materials import MATERIALS, draw_material
from trainer.synth.pipe import lay_segments, new_scene
from trainer.synth.scene import Scene
from trainer.synth.trace import trace_scene

SMALL = (96, 118)


def test_sound_joints_are_not_labelled() -> None:
    joint_codes = [taxonomy().index(code) for code in ("FS", "IS", "OK")]

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
