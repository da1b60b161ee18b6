"""What a comparison is held against: the torch model of the checkpoint, while that can still be found."""

from pathlib import Path

from trainer.checkpoint import Contract, load_model
from trainer.config import Config
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
        model, contract, config = load_model(path)
        if _is_other(contract, config, record):
            said = f"{config.model.backbone} of run {config.name} at step {contract.step}"
            exported = f"{record.training.backbone} of run {record.name} at step {record.checkpoint_step}"
            raise ExportError(f"{path}: {said}, but {exported} was exported; give that checkpoint, on the data it had")
        return model, f"reference: torch float32, {_name(path)}, step {contract.step}"
    if record.checkpoint is None:
        return None, f"{INSTEAD}: the export does not say where its checkpoint lies; give --checkpoint to compare with torch"
    path = Path(record.checkpoint)
    try:
        model, contract, config = load_model(path)
    except CheckpointError:
        return None, f"{INSTEAD}: checkpoint {_name(path)} is gone; give --checkpoint if it lies elsewhere"
    if _is_other(contract, config, record):
        return None, f"{INSTEAD}: checkpoint {_name(path)} is no longer what was exported (step {record.checkpoint_step})"
    return model, f"reference: torch float32, {_name(path)}, step {contract.step}"


def _is_other(contract: Contract, config: Config, record: ExportRecord) -> bool:
    """Two runs on the same data end at the same step, so that alone tells nothing."""
    found = (config.name, config.model.backbone, config.preprocess, contract.step, contract.data_digest)
    return found != (record.name, record.training.backbone, record.preprocess, record.checkpoint_step, record.training.data_digest)


def _name(path: Path) -> str:
    """Run and checkpoint: enough to know it by, and nothing of the machine."""
    return f"{path.parent.parent.name}/{path.name}"
