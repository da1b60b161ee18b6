"""DE, deformation: the cross-section pressed out of round over a stretch; flat crowns, ovals, creases, buckles, tongues, bulges.

Smooth shapes are a formula (Deform); what has edges and lobes is a field of heights on the wall. Colour hardly takes part, except
that plastic turns pale where it is folded sharply.
"""

from collections.abc import Callable

import cv2
import numpy as np

from trainer.synth.defects.patches import fade, noise_cut
from trainer.synth.defects.shards import curl_tongue, peel_skin
from trainer.synth.scene import Decal, Deform, Scene
from trainer.synth.texture import Grid

_ROUND = (96, 128)
_SEEN_RADII = 0.03  # a wall moved by less shows neither in outline nor in light


def _bend(scene: Scene, place: tuple[float, float, float, float], height: Grid, lift_m: float, *, pale: Grid | None = None) -> None:
    """Bring the wall in by `lift_m` where `height` (h, w, not negative) is 1; `pale` is stress whitening, 0..1."""
    theta, z_m, half_theta, half_z = place
    height = np.asarray(height, np.float32)
    shown = np.clip(pale, 0, 1).astype(np.float32) * np.float32(0.5) if pale is not None else np.zeros_like(height)
    tone = np.clip(np.array(scene.materials[0].rgb) * 0.4 + 0.5, 0, 0.92)
    bright = (float(tone[0]), float(tone[1]), float(tone[2]))
    seen = height * np.float32(lift_m / (_SEEN_RADII * scene.radius_m))
    scene.decals.append(
        Decal(theta, z_m, half_theta, half_z, shown, bright, height, lift_m=lift_m, code="DE", mask_at=1.0, mask_alpha=seen)
    )


def _along(rows: int, sharp: float = 2.0) -> Grid:
    """A stretch's profile (rows,): 0 at both ends, 1 in the middle; a larger `sharp` has a flatter middle."""
    v = np.linspace(-1, 1, rows, dtype=np.float32)
    return np.asarray((1 - np.abs(v) ** np.float32(sharp)) ** 2, dtype=np.float32)


def _stretch_m(scene: Scene, rng: np.random.Generator, *, long: float = 0.25) -> float:
    """Half length of a deformed stretch: mostly one to four radii, sometimes much of what can be seen."""
    return float(scene.radius_m * (rng.uniform(5, 12) if rng.random() < long else rng.uniform(1.0, 4.0)))


def flat_crown(scene: Scene, rng: np.random.Generator, severity: float, z_m: float) -> float:
    """The crown pressed flat, the sides a little out."""
    theta, half_z = float(rng.normal(0, 0.15)), _stretch_m(scene, rng)
    press = scene.radius_m * (0.07 + 0.42 * severity * rng.uniform(0.8, 1.2))
    scene.deforms.append(Deform(z_m, half_z, theta, dent_m=press, dent_half_theta=rng.uniform(1.0, 1.6), crease=0.15 * float(rng.random())))
    if rng.random() < 0.6:
        scene.deforms.append(Deform(z_m, half_z, theta, oval_m=-0.25 * press))
    return theta


def oval(scene: Scene, rng: np.random.Generator, severity: float, z_m: float) -> float:
    """Out of round: lying, less often standing or leaning."""
    lean = float(rng.normal(0, 0.12) + rng.choice([0, np.pi / 2, rng.uniform(0, np.pi)], p=[0.65, 0.2, 0.15]))
    press = scene.radius_m * (0.07 + 0.29 * severity * rng.uniform(0.8, 1.2))
    scene.deforms.append(Deform(z_m, max(_stretch_m(scene, rng, long=0.8), 2 * scene.radius_m), lean, oval_m=-press))
    return 0.0


def creased_dent(scene: Scene, rng: np.random.Generator, severity: float, z_m: float) -> float:
    """A dent from one side with a sharp crease, as from a stone or a load; now and then from both sides."""
    theta, half_z = float(rng.normal(0, 0.9)), _stretch_m(scene, rng, long=0.1) * 0.7
    press, width = scene.radius_m * (0.10 + 0.46 * severity * rng.uniform(0.8, 1.2)), float(rng.uniform(0.45, 1.1))
    crease = float(rng.uniform(0.4, 1.0))
    scene.deforms.append(Deform(z_m, half_z, theta, dent_m=press, dent_half_theta=width, crease=crease))
    if rng.random() < 0.25:
        scene.deforms.append(Deform(z_m, half_z, theta + float(np.pi), dent_m=0.7 * press, dent_half_theta=width, crease=crease))
    return theta


