"""The bundle's manifest: one typed, strict file that says what a model is and what each of its files must be.

Strict means: an unknown key, a missing one or a wrong type is an error, and so is another class list, graph interface or schema than
this SDK's. Nothing is guessed and nothing has an override. `manifest_from_json(json_from_manifest(m)) == m` for every manifest.
"""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from edge_sdk.contract.interface import INTERFACE_VERSION
from edge_sdk.contract.preprocess import PreprocessSpec
from edge_sdk.contract.taxonomy import taxonomy
from edge_sdk.errors import ContractError, CorruptBundleError

SCHEMA_VERSION = 1
MAX_MANIFEST_BYTES = 64 * 1024
MAX_FILES = 32
RESERVED = frozenset({"manifest.json", "manifest.sig"})  # what a bundle's folder form holds besides its files
MAX_FILE_BYTES = 512 * 1024 * 1024

FileName = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}\Z")]
Sha256 = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]
Share = Annotated[float, Meta(ge=0.0, le=1.0)]
Count = Annotated[int, Meta(ge=0)]
Delta = Annotated[float, Meta(ge=-1.0, le=1.0)]
Precision = Literal["fp32", "fp16", "int8-trt", "int8-x86"]
Thresholds = Literal["protocol-0.5", "tuned-on-validation"]


class FileEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One file of the bundle with its length in bytes and its digest."""

    name: FileName
    size: Annotated[int, Meta(ge=0, le=MAX_FILE_BYTES)]
    sha256: Sha256


class ClassListRef(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which class list the model's outputs follow; `digest` decides, the rest is for people."""

    name: str
    coding_system: str
    codes: tuple[str, ...]
    digest: Sha256


