"""Observations, pictures and headers for the tests of the journal, without a model or a film."""

import hashlib
import sqlite3
import uuid
from pathlib import Path

import msgspec

from edge_sdk.journal import Journal
from edge_sdk.journal.entries import Header
from edge_sdk.records import (
    Accounting,
    Code,
    Coverage,
    Inspection,
    ModelRecord,
    Observation,
    OdometerRecord,
    Picture,
    Score,
    SourceRecord,
)

RUN_ID = "5d0f7c1e-9a77-4d55-a7d0-4d0a3f6f2f11"
POLICY = {"close_ratio": 0.7, "gap_m": 0.3}


def head(**changes: object) -> Inspection:
    """A run that has just begun."""
    inspection = Inspection(
        schema_version=1, run_id=RUN_ID, created_utc="2026-05-01T08:00:00+00:00", sdk_version="0.1.0", status="interrupted",
        status_reasons=("the run was stopped before the source ended",), notices=("The bundle is not signed.",), basis="distance",
        source=SourceRecord(name="film.mp4", kind="film", width=128, height=96, fps=10.0, announced_frames=300),
        odometer=OdometerRecord(name="odometer.csv", key="time", unit="m", samples=300, jumps=0, resets=0),
        model=ModelRecord(
            bundle="tiny", version="1.0.0", sha256="0" * 64, signed_by=None, provider="CPUExecutionProvider", precision="fp32", threads=1,
            trained_on="colour", data_kind="rendered", data_licence="none", look_ahead_m=0.0, look_behind_m=0.0,
            threshold_origin="protocol-0.5", f2_ciw=None, f1_normal=None, evaluated_on=None, self_test_max_abs_dp=0.0,
        ),
        thresholds={"RB": 0.5, "RO": 0.5}, accounting=Accounting(received=0, processed=0, dropped={}),
        coverage=Coverage(from_m=None, to_m=None, travelled_m=None, duration_s=0.0, gaps=()), observations=(),
    )  # fmt: skip
    return msgspec.structs.replace(inspection, **changes)


def header(**changes: object) -> Header:
    return Header(inspection=head(**changes), policy=POLICY)


def observation(number: int, *, revision: int = 0, picture: Picture | None = None, **changes: object) -> Observation:
    """The observation of this number, 10 cm after the one before."""
    item = Observation(
        observation_id=str(uuid.uuid5(uuid.UUID(RUN_ID), str(number))), revision=revision, seq=number,
        class_=Code(coding_system="SEWER-ML", code="RB", label="Cracks"), proposed_codes=(), kind="point",
        chainage_m=round(number * 0.1, 2), chainage_to_m=None, chainage_uncertainty_m=(0.0, 0.1), chainage_quality="ok",
        time_s=float(number), time_to_s=number + 0.5,
        frame_index=number, frame_name=None, score=Score(peak=0.9, threshold=0.5, frames_positive=3), review_priority=0.9, picture=picture,
    )  # fmt: skip
    return msgspec.structs.replace(item, **changes)


def pictured(number: int, *, revision: int = 0, size: int = 2000) -> tuple[Observation, dict[str, bytes]]:
    """An observation with the bytes of its two pictures (no real JPEG: nothing here decodes them)."""
    plain, heat = (hashlib.sha256(f"{number} {revision} {kind}".encode()).digest() * (size // 32) for kind in ("plain", "heat"))
    names = (f"pictures/{number:04d}-RB.jpg", f"pictures/{number:04d}-RB-heat.jpg")
    digest = hashlib.sha256(plain).hexdigest()
    picture = Picture(path=names[0], heatmap_path=names[1], sha256=digest, width=128, height=96, boxes=())
    return observation(number, revision=revision, picture=picture), dict(zip(names, (plain, heat), strict=True))


def create(run_dir: Path, **options: object) -> Journal:
    """A journal that commits at once and holds a small reserve."""
    return Journal.create(run_dir, header(), **{"commit_every_s": 0.0, "reserve_bytes": 0, **options})  # type: ignore[arg-type]


def recorded(run_dir: Path) -> list[tuple[str, int]]:
    """Id and revision of every observation in the database, as SQLite itself reads them."""
    with sqlite3.connect(run_dir / "journal.sqlite") as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        bodies = [body for (body,) in connection.execute("SELECT body FROM entry ORDER BY seq")]
    connection.close()
    found = [msgspec.json.decode(body) for body in bodies]
    return [(e["observation"]["observation_id"], e["observation"]["revision"]) for e in found if e["kind"] == "observation"]


def pictures_are_right(run_dir: Path) -> bool:
    """Whether every picture that a row points to lies there with the bytes of the row."""
    with sqlite3.connect(run_dir / "journal.sqlite") as connection:
        bodies = [body for (body,) in connection.execute("SELECT body FROM entry")]
    connection.close()
    files = [item for body in bodies for item in msgspec.json.decode(body).get("files", {}).items()]
    return all(hashlib.sha256((run_dir / name).read_bytes()).hexdigest() == digest for name, digest in files)
