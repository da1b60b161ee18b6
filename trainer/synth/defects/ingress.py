"""IN, infiltration: wet patches, drips, running threads, jets, shining joints and mineral curtains, always from a joint, crack or seam.

Water on a wall is seen by what it does to the wall: it darkens it, takes its roughness away and sends back highlights. Lamps at the
lens see few highlights on a wall at a grazing angle, so bright specks along the crests of the film are laid as well.
"""
# patches: rows along the pipe, columns round it

from collections.abc import Callable

import cv2
import numpy as np

from trainer.synth.defects.bodies import as_rgb
from trainer.synth.defects.patches import fade, noise_cut, soft_patch
from trainer.synth.pipe import joint_at
from trainer.synth.scene import Curtain, Decal, Rgb, Scene
from trainer.synth.texture import Grid

Rng = np.random.Generator
_SHAPE = (192, 224)
_MINERAL: tuple[Rgb, ...] = ((0.50, 0.24, 0.07), (0.24, 0.20, 0.13), (0.72, 0.67, 0.56), (0.60, 0.44, 0.20))


def paint_infiltration(scene: Scene, rng: Rng, severity: float, z_m: float) -> float:
    """Add IN; returns the clock angle."""
    names = list(INGRESS)
    return INGRESS[names[int(rng.integers(len(names)))]](scene, rng, severity, z_m)


def _wet(
    scene: Scene, rng: Rng, place: tuple[float, float], half: tuple[float, float], film: Grid, *, dark: float, mask_at: float = 0.3
) -> None:
    """A film of water at (theta, z), half sizes in radians and metres: a darkened wall, then highlights on the film's crests."""
    shape = film.shape
    grain, cloud = noise_cut(rng, "grain", shape, 0.7), noise_cut(rng, "streak", shape[::-1], 0.8).T
    height = (1.2 * cv2.GaussianBlur(film, (0, 0), 3) + film * (0.10 * grain + 0.10 * cloud)).astype(np.float32)
    tint = as_rgb(np.array((0.50, 0.49, 0.46)) * dark * rng.normal(1, 0.06, 3))
    alpha = (film * np.float32(0.95)).astype(np.float32)
    scene.decals.append(Decal(*place, *half, alpha, tint, height, gloss=2.0, multiply=True, code="IN", mask_at=mask_at))
    crest = np.clip((0.8 * cloud + 0.6 * grain + 1.5 * film - 2.4) * 1.2, 0, 1) * film
    scene.decals.append(Decal(*place, *half, np.asarray(crest * np.float32(0.8), np.float32), (0.95, 0.95, 0.93), gloss=2.0))


def _stain(scene: Scene, rng: Rng, place: tuple[float, float], half: tuple[float, float], alpha: Grid) -> None:
    rgb = np.array(_MINERAL[int(rng.integers(len(_MINERAL)))], np.float32) * np.float32(rng.uniform(0.8, 1.2))
    colour = np.clip(rgb * (1 + 0.15 * noise_cut(rng, "cloud", alpha.shape, 1.2))[..., None], 0.02, 0.95).astype(np.float32)
    scene.decals.append(Decal(*place, *half, alpha, colour, cv2.GaussianBlur(alpha, (0, 0), 2) * np.float32(0.5), code="IN", mask_at=0.4))


def streams(rng: Rng, num: int, width: tuple[float, float], *, side: float, reach: tuple[float, float] = (0.5, 1.0)) -> Grid:
    """Streams down a patch (192, 224): they leave near one row, wander, swell and thin; `side` is the way down round the pipe."""
    canvas = np.zeros(_SHAPE, np.uint8)
    rows, columns = _SHAPE
    for _ in range(num):
        x = np.linspace(rng.uniform(0.03, 0.15), rng.uniform(*reach), 20) * columns
        y = rows / 2 + rng.normal(0, 0.11) * rows + np.cumsum(rng.normal(0, 2.2, 20))
        wide = rng.uniform(*width)
        points = (np.stack([x if side > 0 else columns - 1 - x, y], 1) * 8).astype(np.int32)
        for part in range(3):  # thinner toward its end
            cv2.polylines(canvas, [points[part * 6 : part * 6 + 8]], False, 255, max(1, round(wide * (1 - 0.28 * part))), cv2.LINE_AA, 3)
    return cv2.GaussianBlur(canvas, (0, 0), 1.2).astype(np.float32) / np.float32(255)


