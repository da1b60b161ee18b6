"""Golden frames: camera frames with the scores they must give, run on the very device and runtime before a bundle may serve.

They catch what a digest cannot: swapped colour channels, another class order, a resize of another kernel, a runtime that computes
something else.
"""

from collections.abc import Callable
from typing import Annotated, NamedTuple

import msgspec
import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from edge_sdk.contract.interface import Outputs, scores_from_logits
from edge_sdk.contract.manifest import FileName
from edge_sdk.contract.preprocess import PreprocessSpec, prepare
from edge_sdk.contract.still import image_from_bytes
from edge_sdk.contract.taxonomy import taxonomy
from edge_sdk.errors import CorruptBundleError, InferenceError

NUM_GOLDEN = 16


class GoldenFrame(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A frame's file in the bundle and the scores (C,) at temperature 1 that each precision gave when the bundle was packed."""

    file: FileName
    scores: dict[str, tuple[float, ...]]


class GoldenSet(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All golden frames, and per precision how far a score may lie from the expected one."""

    tolerance: dict[str, Annotated[float, Meta(gt=0.0, le=0.5)]]
    frames: Annotated[tuple[GoldenFrame, ...], Meta(min_length=1, max_length=64)]


class GoldenReport(NamedTuple):
    """Outcome of a self-test: the largest score difference, what is allowed, and how many frames were run."""

    max_abs_dp: float
    tolerance: float
    num_frames: int

    @property
    def passed(self) -> bool:
        """Whether every score lies within the tolerance."""
        return self.max_abs_dp <= self.tolerance


def golden_from_json(data: bytes) -> GoldenSet:
    """Read a golden set.

    Raises:
        CorruptBundleError: If the bytes are no golden set.
    """
    try:
        golden = msgspec.json.decode(data, type=GoldenSet)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise CorruptBundleError(f"golden frames: {error}") from error
    if any(len(scores) != len(taxonomy()) for frame in golden.frames for scores in frame.scores.values()):
        raise CorruptBundleError(f"golden frames: not {len(taxonomy())} scores for each; pack the bundle again")
    return golden


def run_golden(
    golden: GoldenSet,
    read: Callable[[str], bytes],
    run: Callable[[NDArray[np.uint8]], Outputs],
    *,
    spec: PreprocessSpec,
    precision: str,
) -> GoldenReport:
    """Run every golden frame through `prepare` and the session and compare the scores.

    Args:
        golden: The set from the bundle.
        read: Gives the bytes of a bundle file by name.
        run: The session: prepared frames (N, H, W, 3) to outputs.
        spec: The bundle's geometry.
        precision: Which expected scores to compare with.

    Raises:
        InferenceError: If the set has no expected scores for this precision, or the session fails.
    """
    return run_prepared(golden, golden_images(golden, read, spec), run, precision=precision)


def golden_images(golden: GoldenSet, read: Callable[[str], bytes], spec: PreprocessSpec) -> NDArray[np.uint8]:
    """The golden frames as the network gets them, RGB (N, H, W, 3).

    Raises:
        CorruptBundleError: If a file is no picture.
    """
    return np.stack([prepare(_picture(frame.file, read), spec) for frame in golden.frames])


def run_prepared(
    golden: GoldenSet, images_NHWC: NDArray[np.uint8], run: Callable[[NDArray[np.uint8]], Outputs], *, precision: str
) -> GoldenReport:
    """`run_golden` on what `golden_images` gave, one frame at a time as in service.

    Raises:
        InferenceError: As `run_golden`.
    """
    if precision not in golden.tolerance or any(precision not in frame.scores for frame in golden.frames):
        raise InferenceError(f"the golden frames have no expected scores for {precision}; pack the bundle again")
    worst = 0.0
    for frame, image_HWC in zip(golden.frames, images_NHWC, strict=True):
        scores_C = scores_from_logits(run(image_HWC[np.newaxis]).logits_NC[0])
        apart_C = np.abs(scores_C - np.asarray(frame.scores[precision]))
        worst = max(worst, float(np.nan_to_num(apart_C, nan=np.inf).max()))  # max() would pass over NaN
    return GoldenReport(worst, golden.tolerance[precision], len(golden.frames))


def _picture(file: str, read: Callable[[str], bytes]) -> NDArray[np.uint8]:
    image_HWC = image_from_bytes(read(file))
    if image_HWC is None:
        raise CorruptBundleError(f"golden frame {file} is not a picture; pack the bundle again")
    return image_HWC
