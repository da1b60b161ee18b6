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
JointLook = Literal["none", "line", "mortar", "rubber", "open", "socket"]
OPEN_GAP_M = 0.014  # a gap is traced as a real one from here on
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


@dataclass(frozen=True, slots=True)
class Section:
    """A cross-section that is no circle: rounded box or arch, as high as the circle and `width` times as wide; see `egg` for eggs.

    The powers are those of a superellipse, 2 round, 8 nearly square; `oval` is a share of the radius, `turn` its clock angle.
    """

    crown_power: float = 2.0
    floor_power: float = 2.0
    width: float = 1.0
    oval: float = 0.0
    turn: float = 0.0


@dataclass(frozen=True, slots=True)
class Bend:
    """From `start_m` the axis curves over `length_m` (`curvature` in 1/m) toward a clock angle, then goes on straight."""

    start_m: float
    length_m: float
    curvature: float
    toward: float


@dataclass(frozen=True, slots=True)
class Ribs:
    """Rings or spiral (`starts` turns per pitch) of a profiled plastic wall; `depth` of shading and `sharp` of the edge 0..1."""

    pitch_m: float
    depth: float = 0.5
    sharp: float = 0.5
    starts: int = 0
    duty: float = 0.5


@dataclass(frozen=True, slots=True)
class Chamber:
    """A manhole chamber in which the pipe begins or ends at `z_m`; it reaches `depth_m` away from the pipe (sign of z).

    `floor_y` is the top of the benching with a channel as wide as the pipe in it, `roof_y` where the shaft above begins to be dark;
    `next_m` is the radius of the next pipe's mouth at `next_xy` in the opposite wall (0: none). `light` brightens all of it, `day`
    (x, z, radius, strength) is a patch of daylight on the floor. `collar_m` is the width of mortar round the mouth.
    """

    z_m: float
    depth_m: float
    half_m: float
    floor_y: float
    roof_y: float
    look: Literal["brick", "concrete", "plaster"]
    rgb: Rgb
    joint_rgb: Rgb = (0.55, 0.52, 0.46)
    collar_m: float = 0.0
    collar_rgb: Rgb = (0.5, 0.48, 0.43)
    next_m: float = 0.0
    next_xy: tuple[float, float] = (0.0, 0.0)
    light: float = 1.0
    day: tuple[float, float, float, float] = (0.0, 0.0, 1.0, 0.0)
    noise_offset: float = 0.0


@dataclass(slots=True)
class Joint:
    """Where two pipes meet; painters change it before the segments are laid.

    `shift_xy` is how far the next pipe's axis is moved (and stays moved), `widen_m` the change of its radius. A joint without step and
    wide gap is only painted: `look` says how, over `width_m`; `tone` is the brightness of the pipe after it.
    """

    z_m: float
    gap_m: float = 0.006
    depth_m: float = 0.012
    shift_xy: tuple[float, float] = (0.0, 0.0)
    widen_m: float = 0.0
    material: int | None = None
    look: JointLook = "line"
    width_m: float = 0.006
    tone: float = 1.0

    @property
    def stands_out(self) -> bool:
        """Whether the joint is a real step or gap, not mere paint."""
        return bool(any(self.shift_xy) or self.widen_m or self.material is not None or self.gap_m >= OPEN_GAP_M)


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
class Mound:
    """Stuff on the wall that stands out of it: mortar collars, lumps, ridges, flanges; traced for itself, cheaper than a lifted decal.

    `height` (h, w) metres above the wall, rows along z and columns round the pipe; `colour` one RGB or (h, w, 3). What stands less than
    `bare_m` proud is not there.
    """

    theta: float
    z_m: float
    half_theta: float
    half_z_m: float
    height: Grid
    colour: Rgb | Grid
    gloss: float = 0.1
    bare_m: float = 0.001
    code: str | None = None


