"""Contact sheets of the rendered sewer: what each class looks like, from barely visible to gross.

    python -m trainer.synth.contact_sheets --out docs/sheets

One small WebP per class (8 x 3 frames, severity rising from left to right, a seed of its own for each), one of normal frames with the
harmless things that resemble defects, one of draws of the `natural` profile with their labels below each frame.
"""

import argparse
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_sdk.contract.taxonomy import taxonomy
from trainer.synth.errors import SynthError
from trainer.synth.frame import RenderedFrame, render_frame

COLUMNS, ROWS = 8, 3
THUMB = (130, 160)
RENDER = (260, 320)  # rendered at twice the size: a camera's noise and coding belong to its own pixels
GAP_PX = 3
MAX_BYTES = 50_000
_QUALITIES = (72, 66, 60, 54, 48, 42, 36, 30, 20, 10)
_SEED = 71_000_000_000  # far from the frames of any data set


def class_sheet(code: str) -> NDArray[np.uint8]:
    """Frames that show one class alone; where it is too faint or too well hidden to be labelled, the frame says "normal"."""
    index = taxonomy().index(code)
    levels = [column / (COLUMNS - 1) for _ in range(ROWS) for column in range(COLUMNS)]
    frames = (render_frame(_SEED + 1000 * index + i, size=RENDER, classes=[code], severity=s) for i, s in enumerate(levels))
    return sheet_of(thumbnail(frame, named=not frame.labels[index]) for frame in frames)


def normal_sheet() -> NDArray[np.uint8]:
    """Frames that show no class: sound pipes, and stains, scratches, vermin and the like on them."""
    return sheet_of(thumbnail(render_frame(_SEED + 50_000 + i, size=RENDER, classes=[])) for i in range(COLUMNS * ROWS))


def natural_sheet() -> NDArray[np.uint8]:
    """Draws of the natural profile, as they come, with the labels of what can be seen."""
    frames = (render_frame(_SEED + 60_000 + i, size=RENDER, profile="natural") for i in range(COLUMNS * ROWS))
    return sheet_of(thumbnail(frame, named=True) for frame in frames)


def thumbnail(frame: RenderedFrame, *, named: bool = False) -> NDArray[np.uint8]:
    """A frame at the sheet's size, with its labels in its lower edge if `named`."""
    small = cv2.resize(frame.image, THUMB[::-1], interpolation=cv2.INTER_AREA)
    if named:
        text = " ".join(c for c, label in zip(taxonomy().codes, frame.labels, strict=True) if label) or "normal"
        small[-13:] = small[-13:] // 4
        cv2.putText(small, text, (3, THUMB[0] - 3), cv2.FONT_HERSHEY_SIMPLEX, 0.36, (255, 255, 255), 1, cv2.LINE_AA)
    return np.asarray(small, dtype=np.uint8)


def sheet_of(thumbnails: Iterable[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    """Thumbnails in rows of eight on white."""
    height, width = THUMB[0] + GAP_PX, THUMB[1] + GAP_PX
    sheet = np.full((ROWS * height - GAP_PX, COLUMNS * width - GAP_PX, 3), 255, np.uint8)
    for number, small in enumerate(thumbnails):
        y, x = number // COLUMNS * height, number % COLUMNS * width
        sheet[y : y + THUMB[0], x : x + THUMB[1]] = small
    return sheet


def sheet_bytes(sheet: NDArray[np.uint8]) -> bytes:
    """The sheet as WebP, at the best quality that keeps it below 50 kB."""
    for quality in _QUALITIES:
        stored = cv2.imencode(".webp", sheet[..., ::-1], [cv2.IMWRITE_WEBP_QUALITY, quality])[1].tobytes()
        if len(stored) < MAX_BYTES:
            break
    return stored


def write_sheets(out: Path, names: Sequence[str] = (*taxonomy().codes, "normal", "natural")) -> None:
    """Write the named sheets as `<name>.webp`; files of these names are replaced."""
    out.mkdir(parents=True, exist_ok=True)
    special = {"normal": normal_sheet, "natural": natural_sheet}
    for name in names:
        sheet = special[name]() if name in special else class_sheet(name)
        (out / f"{name}.webp").write_bytes(sheet_bytes(sheet))


def main(argv: Sequence[str] | None = None) -> int:
    """Write the sheets; 1 with one line when that cannot be done."""
    parser = argparse.ArgumentParser(prog="python -m trainer.synth.contact_sheets", description="Contact sheets of the rendered sewer.")
    parser.add_argument("--out", type=Path, required=True, help="folder for the JPEG files")
    parser.add_argument("names", nargs="*", help="classes, normal, natural (all)")
    arguments = parser.parse_args(argv)
    try:
        unknown = sorted({*arguments.names} - {*taxonomy().codes, "normal", "natural"})
        if unknown:
            raise SynthError(f"no sheet {', '.join(unknown)}; there are {' '.join(taxonomy().codes)} normal natural.")
        write_sheets(arguments.out, *([arguments.names] if arguments.names else []))
    except SynthError as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201
        return 1
    except OSError as error:
        print(f"error: {error.filename or arguments.out}: {error.strerror}", file=sys.stderr)  # noqa: T201
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
