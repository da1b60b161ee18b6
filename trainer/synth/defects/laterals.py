"""The five kinds of lateral: GR factory-made branch, PH chiselled, PB drilled, OS cut open in a liner, OP with a collar profile."""

import cv2
import numpy as np

from trainer.synth.defects.cracks import crack_lines
from trainer.synth.defects.wear import soft_blob
from trainer.synth.scene import Branch, Decal, Scene

_PLASTICS = ((0.74, 0.42, 0.20), (0.62, 0.62, 0.60), (0.80, 0.78, 0.72), (0.30, 0.31, 0.33), (0.70, 0.62, 0.44))


def _place(rng: np.random.Generator) -> float:
    """Laterals enter above the water, mostly near 2-3 and 9-10 o'clock."""
    return float(rng.choice([-1, 1]) * np.clip(rng.normal(1.05, 0.4), 0.05, 1.75))


def _plastic(rng: np.random.Generator) -> tuple[float, float, float]:
    tone = np.array(_PLASTICS[int(rng.integers(len(_PLASTICS)))]) * rng.uniform(0.75, 1.1)
    return (float(tone[0]), float(tone[1]), float(tone[2]))


def _wall(scene: Scene, factor: float) -> tuple[float, float, float]:
    r, g, b = scene.materials[0].rgb
    return (min(r * factor, 0.95), min(g * factor, 0.95), min(b * factor, 0.95))


def paint_branch_pipe(scene: Scene, rng: np.random.Generator, severity: float, z_m: float) -> float:
    """Add GR: same material as the pipe, smooth round mouth, leaning with the flow."""
    theta = _place(rng)
    radius = scene.radius_m * (0.40 + 0.38 * max(severity, rng.random() * 0.6))
    lean = float(rng.choice([0.0, -0.5, 0.5, 0.75], p=[0.45, 0.15, 0.2, 0.2]))
    scene.branches.append(
        Branch(
            theta,
            z_m,
            radius,
            lean,
            _wall(scene, rng.uniform(0.75, 1.1)),
            "GR",
            rim_m=0.07 * scene.radius_m,
            rim_rgb=_wall(scene, rng.uniform(1.02, 1.3)),
            flow_rgb=_flow(rng),
            noise_offset=float(rng.uniform(0, 50)),
            closed_m=_lid(rng, scene),
        )
    )
    return theta


def _flow(rng: np.random.Generator) -> tuple[float, float, float] | None:
    return (0.16, 0.12, 0.08) if rng.random() < 0.5 else None


def _lid(rng: np.random.Generator, scene: Scene) -> float:
    return float(scene.radius_m * rng.uniform(0.05, 0.3)) if rng.random() < 0.12 else 0.0


def paint_chiselled_connection(scene: Scene, rng: np.random.Generator, severity: float, z_m: float) -> float:
    """Add PH: a hole broken into the wall, badly mortared, with another pipe in it that often stands in."""
    theta = _place(rng)
    radius = scene.radius_m * (0.28 + 0.30 * max(severity, rng.random() * 0.5))
    stub = scene.radius_m * rng.uniform(0.08, 0.15 + 0.6 * severity) if rng.random() < 0.65 else 0.0
    half_theta, half_z = 2.2 * radius / scene.radius_m, 2.1 * radius
    broken = soft_blob(rng, 0.55, softness=0.12, scale=0.9)
    tone = _wall(scene, float(rng.uniform(0.35, 0.75))) if rng.random() < 0.6 else (0.60, 0.58, 0.53)
    scene.decals.append(Decal(theta, z_m, half_theta, half_z, broken, tone, broken * -1.2, code="PH"))
    if rng.random() < 0.5:
        lines = crack_lines(rng, "web", severity, 1.6)
        scene.decals.append(Decal(theta, z_m, half_theta * 1.4, half_z * 1.4, lines, (0.06, 0.05, 0.04)))
    scene.branches.append(
        Branch(
            theta,
            z_m,
            radius,
            float(rng.normal(0, 0.25)),
            _plastic(rng),
            "PH",
            rim_m=radius * rng.uniform(0.25, 0.6),
            rim_rgb=_wall(scene, rng.uniform(0.3, 0.6)),
            rim_ragged=1.0,
            ragged=0.0 if stub else 0.32,
            stub_m=stub,
            ribs=bool(rng.random() < 0.2),
            flow_rgb=_flow(rng),
            noise_offset=float(rng.uniform(0, 50)),
        )
    )
    return theta


