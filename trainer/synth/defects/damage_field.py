"""A field of damage on the wall: where it lies, its soft ragged extent, the wall's own colour in it; ground of the OB painters."""

import numpy as np

from trainer.synth.defects.patches import dry_limit, soft_patch, texels, wall_rgb
from trainer.synth.scene import Decal, Scene
from trainer.synth.texture import Grid

Place = tuple[float, float, float, float]


def place_field(scene: Scene, rng: np.random.Generator, severity: float, z_m: float) -> Place:
    """Angle, chainage and half sides of a field of damage; gross ones may go all the way round."""
    if rng.random() < 0.4 * severity**2:
        return 0.0, z_m, float(np.pi), scene.radius_m * float(rng.uniform(0.6, 1.5) * (1 + 2.0 * severity))
    half_theta = min(0.22 + 1.1 * severity * rng.uniform(0.6, 1.4), 1.9)
    half_z = scene.radius_m * (0.35 + 1.5 * severity * rng.uniform(0.5, 1.5))
    return float(rng.uniform(-0.85, 0.85) * dry_limit(scene)), z_m, float(half_theta), float(half_z)


def soft_field(scene: Scene, rng: np.random.Generator, place: Place, severity: float, softness: float = 0.6) -> Grid:
    """Alpha of a soft ragged field; more of the place is taken as severity grows."""
    all_round = place[2] > 3
    shape = texels(scene, place[2], place[3])
    return soft_patch(rng, shape, 0.62 + 0.38 * severity, softness=softness, scale=rng.uniform(0.35, 1.3), all_round=all_round)


def lay_damage(
    scene: Scene,
    place: Place,
    alpha: Grid,
    colour: Grid,
    relief: Grid,
    *,
    seen: Grid | None = None,
) -> float:
    """Lay tone and relief on the wall as OB, seen where `seen` is; returns the clock angle."""
    theta, z_m, half_theta, half_z = place
    decal = Decal(
        theta,
        z_m,
        half_theta,
        half_z,
        np.asarray(alpha, np.float32),
        colour,
        np.asarray(relief, np.float32),
        code="OB",
        mask_at=0.3,
        mask_alpha=seen,
    )
    scene.decals.append(decal)
    return theta


def aged_rgb(scene: Scene, rng: np.random.Generator, low: float = 0.7, high: float = 1.1) -> Grid:
    """The wall's colour, a little leached or soiled."""
    wall = wall_rgb(scene) * np.float32(rng.uniform(low, high))
    grey = wall.mean()
    return np.asarray(grey + (wall - grey) * np.float32(rng.uniform(0.5, 1.1)), dtype=np.float32)
