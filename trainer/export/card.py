"""The model card: what a person should know before trusting the model, in Markdown, inside the bundle."""

from collections.abc import Iterator, Sequence

from edge_sdk.contract.manifest import Evaluation
from trainer.export.record import ExportRecord

RENDERED = (
    "**Trained on rendered images.** No real sewer was seen in training or in the figures below; they say nothing about real film. "
    "Use it to try the software, and train on your own inspections before relying on any result."
)


def model_card(record: ExportRecord, *, name: str, version: str) -> str:
    """The card of an export."""
    return "\n".join([*_head(record, name, version), *_figures(record), *_limits(record)]) + "\n"


def _head(record: ExportRecord, name: str, version: str) -> Iterator[str]:
    training, spec, rule = record.training, record.preprocess, record.label_rule
    yield from (f"# {name} {version}", "")
    if training.data_kind == "rendered":
        yield from (RENDERED, "")
    yield from (
        f"- Network: {training.backbone}, task {training.task}, step {record.checkpoint_step}, input {spec.width}x{spec.height} px RGB",
        f"- Weights: stored as {record.graph.stored_as}, arithmetic {record.graph.precision}, {record.model_bytes / 1e6:.1f} MB",
        f"- Data: {training.data_name} ({training.data_kind}), {training.num_images} training images"
        + (f", made by {record.generator}" if record.generator else ""),
        *([f"- The weights began as those of {training.started_from}: what these have seen counts too"] if training.started_from else ()),
        f"- Licence of the data: {training.data_licence}",
        f"- Classes: {record.classes.name}, {len(record.classes.codes)} of coding system {record.classes.coding_system}",
        f"- A label speaks of {rule.look_ahead_m:g} m ahead to {rule.look_behind_m:g} m behind the camera",
        f"- Source revision: {training.git_revision}",
        "",
    )


def _figures(record: ExportRecord) -> Iterator[str]:
    parity = record.parity
    yield from ("## Figures", "", "Measured on the exported graph with ONNX Runtime, the robot's own preprocessing. Threshold 0.5 is")
    yield from ("the protocol; tuned ones were fitted to Val for F2, so their Val figures flatter. The bundle decides by:", "")
    yield from (f"**{record.graph.threshold_origin.replace('-', ' ')}**.", "")
    yield from ("| split | images | thresholds | F2_CIW | F1_Normal |", "|---|---|---|---|---|")
    for label, evaluations in (("0.5", record.evaluation), ("tuned", record.evaluation_tuned)):
        yield from (f"| {e.split} | {e.num_images} | {label} | {_percent(e.f2_ciw)} | {_percent(e.f1_normal)} |" for e in evaluations)
    yield from ("", *_class_table(record.evaluation[-1], record.graph.thresholds), "")
    yield from (
        f"Against {parity.reference} on {parity.num_images} images: largest score difference {parity.max_abs_dp:.5f}, mean "
        f"{parity.mean_abs_dp:.6f}, {parity.decision_flips} of {parity.num_images * len(record.classes.codes)} decisions differ.",
        "",
    )


def _class_table(evaluation: Evaluation, thresholds: Sequence[float]) -> Iterator[str]:
    yield from (f"Per class on {evaluation.split} at 0.5 (n: images with the class; a class without any scores 0):", "")
    yield from ("| class | n | precision | recall | F2 | AP | bundle's threshold |", "|---|---|---|---|---|---|---|")
    for figures, threshold in zip(evaluation.classes, thresholds, strict=True):
        cells = (figures.precision, figures.recall, figures.f2, figures.ap)
        yield f"| {figures.code} | {figures.num_positive} | {' | '.join(map(_percent, cells))} | {threshold:.2f} |"


def _limits(record: ExportRecord) -> Iterator[str]:
    yield from ("## Limits", "")
    yield "- It names classes in a frame. Clock position, size, severity and grade are not assessed."
    yield "- Class maps show where the network looked; they were not trained for localisation."
    yield "- Scores are not probabilities: the loss weights positives, so they lie high."
    few = [f.code for f in record.evaluation[-1].classes if f.num_positive < 20]
    if few:
        yield f"- Fewer than 20 positives on {record.evaluation[-1].split}, figures are rough: {' '.join(few)}."


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"
