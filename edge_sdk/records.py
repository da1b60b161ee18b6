"""What an inspection leaves behind, as typed records: the canonical JSON of a run is exactly these structures.

What a frame classifier cannot know (clock position, size, characterisation, grade) has no invented value: it is null and named in
`not_assessed`. A code never stands without its coding system. Proposals stay proposals until a person accepts them.
"""

import math
from typing import Literal

import msgspec

RECORD_SCHEMA_VERSION = 1
NOT_ASSESSED = ("clock", "quantification", "characterisation", "joint", "severity")

ChainageQuality = Literal["ok", "interpolated", "stale", "jump", "reset", "none"]
RunStatus = Literal["complete", "incomplete", "interrupted", "recovered"]
Stage = Literal["import", "create", "warm_up", "self_test", "run"]
GapReason = Literal[
    "unreadable", "bad_shape", "no_chainage", "truncated", "interrupted", "inference_failed", "crashed",
    "camera_lost", "paused", "too_few_looks", "frozen", "black", "over_exposed", "corrupt", "blurred", "water_on_lens", "off_axis",
    "unchecked",
]  # fmt: skip


class Record(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Base of all records: immutable, keyword-only, strict when read back."""


class Code(Record, frozen=True):
    """A code with the coding system it belongs to."""

    coding_system: str
    code: str
    label: str


class ProposedCode(Record, frozen=True):
    """A nearest code of another coding system; a choice for a person, not a conversion."""

    coding_system: str
    code: str
    confidence: Literal["low", "medium", "high"]
    ambiguous: bool


class Score(Record, frozen=True):
    """How sure the model was: peak score (0..1), the threshold it passed, and the frames behind it."""

    peak: float
    threshold: float
    frames_positive: int


class Box(Record, frozen=True):
    """A rectangle in the picture, in pixels; `score` is the heat inside it relative to the hottest cell (0..1)."""

    left: int
    top: int
    right: int
    bottom: int
    score: float


class Picture(Record, frozen=True):
    """The strongest frame of an observation, stored beside the report. `path` and `heatmap_path` are relative to the report."""

    path: str
    heatmap_path: str
    sha256: str
    width: int
    height: int
    boxes: tuple[Box, ...]


class Observation(Record, frozen=True):
    """Something seen along the pipe.

    `chainage_m` is the best single position (where the thing passed the camera, or was seen strongest) and `chainage_uncertainty_m`
    what that may be off by; both are null without an odometer, and then `time_s` is all there is. A continuous observation runs to
    `chainage_to_m`. `revision` counts how often a closed observation was extended by driving over it again. Times are seconds from the
    film's start. `review_priority` is class importance times peak score, an order for reviewing and no grade. `camera` says which of
    several cameras saw it, null where there is only one.
    """

    observation_id: str
    revision: int
    seq: int
    class_: Code = msgspec.field(name="class")
    proposed_codes: tuple[ProposedCode, ...]
    kind: Literal["point", "continuous"]
    chainage_m: float | None
    chainage_to_m: float | None
    chainage_uncertainty_m: tuple[float, float] | None
    chainage_quality: ChainageQuality
    time_s: float
    time_to_s: float
    frame_index: int
    frame_name: str | None
    score: Score
    review_priority: float
    picture: Picture | None
    clock_from: int | None = None
    clock_to: int | None = None
    quantification_1: float | None = None
    quantification_2: float | None = None
    characterisation_1: str | None = None
    characterisation_2: str | None = None
    at_joint: bool | None = None
    severity: str | None = None
    not_assessed: tuple[str, ...] = NOT_ASSESSED
    review_status: Literal["proposed", "accepted", "edited", "rejected", "added"] = "proposed"
    remark: str = ""
    camera: int | None = None


class Gap(Record, frozen=True):
    """A stretch that was not inspected, and why; chainage is null where it is unknown.

    With reason `no_chainage` the frames were looked at, but their place is unknown: what was seen there has a film time only. The flags
    of a live picture (`frozen` to `unchecked`): there were pictures, but no defect found in them says nothing. `camera` is null where
    there is only one.
    """

    reason: GapReason
    from_s: float
    to_s: float
    from_m: float | None
    to_m: float | None
    frames: int
    camera: int | None = None


class Coverage(Record, frozen=True):
    """What was driven and seen: the counter's range in metres, distance travelled, seconds of film, and the gaps."""

    from_m: float | None
    to_m: float | None
    travelled_m: float | None
    duration_s: float
    gaps: tuple[Gap, ...]


class Accounting(Record, frozen=True):
    """Exact frame accounting: received == processed + sum of dropped by reason."""

    received: int
    processed: int
    dropped: dict[str, int]


class SourceRecord(Record, frozen=True):
    """What was looked at. `announced_frames` is what the film's header promised, null where it promises nothing.

    `decoder` is what read a film. OpenCV's colours are 1 to 1.6 grey levels darker than PyAV's planes make them, which moves scores by
    0.004 in the mean and by 0.06 at most (seen on two films, fp32).
    """

    name: str
    kind: Literal["film", "folder", "live"]
    width: int
    height: int
    fps: float
    announced_frames: int | None
    decoder: str | None = None


class OdometerRecord(Record, frozen=True):
    """Where chainage came from."""

    name: str
    key: Literal["time", "frame", "file"]
    unit: str
    samples: int
    jumps: int
    resets: int


class ProviderAttempt(Record, frozen=True):
    """A runtime that was tried, in the order tried. `stage` and `reason` say where and why it failed; both are null for one that served.

    One that served and failed later has a second entry, with stage `run`. `precision` is null where it came to no graph.
    """

    provider: str
    precision: str | None
    stage: Stage | None
    reason: str | None
    detail: str


class ProviderChange(Record, frozen=True):
    """A change of runtime during the run, as its results tell it: `frame_index` is the first frame that did not come from `from`."""

    frame_index: int
    from_: str = msgspec.field(name="from")
    to: str
    reason: str
    detail: str


class ModelRecord(Record, frozen=True):
    """The model that spoke, and how it was run. `look_ahead_m` and `look_behind_m` are its label rule, metres from the camera.

    `provider` is the runtime that served last; `attempts` are all that were tried, and `provider_changes` what changed during the run.
    """

    bundle: str
    version: str
    sha256: str
    signed_by: str | None
    provider: str
    precision: str
    threads: int
    trained_on: str
    data_kind: Literal["rendered", "sewer-ml", "other"]
    data_licence: str
    look_ahead_m: float
    look_behind_m: float
    threshold_origin: str
    f2_ciw: float | None
    f1_normal: float | None
    evaluated_on: str | None
    self_test_max_abs_dp: float
    precision_reason: str = ""
    attempts: tuple[ProviderAttempt, ...] = ()
    provider_changes: tuple[ProviderChange, ...] = ()


class Inspection(Record, frozen=True):
    """One run over one pipe: the canonical result, from which every report is made."""

    schema_version: int
    run_id: str
    created_utc: str
    sdk_version: str
    status: RunStatus
    status_reasons: tuple[str, ...]
    notices: tuple[str, ...]
    basis: Literal["distance", "time"]
    source: SourceRecord
    odometer: OdometerRecord | None
    model: ModelRecord
    thresholds: dict[str, float]
    accounting: Accounting
    coverage: Coverage
    observations: tuple[Observation, ...]


def json_from_inspection(inspection: Inspection) -> bytes:
    """Canonical JSON: the records' own field order, one space of indent, UTF-8, a newline at the end.

    Raises:
        ValueError: If a number is NaN or infinite: JSON has no word for it, and null would read as "not known".
    """
    if not _finite(msgspec.to_builtins(inspection)):
        raise ValueError("the inspection holds a number that is NaN or infinite")
    return msgspec.json.format(msgspec.json.encode(inspection), indent=1) + b"\n"


def _finite(value: object) -> bool:
    if isinstance(value, dict):
        return all(map(_finite, value.values()))
    if isinstance(value, list | tuple):
        return all(map(_finite, value))
    return not isinstance(value, float) or math.isfinite(value)


def inspection_from_json(data: bytes) -> Inspection:
    """Read a report back.

    Raises:
        msgspec.DecodeError: If the bytes are no inspection of this schema.
    """
    return msgspec.json.decode(data, type=Inspection)
