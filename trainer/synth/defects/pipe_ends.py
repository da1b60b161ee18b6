"""What the pipes of laterals are made of and how their ends were cut: the parts that all kinds of connection share."""

from dataclasses import dataclass, replace

import numpy as np

from trainer.synth.scene import Branch, Rgb, Scene
from trainer.synth.texture import Grid

CLOCK = 192  # samples of outlines and broken edges round a lateral


@dataclass(frozen=True, slots=True)
class PipeKind:
    """A sort of small pipe: colours outside and in, wall thickness and corrugation in radii (pitch 0: smooth)."""

    rgb: Rgb
    inner_rgb: Rgb | None = None
    thick: float = 0.06
    pitch: float = 0.0
    deep: float = 0.0
    gloss: float = 0.25
    weight: float = 1.0


PIPE_KINDS: dict[str, PipeKind] = {
    "white PVC": PipeKind((0.86, 0.85, 0.82), weight=2.0),
    "cream PVC": PipeKind((0.80, 0.72, 0.58), weight=1.5),
    "grey PVC": PipeKind((0.56, 0.57, 0.57), weight=2.0),
    "orange PVC": PipeKind((0.76, 0.40, 0.16), weight=1.5),
    "blue PE": PipeKind((0.24, 0.44, 0.66), (0.62, 0.66, 0.70), 0.08),
    "black PE": PipeKind((0.07, 0.07, 0.08), thick=0.1),
    "white hose": PipeKind((0.84, 0.83, 0.78), None, 0.05, 0.16, 0.035, 0.2, 1.2),
    "black twin wall": PipeKind((0.11, 0.11, 0.12), (0.66, 0.70, 0.74), 0.10, 0.30, 0.06, 0.2),
    "grey ribbed": PipeKind((0.40, 0.41, 0.43), (0.36, 0.37, 0.39), 0.09, 0.26, 0.05, 0.2),
    "orange ribbed": PipeKind((0.78, 0.42, 0.12), (0.70, 0.36, 0.10), 0.08, 0.28, 0.05, 0.25, 0.8),
    "blue ribbed": PipeKind((0.20, 0.48, 0.68), (0.55, 0.60, 0.62), 0.08, 0.22, 0.04, 0.25, 0.7),
    "clay": PipeKind((0.55, 0.31, 0.20), (0.42, 0.24, 0.15), 0.16, gloss=0.3, weight=1.2),
    "concrete": PipeKind((0.52, 0.50, 0.45), (0.46, 0.43, 0.37), 0.20, gloss=0.05),
    "rusty iron": PipeKind((0.34, 0.20, 0.12), (0.22, 0.13, 0.08), 0.09, gloss=0.1),
}
_DIRT = ((0.25, 0.18, 0.11), (0.12, 0.10, 0.08), (0.36, 0.30, 0.20), (0.42, 0.26, 0.12), (0.50, 0.47, 0.40))


def tinted(rng: np.random.Generator, rgb: Rgb, low: float = 0.75, high: float = 1.12) -> Rgb:
    """A colour, a little off and lighter or darker."""
    r, g, b = np.clip(np.array(rgb) * rng.uniform(low, high) * rng.normal(1, 0.04, 3), 0.02, 0.95)
    return (float(r), float(g), float(b))


def wall_rgb(scene: Scene, factor: float) -> Rgb:
    """The pipe's own colour, lighter or darker."""
    r, g, b = (min(c * factor, 0.95) for c in scene.materials[0].rgb)
    return (r, g, b)


def draw_theta(rng: np.random.Generator) -> float:
    """Laterals enter above the water: mostly between 9 and 3 o'clock, seldom lower."""
    if rng.random() < 0.12:
        return float(rng.uniform(-2.0, 2.0))
    return float(rng.choice([-1, 1]) * np.clip(rng.normal(0.95, 0.42), 0.0, 1.75))


def draw_lean(rng: np.random.Generator) -> float:
    """Square to the pipe or at about 45 degrees, either way."""
    return float(rng.choice([0.0, 0.75, -0.7], p=[0.55, 0.30, 0.15]) + rng.normal(0, 0.08))


def made_of(branch: Branch, rng: np.random.Generator, kind: str | None = None) -> Branch:
    """The lateral in some pipe material, more or less dirty, perhaps with water or silt in it."""
    if kind is None:
        weights = np.array([k.weight for k in PIPE_KINDS.values()])
        kind = list(PIPE_KINDS)[int(rng.choice(len(weights), p=weights / weights.sum()))]
    look, radius = PIPE_KINDS[kind], branch.radius_m
    return with_contents(
        replace(
            branch,
            wall_rgb=tinted(rng, look.rgb),
            inner_rgb=tinted(rng, look.inner_rgb or look.rgb, 0.65, 1.05),
            stub_thick_m=radius * look.thick * rng.uniform(0.7, 1.4),
            pitch_m=radius * look.pitch * rng.uniform(0.7, 1.5),
            corrugation_m=radius * look.deep * rng.uniform(0.6, 1.3),
            gloss=look.gloss,
        ),
        rng,
    )


def with_contents(branch: Branch, rng: np.random.Generator) -> Branch:
    """Dirt on the lateral and water or silt in it."""
    filled = rng.random()
    return replace(
        branch,
        dirt=float(rng.beta(1.0, 1.8)) * 0.75,
        dirt_rgb=_DIRT[int(rng.integers(len(_DIRT)))],
        fill=float(rng.uniform(0.06, 0.16) if filled < 0.35 else rng.uniform(0.15, 0.55) if filled < 0.47 else 0.0),
        fill_rgb=tinted(rng, _DIRT[int(rng.integers(len(_DIRT)))], 0.5, 1.0),
        dark=float(rng.uniform(0.7, 2.2)),
        noise_offset=float(rng.uniform(0, 50)),
    )


def cut_off(branch: Branch, rng: np.random.Generator, broken: float) -> Branch:
    """The stub's end: sawn straight, oblique, or broken off with a chance of `broken`."""
    jag = None
    if rng.random() < broken:
        jag = np.maximum(ragged_clock(rng, 0.35, steps=int(rng.integers(6, 16)), corners=True) - 1, 0)
        jag = (jag * np.float32(rng.uniform(0.5, 1.8) * min(branch.radius_m, branch.stub_m))).astype(np.float32)
    cut = float(rng.uniform(0.15, 0.9)) if rng.random() < 0.45 else float(abs(rng.normal(0, 0.04)))
    cut = min(cut, 0.9 * branch.stub_m / (branch.radius_m + branch.stub_thick_m))
    return replace(branch, cut=cut, cut_angle=float(rng.uniform(0, 2 * np.pi)), jag=jag)


def ragged_clock(rng: np.random.Generator, amount: float, *, steps: int = 12, corners: bool = False) -> Grid:
    """A factor about 1 round a lateral's clock (CLOCK,): waves, or straight chips between corners."""
    if corners:
        at = np.sort(rng.uniform(0, CLOCK, steps))
        values = np.clip(1 + amount * rng.normal(0, 1, steps), 0.45, 1.75)
        return np.asarray(np.interp(np.arange(CLOCK), at, values, period=CLOCK), np.float32)
    angle = np.linspace(0, 2 * np.pi, CLOCK, endpoint=False)
    waves = sum(np.cos(k * angle + rng.uniform(0, 6.3)) * rng.normal() / k**0.7 for k in range(1, steps))
    waves = waves / max(float(np.std(waves)), 1e-6)
    return np.asarray(np.clip(1 + amount * waves, 0.45, 1.75), np.float32)
