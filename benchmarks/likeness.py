"""How alike two sets of frames are, in figures: real ones and rendered ones, feature by feature.

    python -m benchmarks.likeness FOLDER... [--num 300] [--seed 0] [--profile natural] [--render-from DIR] [--json FILE]

No model is involved: light (brightness rings about the dark far end, histogram), colour, edges, grain and spectrum of each frame, and per
feature the distance of the two distributions (1-Wasserstein over the real spread: 0 is alike, 1 is one standard deviation off). What was
put over the picture does not count: masking boxes of pure blue, black bars, burnt-in text. Real frames are measured on, never trained on.
"""
# N frames, F features, H W pixels

import argparse
import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_sdk.errors import EdgeSdkError, InputError
from trainer.synth import SynthError, render_frame

HEIGHT_PX, SPECTRUM_PX, NUM_RINGS, NUM_QUANTILES = 288, 160, 12, 200
SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp")
GROUPS: dict[str, tuple[str, ...]] = {
    "light": tuple(f"ring {n:02d}" for n in range(NUM_RINGS)),
    "luma": ("median", "spread", "share > 245", "share < 20"),
    "colour": ("chroma mean", "chroma spread", "chroma p90", "cast"),
    "edges": ("gradient p50", "gradient p90", "gradient p99", "share of edges"),
    "grain": ("noise sigma", "spectrum slope"),
}
NAMES = tuple(name for names in GROUPS.values() for name in names)


class FeatureDistance(NamedTuple):
    """One feature: mean and standard deviation over the real and the other frames, and their distance in real spreads."""

    name: str
    real_mean: float
    real_std: float
    other_mean: float
    other_std: float
    distance: float


def features_of(image_HWC: NDArray[np.uint8]) -> NDArray[np.float64]:
    """The features (F,) of an RGB frame, in the order of `NAMES`; grey levels 0..255, chroma in CIELAB units."""
    image_HWC = _standard(_without_bars(image_HWC))
    luma_HW = cv2.cvtColor(image_HWC, cv2.COLOR_RGB2GRAY).astype(np.float32)
    seen_HW = ~_overlaid(image_HWC, luma_HW)
    colour = _colour(image_HWC, seen_HW)
    return np.array([*_rings(luma_HW, seen_HW), *_luma(luma_HW[seen_HW]), *colour, *_edges(luma_HW, seen_HW), *_grain(luma_HW, seen_HW)])


def wasserstein(first_N: NDArray[np.float64], second_N: NDArray[np.float64]) -> float:
    """1-Wasserstein distance of two samples, by their quantile functions."""
    at = (np.arange(NUM_QUANTILES) + 0.5) / NUM_QUANTILES
    return float(np.abs(np.quantile(first_N, at) - np.quantile(second_N, at)).mean())


def compare(real_NF: NDArray[np.float64], other_NF: NDArray[np.float64]) -> list[FeatureDistance]:
    """Distance per feature, in standard deviations of the real frames."""
    rows = []
    for name, real_N, other_N in zip(NAMES, real_NF.T, other_NF.T, strict=True):
        spread = max(float(real_N.std()), 1e-2 * abs(float(real_N.mean())), 1e-3)
        distance = wasserstein(real_N, other_N) / spread
        real, other = (float(real_N.mean()), float(real_N.std())), (float(other_N.mean()), float(other_N.std()))
        rows.append(FeatureDistance(name, *real, *other, distance))
    return rows


def group_distances(rows: Sequence[FeatureDistance]) -> dict[str, float]:
    """Mean distance per group of features, and `total`, the mean over the groups."""
    by_name = {row.name: row.distance for row in rows}
    groups = {group: float(np.mean([by_name[name] for name in names])) for group, names in GROUPS.items()}
    return {**groups, "total": float(np.mean(list(groups.values())))}