class Calibration(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The images whose activations set the ranges of an int8 graph: which split, how many, and the digest that names them."""

    split: str
    num_images: Count
    digest: Sha256


class Graph(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One ONNX file: its precision, and what turns its logits into decisions.

    `stored_as` is the type the weights take in the file; arithmetic is in `precision`. `thresholds` has one score per class in label
    order, `threshold_origin` says where they come from: the same for every precision of a bundle ("frozen"). `tuned_thresholds` are
    fitted anew on validation images to this very graph, since quantisation shifts scores; None where that was not done.
    `calibration` is None for graphs that need none. What has its default is not written, so that older SDKs read bundles without it.
    """

    precision: Precision
    file: FileName
    stored_as: Literal["float32", "float16", "int8"]
    temperature: Annotated[float, Meta(gt=0.0)]
    thresholds: tuple[Share, ...]
    threshold_origin: Thresholds
    tuned_thresholds: tuple[Share, ...] | None = None
    calibration: Calibration | None = None


class LabelRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where, seen from the camera, the thing lies that a positive frame speaks of, in metres along the pipe.

    Sewer-ML: 1.0 m ahead, 0.3 m behind (its section 3.3). A negative `look_behind_m` is a blind stretch before the camera.
    """

    look_ahead_m: Annotated[float, Meta(ge=0.0, le=20.0)]
    look_behind_m: Annotated[float, Meta(ge=-5.0, le=20.0)]


class Ancestor(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Weights that others came from: begun as (`start`) or taught by (`teacher`), with the data they had seen; None where nobody says."""

    role: Literal["start", "teacher"]
    name: str
    sha256: Sha256 | None = None
    step: Count | None = None
    data_name: str | None = None
    data_kind: Literal["rendered", "sewer-ml", "other"] | None = None
    data_licence: str | None = None


class Training(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Provenance: what the weights have seen; `started_from` names the run or file they began as, None if they began at random.

    `ancestors` lists all weights these came from, nearest first: the licences of their data bind this network too.
    """

    backbone: str
    task: str
    data_name: str
    data_kind: Literal["rendered", "sewer-ml", "other"]
    data_digest: Sha256
    data_licence: str
    num_images: Count
    git_revision: str
    started_from: str | None = None
    ancestors: tuple[Ancestor, ...] = ()


class ClassFigures(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Figures of one class with the number of positive images they rest on."""

    code: str
    num_positive: Count
    precision: Share
    recall: Share
    f2: Share
    ap: Share


class Evaluation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The metric on a named split, with the graph and thresholds it was measured with."""

    data_name: str
    split: str
    thresholds: Thresholds
    num_images: Count
    precision: Precision
    f2_ciw: Share
    f1_normal: Share
    classes: tuple[ClassFigures, ...]


class Parity(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Agreement of a graph with the torch model, in scores (0..1), in decisions at the graph's thresholds, and in the metric.

    Deltas are graph minus reference as fractions of 1, so a loss is negative: at the frozen thresholds, with a 95 % interval over
    resampled images, and with the thresholds of both tuned anew on validation images. `bound` and `bound_tuned` are the largest losses
    of F2_CIW the gate allows, `passed` is its verdict. None: not measured.
    """

    precision: Precision
    reference: str
    num_images: Count
    max_abs_dp: Share
    mean_abs_dp: Share
    decision_flips: Count
    data_name: str | None = None
    split: str | None = None
    provider: str | None = None
    f2_ciw: Share | None = None
    f1_normal: Share | None = None
    delta_f2_ciw: Delta | None = None
    delta_f2_ciw_interval: tuple[Delta, Delta] | None = None
    delta_f1_normal: Delta | None = None
    f2_ciw_tuned: Share | None = None
    delta_f2_ciw_tuned: Delta | None = None
    delta_f1_normal_tuned: Delta | None = None
    bound: Share | None = None
    bound_tuned: Share | None = None
    passed: bool | None = None


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Everything a robot must know before it lets a model serve."""

    schema_version: int
    name: FileName
    version: Annotated[str, Meta(pattern=r"^\d+\.\d+\.\d+([.-][0-9a-z]+)*$")]
    created: str
    interface_version: int
    classes: ClassListRef
    preprocess: PreprocessSpec
    label_rule: LabelRule
    graphs: Annotated[tuple[Graph, ...], Meta(min_length=1, max_length=4)]
    training: Training
    evaluation: tuple[Evaluation, ...]
    parity: tuple[Parity, ...]
    golden: FileName
    model_card: FileName
    files: Annotated[tuple[FileEntry, ...], Meta(min_length=1, max_length=MAX_FILES)]

    def graph(self, precision: str) -> Graph:
        """The graph of a precision.

        Raises:
            ContractError: If the bundle does not carry it.
        """
        found = next((g for g in self.graphs if g.precision == precision), None)
        if found is None:
            carried = ", ".join(g.precision for g in self.graphs)
            raise ContractError(f"bundle {self.name} {self.version} has no {precision} graph; it carries: {carried}")
        return found

    def parity_of(self, precision: str) -> Parity | None:
        """What is known of a graph's agreement with what was trained; None if it was never measured."""
        return next((p for p in self.parity if p.precision == precision), None)


class _SchemaOnly(msgspec.Struct):
    schema_version: int


def class_list_ref() -> ClassListRef:
    """The reference to this SDK's own class list."""
    own = taxonomy()
    return ClassListRef(own.name, own.coding_system, own.codes, own.digest)


def json_from_manifest(manifest: Manifest) -> bytes:
    """Canonical JSON of a manifest: the bytes that are signed."""
    return msgspec.json.format(msgspec.json.encode(manifest), indent=1) + b"\n"


def manifest_from_json(data: bytes, *, where: str = "manifest") -> Manifest:
    """Read and check a manifest.

    Args:
        data: The bytes, at most 64 KiB.
        where: Named in messages.

    Raises:
        CorruptBundleError: If the bytes are no manifest at all.
        ContractError: If the manifest was made for another schema, graph interface or class list.
    """
    if len(data) > MAX_MANIFEST_BYTES:
        raise CorruptBundleError(f"{where}: manifest of {len(data)} bytes, at most {MAX_MANIFEST_BYTES} are taken")
    try:
        schema = msgspec.json.decode(data, type=_SchemaOnly).schema_version
        if schema > SCHEMA_VERSION:
            raise ContractError(f"{where}: manifest schema {schema} is newer than this SDK's {SCHEMA_VERSION}; update sewer-edge")
        manifest = msgspec.json.decode(data, type=Manifest)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise CorruptBundleError(f"{where}: not a valid manifest: {error}") from error
    _check_contract(manifest, where)
    return manifest


def _check_contract(manifest: Manifest, where: str) -> None:
    own = class_list_ref()
    if manifest.schema_version != SCHEMA_VERSION:
        raise ContractError(f"{where}: manifest schema {manifest.schema_version} is no longer read; pack the model again")
    if manifest.interface_version != INTERFACE_VERSION:
        raise ContractError(f"{where}: graph interface {manifest.interface_version}, this SDK has {INTERFACE_VERSION}; export again")
    if manifest.classes.digest != own.digest or manifest.classes.codes != own.codes:
        raise ContractError(
            f"{where}: made for class list {manifest.classes.name} ({manifest.classes.digest[:12]}), "
            f"this SDK has {own.name} ({own.digest[:12]}); train and pack with the same class list"
        )
    for graph in manifest.graphs:
        for thresholds in (graph.thresholds, graph.tuned_thresholds):
            if thresholds is not None and len(thresholds) != len(own.codes):
                raise ContractError(f"{where}: {graph.precision} has {len(thresholds)} thresholds for {len(own.codes)} classes")
    if len({graph.precision for graph in manifest.graphs}) != len(manifest.graphs):
        raise CorruptBundleError(f"{where}: two graphs of one precision")
    names = [entry.name for entry in manifest.files]
    if len(set(names)) != len(names) or RESERVED & set(names):
        raise CorruptBundleError(f"{where}: a file is listed twice, or named like the manifest itself")
    for needed in (manifest.golden, manifest.model_card, *(g.file for g in manifest.graphs)):
        if needed not in names:
            raise CorruptBundleError(f"{where}: {needed} is named but not among the files")
