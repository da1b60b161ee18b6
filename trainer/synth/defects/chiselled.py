"""PH, chiselled connections: holes broken into the pipe and pipe ends pushed through them, with gaps, mortar and cracks."""

from dataclasses import replace

import numpy as np

from trainer.synth.defects.lateral_parts import lateral_radius, put_lateral, stub_out
from trainer.synth.defects.looks import Looks, paint_look
from trainer.synth.defects.mortar import add_collar, add_cracks, add_smear, mortar_rgb
from trainer.synth.defects.pipe_ends import draw_theta, made_of, ragged_clock, wall_rgb
from trainer.synth.scene import Branch, Rgb, Scene

_SOILS: tuple[Rgb, ...] = ((0.16, 0.12, 0.09), (0.07, 0.06, 0.05), (0.30, 0.22, 0.14), (0.24, 0.22, 0.20))


def _broken_in(scene: Scene, rng: np.random.Generator, severity: float, z_m: float, low: float = 0.18, high: float = 0.55) -> Branch:
    radius = lateral_radius(scene, rng, severity, low, high)
    bare = Branch(
        draw_theta(rng),
        z_m,
        radius,
        float(rng.normal(0.12, 0.3)),
        (0.5, 0.5, 0.5),
        "PH",
        skew=float(rng.normal(0, 0.2)),
        rim_rgb=wall_rgb(scene, float(rng.uniform(0.9, 1.6))),
        soil_rgb=_SOILS[int(rng.integers(len(_SOILS)))],
    )
    return made_of(bare, rng)


def _hole(branch: Branch, rng: np.random.Generator, wide: float) -> Branch:
    """A ragged hole round the lateral's pipe, with a chipped edge."""
    return replace(
        branch,
        hole_m=(branch.radius_m + branch.stub_thick_m) * wide,
        outline=ragged_clock(rng, float(rng.uniform(0.06, 0.17)), steps=int(rng.integers(8, 22)), corners=bool(rng.random() < 0.7)),
        rim_m=branch.radius_m * float(rng.uniform(0.05, 0.18)),
        rim_ragged=0.7,
    )


def paint_broken_hole(scene: Scene, rng: np.random.Generator, severity: float, z_m: float) -> float:
    """A hole with broken edges, the lateral's pipe ending behind it."""
    branch = _hole(_broken_in(scene, rng, severity, z_m), rng, float(rng.uniform(1.1, 1.7)))
    branch = replace(branch, recess_m=scene.radius_m * float(rng.uniform(0.08, 0.35)))
    if rng.random() < 0.6:
        add_smear(scene, rng, branch, width_m=branch.radius_m * float(rng.uniform(0.5, 1.2)), rgb=mortar_rgb(scene, rng), code="PH")
    if rng.random() < 0.5:
        add_cracks(scene, rng, branch, 2 + int(5 * severity))
    return put_lateral(scene, rng, branch)


def paint_empty_hole(scene: Scene, rng: np.random.Generator, severity: float, z_m: float) -> float:
    """Only a hole: earth or darkness behind it, no pipe to be seen."""
    branch = _hole(_broken_in(scene, rng, severity, z_m, 0.12, 0.4), rng, 1.3)
    branch = replace(branch, recess_m=branch.radius_m * float(rng.uniform(0.6, 2.0)), fill=0.0)
    if rng.random() < 0.5:
        add_collar(scene, rng, branch, width_m=branch.radius_m * float(rng.uniform(0.3, 0.8)), height_m=0.04 * scene.radius_m)
    if rng.random() < 0.5:
        add_cracks(scene, rng, branch, 2 + int(5 * severity))
    return put_lateral(scene, rng, branch)


def _mortared(scene: Scene, rng: np.random.Generator, branch: Branch, low: float = 0.15, high: float = 0.6) -> None:
    if rng.random() < 0.5:
        smear = float(rng.uniform(0.4, 1.2)) * branch.radius_m
        add_smear(scene, rng, branch, width_m=smear, rgb=mortar_rgb(scene, rng), code="PH")
    width = branch.radius_m * float(rng.uniform(low, high))
    add_collar(scene, rng, branch, width_m=width, height_m=width * float(rng.uniform(0.25, 0.8)), lumpy=float(rng.uniform(0.3, 1)))