def strands(rng: Rng, amount: float, *, side: float, shape: tuple[int, int] = _SHAPE) -> Grid:
    """Many fine strands down a patch, close together at its middle, each thinning out somewhere on its way; alpha (h, w)."""
    down = np.linspace(0, 1, shape[1], dtype=np.float32)[None, :: int(side)]
    rows = np.linspace(-1, 1, shape[0], dtype=np.float32)[:, None]
    comb = 0.45 * noise_cut(rng, "grain", (shape[0], 1), 0.5) + 0.4 * noise_cut(rng, "cloud", (shape[0], 1), 1.2)
    comb = comb + 0.9 * noise_cut(rng, "streak", shape[::-1], 0.9).T + 0.5 * noise_cut(rng, "cloud", shape, 0.8)
    field = 0.55 * comb + 1.1 * amount - 1.7 * rows * rows - 0.7 * down * (1.2 - amount)
    return np.asarray(np.clip(field * 2.2, 0, 1) * np.clip((down - 0.10) * 9 + 0.8 * comb, 0, 1) * fade(shape), dtype=np.float32)


def _down_from(rng: Rng, severity: float, high: float = 1.5) -> tuple[float, float, float, float]:
    """Where water enters, which way is down, and the middle and half width of the patch from there down."""
    side, top = float(rng.choice([-1, 1])), float(rng.uniform(0.0, high))
    half = max(0.35, (np.pi - top) / 2 * min(1.0, 0.35 + 0.8 * severity))
    return side * top, side, side * (top + half * 0.92), half


def _sweat(scene: Scene, rng: Rng, severity: float, z_m: float) -> float:
    """Dark sweating patches with beads of water."""
    theta = float(rng.normal(0, 1.0))
    film = soft_patch(rng, _SHAPE, 0.35 + 0.45 * severity, softness=0.35, scale=1.1)
    half = (0.35 + 0.9 * severity, scene.radius_m * (0.3 + 1.0 * severity))
    _stain(scene, rng, (theta, z_m), half, np.asarray(film * np.float32(0.35), np.float32))
    _wet(scene, rng, (theta, z_m), half, film, dark=0.9)
    beads = np.clip(noise_cut(rng, "grain", _SHAPE, 0.6) - 1.7, 0, 1) * film
    scene.decals.append(Decal(theta, z_m, *half, beads.astype(np.float32), (0.95, 0.95, 0.95), gloss=1.0))
    return theta


def _drips(scene: Scene, rng: Rng, severity: float, z_m: float) -> float:
    """Thin trails from a joint or seam down the wall, with their stain."""
    joint_at(rng, scene, z_m)
    theta, side, middle, half_theta = _down_from(rng, severity)
    runs = streams(rng, 4 + int(rng.poisson(3 + 9 * severity)), (1, 2 + 4 * severity), side=side)
    half = (half_theta, scene.radius_m * (0.35 + 0.9 * severity))
    halo = np.clip(cv2.GaussianBlur(runs, (0, 0), 6) * (1.4 + 0.5 * noise_cut(rng, "cloud", _SHAPE, 1.0)), 0, 0.75) * fade(_SHAPE)
    _stain(scene, rng, (middle, z_m), half, halo.astype(np.float32))
    _wet(scene, rng, (middle, z_m), half, runs, dark=0.85)
    return theta


