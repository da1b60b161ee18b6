"""Laying the pipe: joints along its length, then the segments between them."""

import numpy as np

from trainer.synth.materials import Material
from trainer.synth.scene import Joint, Scene, Segment

DIAMETERS_M = (0.15, 0.2, 0.2, 0.25, 0.3, 0.3, 0.4, 0.5, 0.6, 0.8)


def new_scene(rng: np.random.Generator, material: Material, *, start_m: float, end_m: float) -> Scene:
    """An empty pipe with its ordinary joints between two chainages."""
    radius = DIAMETERS_M[int(rng.integers(len(DIAMETERS_M)))] / 2 * rng.uniform(0.93, 1.07)
    if material.pattern == "brick":
        radius = max(radius, 0.25)
    scene = Scene(radius, [material], noise_offset=float(rng.uniform(0, 500)), wetness=float(rng.beta(1.2, 3.0)))
    if material.rigid and rng.random() < 0.07:
        scene.egg = float(rng.uniform(0.12, 0.32))
    z = start_m + rng.uniform(0.05, 1.0) * material.unit_m
    style = Joint(0, gap_m=float(rng.uniform(0.003, 0.011)), depth_m=float(rng.uniform(0.006, 0.016)))
    while z < end_m:
        scene.joints.append(ordinary_joint(rng, scene, z, style))
        z += material.unit_m * rng.uniform(0.97, 1.03)
    return scene


def ordinary_joint(rng: np.random.Generator, scene: Scene, z_m: float, style: Joint | None = None) -> Joint:
    """A sound joint: a narrow gap and a step too small to be coded."""
    style = style or Joint(0)
    shift = rng.normal(0, 0.004, 2) * scene.radius_m
    return Joint(float(z_m), style.gap_m * rng.uniform(0.7, 1.3), style.depth_m, (float(shift[0]), float(shift[1])))


def joint_at(rng: np.random.Generator, scene: Scene, z_m: float) -> Joint:
    """The joint nearest to a chainage, moved there if it is near, otherwise a new one."""
    near = [j for j in scene.joints if abs(j.z_m - z_m) < 0.3 * scene.materials[0].unit_m]
    if near:
        joint = min(near, key=lambda j: abs(j.z_m - z_m))
        joint.z_m = float(z_m)
        return joint
    joint = ordinary_joint(rng, scene, z_m)
    scene.joints.append(joint)
    return joint


def lay_segments(scene: Scene, start_m: float, end_m: float) -> None:
    """Turn the joints into segments: pipe, gap, pipe, ..."""
    scene.joints.sort(key=lambda j: j.z_m)
    scene.segments.clear()
    centre, radius, material, begin = (0.0, 0.0), scene.radius_m, 0, start_m
    for joint in scene.joints:
        half = joint.gap_m / 2
        scene.segments.append(Segment(begin, joint.z_m - half, centre, radius, material))
        wide = max(radius, radius + joint.widen_m) + joint.depth_m
        middle = (centre[0] + joint.shift_xy[0] / 2, centre[1] + joint.shift_xy[1] / 2)
        reach = wide + float(np.hypot(*joint.shift_xy)) / 2
        scene.segments.append(Segment(joint.z_m - half, joint.z_m + half, middle, reach, material, "gap"))
        centre = (centre[0] + joint.shift_xy[0], centre[1] + joint.shift_xy[1])
        radius += joint.widen_m
        material = material if joint.material is None else joint.material
        begin = joint.z_m + half
    scene.segments.append(Segment(begin, end_m, centre, radius, material))
