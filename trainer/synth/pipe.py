"""Laying the pipe: its section, the joints along its length, then the segments between those joints that are real steps."""

import numpy as np

from trainer.synth.materials import Material
from trainer.synth.scene import Joint, JointLook, Ribs, Scene, Section, Segment

DIAMETERS_M = (0.15, 0.2, 0.2, 0.25, 0.3, 0.3, 0.4, 0.5, 0.6, 0.8)
_SHORTEST_M, _LONGEST_M = 0.5, 6.0
_RIGID_LOOKS: tuple[JointLook, ...] = ("line", "line", "mortar", "rubber", "open", "socket")
_PLASTIC_LOOKS: tuple[JointLook, ...] = ("line", "line", "rubber", "open", "socket", "none")


def new_scene(rng: np.random.Generator, material: Material, *, start_m: float, end_m: float) -> Scene:
    """An empty pipe with its ordinary joints between two chainages."""
    radius = DIAMETERS_M[int(rng.integers(len(DIAMETERS_M)))] / 2 * rng.uniform(0.93, 1.07)
    if material.pattern == "brick":
        radius = max(radius, 0.25)
    scene = Scene(radius, [material], noise_offset=float(rng.uniform(0, 500)), wetness=float(rng.beta(1.2, 3.0)))
    shape_section(scene, rng)
    if material.pattern == "ribs" or (not material.rigid and not material.liner and rng.random() < 0.35):
        scene.ribs = _draw_ribs(rng, radius)
    scene.mortar_rgb = _draw_mortar(rng)
    style, uneven = _draw_style(rng, scene), rng.random() < 0.2
    unit = float(np.clip(material.unit_m * rng.uniform(0.5, 1.5), _SHORTEST_M, 60.0 if material.unit_m > 10 else _LONGEST_M))
    z = start_m + rng.uniform(0.05, 1.0) * unit
    while z < end_m:
        step = 0.006 * radius if uneven and rng.random() < 0.4 else 0.0
        scene.joints.append(ordinary_joint(rng, scene, z, style, step_m=step))
        z += unit * rng.uniform(0.97, 1.03)
    return scene


def shape_section(scene: Scene, rng: np.random.Generator) -> None:
    """Give the pipe a section other than the circle, at times: eggs, arches and boxes where it is rigid, ovals in all."""
    kind = float(rng.random())
    if scene.materials[0].rigid and kind < 0.08:
        scene.egg = float(rng.uniform(0.5, 1.0))
    elif scene.materials[0].rigid and kind < 0.12:
        arched = rng.random() < 0.6
        crown = 2.0 if arched else float(rng.uniform(3.0, 9.0))
        scene.section = Section(crown, float(rng.uniform(3.0, 9.0)), float(rng.uniform(0.75, 1.0)))
    elif kind > 0.86:  # too little to be a deformation
        scene.section = Section(oval=float(rng.uniform(0.005, 0.03)), turn=float(rng.uniform(0, np.pi)))


def _draw_ribs(rng: np.random.Generator, radius_m: float) -> Ribs:
    """Profiled plastic: corrugated (soft rings), ring-ribbed (sharp), spiral-wound (one start, longer pitch)."""
    spiral = rng.random() < 0.45
    pitch = min(rng.uniform(0.03, 0.11) if spiral else rng.uniform(0.012, 0.07), radius_m * rng.uniform(0.12, 0.35))
    return Ribs(float(pitch), float(rng.uniform(0.1, 0.9)), float(rng.beta(0.8, 0.8)), int(spiral), float(rng.uniform(0.25, 0.75)))


def _draw_mortar(rng: np.random.Generator) -> tuple[float, float, float]:
    tone = rng.uniform(0.35, 0.8)
    return (float(tone), float(tone * rng.uniform(0.93, 1.0)), float(tone * rng.uniform(0.8, 0.98)))


def _draw_style(rng: np.random.Generator, scene: Scene) -> Joint:
    """How the joints of this pipe look; kept by all of them with small changes."""
    looks = _RIGID_LOOKS if scene.materials[0].rigid else _PLASTIC_LOOKS
    look = looks[int(rng.integers(len(looks)))]
    width = {"none": 0.0, "line": 0.003, "mortar": 0.022, "rubber": 0.007, "open": 0.006, "socket": 0.012}[look]
    return Joint(0, 0.006, float(rng.uniform(0.006, 0.016)), look=look, width_m=float(width * rng.uniform(0.6, 1.7)))


def ordinary_joint(rng: np.random.Generator, scene: Scene, z_m: float, style: Joint | None = None, *, step_m: float = 0.0) -> Joint:
    """A sound joint: painted, or, with `step_m`, a step of about so many metres, too small to be coded."""
    style = style or Joint(0)
    joint = Joint(float(z_m), style.gap_m, style.depth_m, look=style.look, width_m=float(style.width_m * rng.uniform(0.7, 1.3)))
    joint.tone = float(np.clip(rng.normal(1.0, 0.06), 0.8, 1.2))
    if step_m:
        shift = rng.normal(0, step_m, 2)
        joint.shift_xy = (float(shift[0]), float(shift[1]))
    return joint


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
    """Turn the joints that stand out into segments: pipe, gap, pipe, ...; the others are paint on the wall."""
    scene.joints.sort(key=lambda j: j.z_m)
    scene.segments.clear()
    centre, radius, material, begin = (0.0, 0.0), scene.radius_m, 0, start_m
    for joint in scene.joints:
        if not joint.stands_out or (scene.bend is not None and joint.z_m > scene.bend.start_m):
            continue
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
