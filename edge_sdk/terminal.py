"""What a person sees in the terminal: one moving progress line, and the table of observations."""

import sys
import time
from collections.abc import Collection, Sequence
from typing import TextIO

from edge_sdk.bundle import Bundle
from edge_sdk.contract.manifest import Evaluation, Graph, Parity
from edge_sdk.records import Inspection, Observation
from edge_sdk.run import Run
from edge_sdk.self_test import GraphCheck
from edge_sdk.stream import FrameResult

REFRESH_S = 0.2
PLAIN_REFRESH_S = 5.0  # where the line cannot be rewritten (a log file), say something now and then


class ProgressLine:
    """Frames done, place, observations and speed, on stderr.

    Args:
        stream: Where to write.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._rewrites = self._stream.isatty()
        self._start = self._shown = time.monotonic()
        self._done = 0
        self._total: int | None = None
        self._run: Run | None = None

    def start(self, run: Run, total: int | None) -> None:
        """Begin: `total` frames are expected (None: unknown) in this run."""
        self._run, self._total = run, total
        self._start = self._shown = time.monotonic()

    def add(self, result: FrameResult) -> None:
        """Count a frame and show the line if it is due."""
        self._done += 1
        now = time.monotonic()
        if now - self._shown >= (REFRESH_S if self._rewrites else PLAIN_REFRESH_S):
            self._shown = now
            self._show(self._text(result, now), end="" if self._rewrites else "\n")

    def close(self) -> None:
        """End the line with the totals."""
        elapsed_s = time.monotonic() - self._start
        rate = self._done / elapsed_s if elapsed_s > 0 else 0.0
        self._show(f"{self._done} frames in {elapsed_s:.1f} s, {rate:.0f} frames/s", end="\n")

    def _text(self, result: FrameResult, now: float) -> str:
        rate = self._done / max(now - self._start, 1e-9)
        total = f"/{self._total}" if self._total else ""
        place = "" if result.chainage.value_m is None else f", at {result.chainage.value_m:.2f} m"
        left = f", {max(self._total - self._done, 0) / rate:.0f} s left" if self._total and rate > 0 else ""
        seen = f", {self._run.num_observations} observations" if self._run else ""
        return f"frame {self._done}{total}{place}{seen}, {rate:.0f} frames/s{left}"

    def _show(self, text: str, *, end: str) -> None:
        clear = "\r\x1b[2K" if self._rewrites else ""
        print(f"{clear}{text}", end=end, file=self._stream, flush=True)


def observation_table(inspection: Inspection) -> str:
    """The observations as aligned text, one line each, with a heading; a sentence where there are none."""
    if not inspection.observations:
        return "No observation was proposed. That is no proof of a sound pipe: see what was not inspected, and the model's limits."
    by_distance = inspection.basis == "distance"
    heading = ("m from start" if by_distance else "film time", "code", "class", "kind", "score", "frames", "film time")
    rows = [heading, *(_row(item) for item in inspection.observations)]
    columns = len(heading) if by_distance else len(heading) - 1
    lines = _aligned([row[:columns] for row in rows], right={0, 4, 5, 6})
    return "\n".join([lines[0], "-" * max(map(len, lines)), *lines[1:]])


def self_test_table(bundle: Bundle, checks: Sequence[GraphCheck]) -> str:
    """What each graph did on each runtime, one aligned line each; what this machine lacks at the end."""
    ran = [check for check in checks if check.outcome != "absent"]
    num_golden = len(bundle.golden().frames)
    rows = [("runtime", "graph", "max |dp|", "allowed", "p50 ms", "outcome"), *map(_check_row, ran)]
    absent = [
        f"{' '.join(filter(None, (check.provider, check.precision)))}: {check.detail}" for check in checks if check.outcome == "absent"
    ]
    lines = _aligned(rows, right={2, 3, 4}) if ran else []
    return "\n".join([f"{bundle.identity}, {num_golden} golden frames", *lines, *(f"not here  {line}" for line in absent)])


def _check_row(check: GraphCheck) -> Sequence[str]:
    figures = (check.max_abs_dp, check.tolerance, check.p50_ms)
    shown = ("-" if figure is None else f"{figure:.{digits}f}" for figure, digits in zip(figures, (6, 3, 1), strict=True))
    return (check.provider, check.precision or "-", *shown, "passed" if check.outcome == "passed" else f"FAILED: {check.reason}")


def _aligned(rows: Sequence[Sequence[str]], *, right: Collection[int]) -> list[str]:
    """Columns two spaces apart, those of `right` flush right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(cell.rjust(w) if i in right else cell.ljust(w) for i, (cell, w) in enumerate(zip(row, widths, strict=True))).rstrip()
        for row in rows
    ]


