"""An export folder: the graph, the golden frames, and a record of every figure measured with that very graph.

    model.onnx   export.json   golden.json   golden-00.jpg ...

`pack` needs this folder and a key, and no images, checkpoint or torch.
"""

from pathlib import Path

import msgspec

from edge_sdk.contract.manifest import ClassListRef, Evaluation, Graph, LabelRule, Parity, Training
from edge_sdk.contract.preprocess import PreprocessSpec
from edge_sdk.contract.taxonomy import taxonomy
from trainer.errors import ExportError

MODEL, RECORD, GOLDEN = "model.onnx", "export.json", "golden.json"


class ExportRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """All a manifest says that is known at export.

    `evaluation` follows the protocol (threshold 0.5), `evaluation_tuned` uses thresholds tuned on validation images, where it flatters.
    `generator` names what rendered the data, where that is so. `model_bytes` is the file's size. `checkpoint` and `data_root` say where
    both lay at export, for `parity` and `quantize`; None in exports made before that was kept. They do not enter the bundle.
    """

    name: str
    classes: ClassListRef
    preprocess: PreprocessSpec
    label_rule: LabelRule
    graph: Graph
    training: Training
    generator: str | None
    checkpoint_step: int
    evaluation: tuple[Evaluation, ...]
    evaluation_tuned: tuple[Evaluation, ...]
    parity: Parity
    model_bytes: int
    checkpoint: str | None = None
    data_root: str | None = None


def json_from_record(record: ExportRecord) -> bytes:
    """The record as it lies in the folder."""
    return msgspec.json.format(msgspec.json.encode(record), indent=1) + b"\n"


def write_record(folder: Path, record: ExportRecord) -> None:
    """Write the record."""
    (folder / RECORD).write_bytes(json_from_record(record))


def read_record(folder: Path) -> ExportRecord:
    """Read the record of an export folder.

    Raises:
        ExportError: If there is none, or it was made for another class list.
    """
    try:
        record = msgspec.json.decode((folder / RECORD).read_bytes(), type=ExportRecord)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ExportError(f"{folder}: no export ({getattr(error, 'strerror', None) or error}); make one with 'export'") from error
    if record.classes.digest != taxonomy().digest:
        raise ExportError(f"{folder}: exported for class list {record.classes.name} ({record.classes.digest[:12]}); export again")
    return record
