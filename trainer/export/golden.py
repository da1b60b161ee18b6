"""Choosing the golden frames of a bundle and writing down the scores they must give."""

# N images, C classes

from collections.abc import Callable, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from edge_sdk.contract.golden import NUM_GOLDEN, GoldenFrame, GoldenSet
from edge_sdk.contract.interface import scores_from_logits
from edge_sdk.contract.preprocess import PreprocessSpec, prepare
from edge_sdk.contract.still import image_from_bytes
from edge_sdk.runtime import Session
from trainer.data.sewer_ml import Split
from trainer.errors import DataError

# JPEG decoders and float32 kernels differ by machine: a few 0.001 of score. Swapped channels or classes, or another resize, cost tenths.
# Measured with the default ResNet-18: every pixel off by up to 2 grey levels moves scores by 0.02 (fp32, fp16) and 0.03 (int8), int8
# arithmetic fused differently by 0.012 more, swapped channels by 0.85. int8 has room beyond for processors that saturate sums.
TOLERANCE: dict[str, float] = {"fp32": 0.02, "fp16": 0.03, "int8-trt": 0.1, "int8-x86": 0.1}
NUM_NORMAL = 3


def golden_rows(targets_NC: NDArray[np.uint8], num: int = NUM_GOLDEN) -> list[int]:
    """Rows of `num` images (or all there are) that cover as many classes as possible, rarest first, and some Normal ones."""
    normal = np.flatnonzero(~targets_NC.any(axis=1))[:NUM_NORMAL].tolist()
    chosen: list[int] = []
    for code in np.argsort(targets_NC.sum(axis=0), kind="stable"):
        covered = targets_NC[chosen, code].any() if chosen else False
        rows = np.flatnonzero(targets_NC[:, code])
        if not covered and len(rows) and len(chosen) < num - len(normal):
            chosen.append(int(rows[targets_NC[rows].sum(axis=1).argmax()]))
    rest = (row for row in range(len(targets_NC)) if row not in {*chosen, *normal})
    chosen += [row for row, _ in zip(rest, range(num - len(normal) - len(chosen)), strict=False)]
    return sorted([*chosen, *normal])


def golden_files(split: Split, rows: Sequence[int], session: Session, spec: PreprocessSpec) -> tuple[dict[str, bytes], GoldenSet]:
    """The frames' original bytes under their names in the bundle, and the set with this session's scores."""
    files, frames = {}, []
    for number, row in enumerate(rows):
        path = split.path(row)
        name = f"golden-{number:02d}{path.suffix.lower()}"
        files[name] = split.read_bytes(row)
        frames.append(GoldenFrame(name, {session.precision: _scores(files[name], name, session, spec)}))
    return files, GoldenSet({session.precision: TOLERANCE[session.precision]}, tuple(frames))


def golden_with(golden: GoldenSet, read: Callable[[str], bytes], session: Session, spec: PreprocessSpec) -> GoldenSet:
    """The set with the scores of one more precision, its session's; scores it had for it are replaced.

    Raises:
        DataError: If a frame is no picture.
        InferenceError: If the session fails.
    """
    precision = session.precision
    frames = (
        GoldenFrame(frame.file, {**frame.scores, precision: _scores(read(frame.file), frame.file, session, spec)})
        for frame in golden.frames
    )
    return GoldenSet({**golden.tolerance, precision: TOLERANCE[precision]}, tuple(frames))


def golden_of(golden: GoldenSet, precisions: Sequence[str]) -> GoldenSet:
    """The set with the scores of these precisions alone."""
    frames = (GoldenFrame(frame.file, {p: frame.scores[p] for p in precisions}) for frame in golden.frames)
    return GoldenSet({p: golden.tolerance[p] for p in precisions}, tuple(frames))


def json_from_golden(golden: GoldenSet) -> bytes:
    """The set as it lies in the bundle."""
    return msgspec.json.format(msgspec.json.encode(golden), indent=1) + b"\n"


def _scores(data: bytes, name: str, session: Session, spec: PreprocessSpec) -> tuple[float, ...]:
    image_HWC = image_from_bytes(data)
    if image_HWC is None:
        raise DataError(f"{name}: not a picture OpenCV can decode")
    prepared_HWC = prepare(image_HWC, spec)
    return tuple(round(float(score), 6) for score in scores_from_logits(session.run(prepared_HWC[np.newaxis]).logits_NC[0]))