def paint_drilled_connection(scene: Scene, rng: np.random.Generator, severity: float, z_m: float) -> float:
    """Add PB: a clean core hole with a rubber ring or a plastic saddle round a smaller pipe."""
    theta = _place(rng)
    radius = scene.radius_m * (0.26 + 0.22 * max(severity, rng.random() * 0.5))
    rubber = bool(rng.random() < 0.55)
    rim_rgb = (0.05, 0.05, 0.05) if rubber else _plastic(rng)
    rim_m = radius * (rng.uniform(0.10, 0.16) if rubber else rng.uniform(0.15, 0.30))
    scene.branches.append(
        Branch(
            theta,
            z_m,
            radius,
            0.0,
            _plastic(rng),
            "PB",
            rim_m=rim_m,
            rim_rgb=rim_rgb,
            stub_m=scene.radius_m * 0.05 if rng.random() < 0.3 else 0.0,
            flow_rgb=_flow(rng),
            noise_offset=float(rng.uniform(0, 50)),
        )
    )
    return theta


def paint_reinstatement(scene: Scene, rng: np.random.Generator, severity: float, z_m: float) -> float:
    """Add OS: a lateral cut open again through a liner; wavy edge, bare old pipe behind, sometimes cut only in part."""
    theta = _place(rng)
    radius = scene.radius_m * (0.36 + 0.26 * max(severity, rng.random() * 0.5))
    edge = _wall(scene, float(rng.uniform(0.45, 0.7)))
    old = ((0.42, 0.26, 0.16), (0.40, 0.37, 0.32), (0.25, 0.18, 0.12))[int(rng.integers(3))]
    scene.branches.append(
        Branch(
            theta,
            z_m,
            radius,
            float(rng.normal(0, 0.3)),
            old,
            "OS",
            rim_m=radius * rng.uniform(0.06, 0.14),
            rim_rgb=edge,
            rim_ragged=0.9,
            ragged=0.10 + 0.25 * severity,
            flow_rgb=_flow(rng),
            noise_offset=float(rng.uniform(0, 50)),
        )
    )
    if rng.random() < 0.7:
        strips = np.zeros((128, 128), np.uint8)
        for _ in range(2 + int(4 * severity)):
            a = rng.uniform(0, 2 * np.pi)
            start, end = 64 + 36 * np.array([np.cos(a), np.sin(a)]), 64 + rng.uniform(44, 60) * np.array([np.cos(a + 0.4), np.sin(a + 0.4)])
            cv2.line(strips, tuple(int(c) for c in start), tuple(int(c) for c in end), 255, int(rng.integers(1, 4)), cv2.LINE_AA)
        alpha = strips.astype(np.float32) / np.float32(255)
        scene.decals.append(Decal(theta, z_m, 2 * radius / scene.radius_m, 2 * radius, alpha * 0.8, _wall(scene, 0.5), alpha))
    return theta


def paint_profile_connection(scene: Scene, rng: np.random.Generator, severity: float, z_m: float) -> float:
    """Add OP: a hat profile (broad flange bonded to the liner) round the mouth and into the lateral."""
    theta = _place(rng)
    radius = scene.radius_m * (0.34 + 0.24 * max(severity, rng.random() * 0.5))
    flange = ((0.82, 0.80, 0.74), (0.72, 0.66, 0.44), (0.45, 0.50, 0.55), (0.30, 0.45, 0.60))[int(rng.integers(4))]
    size = 192
    axis = np.linspace(-1, 1, size, dtype=np.float32)
    off = np.sqrt(axis[:, None] ** 2 + axis[None, :] ** 2)
    disc = np.clip((0.92 - off) * 25, 0, 1).astype(np.float32)
    half = radius * rng.uniform(1.6, 2.0)
    shade = np.clip(
        np.array(flange) * rng.uniform(0.85, 1.1) * (1 - 0.45 * np.clip(1 - np.abs(off - 0.9) * 18, 0, 1))[..., None], 0.02, 0.95
    )
    scene.decals.append(
        Decal(
            theta,
            z_m,
            half / scene.radius_m,
            half,
            disc,
            shade.astype(np.float32),
            disc * 2.5,
            lift_m=0.015 * scene.radius_m,
            gloss=0.3,
            code="OP",
        )
    )
    scene.branches.append(
        Branch(
            theta,
            z_m,
            radius,
            0.0,
            tuple(np.array(flange) * 0.85),
            "OP",
            rim_m=radius * 0.08,
            rim_rgb=tuple(np.array(flange) * 0.7),
            flow_rgb=_flow(rng),
            noise_offset=float(rng.uniform(0, 50)),
        )
    )
    return theta