def snout(scene: Scene, rng: np.random.Generator, severity: float, z_m: float) -> float:
    """A buckle that comes down along the pipe and ends in a lip: seen from the camera's side as a snout, from the other as a step."""
    theta, rows, columns = float(rng.normal(0, 0.5)), *_ROUND
    u = np.linspace(-1, 1, columns, dtype=np.float32)[None, :]
    v = np.linspace(0, 1, rows, dtype=np.float32)[:, None]
    lip = np.float32(rng.uniform(0.6, 0.85)) + np.float32(0.05) * noise_cut(rng, "cloud", (1, columns), 1.0) - np.float32(0.12) * u * u
    turned = rng.random() < 0.4  # a cliff that faces the camera must slope, or the tracer would see it several times
    rise = np.clip(v / lip, 0, 1) ** np.float32(rng.uniform(1.0, 2.2)) * np.clip((lip - v) * np.float32(2.5 if turned else 9) + 1, 0, 1)
    notch = np.float32(rng.uniform(0.0, 0.45)) * np.exp(-((u / np.float32(0.16)) ** 2)) * rng.choice([-1, 1])
    height = rise * (np.clip(1 - u * u, 0, 1) ** np.float32(1.3) + notch * np.clip(1 - np.abs(u), 0, 1))
    pale = np.clip(np.exp(-np.abs(v - lip) * 30) * (1 - np.abs(u)), 0, 1)
    if turned:
        height, pale = np.ascontiguousarray(height[::-1]), np.ascontiguousarray(pale[::-1])
    height = cv2.GaussianBlur(np.maximum(height, 0).astype(np.float32), (0, 0), 1.2)
    half_z = scene.radius_m * rng.uniform(0.7, 2.0)
    lift = scene.radius_m * (0.07 + 0.47 * severity)
    _bend(scene, (theta, z_m, rng.uniform(0.6, 1.5), half_z), height / max(float(height.max()), 0.2), lift, pale=pale)
    return theta


def lobes(scene: Scene, rng: np.random.Generator, severity: float, z_m: float) -> float:
    """Buckled all round into lobes or diamonds, as thin walls under pressure from outside."""
    rows, columns = _ROUND
    num, half_z = int(rng.integers(3, 7)), _stretch_m(scene, rng)
    around = np.linspace(-np.pi, np.pi, columns, dtype=np.float32)[None, :]
    along = np.linspace(-1, 1, rows, dtype=np.float32)[:, None]
    bend = np.float32(rng.uniform(0, 6.3)) + np.float32(rng.uniform(0, 0.5)) * noise_cut(rng, "cloud", (rows, 1), 0.2)
    wave = np.cos(num * around + bend)
    wave = np.sign(wave) * np.abs(wave) ** np.float32(rng.uniform(0.8, 1.6))
    # about as long as they are wide; without an end to each lobe the lamps beside the lens would hardly show it
    lengths = half_z / scene.radius_m * num * rng.uniform(0.35, 0.8)
    wave = wave * (np.float32(0.35) + np.float32(0.65) * np.cos(np.float32(lengths) * along + np.float32(rng.uniform(0, 6.3))))
    uneven = np.clip(1 + np.float32(0.5) * np.cos(around - np.float32(rng.uniform(-1, 1))), 0.3, 1.5)
    height = np.maximum(wave + np.float32(rng.uniform(0, 0.4)), 0) * uneven * _along(rows, rng.uniform(1.5, 5))[:, None]
    lift = scene.radius_m * (0.06 + 0.30 * severity) * (3.0 / num) ** 0.5
    _bend(scene, (0.0, z_m, float(np.pi), half_z), height / max(float(height.max()), 0.3), lift)
    return 0.0


