"""The model card: what a person should know before trusting the model, in Markdown, inside the bundle."""

from collections.abc import Iterator, Mapping, Sequence

from edge_sdk.contract.evaluation_frames import EvaluationIndex
from edge_sdk.contract.manifest import Ancestor, Evaluation, Graph, Parity, Precision
from trainer.export.packable import Packed
from trainer.export.record import ExportRecord

RENDERED = (
    "**Trained on rendered images.** No real sewer was seen in training or in the figures below; they say nothing about real film. "
    "Use it to try the software, and train on your own inspections before relying on any result."
)


def model_card(
    record: ExportRecord,
    *,
    name: str,
    version: str,
    packed: Sequence[Packed],
    sizes: Mapping[Precision, int],
    frames: EvaluationIndex | None = None,
) -> str:
    """The card of a bundle.

    Args:
        record: What the export measured.
        name: Of the bundle.
        version: Of the bundle.
        packed: Its graphs.
        sizes: Bytes of each precision's file.
        frames: The labelled frames it carries; None: none.
    """
    parts = (_head(record, name, version), _graphs(packed, sizes), _figures(record), _parity(packed), _frames(frames), _limits(record))
    return "\n".join(line for part in parts for line in part) + "\n"


def _head(record: ExportRecord, name: str, version: str) -> Iterator[str]:
    training, spec, rule = record.training, record.preprocess, record.label_rule
    yield from (f"# {name} {version}", "")
    if training.data_kind == "rendered" and all(ancestor.data_kind in ("rendered", None) for ancestor in training.ancestors):
        yield from (RENDERED, "")
    yield from (
        f"- Network: {training.backbone}, task {training.task}, step {record.checkpoint_step}, input {spec.width}x{spec.height} px RGB",
        f"- Data: {training.data_name} ({training.data_kind}), {training.num_images} training images"
        + (f", made by {record.generator}" if record.generator else ""),
        *([f"- The weights began as those of {training.started_from}: what these have seen counts too"] if training.started_from else ()),
        *map(_ancestor, training.ancestors),
        f"- Licence of the data: {training.data_licence}",
        f"- Classes: {record.classes.name}, {len(record.classes.codes)} of coding system {record.classes.coding_system}",
        f"- A label speaks of {rule.look_ahead_m:g} m ahead to {rule.look_behind_m:g} m behind the camera",
        f"- Source revision: {training.git_revision}",
        "",
    )


def _figures(record: ExportRecord) -> Iterator[str]:
    yield from ("## Figures", "", "Measured on the exported fp32 graph with ONNX Runtime, the robot's own preprocessing. Threshold 0.5 is")
    yield from ("the protocol; tuned ones were fitted to Val for F2, so their Val figures flatter. The bundle decides by:", "")
    yield from (f"**{record.graph.threshold_origin.replace('-', ' ')}**.", "")
    yield from ("| split | images | thresholds | F2_CIW | F1_Normal |", "|---|---|---|---|---|")
    for label, evaluations in (("0.5", record.evaluation), ("tuned", record.evaluation_tuned)):
        yield from (f"| {e.split} | {e.num_images} | {label} | {_percent(e.f2_ciw)} | {_percent(e.f1_normal)} |" for e in evaluations)
    yield from ("", *_class_table(record.evaluation[-1], record.graph.thresholds), "")


def _ancestor(ancestor: Ancestor) -> str:
    how = "Taught by" if ancestor.role == "teacher" else "Comes from"
    data = f"{ancestor.data_name} ({ancestor.data_kind}), licence {ancestor.data_licence}" if ancestor.data_name else "unknown data"
    return f"- {how} {ancestor.name}, trained on {data}"


def _graphs(packed: Sequence[Packed], sizes: Mapping[Precision, int]) -> Iterator[str]:
    yield from ("## Graphs", "", "| arithmetic | weights stored as | MB | calibrated on |", "|---|---|---|---|")
    for graph, _ in packed:
        yield f"| {graph.precision} | {graph.stored_as} | {sizes[graph.precision] / 1e6:.1f} | {_calibrated(graph)} |"
    yield ""


