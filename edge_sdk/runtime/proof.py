"""What a session must show before it serves: a warm-up that gives numbers, and the golden frames.

The first runs of a GPU session compile and tune, and may take a minute; nobody times them, and no watchdog counts them.
"""

import statistics
import time

import numpy as np
from numpy.typing import NDArray

from edge_sdk.bundle import Bundle
from edge_sdk.contract.golden import GoldenReport, golden_images, run_prepared
from edge_sdk.contract.interface import Outputs
from edge_sdk.contract.preprocess import PreprocessSpec
from edge_sdk.runtime.session import Session, checked_outputs


def warm_up(session: Session, spec: PreprocessSpec, *, num_runs: int) -> None:
    """Run black frames.

    Raises:
        InferenceError: If a run fails or returns NaN, infinity or another shape.
    """
    image_NHWC = np.zeros((1, spec.height, spec.width, 3), np.uint8)
    for _ in range(num_runs):
        checked_outputs(*session.run(image_NHWC), 1)


def prepared_golden(bundle: Bundle) -> NDArray[np.uint8]:
    """The bundle's golden frames as its networks get them (N, H, W, 3): half of the self-test's work, which needs no session yet.

    Raises:
        CorruptBundleError: If there are none, or one is no picture.
    """
    return golden_images(bundle.golden(), bundle.read, bundle.manifest.preprocess)


def self_test(bundle: Bundle, session: Session, images_NHWC: NDArray[np.uint8] | None = None) -> GoldenReport:
    """Run the bundle's golden frames on this machine; `images_NHWC` is what `prepared_golden` gave, where that was done before.

    Raises:
        InferenceError: If the bundle has no expected scores for the session's precision, or a run fails.
    """

    def run(images_NHWC: NDArray[np.uint8]) -> Outputs:
        return checked_outputs(*session.run(images_NHWC), len(images_NHWC))  # NaN is in no order: it would pass as no difference

    images_NHWC = prepared_golden(bundle) if images_NHWC is None else images_NHWC
    return run_prepared(bundle.golden(), images_NHWC, run, precision=session.precision)


def latencies_ms(session: Session, spec: PreprocessSpec, *, num_runs: int) -> list[float]:
    """Milliseconds of each of `num_runs` runs of one grey frame, copies to and from the device included."""
    image_NHWC = np.full((1, spec.height, spec.width, 3), 127, np.uint8)
    taken = []
    for _ in range(num_runs):
        start = time.perf_counter()
        session.run(image_NHWC)
        taken.append((time.perf_counter() - start) * 1e3)
    return taken


def p50_ms(session: Session, spec: PreprocessSpec, *, num_runs: int) -> float:
    """Median milliseconds of a run: for information, no benchmark."""
    return statistics.median(latencies_ms(session, spec, num_runs=num_runs))
