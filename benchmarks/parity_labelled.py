"""Parity on labelled images: the metric of each graph, and what it lost against the fp32 graph on the CPU, by the trainer's gate.

The few frames a bundle carries cannot hold a bound of half a point: of 100 draws of 400 rendered ones, 6 and 9 had two good int8 graphs
lose more by chance. There a loss counts that is beyond the bound and whose 95 % interval excludes "none" (0 and 1 of the same draws; a
planted loss of 1.9 points was found in 88, one of 3.3 in 99); one beyond the bound that may be chance is said to be undecided, and re-tuned
thresholds, fitted to the same few frames, are stated but not judged.
"""

# N images, C classes

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.errors import BenchmarkError
from benchmarks.measuring import Bench
from benchmarks.parity_images import ParityImages, logits_of
from benchmarks.record import Setting
from benchmarks.subject import ref_of
from benchmarks.words import VERDICT
from edge_sdk.bundle import Bundle
from edge_sdk.contract.manifest import Graph, Parity
from edge_sdk.contract.taxonomy import taxonomy
from edge_sdk.inspector import session_from_bundle
from edge_sdk.runtime import Session
from trainer.evaluate.bootstrap import NUM_RESAMPLES
from trainer.export.parity import Bounds, Figures, Logits, Truth, broken_bounds, figures_of, gated_parity  # needs no torch

REFERENCE = "fp32 on cpu"
QUICK_RESAMPLES = 200
KEPT = (
    "f2_ciw", "f1_normal", "delta_f2_ciw", "delta_f1_normal", "f2_ciw_tuned", "delta_f2_ciw_tuned", "delta_f1_normal_tuned",
    "max_abs_dp", "mean_abs_dp", "decision_flips",
)  # fmt: skip


class Labelled(NamedTuple):
    """What every graph is held against: the images, the reference's logits, the bounds, and how often to resample."""

    images: ParityImages
    reference: Logits
    bounds: Bounds
    num_resamples: int


def labelled(bundle: Bundle, images: ParityImages, bounds: Bounds, *, threads: int, quick: bool) -> Labelled:
    """Run the reference.

    Raises:
        ContractError: If the bundle has no fp32 graph.
        BenchmarkError: If it fails.
    """
    graph = bundle.manifest.graph("fp32")
    session = session_from_bundle(bundle, graph, threads=threads or None, provider="cpu")
    try:
        reference = _logits(graph, session, images)
    finally:
        session.close()
    if isinstance(reference, str):
        raise BenchmarkError(f"{REFERENCE}, which all else is held against, fails: {reference}")
    return Labelled(images, reference, bounds, QUICK_RESAMPLES if quick else NUM_RESAMPLES)


def labelled_figures(bench: Bench, bundle: Bundle, graph: Graph, provider: str, session: Session, against: Labelled) -> None:
    """One record; a graph that fails to run breaks the gate.

    Args:
        bench: Keeps it.
        bundle: The bundle.
        graph: The graph.
        provider: What runs it.
        session: It, running.
        against: The reference and the rules.
    """
    images = against.images
    settings: dict[str, Setting] = {
        "provider": provider, "precision": graph.precision, "data": images.data_name, "split": images.split,
        "images": len(images.targets_NC), "reference": REFERENCE, "tuned_on": "Val" if images.tuning else images.split,
    }  # fmt: skip
    name, ref, own = f"{graph.precision} on {provider}", ref_of(bundle, graph), _logits(graph, session, images)
    if isinstance(own, str):
        bench.note(name, not_measured={"f2_ciw": own}, settings=settings, bundle=ref, failed=(f"it fails: {own}",))
        return
    truth = Truth(images.targets_NC, (images.tuning or images).targets_NC, images.data_name, images.split)
    frozen_C = np.array(bundle.manifest.graph("fp32").thresholds)
    parity = gated_parity(
        own, against.reference, truth, frozen_C, precision=graph.precision, reference_name=REFERENCE, provider=provider,
        bounds=against.bounds, num_resamples=against.num_resamples,
    )  # fmt: skip
    failed, undecided = judged_on_few(parity) if images.carried else (broken_bounds(parity), {})
    figures = _figures(parity, figures_of(own, truth, frozen_C))
    bench.note(name, figures=figures, not_measured=undecided, settings=settings, bundle=ref, failed=failed)


def judged_on_few(parity: Parity) -> tuple[tuple[str, ...], dict[str, str]]:
    """What of the gate is broken beyond chance, and why there is no verdict where there is none."""
    delta, interval, bound = parity.delta_f2_ciw, parity.delta_f2_ciw_interval, parity.bound
    assert delta is not None and interval is not None and bound is not None
    if -delta <= bound:
        return (), {}
    low, high = interval
    scatter = f"{100 * low:+.2f} to {100 * high:+.2f}"
    said = f"loses {-100 * delta:.2f} points of F2_CIW at the frozen thresholds ({scatter}), {100 * bound:g} allowed"
    if high < 0:
        return (said,), {}
    return (), {VERDICT: f"{said}; {parity.num_images} images cannot tell that from chance, give --data DIR"}


def _logits(graph: Graph, session: Session, images: ParityImages) -> Logits | str:
    """Of both sets of images, divided by the graph's temperature; or why it fails."""

    def scaled(batch_NHWC: NDArray[np.uint8]) -> NDArray[np.float32]:
        return (session.run(batch_NHWC).logits_NC / np.float32(graph.temperature)).astype(np.float32)

    own = logits_of(scaled, images)
    tuning = own if images.tuning is None else logits_of(scaled, images.tuning)
    return own if isinstance(own, str) else tuning if isinstance(tuning, str) else Logits(own, tuning)


def _figures(parity: Parity, own: Figures) -> dict[str, float]:
    """What a record keeps: the metric and its losses, the interval of the loss, F2 and number of positives of each class."""
    found = {name: float(value) for name in KEPT if (value := getattr(parity, name)) is not None}
    if parity.delta_f2_ciw_interval is not None:
        found["delta_f2_ciw_low"], found["delta_f2_ciw_high"] = parity.delta_f2_ciw_interval
    codes = taxonomy().codes
    found |= {f"f2 {code}": float(f2) for code, f2 in zip(codes, own.frozen.f2_C, strict=True)}
    return found | {f"n {code}": float(num) for code, num in zip(codes, own.frozen.num_positive_C, strict=True)}