def _running(scene: Scene, rng: Rng, severity: float, z_m: float) -> float:
    """A broad run of water down one side that ends in a wet foot."""
    if rng.random() < 0.6:
        joint_at(rng, scene, z_m)
    theta, side, middle, half_theta = _down_from(rng, 1.0, 1.2)
    runs = strands(rng, 0.55 + 0.4 * severity, side=side)
    down = np.linspace(0, 1, _SHAPE[1], dtype=np.float32)[None, :: int(side)]
    foot = soft_patch(rng, _SHAPE, 0.55, softness=0.4, all_round=True) * down**2
    film = np.clip(np.maximum(runs, foot * np.float32(0.8)), 0, 1) * fade(_SHAPE, all_round=True)
    half = (half_theta, scene.radius_m * (0.4 + 1.0 * severity))
    _stain(scene, rng, (middle, z_m), half, np.clip(cv2.GaussianBlur(film, (0, 0), 7) * 0.7, 0, 0.6).astype(np.float32))
    _wet(scene, rng, (middle, z_m), half, film.astype(np.float32), dark=0.75)
    if severity > 0.4:
        _thread(scene, rng, severity, z_m, theta * 0.6, spray=0.0)
    return theta


def _jet(scene: Scene, rng: Rng, severity: float, z_m: float) -> float:
    """Water shot into the lumen, with spray, and the wall wet round its hole."""
    theta = float(rng.normal(0, 1.0))
    film = soft_patch(rng, _SHAPE, 0.5, softness=0.4)
    _wet(scene, rng, (theta, z_m), (0.3 + 0.3 * severity, scene.radius_m * (0.3 + 0.4 * severity)), film, dark=0.7)
    for layer in range(1 + int(2 * severity)):
        _thread(scene, rng, severity, z_m - 0.1 * layer * scene.radius_m, theta, spray=1.0)
    return theta


def _thread(scene: Scene, rng: Rng, severity: float, z_m: float, theta: float, *, spray: float) -> None:
    """Water in free fall as pale broken threads, in a cut-out across the pipe."""
    size, canvas = 224, np.zeros((224, 224), np.uint8)
    root = size / 2 * (1 + 0.96 * np.array([np.sin(theta), -np.cos(theta)]))
    t = np.linspace(0, 1, 16)[:, None]
    for _ in range(2 + int((5 + 16 * spray) * severity)):
        push = -np.array([np.sin(theta), -np.cos(theta)]) * rng.uniform(0.1, 0.3 + 1.1 * spray) * size / 2 + rng.normal(
            0, 6 + 22 * spray, 2
        )
        path = root + rng.normal(0, 2, 2) + push * t + np.array([0, 0.9 * size]) * t**2
        first, last = sorted(rng.integers(0, 17, 2)) if rng.random() < 0.6 else (0, 16)
        cv2.polylines(
            canvas,
            [(path[first:last] * 8).astype(np.int32)],
            False,
            int(rng.integers(60, 230)),
            1 + int(rng.random() < 0.12),
            cv2.LINE_AA,
            3,
        )
    drops = root + (0.5 * push + rng.normal(0, 22 + 30 * severity, (int(120 * severity * spray), 2)))
    for x, y in drops.astype(int):
        cv2.circle(canvas, (int(x), int(y)), int(rng.integers(0, 2)), int(rng.integers(90, 255)), -1, cv2.LINE_AA)
    mist = cv2.GaussianBlur(canvas, (0, 0), 5).astype(np.float32)
    alpha = np.clip((canvas + np.float32(0.6) * mist) / np.float32(300), 0, 0.85).astype(np.float32)
    rgb = np.full((size, size, 3), rng.uniform(0.75, 0.95), np.float32)
    scene.curtains.append(Curtain(float(z_m), (0.0, 0.0), scene.radius_m * 1.04, alpha, rgb, "IN", gloss=0.8, mask_at=0.25))


