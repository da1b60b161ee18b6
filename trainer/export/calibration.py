"""INT8 range calibration: which images, and the ranges their activations take.

Images come from a named split through the robot's own `prepare`, spread evenly over it (neighbouring rows are often one pipe), and are
named by a digest: an int8 graph is only as good as what it was calibrated on, and random data is never used.
"""

# N images, H W pixels

import contextlib
import hashlib
import io
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import onnx
from numpy.typing import NDArray
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod
from onnxruntime.quantization.calibrate import TensorsData, create_calibrator

from edge_sdk.contract.interface import INPUT
from edge_sdk.contract.preprocess import PreprocessSpec
from trainer.data.images import prepared_image
from trainer.data.sewer_ml import Split
from trainer.errors import DataError, ExportError
from trainer.export.quantize_record import CalibrationImages

MethodName = Literal["minmax", "percentile-99.9", "percentile-99.99", "percentile-99.999", "entropy"]
# onnxruntime's 128 bins for 128 levels leave entropy nothing to choose: it returns MinMax's ranges then (seen in 1.31). 2048 take minutes.
METHODS: Final[dict[MethodName, tuple[CalibrationMethod, dict[str, Any]]]] = {
    "minmax": (CalibrationMethod.MinMax, {}),
    "percentile-99.9": (CalibrationMethod.Percentile, {"percentile": 99.9}),
    "percentile-99.99": (CalibrationMethod.Percentile, {"percentile": 99.99}),
    "percentile-99.999": (CalibrationMethod.Percentile, {"percentile": 99.999}),
    "entropy": (CalibrationMethod.Entropy, {"num_bins": 512}),
}
MIN_STD = 1.0  # grey levels over a whole set; a covered lens has less, the darkest film more
BATCH = 8  # all activations of a batch are held at once: 100 MB for ResNet-18 at 224 px


def spread_rows(num_rows: int, num: int, seed: int) -> NDArray[np.int64]:
    """One row from each of `num` equal stretches of a split, at a random place in it; every row where there are no more."""
    if num >= num_rows:
        return np.arange(num_rows)
    edges = np.arange(num + 1) * num_rows // num
    return edges[:-1] + (np.random.default_rng(seed).random(num) * np.diff(edges)).astype(np.int64)


def calibration_images(
    split: Split, spec: PreprocessSpec, *, data_name: str, num: int, seed: int = 0
) -> tuple[NDArray[np.uint8], CalibrationImages]:
    """Read images to calibrate with, and say which they are.

    Args:
        split: Where they come from.
        spec: Geometry of the graph.
        data_name: For the record.
        num: How many; fewer where the split has no more.
        seed: Of the choice.

    Returns:
        The images (N, H, W, 3), and their record.

    Raises:
        DataError: If an image cannot be read, or the whole set shows nothing.
    """
    images_NHWC = read_images(split, spec, spread_rows(len(split), num, seed))
    if images_NHWC.std() < MIN_STD:
        raise DataError(
            f"{split.folder}: the {len(images_NHWC)} calibration images show nothing (one grey level); calibrate on film of pipes"
        )
    digest = hashlib.sha256(images_NHWC.tobytes()).hexdigest()
    return images_NHWC, CalibrationImages(data_name, split.name, len(images_NHWC), seed, digest)


def read_images(split: Split, spec: PreprocessSpec, rows_N: NDArray[np.integer]) -> NDArray[np.uint8]:
    """Prepared images (N, H, W, 3) of some rows.

    Raises:
        DataError: If there is none, or one cannot be read.
    """
    if not len(rows_N):
        raise DataError(f"{split.csv_path}: no images to read; give a split with images")
    return np.stack([prepared_image(split, int(row), spec) for row in rows_N])


def activation_ranges(
    source: onnx.ModelProto,
    images_NHWC: NDArray[np.uint8],
    *,
    method: MethodName,
    op_types: tuple[str, ...],
    symmetric: bool,
) -> TensorsData:
    """Range of every activation at the inputs and outputs of some kinds of operators.

    Args:
        source: The folded float graph.
        images_NHWC: Prepared images.
        method: How ranges follow from values; see `METHODS`.
        op_types: Kinds of operators.
        symmetric: Ranges about zero, as TensorRT asks for.

    Raises:
        ExportError: If onnxruntime cannot do it, such as for want of room for two copies of the graph.
    """
    # Silenced: onnxruntime prints its progress on stdout, which is for results.
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
        try:
            return _ranges(source, images_NHWC, Path(folder), METHODS[method], op_types, symmetric)
        except Exception as error:  # a dozen classes of onnxruntime's and protobuf's; a full disk is a DecodeError
            said = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
            raise ExportError(f"calibration failed ({said}); see that {tempfile.gettempdir()} has room, or set TMPDIR") from error


def _ranges(
    source: onnx.ModelProto,
    images_NHWC: NDArray[np.uint8],
    folder: Path,
    method: tuple[CalibrationMethod, dict[str, Any]],
    op_types: tuple[str, ...],
    symmetric: bool,
) -> TensorsData:
    (kind, options), path = method, folder / "source.onnx"
    onnx.save(source, path)
    calibrator = create_calibrator(
        path,
        list(op_types),
        str(folder / "augmented.onnx"),
        calibrate_method=kind,
        extra_options={**options, "symmetric": symmetric},
    )
    for start in range(0, len(images_NHWC), BATCH):
        calibrator.collect_data(_Reader(images_NHWC[start : start + BATCH]))
    return calibrator.compute_data()


class _Reader(CalibrationDataReader):  # type: ignore[misc]  # onnxruntime has no types
    """One batch, in the form onnxruntime asks for; all at once it would hold the activations of all images."""

    def __init__(self, images_NHWC: NDArray[np.uint8]) -> None:
        self.batches: Iterator[NDArray[np.uint8]] = iter([images_NHWC])

    def get_next(self) -> dict[str, NDArray[np.uint8]] | None:
        """The next input of the graph."""
        batch = next(self.batches, None)
        return None if batch is None else {INPUT: batch}