def paint_stub_in_mortar(scene: Scene, rng: np.random.Generator, severity: float, z_m: float) -> float:
    """A pipe end standing in, mortared round its base."""
    branch = stub_out(scene, _broken_in(scene, rng, severity, z_m), rng, severity)
    _mortared(scene, rng, branch)
    return put_lateral(scene, rng, branch)


def paint_stub_in_gap(scene: Scene, rng: np.random.Generator, severity: float, z_m: float) -> float:
    """A pipe end standing in through a hole that is too large for it."""
    branch = stub_out(scene, _broken_in(scene, rng, severity, z_m, 0.14, 0.42), rng, severity)
    branch = replace(_hole(branch, rng, float(rng.uniform(1.15, 1.6))), recess_m=scene.radius_m * float(rng.uniform(0.1, 0.3)))
    if rng.random() < 0.5:
        add_cracks(scene, rng, branch, 2 + int(5 * severity))
    return put_lateral(scene, rng, branch)


def paint_leaning_stub(scene: Scene, rng: np.random.Generator, severity: float, z_m: float) -> float:
    """A long pipe end at a slant, reaching towards the axis."""
    branch = replace(
        _broken_in(scene, rng, severity, z_m, 0.14, 0.36), lean=float(rng.choice([-1, 1], p=[0.3, 0.7]) * rng.uniform(0.4, 0.85))
    )
    branch = stub_out(scene, replace(branch, skew=float(rng.normal(0, 0.4))), rng, 0.35 + 0.65 * severity, 1.25)
    _mortared(scene, rng, branch, 0.1, 0.4)
    return put_lateral(scene, rng, branch)


def paint_stubs_together(scene: Scene, rng: np.random.Generator, severity: float, z_m: float) -> float:
    """Two or three pipe ends side by side in one rough hole, or one above the other."""
    first = stub_out(scene, _broken_in(scene, rng, severity, z_m, 0.12, 0.28), rng, severity, 0.8)
    if rng.random() < 0.5:
        first = replace(_hole(first, rng, 1.3), recess_m=0.15 * scene.radius_m)
    _mortared(scene, rng, first, 0.4, 1.0)
    for number in range(1 + int(rng.random() < 0.4)):
        away = (2.1 + 2.0 * number) * first.radius_m * float(rng.uniform(1.0, 1.4))
        turn = rng.uniform(0, 2 * np.pi)
        other = stub_out(scene, _broken_in(scene, rng, severity, z_m, 0.10, 0.28), rng, severity, 0.8)
        other = replace(other, theta=first.theta + away * float(np.sin(turn)) / scene.radius_m, z_m=z_m + away * float(np.cos(turn)))
        if rng.random() < 0.5:
            other = replace(
                other, wall_rgb=first.wall_rgb, inner_rgb=first.inner_rgb, pitch_m=first.pitch_m, corrugation_m=first.corrugation_m
            )
        _mortared(scene, rng, other, 0.1, 0.4)
        scene.branches.append(other)
    return put_lateral(scene, rng, first)


def paint_walled_up(scene: Scene, rng: np.random.Generator, severity: float, z_m: float) -> float:
    """So much mortar that it hangs into the pipe; the mouth is small in it."""
    branch = stub_out(scene, _broken_in(scene, rng, severity, z_m, 0.12, 0.3), rng, 0.1 + 0.4 * severity, 0.5)
    add_collar(
        scene,
        rng,
        branch,
        width_m=scene.radius_m * (0.2 + 0.35 * severity),
        height_m=min(branch.stub_m * 0.95, scene.radius_m * (0.08 + 0.2 * severity)),
        lumpy=0.9,
    )
    return put_lateral(scene, rng, branch)


PH_LOOKS: Looks = {
    "broken hole": (2.0, paint_broken_hole),
    "empty hole": (1.0, paint_empty_hole),
    "stub in mortar": (3.0, paint_stub_in_mortar),
    "stub in gap": (2.0, paint_stub_in_gap),
    "leaning stub": (1.5, paint_leaning_stub),
    "stubs together": (1.0, paint_stubs_together),
    "walled up": (1.0, paint_walled_up),
}


def paint_chiselled_connection(scene: Scene, rng: np.random.Generator, severity: float, z_m: float) -> float:
    """Add PH."""
    return paint_look(PH_LOOKS, scene, rng, severity, z_m)