def bundle_table(bundle: Bundle) -> str:
    """What a bundle is, in a few aligned lines, with the metric per class and the number of images behind it."""
    manifest, training = bundle.manifest, bundle.manifest.training
    spec, rule = manifest.preprocess, manifest.label_rule
    origin = " (rendered images)" if training.data_kind == "rendered" else ""
    sizes = {entry.name: entry.size for entry in manifest.files}
    return "\n".join(
        [
            f"bundle      {manifest.name} {manifest.version}, made {manifest.created}",
            f"sha256      {bundle.sha256}",
            f"signed by   {bundle.signed_by or 'nobody'}",
            f"classes     {manifest.classes.name}: {len(manifest.classes.codes)} classes of {manifest.classes.coding_system}",
            f"backbone    {training.backbone}, input {spec.width}x{spec.height}",
            f"trained on  {training.data_name}{origin}, {training.num_images} images, licence: {training.data_licence}",
            *([f"began as    the weights of {training.started_from}: what these have seen counts too"] if training.started_from else ()),
            f"labels      lie from {0 - rule.look_behind_m:g} to {rule.look_ahead_m:g} m ahead of the camera",
            *(_graph_line(graph, sizes[graph.file]) for graph in manifest.graphs),
            *map(_parity_line, manifest.parity),
            *map(_metric_line, manifest.evaluation),
            *(_class_lines(manifest.evaluation[-1]) if manifest.evaluation else ()),
        ]
    )


def _graph_line(graph: Graph, num_bytes: int) -> str:
    tuned = "" if graph.tuned_thresholds is None else "; tuned ones with --thresholds tuned"
    return (
        f"graph       {graph.precision}, weights stored as {graph.stored_as}, {num_bytes / 1e6:.1f} MB, "
        f"thresholds {graph.threshold_origin}{tuned}"
    )


def _parity_line(parity: Parity) -> str:
    verdict = {None: "", True: ": passed", False: ": FAILED, not run unless asked for"}[parity.passed]
    where = f" on {parity.provider}" if (parity.provider or "").startswith("OpenVINO") else ""  # the others have one line for each graph
    delta = "" if parity.delta_f2_ciw is None else f", F2_CIW {parity.delta_f2_ciw * 100:+.2f} points"
    return (
        f"parity      {parity.precision}{where} against {parity.reference}: max |dp| {parity.max_abs_dp:.4f}, "
        f"{parity.decision_flips} decision flips{delta}, {parity.num_images} images{verdict}"
    )


def _metric_line(figures: Evaluation) -> str:
    return (
        f"metric      {figures.data_name} {figures.split}, {figures.num_images} images, thresholds {figures.thresholds}: "
        f"F2_CIW {figures.f2_ciw:.2%}, F1_Normal {figures.f1_normal:.2%}"
    )


def _class_lines(figures: Evaluation) -> list[str]:
    indent = " " * 12
    return [
        f"\nper class   {figures.data_name} {figures.split}, thresholds {figures.thresholds}; n is the number of images with the class",
        f"{indent}class      n   precision  recall     F2     AP",
    ] + [
        f"{indent}{row.code:5} {row.num_positive:6}   {row.precision:9.2f} {row.recall:7.2f} {row.f2:6.2f} {row.ap:6.2f}"
        for row in figures.classes
    ]


def _row(item: Observation) -> Sequence[str]:
    film_time = _film_time(item.time_s)
    place = film_time if item.chainage_m is None else f"{item.chainage_m:.2f}"
    if item.chainage_to_m is not None:
        place += f" to {item.chainage_to_m:.2f}"
    code = f"{item.class_.coding_system} {item.class_.code}"
    return (place, code, item.class_.label, item.kind, f"{item.score.peak:.2f}", str(item.score.frames_positive), film_time)


def _film_time(time_s: float) -> str:
    tenths = round(time_s * 10)
    return f"{tenths // 600}:{tenths % 600 / 10:04.1f}"