def table(rows: Sequence[FeatureDistance], num_real: int, num_other: int) -> str:
    """The figures, as text."""
    lines = [f"{num_real} real frames, {num_other} rendered ones; distance in real spreads", ""]
    lines.append(f"{'feature':16} {'real':>8} {'spread':>8} {'rendered':>9} {'spread':>8} {'distance':>9}")
    lines += [f"{r.name:16} {r.real_mean:8.2f} {r.real_std:8.2f} {r.other_mean:9.2f} {r.other_std:8.2f} {r.distance:9.2f}" for r in rows]
    return "\n".join([*lines, "", *(f"{group:16} {distance:54.3f}" for group, distance in group_distances(rows).items())])


def images_in(folders: Iterable[Path]) -> list[NDArray[np.uint8]]:
    """All pictures of some folders, RGB.

    Raises:
        InputError: If a folder has none.
    """
    images = []
    for folder in folders:
        paths = sorted(path for path in folder.glob("*") if path.suffix.lower() in SUFFIXES)
        read = [image for path in paths if (image := cv2.imread(str(path), cv2.IMREAD_COLOR)) is not None]
        if not read:
            raise InputError(f"{folder}: no images ({', '.join(SUFFIXES)})")
        images += [np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), dtype=np.uint8) for image in read]
    return images


