"""Round laterals of plain pipes: GR, factory-made branches, and PB, drilled connections. Each look is a painter of its own."""

from dataclasses import replace

import numpy as np

from trainer.synth.defects.lateral_parts import lateral_radius, put_lateral, stub_out
from trainer.synth.defects.looks import Looks, paint_look
from trainer.synth.defects.mortar import add_drip, add_flange
from trainer.synth.defects.pipe_ends import draw_lean, draw_theta, made_of, tinted, wall_rgb, with_contents
from trainer.synth.scene import Branch, Rgb, Scene

_SEAL: Rgb = (0.04, 0.04, 0.045)


def _moulded(scene: Scene, rng: np.random.Generator, severity: float, z_m: float, low: float = 0.30, high: float = 0.72) -> Branch:
    radius = lateral_radius(scene, rng, severity, low, high)
    wall = scene.materials[0]
    own = Branch(
        draw_theta(rng),
        z_m,
        radius,
        draw_lean(rng),
        wall_rgb(scene, float(rng.uniform(0.7, 1.1))),
        "GR",
        rim_m=radius * float(rng.uniform(0.06, 0.2)),
        rim_rgb=wall_rgb(scene, float(rng.uniform(0.85, 1.5))),
        pitch_m=wall.pitch_m * 0.6 if wall.pattern == "ribs" else 0.0,
        corrugation_m=0.03 * radius if wall.pattern == "ribs" else 0.0,
    )
    return with_contents(own, rng)


def paint_flush(scene: Scene, rng: np.random.Generator, severity: float, z_m: float) -> float:
    """The pipe's own material, rounded rim."""
    return put_lateral(scene, rng, _moulded(scene, rng, severity, z_m))


def paint_other_pipe(scene: Scene, rng: np.random.Generator, severity: float, z_m: float) -> float:
    """A flush mouth with another pipe in it, whose end stands a little back behind a socket."""
    branch = made_of(_moulded(scene, rng, severity, z_m), rng)
    socket = branch.radius_m + branch.stub_thick_m + 0.03 * branch.radius_m
    return put_lateral(scene, rng, replace(branch, hole_m=socket, recess_m=branch.radius_m * float(rng.uniform(0.08, 0.7)), soil_rgb=_SEAL))


def paint_capped(scene: Scene, rng: np.random.Generator, severity: float, z_m: float) -> float:
    """Closed by a plug or lid."""
    branch = _moulded(scene, rng, severity, z_m)
    lid = tinted(rng, ((0.75, 0.40, 0.16), (0.55, 0.55, 0.53), (0.20, 0.20, 0.20), (0.80, 0.78, 0.72))[int(rng.integers(4))])
    return put_lateral(scene, rng, replace(branch, closed_m=branch.radius_m * float(rng.uniform(0.06, 0.5)), lid_rgb=lid))


def paint_silted(scene: Scene, rng: np.random.Generator, severity: float, z_m: float) -> float:
    """Dirt lies in the branch and has washed out below it."""
    branch = replace(_moulded(scene, rng, severity, z_m), fill=float(rng.uniform(0.3, 0.9)))
    side = np.sign(np.sin(branch.theta)) or 1.0
    branch = replace(branch, theta=float(side * rng.uniform(0.9, 1.75)))
    add_drip(scene, rng, branch)
    return put_lateral(scene, rng, branch)


def paint_bulged(scene: Scene, rng: np.random.Generator, severity: float, z_m: float) -> float:
    """The junction piece's thick rounded lip stands out of the wall."""
    branch = _moulded(scene, rng, severity, z_m, 0.28, 0.6)
    add_flange(
        scene,
        branch,
        rgb=wall_rgb(scene, float(rng.uniform(0.8, 1.35))),
        width_m=branch.radius_m * float(rng.uniform(0.15, 0.35)),
        height_m=scene.radius_m * float(rng.uniform(0.02, 0.07)),
        gloss=scene.materials[0].gloss,
    )
    return put_lateral(scene, rng, branch)


def paint_large(scene: Scene, rng: np.random.Generator, severity: float, z_m: float) -> float:
    """Nearly as wide as the pipe."""
    return put_lateral(
        scene,
        rng,
        replace(_moulded(scene, rng, severity, z_m, 0.62, 0.95), lean=float(rng.choice([0.0, 0.6])), rim_m=0.05 * scene.radius_m),
    )


