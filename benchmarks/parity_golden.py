"""Parity without labels: the scores a graph gives for the bundle's golden frames here, against those it gave when it was packed.

16 frames say whether the runtime computes the same network; they say nothing about F2_CIW, which stays *not measured*.
"""

# N frames, C classes

import numpy as np
from numpy.typing import NDArray

from benchmarks.measuring import Bench
from benchmarks.record import Setting
from benchmarks.subject import ref_of
from edge_sdk.bundle import Bundle
from edge_sdk.contract.interface import scores_from_logits
from edge_sdk.contract.manifest import Graph
from edge_sdk.contract.preprocess import prepare
from edge_sdk.contract.still import image_from_bytes
from edge_sdk.errors import CorruptBundleError, EdgeSdkError, InferenceError
from edge_sdk.runtime import Session

NO_LABELS = "golden frames have no labels; give --data DIR, or a bundle packed with 'pack --evaluation DIR'"


def golden_figures(bench: Bench, bundle: Bundle, graph: Graph, provider: str, session: Session, *, max_flips: float) -> None:
    """One record: score differences against the graph's own packed scores, flips against those of fp32.

    Args:
        bench: Keeps it.
        bundle: Gives frames and expected scores.
        graph: The graph.
        provider: What runs it.
        session: It, running.
        max_flips: Share of all decisions that may differ.
    """
    settings: dict[str, Setting] = {
        "provider": provider, "precision": graph.precision, "data": "golden frames", "images": len(bundle.golden().frames),
        "reference": "scores in the bundle",
    }  # fmt: skip
    name, ref = f"{graph.precision} on {provider}", ref_of(bundle, graph)
    try:
        scores_NC, packed_NC = _scores(bundle, session), _packed(bundle, graph.precision)
    except CorruptBundleError:
        raise
    except EdgeSdkError as error:
        bench.note(name, not_measured={"max_abs_dp": str(error)}, settings=settings, bundle=ref, failed=(f"it fails: {error}",))
        return
    difference_NC, tolerance = np.abs(scores_NC - packed_NC), bundle.golden().tolerance[graph.precision]
    has_fp32 = all("fp32" in frame.scores for frame in bundle.golden().frames)
    fp32_NC = _packed(bundle, "fp32") if has_fp32 else None
    flips = int(_flips(scores_NC, packed_NC if fp32_NC is None else fp32_NC, graph).sum())
    figures = {
        "max_abs_dp": float(difference_NC.max()), "mean_abs_dp": float(difference_NC.mean()), "tolerance": tolerance,
        "decision_flips": float(flips), "decisions": float(scores_NC.size),
    }  # fmt: skip
    if fp32_NC is not None:
        figures["max_abs_dp_fp32"] = float(np.abs(scores_NC - fp32_NC).max())
    failed = []
    if difference_NC.max() > tolerance:
        failed.append(f"a score is {difference_NC.max():.4f} off the packed one, {tolerance:g} allowed")
    if flips > max_flips * scores_NC.size:
        failed.append(f"flips {flips} of {scores_NC.size} decisions against fp32, {100 * max_flips:g} % allowed")
    why = {"f2_ciw": NO_LABELS, "f1_normal": NO_LABELS}
    bench.note(name, figures=figures, not_measured=why, settings=settings, bundle=ref, failed=tuple(failed))


def _scores(bundle: Bundle, session: Session) -> NDArray[np.float64]:
    found = []
    for frame in bundle.golden().frames:
        image_HWC = image_from_bytes(bundle.read(frame.file))
        if image_HWC is None:
            raise CorruptBundleError(f"golden frame {frame.file} is not a picture; pack the bundle again")
        prepared_HWC = prepare(image_HWC, bundle.manifest.preprocess)
        found.append(scores_from_logits(session.run(prepared_HWC[np.newaxis]).logits_NC[0]))
    return np.stack(found)


def _packed(bundle: Bundle, precision: str) -> NDArray[np.float64]:
    golden = bundle.golden()
    if precision not in golden.tolerance or any(precision not in frame.scores for frame in golden.frames):
        raise InferenceError(f"the golden frames have no expected scores for {precision}; pack the bundle again")
    return np.array([frame.scores[precision] for frame in golden.frames])


def _flips(scores_NC: NDArray[np.float64], expected_NC: NDArray[np.float64], graph: Graph) -> NDArray[np.bool_]:
    thresholds_C = np.array(graph.thresholds)
    return np.asarray((scores_NC >= thresholds_C) != (expected_NC >= thresholds_C))
