"""The wall pushed out of its place: cloth and plastic are shaded by their shape, colour only deepens the creases at their foot."""

import cv2
import numpy as np

from trainer.synth.scene import Decal, Scene
from trainer.synth.texture import Grid

Place = tuple[float, float, float, float]


def raise_wall(
    scene: Scene,
    place: Place,
    height: Grid,
    lift_m: float,
    *,
    code: str | None = "PF",
    crease: float = 0.35,
    tone: float = 1.0,
    gloss: float = 0.1,
) -> None:
    """Displace the wall by `lift_m` where `height` (h, w) is 1; its foot is darkened by `crease`, its top tinted by `tone`."""
    foot = np.clip(height * 4, 0, 1) * np.clip(np.float32(1.2) - height * np.float32(1.6), 0, 1)
    shade = (np.float32(1) - np.float32(crease) * foot) * (1 + np.float32(tone - 1) * np.clip(height * 2, 0, 1))
    colour = cv2.merge([np.asarray(shade, dtype=np.float32)] * 3)
    theta, z_m, half_theta, half_z = place
    seen = np.clip(height * np.float32(2.2), 0, 1).astype(np.float32)
    shape = np.asarray(height, np.float32)
    alpha = np.clip(shape * 6, 0, 1)
    decal = Decal(
        theta,
        z_m,
        half_theta,
        half_z,
        alpha,
        colour,
        shape,
        lift_m=lift_m,
        gloss=gloss,
        multiply=True,
        code=code,
        mask_at=0.3,
        mask_alpha=seen,
    )
    scene.decals.append(decal)