def helical_buckle(scene: Scene, rng: np.random.Generator, severity: float, z_m: float) -> float:
    """Buckles that wind along the pipe."""
    rows, columns = _ROUND
    around = np.linspace(-np.pi, np.pi, columns, dtype=np.float32)[None, :]
    v = np.linspace(-1, 1, rows, dtype=np.float32)[:, None]
    turns = int(rng.integers(1, 4))
    phase = turns * around + np.float32(rng.choice([-1, 1]) * rng.uniform(2.5, 6.0)) * v + np.float32(rng.uniform(0, 6.3))
    height = np.exp(np.float32(rng.uniform(1.5, 3.5)) * (np.cos(phase) - 1)) * _along(rows, 3.0)[:, None]
    lift = scene.radius_m * (0.06 + 0.28 * severity)
    _bend(scene, (0.0, z_m, float(np.pi), _stretch_m(scene, rng)), height, lift, pale=height**8 * np.float32(0.5))
    return 0.0


def bulge(scene: Scene, rng: np.random.Generator, severity: float, z_m: float) -> float:
    """One place pressed in, or a few side by side, with a rounded or pointed top."""
    theta = float(rng.uniform(-2.0, 2.0))
    shape = (80, 80)
    rows, columns = (np.linspace(-1, 1, side, dtype=np.float32) for side in shape)
    height: Grid = np.zeros(shape, np.float32)
    for _ in range(1 + int(rng.poisson(0.5))):
        r, c, wide, tall = rng.uniform(-0.25, 0.25), rng.uniform(-0.25, 0.25), rng.uniform(0.3, 0.55), rng.uniform(0.3, 0.6)
        away = np.sqrt(
            ((rows[:, None] - np.float32(r)) / np.float32(tall)) ** 2 + ((columns[None, :] - np.float32(c)) / np.float32(wide)) ** 2
        )
        height = np.maximum(height, np.float32(rng.uniform(0.7, 1)) * np.exp(-(away ** np.float32(rng.uniform(1.2, 3)))))
    height = cv2.GaussianBlur(height, (0, 0), 1.5) * fade(shape)
    halves = (0.35 + 0.5 * severity * rng.uniform(0.7, 1.2), scene.radius_m * rng.uniform(0.5, 0.9) * (0.8 + severity))
    _bend(scene, (theta, z_m, *halves), height, scene.radius_m * (0.07 + 0.34 * severity), pale=height**6 * np.float32(0.6))
    return theta


def hanging_skin(scene: Scene, rng: np.random.Generator, severity: float, z_m: float) -> float:
    """A flattened stretch whose inner skin has let go and hangs down."""
    theta = flat_crown(scene, rng, 0.25 + 0.45 * severity, z_m)
    for _ in range(1 + int(rng.poisson(0.8 * severity))):
        place = (float(theta + rng.normal(0, 0.35)), float(z_m + rng.normal(0, 0.3) * scene.radius_m))
        size = (0.15 + 0.8 * severity) * rng.uniform(0.7, 1.1)
        (curl_tongue if rng.random() < 0.55 else peel_skin)(scene, rng, size, place, code="DE")
    return theta


SHAPES: dict[str, Callable[[Scene, np.random.Generator, float, float], float]] = {
    "flat crown": flat_crown,
    "oval": oval,
    "creased dent": creased_dent,
    "snout": snout,
    "lobes": lobes,
    "helical buckle": helical_buckle,
    "bulge": bulge,
    "hanging skin": hanging_skin,
}
_STIFF = {"flat crown": 2.0, "oval": 2.5, "creased dent": 1.0, "bulge": 0.5}
_PLASTIC = {"flat crown": 2.0, "oval": 2.0, "creased dent": 2.0, "snout": 2.0, "lobes": 1.2, "helical buckle": 0.8, "bulge": 1.5}


def paint_deformation(scene: Scene, rng: np.random.Generator, severity: float, z_m: float) -> float:
    """Add DE; returns the clock angle."""
    shares = dict(_STIFF if scene.materials[0].rigid else _PLASTIC)
    if severity > 0.3 and not scene.materials[0].rigid:
        shares["hanging skin"] = 2.0
    names = list(shares)
    name = names[int(rng.choice(len(names), p=np.array(list(shares.values())) / sum(shares.values())))]
    return SHAPES[name](scene, rng, severity, z_m)