def _cored(scene: Scene, rng: np.random.Generator, severity: float, z_m: float, low: float = 0.17, high: float = 0.52) -> Branch:
    radius = lateral_radius(scene, rng, severity, low, high)
    lean = float(rng.normal(0, 0.04))
    return made_of(Branch(draw_theta(rng), z_m, radius, lean, (0.5, 0.5, 0.5), "PB", rim_rgb=_SEAL), rng)


def paint_seal_ring(scene: Scene, rng: np.random.Generator, severity: float, z_m: float) -> float:
    """A round hole, a thin rubber ring, the pipe flush in it."""
    branch = _cored(scene, rng, severity, z_m)
    return put_lateral(
        scene, rng, replace(branch, rim_m=branch.radius_m * float(rng.uniform(0.06, 0.22)), rim_rgb=tinted(rng, _SEAL, 0.6, 3.0))
    )


def paint_saddle(scene: Scene, rng: np.random.Generator, severity: float, z_m: float) -> float:
    """A plastic saddle or flange round the mouth."""
    branch = _cored(scene, rng, severity, z_m)
    rgb = branch.wall_rgb if rng.random() < 0.6 else tinted(rng, (0.5, 0.5, 0.5), 0.3, 1.6)
    width = branch.radius_m * float(rng.uniform(0.2, 0.55))
    add_flange(scene, branch, rgb=rgb, width_m=width, height_m=width * float(rng.uniform(0.12, 0.35)), gloss=0.3)
    return put_lateral(scene, rng, branch)


def paint_set_back(scene: Scene, rng: np.random.Generator, severity: float, z_m: float) -> float:
    """A clean core hole with the cut shell in sight and the pipe ending inside it."""
    branch = _cored(scene, rng, severity, z_m)
    return put_lateral(
        scene,
        rng,
        replace(
            branch,
            hole_m=(branch.radius_m + branch.stub_thick_m) * float(rng.uniform(1.04, 1.25)),
            recess_m=scene.radius_m * float(rng.uniform(0.06, 0.3)),
            rim_m=0.02 * scene.radius_m,
            rim_rgb=wall_rgb(scene, float(rng.uniform(0.8, 1.5))),
            soil_rgb=wall_rgb(scene, float(rng.uniform(0.5, 1.2))) if rng.random() < 0.6 else _SEAL,
        ),
    )


def paint_clean_stub(scene: Scene, rng: np.random.Generator, severity: float, z_m: float) -> float:
    """A neat pipe end standing in through its ring."""
    branch = stub_out(scene, _cored(scene, rng, severity, z_m), rng, severity, 1.0)
    neat = replace(branch, rim_m=branch.stub_thick_m + branch.radius_m * float(rng.uniform(0.06, 0.2)), jag=None)
    return put_lateral(scene, rng, neat)


def paint_small_pair(scene: Scene, rng: np.random.Generator, severity: float, z_m: float) -> float:
    """Small drains, one or several near each other."""
    branch = _cored(scene, rng, severity, z_m, 0.11, 0.24)
    branch = replace(branch, rim_m=branch.radius_m * float(rng.uniform(0.1, 0.4)))
    for _ in range(int(rng.integers(0, 3))):
        beside = branch.theta + float(rng.choice([-1, 1]) * rng.uniform(0.5, 1.1))
        other = replace(_cored(scene, rng, severity, z_m, 0.11, 0.24), theta=beside, z_m=z_m + float(rng.normal(0, 0.5)) * scene.radius_m)
        scene.branches.append(replace(other, rim_m=branch.rim_m))
    return put_lateral(scene, rng, branch)


GR_LOOKS: Looks = {
    "flush": (3.0, paint_flush),
    "other pipe": (2.0, paint_other_pipe),
    "capped": (1.0, paint_capped),
    "silted": (1.0, paint_silted),
    "bulged": (1.2, paint_bulged),
    "large": (1.0, paint_large),
}
PB_LOOKS: Looks = {
    "seal ring": (2.0, paint_seal_ring),
    "saddle": (1.5, paint_saddle),
    "set back": (1.5, paint_set_back),
    "clean stub": (2.0, paint_clean_stub),
    "small pair": (1.0, paint_small_pair),
}


def paint_branch_pipe(scene: Scene, rng: np.random.Generator, severity: float, z_m: float) -> float:
    """Add GR."""
    return paint_look(GR_LOOKS, scene, rng, severity, z_m)


def paint_drilled_connection(scene: Scene, rng: np.random.Generator, severity: float, z_m: float) -> float:
    """Add PB."""
    return paint_look(PB_LOOKS, scene, rng, severity, z_m)