def _without_bars(image_HWC: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The picture inside letterbox bars; text on a bar may be bright, so the 90th percentile of a line decides."""
    luma_HW = image_HWC.max(axis=2)
    rows = np.flatnonzero(np.quantile(luma_HW, 0.9, axis=1) > 26)
    columns = np.flatnonzero(np.quantile(luma_HW, 0.9, axis=0) > 26)
    if len(rows) < 0.2 * len(luma_HW) or len(columns) < 0.2 * luma_HW.shape[1]:
        return image_HWC
    return image_HWC[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _standard(image_HWC: NDArray[np.uint8]) -> NDArray[np.uint8]:
    height, width = image_HWC.shape[:2]
    size = (max(round(width * HEIGHT_PX / height), 32), HEIGHT_PX)
    return np.asarray(cv2.resize(image_HWC, size, interpolation=cv2.INTER_AREA if height >= HEIGHT_PX else cv2.INTER_LINEAR), np.uint8)


def _overlaid(image_HWC: NDArray[np.uint8], luma_HW: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Blue boxes, and text: strokes a few pixels wide, far brighter or darker than their surroundings, near the top or bottom."""
    red, green, blue = (image_HWC[..., c].astype(np.int16) for c in range(3))
    boxes = ((blue > 150) & (red < 90) & (green < 90)).astype(np.uint8)
    opened = cv2.morphologyEx(boxes, cv2.MORPH_OPEN, np.ones((5, 5), np.uint8))
    kernel = np.ones((7, 7), np.uint8)
    strokes = cv2.morphologyEx(luma_HW, cv2.MORPH_TOPHAT, kernel) + cv2.morphologyEx(luma_HW, cv2.MORPH_BLACKHAT, kernel)
    text = (strokes > 75).astype(np.uint8)
    text[HEIGHT_PX // 4 : 3 * HEIGHT_PX // 4] = 0
    over = np.maximum(cv2.dilate(opened, np.ones((9, 9), np.uint8)), cv2.dilate(text, np.ones((5, 5), np.uint8)))
    return np.asarray(over > 0)


def _rings(luma_HW: NDArray[np.float32], seen_HW: NDArray[np.bool_]) -> list[float]:
    """Mean luma over rings about the darkest place (blurred, of the middle two thirds), over the mean of the frame."""
    smooth = cv2.GaussianBlur(luma_HW, (0, 0), 10)
    height, width = smooth.shape
    top, left = height // 6, width // 6
    y, x = np.unravel_index(int(smooth[top : height - top, left : width - left].argmin()), (height - 2 * top, width - 2 * left))
    v, u = np.mgrid[:height, :width]
    ring_HW = np.minimum(np.hypot(v - y - top, u - x - left) / (0.06 * height), NUM_RINGS - 1).astype(int)
    sums = np.bincount(ring_HW[seen_HW], luma_HW[seen_HW], NUM_RINGS)
    means = sums / np.maximum(np.bincount(ring_HW[seen_HW], minlength=NUM_RINGS), 1)
    return list(means / max(float(luma_HW[seen_HW].mean()), 1.0))


def _luma(luma_N: NDArray[np.float32]) -> list[float]:
    return [float(np.median(luma_N)), float(luma_N.std()), float((luma_N > 245).mean()), float((luma_N < 20).mean())]


def _colour(image_HWC: NDArray[np.uint8], seen_HW: NDArray[np.bool_]) -> list[float]:
    lab_HWC = cv2.cvtColor(image_HWC.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    a, b = lab_HWC[..., 1][seen_HW], lab_HWC[..., 2][seen_HW]
    chroma = np.hypot(a, b)
    return [float(chroma.mean()), float(np.hypot(a.std(), b.std())), float(np.quantile(chroma, 0.9)), float(np.hypot(a.mean(), b.mean()))]


def _edges(luma_HW: NDArray[np.float32], seen_HW: NDArray[np.bool_]) -> list[float]:
    gradient = np.hypot(cv2.Sobel(luma_HW, cv2.CV_32F, 1, 0) / 8, cv2.Sobel(luma_HW, cv2.CV_32F, 0, 1) / 8)[seen_HW]
    return [*(float(q) for q in np.quantile(gradient, (0.5, 0.9, 0.99))), float((gradient > 12).mean())]


def _grain(luma_HW: NDArray[np.float32], seen_HW: NDArray[np.bool_]) -> list[float]:
    """Noise: robust spread of a Laplacian that no plane excites (Immerkaer 1996). Slope of log amplitude over log frequency."""
    kernel = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)
    clear = seen_HW & (luma_HW > 8) & (luma_HW < 247)
    residue = cv2.filter2D(luma_HW, cv2.CV_32F, kernel)[clear if clear.any() else seen_HW]
    return [float(np.median(np.abs(residue)) / 0.6745 / 6), _spectrum_slope(np.where(seen_HW, luma_HW, luma_HW[seen_HW].mean()))]


def _spectrum_slope(luma_HW: NDArray[np.float32]) -> float:
    small = cv2.resize(luma_HW, (SPECTRUM_PX, SPECTRUM_PX), interpolation=cv2.INTER_AREA)
    window = np.hanning(SPECTRUM_PX)[:, None] * np.hanning(SPECTRUM_PX)[None, :]
    power = np.abs(np.fft.fft2((small - small.mean()) * window)) ** 2
    frequency = np.hypot(*np.meshgrid(*[np.fft.fftfreq(SPECTRUM_PX) * SPECTRUM_PX] * 2)).round().astype(int)
    radial = np.bincount(frequency.ravel(), power.ravel()) / np.bincount(frequency.ravel())
    band = np.arange(4, SPECTRUM_PX // 2)
    return float(np.polyfit(np.log(band), np.log(radial[band] + 1e-3), 1)[0])


def _features(images: Iterable[NDArray[np.uint8]]) -> NDArray[np.float64]:
    return np.array([features_of(image) for image in images])


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table; 1 with one line when something given cannot be used."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.likeness", description="Rendered frames beside real ones, in figures.")
    parser.add_argument("folder", type=Path, nargs="+", help="real frames")
    parser.add_argument("--num", type=int, default=300, help="frames to render (300)")
    parser.add_argument("--seed", type=int, default=0, help="of the first (0)")
    parser.add_argument("--profile", default="natural", help="mix of classes (natural)")
    parser.add_argument("--render-from", type=Path, metavar="DIR", help="take these pictures instead of rendering")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there, too")
    arguments = parser.parse_args(argv)
    try:
        real_NF = _features(images_in(arguments.folder))
        seeds = range(arguments.seed, arguments.seed + max(arguments.num, 1))
        rendered = (render_frame(seed, profile=arguments.profile).image for seed in seeds)
        other_NF = _features(images_in([arguments.render_from]) if arguments.render_from else rendered)
        rows = compare(real_NF, other_NF)
        if arguments.json:
            figures = {"distances": group_distances(rows), "features": [row._asdict() for row in rows]}
            arguments.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    except (EdgeSdkError, SynthError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(table(rows, len(real_NF), len(other_NF)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