@dataclass(frozen=True, slots=True)
class Branch:
    """A lateral: a cylinder leaving the wall at (theta, z), leaning by `lean` radians along +z and by `skew` round the pipe.

    The hole in the wall is `hole_m` wide (the bore's own radius if 0) times `outline` (n,) over its clock; deeper in it, at `recess_m`,
    ends the lateral's pipe, moved by `offset_m` (along z, round). `stub_m` is how far that pipe stands into the lumen; its end is cut
    with slope `cut` toward `cut_angle`, short by `jag` (n,) metres over its clock. `pitch_m` and `corrugation_m` rib it, `fill` is the
    share of the bore's height filled, `closed_m` the depth of a lid, `dark` the depth in radii at which its inside fades.
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
    skew: float = 0.0
    outline: Grid | None = None
    hole_m: float = 0.0
    recess_m: float = 0.0
    offset_m: tuple[float, float] = (0.0, 0.0)
    soil_rgb: Rgb = (0.16, 0.12, 0.09)
    stub_m: float = 0.0
    stub_thick_m: float = 0.008
    cut: float = 0.0
    cut_angle: float = 0.0
    jag: Grid | None = None
    pitch_m: float = 0.0
    corrugation_m: float = 0.0
    inner_rgb: Rgb | None = None
    end_rgb: Rgb | None = None
    dirt: float = 0.0
    dirt_rgb: Rgb = (0.25, 0.18, 0.11)
    fill: float = 0.0
    fill_rgb: Rgb = (0.16, 0.12, 0.08)
    closed_m: float = 0.0
    lid_rgb: Rgb = (0.55, 0.33, 0.18)
    dark: float = 0.9
    gloss: float = 0.15
    noise_offset: float = 0.0


@dataclass(frozen=True, slots=True)
class Fluid:
    """Water, a settled bed or a mere smear in the invert; `level` is the share of the diameter (a smear's half width in radians).

    `texture` names the bed's tile, `tile_m` the length it covers, `rough_m` the height of its lumps; `bank` (h, w) adds metres of
    height, rows from start to end, columns across from -radius to radius. Water: `calm` 0..1 mirrors, `foam` 0..1 covers it.
    """

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
    kind: Literal["water", "bed", "smear"] = "water"
    texture: str = "sand"
    tile_m: float = 0.8
    bank: Grid | None = None
    calm: float = 0.0
    foam: float = 0.0
    clear: float = 0.25


@dataclass(frozen=True, slots=True)
class Solid:
    """A body in the lumen: half axes `half_m` turned by `axes` (rows are its axes in pipe coordinates).

    A cylinder and a shell (an open piece of one, `arc` radians to each side of its second axis) lie along their first axis.
    `rough` (0..1) dents the surface, `core_rgb` is the colour of a cylinder's end or a shell's inside.
    """

    shape: Literal["ellipsoid", "box", "cylinder", "shell"]
    centre_m: tuple[float, float, float]
    half_m: tuple[float, float, float]
    axes: NDArray[np.float32]
    rgb: Rgb
    mottle: float = 0.3
    gloss: float = 0.1
    code: str | None = "FO"
    rough: float = 0.0
    arc: float = 1.0
    core_rgb: Rgb | None = None


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


@dataclass(frozen=True, slots=True)
class Sheet:
    """A thin curved sheet in the lumen (shard, peeled skin, buckled tongue): a cut-out of a cylinder's wall of radius `bend_m`.

    Rows of `axes`: the cylinder's axis, the direction from it to the sheet's middle (`middle_m`), and round it. The outline `alpha`
    (h, w) has rows along the axis to `half_m` each side and columns round it to `arc` radians each side; `rgb` is (h, w, 3).
    """

    middle_m: tuple[float, float, float]
    axes: NDArray[np.float32]
    bend_m: float
    arc: float
    half_m: float
    alpha: Grid
    rgb: Grid
    code: str | None
    gloss: float = 0.2

    @property
    def z_m(self) -> float:
        """Chainage of its middle."""
        return self.middle_m[2]

    @property
    def half_z_m(self) -> float:
        """How far it can reach along the pipe, and any other way, from its middle."""
        return float(np.hypot(self.half_m, 2 * self.bend_m * np.sin(min(self.arc, np.pi) / 2)))


@dataclass(frozen=True, slots=True)
class Placed:
    """A thing of a class that stands in the pipe, whether or not it can be seen; `to_m` equals `from_m` for what has no length."""

    code: str
    from_m: float
    to_m: float
    theta: float
    severity: float


@dataclass(slots=True)
class Scene:
    """One pipe and all that is in it; lists grow while it is built."""

    radius_m: float
    materials: list[Material]
    egg: float = 0.0
    section: Section | None = None
    bend: Bend | None = None
    ribs: Ribs | None = None
    chambers: list[Chamber] = field(default_factory=list)
    mortar_rgb: Rgb = (0.60, 0.58, 0.52)
    joints: list[Joint] = field(default_factory=list)
    segments: list[Segment] = field(default_factory=list)
    decals: list[Decal] = field(default_factory=list)
    deforms: list[Deform] = field(default_factory=list)
    bands: list[Band] = field(default_factory=list)
    mounds: list[Mound] = field(default_factory=list)
    branches: list[Branch] = field(default_factory=list)
    fluids: list[Fluid] = field(default_factory=list)
    solids: list[Solid] = field(default_factory=list)
    curtains: list[Curtain] = field(default_factory=list)
    placed: list[Placed] = field(default_factory=list)
    sheets: list[Sheet] = field(default_factory=list)
    noise_offset: float = 0.0
    wetness: float = 0.2

    @property
    def water_level(self) -> float:
        """Highest share of the diameter under water, 0..1."""
        return max((f.level for f in self.fluids if f.kind == "water"), default=0.0)