def _shining_joint(scene: Scene, rng: Rng, severity: float, z_m: float) -> float:
    """A joint that glistens over an arc, with short runs leaving it."""
    joint_at(rng, scene, z_m)
    theta, shape = float(rng.normal(0, 0.9)), (96, 224)
    reach = 0.15 + 0.3 * severity + 0.12 * noise_cut(rng, "grain", (1, 224), 0.8)[0] + 0.3 * noise_cut(rng, "cloud", (1, 224), 1.0)[0]
    rows = np.abs(np.linspace(-1, 1, 96, dtype=np.float32)[:, None] + 0.3 * noise_cut(rng, "cloud", shape, 1.0))
    film = (np.clip((reach[None, :] - rows) * 4, 0, 1) * fade(shape)).astype(np.float32)
    half = (0.5 + 1.4 * severity, scene.radius_m * (0.12 + 0.35 * severity))
    _stain(scene, rng, (theta, z_m), half, np.asarray(cv2.GaussianBlur(film, (0, 0), 4) * np.float32(0.5), np.float32))
    _wet(scene, rng, (theta, z_m), half, film, dark=0.75)
    return theta


def _curtain(scene: Scene, rng: Rng, severity: float, z_m: float) -> float:
    """Minerals left by water, in wide pale or rusty tongues, still wet."""
    theta, side, middle, half_theta = _down_from(rng, 0.4 + 0.6 * severity, 1.0)
    runs = strands(rng, 0.5 + 0.4 * severity, side=side)
    half = (half_theta, scene.radius_m * (0.4 + 1.0 * severity))
    _stain(scene, rng, (middle, z_m), half, np.clip(runs * (0.75 + 0.2 * noise_cut(rng, "cloud", _SHAPE, 1.5)), 0, 0.95).astype(np.float32))
    wet = runs * np.clip(0.4 + 0.6 * noise_cut(rng, "streak", _SHAPE[::-1], 0.8).T, 0, 1)
    _wet(scene, rng, (middle, z_m), half, wet.astype(np.float32), dark=1.3)
    return theta


def _seam(scene: Scene, rng: Rng, severity: float, z_m: float) -> float:
    """A fine crack or an opening's foot that lets water out: a wet fan under a dark line."""
    theta, side, middle, half_theta = _down_from(rng, 0.5 + 0.5 * severity, 1.3)
    down = np.linspace(0, 1, _SHAPE[1], dtype=np.float32)[None, :: int(side)]
    rows = np.abs(np.linspace(-1, 1, _SHAPE[0], dtype=np.float32))[:, None]
    ragged = 0.30 * noise_cut(rng, "cloud", _SHAPE, 0.9) + 0.2 * noise_cut(rng, "streak", _SHAPE[::-1], 0.9).T
    fan = np.clip((0.85 - 0.45 * down - rows + ragged) * 2, 0, 1) * np.clip((1 - down) * 4, 0, 1) * fade(_SHAPE)
    half = (half_theta, scene.radius_m * (0.25 + 0.8 * severity))
    _stain(scene, rng, (middle, z_m), half, np.asarray(fan * np.float32(0.3), np.float32))
    _wet(scene, rng, (middle, z_m), half, fan.astype(np.float32), dark=0.8)
    line = np.zeros((128, 32), np.uint8)
    path = np.stack([16 + np.cumsum(rng.normal(0, 1.2, 24)), np.linspace(8, 120, 24)], 1)
    cv2.polylines(line, [(path * 8).astype(np.int32)], False, 255, 2, cv2.LINE_AA, 3)
    scene.decals.append(Decal(theta, z_m, 0.12, half[1] * 0.9, line.astype(np.float32) / np.float32(255), (0.04, 0.035, 0.03)))
    return theta


INGRESS: dict[str, Callable[[Scene, Rng, float, float], float]] = {
    "sweat": _sweat,
    "drips": _drips,
    "running": _running,
    "jet": _jet,
    "shining joint": _shining_joint,
    "curtain": _curtain,
    "seam": _seam,
}
