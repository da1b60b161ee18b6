"""Inspection records for the report's tests, with text that breaks careless writers."""

from edge_sdk.records import (
    RECORD_SCHEMA_VERSION,
    Accounting,
    Box,
    Code,
    Coverage,
    Gap,
    Inspection,
    ModelRecord,
    Observation,
    OdometerRecord,
    Picture,
    ProposedCode,
    Score,
    SourceRecord,
)

HOSTILE = "æøå ß 🚧 ]]> & \n=cmd|' /C calc'!A0 <script>alert(1)</script> \"quoted\" 'single' </title></style>--> \u202eabc \x00\x1b"
"""What no cell and no page may choke on."""


def observation(i: int = 0, **changes: object) -> Observation:
    """A plain observation at i decimetres, number i of the run."""
    fields: dict[str, object] = {
        "observation_id": f"00000000-0000-5000-8000-{i:012d}", "revision": 0, "seq": i,
        "class_": Code(coding_system="SEWER-ML", code="RO", label="Roots"),
        "proposed_codes": (ProposedCode(coding_system="EN13508-2:2003+A1:2011", code="BBA", confidence="high", ambiguous=False),),
        "kind": "point", "chainage_m": round(i / 10 - 0.4, 2), "chainage_to_m": None, "chainage_uncertainty_m": (-0.3, 1.0),
        "chainage_quality": "ok", "time_s": i * 0.4, "time_to_s": i * 0.4 + 0.2, "frame_index": i * 10, "frame_name": None,
        "score": Score(peak=0.75, threshold=0.42, frames_positive=9), "review_priority": 0.2669, "picture": None,
    }  # fmt: skip
    return Observation(**{**fields, **changes})  # type: ignore[arg-type]


def picture(name: str) -> Picture:
    """A picture record; nothing need lie there."""
    box = Box(left=10, top=10, right=30, bottom=30, score=0.8)
    path, heatmap_path = f"pictures/{name}.jpg", f"pictures/{name}-heat.jpg"
    return Picture(path=path, heatmap_path=heatmap_path, sha256="0" * 64, width=64, height=48, boxes=(box,))


def gap(**changes: object) -> Gap:
    """A gap of half a metre."""
    fields: dict[str, object] = {"reason": "unreadable", "from_s": 4.0, "to_s": 6.0, "from_m": 1.0, "to_m": 1.5, "frames": 50}
    return Gap(**{**fields, **changes})  # type: ignore[arg-type]


def inspection(num: int = 8, **changes: object) -> Inspection:
    """A complete run over ten metres with `num` observations."""
    fields: dict[str, object] = {
        "schema_version": RECORD_SCHEMA_VERSION, "run_id": "7d0f7c1e-9a77-4d55-a7d0-4d0a3f6f2f11",
        "created_utc": "2026-03-14T09:42:11+00:00", "sdk_version": "0.1.0", "status": "complete", "status_reasons": (), "notices": (),
        "basis": "distance",
        "source": SourceRecord(name="film.mp4", kind="film", width=720, height=576, fps=25.0, announced_frames=1000),
        "odometer": OdometerRecord(name="odometer.csv", key="time", unit="m", samples=40, jumps=0, resets=0),
        "model": model(), "thresholds": {"RB": 0.5, "RO": 0.42},
        "accounting": Accounting(received=1000, processed=1000, dropped={}),
        "coverage": Coverage(from_m=-0.4, to_m=9.6, travelled_m=10.0, duration_s=40.0, gaps=()),
        "observations": tuple(observation(i) for i in range(num)),
    }  # fmt: skip
    return Inspection(**{**fields, **changes})  # type: ignore[arg-type]


def model(**changes: object) -> ModelRecord:
    """A signed model trained on real film."""
    fields: dict[str, object] = {
        "bundle": "sewer-small", "version": "0.1.0", "sha256": "9f" * 32, "signed_by": "release", "provider": "CPUExecutionProvider",
        "precision": "fp32", "threads": 4, "trained_on": "own film", "data_kind": "other", "data_licence": "own",
        "look_ahead_m": 1.0, "look_behind_m": 0.3, "threshold_origin": "tuned-on-validation", "f2_ciw": 0.71,
        "f1_normal": 0.88, "evaluated_on": "own film Test (100 images)", "self_test_max_abs_dp": 0.0004,
    }  # fmt: skip
    return ModelRecord(**{**fields, **changes})  # type: ignore[arg-type]


def hostile_inspection(text: str = HOSTILE) -> Inspection:
    """A run in which `text` stands wherever others write."""
    code = Code(coding_system=text, code=text, label=text)
    proposed = (ProposedCode(coding_system=text, code=text, confidence="low", ambiguous=True),)
    marked = observation(
        0, observation_id=text, class_=code, proposed_codes=proposed, frame_name=text, remark=text, characterisation_1=text,
        severity=text, not_assessed=(text,), picture=Picture(path=text, heatmap_path=text, sha256=text, width=1, height=1, boxes=()),
    )  # fmt: skip
    return inspection(
        0, observations=(marked,), run_id=text, created_utc=text, sdk_version=text, status="incomplete", status_reasons=(text,),
        notices=(text,), source=SourceRecord(name=text, kind="film", width=720, height=576, fps=25.0, announced_frames=None),
        odometer=OdometerRecord(name=text, key="time", unit=text, samples=1, jumps=0, resets=0), thresholds={text: 0.5},
        accounting=Accounting(received=2, processed=1, dropped={text: 1}),
        model=model(
            bundle=text, version=text, sha256=text, signed_by=text, provider=text, precision=text, trained_on=text, data_licence=text,
            threshold_origin=text, evaluated_on=text,
        ),
    )  # fmt: skip
