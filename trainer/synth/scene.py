"""What is in the pipe: the records that painters append and the tracer reads.

Axes: z along the pipe in metres (the direction of travel), x to the right, y up; angles are clock angles, 0 at 12 o'clock and
growing clockwise as seen looking along +z, so x = r sin(theta), y = r cos(theta). Everything is anchored in the pipe, nothing in
the camera: a drive is the same scene seen from moving places. `code` is the class an element shows, None for a harmless one.
"""

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from trainer.synth.materials import Material
from trainer.synth.texture import Grid

Rgb = tuple[float, float, float]
FAR_RADII = 45.0  # beyond this many radii the lamps show nothing


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of pipe with one cross-section; a joint's gap is a short segment of larger radius."""

    start_m: float
    end_m: float
    centre_xy: tuple[float, float]
    radius_m: float
    material: int
    part: Literal["pipe", "gap"] = "pipe"


@dataclass(slots=True)
class Joint:
    """Where two pipes meet; painters change it before the segments are laid.

    `shift_xy` is how far the next pipe's axis is moved (and stays moved), `widen_m` the change of its radius.
    """

    z_m: float
    gap_m: float = 0.006
    depth_m: float = 0.012
    shift_xy: tuple[float, float] = (0.0, 0.0)
    widen_m: float = 0.0
    material: int | None = None


@dataclass(frozen=True, slots=True)
class Decal:
    """A patch on the wall: colour, relief and, with `lift_m`, real displacement into (+) or out of (-) the lumen.

    `alpha` (h, w) 0..1 with rows along z and columns round the pipe; `colour` one RGB or an (h, w, 3) array; `relief` (h, w) is
    height for shading and displacement; `gloss` 0..1 is added wetness; `multiply` darkens the wall instead of covering it.
    """

    theta: float
    z_m: float
    half_theta: float
    half_z_m: float
    alpha: Grid
    colour: Rgb | Grid
    relief: Grid | None = None
    lift_m: float = 0.0
    gloss: float = 0.0
    multiply: bool = False
    code: str | None = None
    mask_at: float = 0.35
    mask_alpha: Grid | None = None


@dataclass(frozen=True, slots=True)
class Deform:
    """A change of the cross-section: `amplitudes[k]` metres of cos(k (theta - theta0)) over a stretch, or a dent of given width."""

    z_m: float
    half_z_m: float
    theta: float
    oval_m: float = 0.0
    dent_m: float = 0.0
    dent_half_theta: float = 0.6
    crease: float = 0.0
    code: str | None = "DE"


@dataclass(frozen=True, slots=True)
class Band:
    """Marks wall pixels between two chainages (and angles) as showing a class; draws nothing itself."""

    code: str
    start_m: float
    end_m: float
    theta: float = 0.0
    half_theta: float = 4.0


@dataclass(frozen=True, slots=True)
class Branch:
    """A lateral: a cylinder leaving the wall at (theta, z), leaning by `lean` radians along +z; `stub_m` is how far it intrudes.

    `rim_m` is the width of the collar painted round the opening, `ragged` (0..1) how broken its edge is.
    """

    theta: float
    z_m: float
    radius_m: float
    lean: float
    wall_rgb: Rgb
    code: str | None
    rim_m: float = 0.0
    rim_rgb: Rgb = (0.5, 0.5, 0.5)
    rim_ragged: float = 0.0
    ragged: float = 0.0
    stub_m: float = 0.0
    stub_thick_m: float = 0.008
    flow_rgb: Rgb | None = None
    ribs: bool = False
    closed_m: float = 0.0
    noise_offset: float = 0.0


@dataclass(frozen=True, slots=True)
class Fluid:
    """Water or settled matter in the invert; `level` is the share of the diameter, `rough_m` the height of its lumps."""

    level: float
    rgb: Rgb
    start_m: float = -1e3
    end_m: float = 1e3
    rough_m: float = 0.0
    grain: float = 0.0
    gloss: float = 0.8
    lean: float = 0.0
    second_rgb: Rgb | None = None
    noise_offset: float = 0.0
    code: str | None = None


@dataclass(frozen=True, slots=True)
class Solid:
    """A body in the lumen: an ellipsoid or a box of half axes `half_m` turned by `axes` (rows are its axes in pipe coordinates)."""

    shape: Literal["ellipsoid", "box"]
    centre_m: tuple[float, float, float]
    half_m: tuple[float, float, float]
    axes: NDArray[np.float32]
    rgb: Rgb
    mottle: float = 0.3
    gloss: float = 0.1
    code: str | None = "FO"


@dataclass(frozen=True, slots=True)
class Curtain:
    """A flat cut-out standing across the pipe at `z_m`: hair roots, hanging rubber. Covers the square of `half_m` round `centre_xy`."""

    z_m: float
    centre_xy: tuple[float, float]
    half_m: float
    alpha: Grid
    rgb: Grid
    code: str | None
    gloss: float = 0.1
    mask_at: float = 0.3


@dataclass(slots=True)
class Scene:
    """One pipe and all that is in it; lists grow while it is built."""

    radius_m: float
    materials: list[Material]
    egg: float = 0.0
    joints: list[Joint] = field(default_factory=list)
    segments: list[Segment] = field(default_factory=list)
    decals: list[Decal] = field(default_factory=list)
    deforms: list[Deform] = field(default_factory=list)
    bands: list[Band] = field(default_factory=list)
    branches: list[Branch] = field(default_factory=list)
    fluids: list[Fluid] = field(default_factory=list)
    solids: list[Solid] = field(default_factory=list)
    curtains: list[Curtain] = field(default_factory=list)
    noise_offset: float = 0.0
    wetness: float = 0.2

    @property
    def water_level(self) -> float:
        """Highest share of the diameter under water, 0..1."""
        return max((f.level for f in self.fluids if f.code is None), default=0.0)
