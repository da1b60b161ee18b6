"""From an export folder to one signed bundle."""

from datetime import UTC, datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from edge_sdk.bundle import file_entries, write_bundle
from edge_sdk.contract.golden import golden_from_json
from edge_sdk.contract.interface import INTERFACE_VERSION
from edge_sdk.contract.manifest import SCHEMA_VERSION, Manifest
from trainer.errors import ExportError
from trainer.export.card import model_card
from trainer.export.record import GOLDEN, MODEL, ExportRecord, read_record

CARD = "model-card.md"


def pack(export: Path, out: Path, *, key: Ed25519PrivateKey | None, name: str | None = None, version: str = "0.1.0") -> Manifest:
    """Write the bundle of an export folder.

    Args:
        export: Folder written by `export_checkpoint`.
        out: The bundle file.
        key: Signs it; None leaves it unsigned.
        name: Of the bundle; the run's if None.
        version: Of the bundle, such as 1.2.0.

    Raises:
        ExportError: If the folder is no whole export.
        EdgeSdkError: If the bundle cannot be written or breaks the contract.
    """
    record = read_record(export)
    content = _content(export, record, name=name or record.name, version=version)
    manifest = Manifest(
        schema_version=SCHEMA_VERSION,
        name=name or record.name,
        version=version,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        interface_version=INTERFACE_VERSION,
        classes=record.classes,
        preprocess=record.preprocess,
        label_rule=record.label_rule,
        graphs=(record.graph,),
        training=record.training,
        evaluation=(*record.evaluation, *record.evaluation_tuned),
        parity=(record.parity,),
        golden=GOLDEN,
        model_card=CARD,
        files=file_entries(content),
    )
    write_bundle(out, manifest, content, key)
    return manifest


def _content(export: Path, record: ExportRecord, *, name: str, version: str) -> dict[str, bytes]:
    try:
        golden = (export / GOLDEN).read_bytes()
        frames = {frame.file: (export / frame.file).read_bytes() for frame in golden_from_json(golden).frames}
        model = (export / MODEL).read_bytes()
    except OSError as error:
        raise ExportError(f"{error.filename}: {error.strerror}; export again") from error
    return {MODEL: model, GOLDEN: golden, **frames, CARD: model_card(record, name=name, version=version).encode()}
