"""The rows of a comparison: what each graph's logits are worth, and what they lost against the reference."""

# N images, C classes

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from edge_sdk.contract.manifest import Precision
from trainer.errors import ExportError
from trainer.export.graphs import graph_name
from trainer.export.parity import Bounds, Logits, Truth, broken_bounds, figures_of, gated_parity
from trainer.export.parity_data import Measured
from trainer.export.parity_record import GraphRow, sha256_of
from trainer.export.parity_runners import Runner
from trainer.export.record import ExportRecord

TORCH = "torch fp32"


class Contestant(NamedTuple):
    """A row to be: which graph on what, and its runner or the reason why there is none."""

    precision: Precision | None
    runner: Runner | str


class Against(NamedTuple):
    """What every row is held against, and by which rules."""

    name: str
    logits: Logits
    truth: Truth
    frozen_C: NDArray[np.float64]
    bounds: Bounds
    num_resamples: int
    exact_fp32: bool  # the fp32 graph computes what the reference does, with the very weights: no decision may differ


def against_first(logits: Mapping[str, Logits | str], record: ExportRecord, data: Measured, bounds: Bounds, num_resamples: int) -> Against:
    """Hold everything against the first of `logits`.

    Raises:
        ExportError: If that one failed.
    """
    name, expected = next(iter(logits.items()))
    if isinstance(expected, str):
        raise ExportError(f"{name}, which all else is held against, failed: {expected}")
    exact = name == TORCH and record.graph.stored_as == "float32"
    return Against(name, expected, data.truth, np.array(record.graph.thresholds), bounds, num_resamples, exact)


def graph_row(name: str, contestant: Contestant, own: Logits | str | None, graphs: Mapping[Precision, bytes], against: Against) -> GraphRow:
    """One row of the comparison.

    Args:
        name: Of the row.
        contestant: What was run.
        own: What it said, or why it failed; None where it could not be run at all.
        graphs: The files' bytes.
        against: The reference and the rules.
    """
    row, runner = _row_of_file(name, contestant.precision, graphs), contestant.runner
    if isinstance(runner, str):
        return replace(row, not_measured=runner)
    assert own is not None
    if isinstance(own, str):
        return replace(row, broken=(f"fails: {own}",))
    row = _with_figures(row, own, against.truth, against.frozen_C)
    if name == against.name or contestant.precision is None:
        return row
    flips_allowed = not (name == "onnx fp32" and against.exact_fp32)
    parity = gated_parity(
        own,
        against.logits,
        against.truth,
        against.frozen_C,
        precision=contestant.precision,
        reference_name="torch float32" if against.name == TORCH else "ONNX fp32",
        provider=runner.provider,
        bounds=against.bounds,
        flips_allowed=flips_allowed,
        num_resamples=against.num_resamples,
    )
    return replace(row, parity=parity, broken=broken_bounds(parity, flips_allowed=flips_allowed))


def _row_of_file(name: str, precision: Precision | None, graphs: Mapping[Precision, bytes]) -> GraphRow:
    if precision is None:
        return GraphRow(name=name, precision=None)
    graph = graphs[precision]
    return GraphRow(name=name, precision=precision, file=graph_name(precision), sha256=sha256_of(graph), num_bytes=len(graph))


def _with_figures(row: GraphRow, own: Logits, truth: Truth, frozen_C: NDArray[np.float64]) -> GraphRow:
    figures = figures_of(own, truth, frozen_C)
    return replace(
        row,
        f2_ciw=figures.frozen.f2_ciw,
        f1_normal=figures.frozen.f1_normal,
        f2_ciw_tuned=figures.tuned.f2_ciw,
        f2_C=tuple(figures.frozen.f2_C.tolist()),
        tuned_thresholds=tuple(figures.thresholds_C.tolist()),
    )