def _calibrated(graph: Graph) -> str:
    known = graph.calibration
    if known is None:
        return "not stated" if graph.precision.startswith("int8") else "needs none"
    return f"{known.num_images} images of {known.split} ({known.digest[:12]})"


def _parity(packed: Sequence[Packed]) -> Iterator[str]:
    """How far each graph is from what was trained."""
    yield from ("## Parity", "")
    for graph, parity in packed:
        num = parity.num_images * len(graph.thresholds)
        yield (
            f"- {graph.precision} against {parity.reference} on {parity.num_images} images: largest score difference "
            f"{parity.max_abs_dp:.5f}, mean {parity.mean_abs_dp:.6f}, {parity.decision_flips} of {num} decisions differ."
        )
    measured = [parity for _, parity in packed if parity.delta_f2_ciw is not None]
    if measured:
        yield from ("", *_delta_table(measured))
    tuned = [graph for graph, _ in packed if graph.tuned_thresholds is not None]
    if tuned:
        yield from (
            "",
            "Thresholds tuned anew for each graph on Val (the bundle decides by those of the class table):",
            "",
        )
        yield from (f"- {graph.precision}: {' '.join(f'{threshold:.2f}' for threshold in graph.tuned_thresholds or ())}" for graph in tuned)
    yield ""


def _delta_table(measured: Sequence[Parity]) -> Iterator[str]:
    one = measured[0]
    yield f"Points lost or gained on {one.data_name} {one.split}. The gate allows a loss of {_points(one.bound)} points of F2_CIW at the"
    yield from (f"thresholds as they are, and {_points(one.bound_tuned)} at ones tuned anew for both:", "")
    yield "| graph | F2_CIW | ΔF2_CIW | 95 % interval | ΔF1_Normal | ΔF2_CIW re-tuned | gate |"
    yield "|---|---|---|---|---|---|---|"
    for p in measured:
        low, high = p.delta_f2_ciw_interval or (None, None)
        frozen = [_percent(p.f2_ciw or 0.0), _points(p.delta_f2_ciw, "+"), f"{_points(low, '+')} to {_points(high, '+')}"]
        cells = [*frozen, _points(p.delta_f1_normal, "+"), _points(p.delta_f2_ciw_tuned, "+"), "passed" if p.passed else "failed"]
        yield f"| {p.precision} | {' | '.join(cells)} |"


def _class_table(evaluation: Evaluation, thresholds: Sequence[float]) -> Iterator[str]:
    yield from (f"Per class on {evaluation.split} at 0.5 (n: images with the class; a class without any scores 0):", "")
    yield from ("| class | n | precision | recall | F2 | AP | bundle's threshold |", "|---|---|---|---|---|---|---|")
    for figures, threshold in zip(evaluation.classes, thresholds, strict=True):
        cells = (figures.precision, figures.recall, figures.f2, figures.ap)
        yield f"| {figures.code} | {figures.num_positive} | {' | '.join(map(_percent, cells))} | {threshold:.2f} |"


def _frames(frames: EvaluationIndex | None) -> Iterator[str]:
    if frames is None:
        return
    yield from ("## Evaluation frames", "")
    yield f"- The bundle carries {len(frames.frames)} labelled frames of {frames.data_name} {frames.split}, drawn so that every class"
    yield "  occurs: they compare graphs and runtimes on a robot, and are no estimate of the figures above."
    yield from (f"- Licence of these pictures: {frames.licence}", "")


def _limits(record: ExportRecord) -> Iterator[str]:
    yield from ("## Limits", "")
    yield "- It names classes in a frame. Clock position, size, severity and grade are not assessed."
    yield "- Class maps show where the network looked; they were not trained for localisation."
    yield "- Scores are not probabilities: the loss weights positives, so they lie high."
    few = [f.code for f in record.evaluation[-1].classes if f.num_positive < 20]
    if few:
        yield f"- Fewer than 20 positives on {record.evaluation[-1].split}, figures are rough: {' '.join(few)}."


def _points(share: float | None, sign: str = "") -> str:
    return "" if share is None else format(100 * share, f"{sign}.2f")


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"
