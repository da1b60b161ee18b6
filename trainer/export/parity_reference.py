"""What a comparison is held against: the torch model of the checkpoint, while that can still be found."""

from pathlib import Path

from trainer.checkpoint import Contract, load_model
from trainer.errors import CheckpointError, ExportError
from trainer.export.record import ExportRecord
from trainer.models import DefectClassifier
from trainer.run_folder import best_checkpoint

INSTEAD = "ONNX fp32 is the reference"


def reference_model(record: ExportRecord, given: Path | None) -> tuple[DefectClassifier | None, str]:
    """The torch model in evaluation mode and a remark; None where it is gone, the remark then says why.

    Args:
        record: Names the checkpoint and its step.
        given: A run's folder or a checkpoint that somebody asks for; then nothing else will do.

    Raises:
        CheckpointError: If the one given cannot be read.
        ExportError: If the one given is not what was exported.
    """
    if given is not None:
        path = best_checkpoint(given)
        model, contract, _ = load_model(path)
        if _is_other(contract, record):
            raise ExportError(f"{path}: step {contract.step}, but step {record.checkpoint_step} was exported; give that checkpoint")
        return model, f"reference: torch float32, {_name(path)}, step {contract.step}"
    if record.checkpoint is None:
        return None, f"{INSTEAD}: the export does not say where its checkpoint lies; give --checkpoint to compare with torch"
    path = Path(record.checkpoint)
    try:
        model, contract, _ = load_model(path)
    except CheckpointError:
        return None, f"{INSTEAD}: checkpoint {_name(path)} is gone; give --checkpoint if it lies elsewhere"
    if _is_other(contract, record):
        return None, f"{INSTEAD}: checkpoint {_name(path)} is no longer what was exported (step {record.checkpoint_step})"
    return model, f"reference: torch float32, {_name(path)}, step {contract.step}"


def _is_other(contract: Contract, record: ExportRecord) -> bool:
    return (contract.step, contract.data_digest) != (record.checkpoint_step, record.training.data_digest)


def _name(path: Path) -> str:
    """Run and checkpoint: enough to know it by, and nothing of the machine."""
    return f"{path.parent.parent.name}/{path.name}"
