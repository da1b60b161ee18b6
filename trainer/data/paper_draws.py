"""The random choices of Appendix A (Otero & Mateus, DINO pretraining on sewer frames), apart from the pixels they change.

A draw is plain numbers from a generator of the image's own, so that the path for one image and the path for a batch on a GPU make the
same picture, and neither touches torch's global generator. Orders and laws are those of torchvision's transforms of the same names.
"""

# H W pixels

import math
from dataclasses import dataclass
from typing import Literal

from numpy.random import Generator

Tone = Literal["equalise", "solarise"]

CROP_SCALE = (0.5, 1.0)
CROP_RATIO = (3 / 4, 4 / 3)  # torchvision's default; the appendix states none
PRETRAIN_JITTER = (0.2, 0.2, 0.2, 0.2)  # brightness, contrast, saturation: factor 1 ± amount; hue: ± turns
FINETUNE_JITTER = (0.5, 0.5, 0.5, 0.5)
BLUR_SIGMA_PX = (0.1, 1.0)
ROTATE_DEG = 5.0
ERASE_SCALE, ERASE_RATIO = (0.01, 0.05), (0.1, 1.0)
NUM_TRIALS = 10  # attempts at a box that fits, as in torchvision

JITTER, GREY, BLUR, TONE, FLIP = 0.5, 0.15, 0.3, 0.3, 0.5  # probabilities of pretraining
EQUALISE, AUTOCONTRAST, ERASE = 0.5, 0.5, 0.5  # and of fine-tuning


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle in pixels."""

    top: int
    left: int
    height: int
    width: int


@dataclass(frozen=True, slots=True)
class ColourJitter:
    """Factors of brightness, contrast and saturation and a turn of hue (-0.5..0.5), applied in `order` (0 brightness ... 3 hue)."""

    amounts: tuple[float, float, float, float]
    order: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class PretrainDraw:
    """One view, in the order of the fields; None: left out."""

    crop: Box
    jitter: ColourJitter | None
    grey: bool
    blur_sigma_px: float | None
    tone: Tone | None
    flip: bool


@dataclass(frozen=True, slots=True)
class FinetuneDraw:
    """One training image, in the order of the fields; `erase` is in pixels of the network's input."""

    jitter: ColourJitter
    equalise: bool
    autocontrast: bool
    angle_deg: float
    flip: bool
    erase: Box | None


def draw_pretrain(rng: Generator, frame_size: tuple[int, int]) -> PretrainDraw:
    """The choices for one view of a frame of (height, width) pixels."""
    return PretrainDraw(
        crop=draw_crop(rng, *frame_size),
        jitter=_jitter(rng, PRETRAIN_JITTER) if rng.random() < JITTER else None,
        grey=rng.random() < GREY,
        blur_sigma_px=rng.uniform(*BLUR_SIGMA_PX) if rng.random() < BLUR else None,
        tone=("equalise" if rng.random() < 0.5 else "solarise") if rng.random() < TONE else None,
        flip=rng.random() < FLIP,
    )


def draw_finetune(rng: Generator, size: tuple[int, int]) -> FinetuneDraw:
    """The choices for one training image that becomes (height, width) pixels."""
    return FinetuneDraw(
        jitter=_jitter(rng, FINETUNE_JITTER),
        equalise=rng.random() < EQUALISE,
        autocontrast=rng.random() < AUTOCONTRAST,
        angle_deg=rng.uniform(-ROTATE_DEG, ROTATE_DEG),
        flip=rng.random() < FLIP,
        erase=_erase(rng, *size) if rng.random() < ERASE else None,
    )


def _jitter(rng: Generator, half_widths: tuple[float, float, float, float]) -> ColourJitter:
    *factors, turn = half_widths
    amounts = (*(rng.uniform(1 - width, 1 + width) for width in factors), rng.uniform(-turn, turn))
    return ColourJitter(amounts, tuple(rng.permutation(4).tolist()))  # type: ignore[arg-type]  # four, by construction


def draw_crop(rng: Generator, height: int, width: int) -> Box:
    """RandomResizedCrop: area and aspect at random until it fits, else the largest central box of an allowed aspect."""
    for _ in range(NUM_TRIALS):
        rows, columns = _sides(rng, height * width, CROP_SCALE, CROP_RATIO)
        if 0 < rows <= height and 0 < columns <= width:
            return _placed(rng, rows, columns, height, width)
    narrowest, widest = CROP_RATIO
    rows, columns = min(height, round(width / narrowest)), min(width, round(height * widest))
    return Box((height - rows) // 2, (width - columns) // 2, rows, columns)


def _erase(rng: Generator, height: int, width: int) -> Box | None:
    """RandomErasing: its ratio is height to width; None where no box fitted."""
    for _ in range(NUM_TRIALS):
        columns, rows = _sides(rng, height * width, ERASE_SCALE, ERASE_RATIO)
        if 0 < rows < height and 0 < columns < width:
            return _placed(rng, rows, columns, height, width)
    return None


def _sides(rng: Generator, area: int, scale: tuple[float, float], ratio: tuple[float, float]) -> tuple[int, int]:
    """The shorter and the longer side first for ratios below and above 1: sqrt(area / ratio), sqrt(area · ratio)."""
    target = area * rng.uniform(*scale)
    aspect = math.exp(rng.uniform(math.log(ratio[0]), math.log(ratio[1])))
    return round(math.sqrt(target / aspect)), round(math.sqrt(target * aspect))


def _placed(rng: Generator, rows: int, columns: int, height: int, width: int) -> Box:
    return Box(int(rng.integers(0, height - rows + 1)), int(rng.integers(0, width - columns + 1)), rows, columns)
