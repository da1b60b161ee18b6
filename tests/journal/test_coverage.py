"""T-COV1: whatever happens and whenever the run breaks off, what was inspected and what was not cover the drive without a hole."""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_sdk.camera import Frame
from edge_sdk.coverage import CoverageLog
from edge_sdk.errors import OutputError
from edge_sdk.journal import Journal
from edge_sdk.journal.entries import End, GapEntry, Progress, entry_from_body
from edge_sdk.journal.inspection import inspection_from_journal
from edge_sdk.journal.recover import recover
from edge_sdk.journal.store import Store
from edge_sdk.odometer import Chainage
from edge_sdk.records import Accounting, Inspection
from edge_sdk.stream import DropReason, FrameResult
from tests.journal.cases import create, head, header, observation
from tests.journal.shim import memory_folder

STEP_M, FPS = 0.05, 10.0
FATES: list[DropReason | None] = [None, None, None, "unreadable", "bad_shape", "inference_failed"]


def result(seq: int, fate: DropReason | None) -> FrameResult:
    frame = Frame(seq, seq / FPS, 0, None)
    scores = None if fate else np.zeros(2)
    return FrameResult(frame, seq / FPS, Chainage(seq * STEP_M, "ok"), "CPUExecutionProvider", 0, fate, scores)


def record(journal: Journal, log: CoverageLog, results: list[FrameResult], told: int) -> int:
    """Write what a recorder would write after these frames; returns how many gaps are told now."""
    coverage, last = log.record(), results[-1]
    for index, gap in list(enumerate(coverage.gaps))[max(told - 1, 0) :]:
        journal.add(GapEntry(index=index, gap=gap))
    progress = Progress(
        time_s=last.time_s, chainage_m=last.chainage.value_m, accounting=accounting(results), from_m=coverage.from_m, to_m=coverage.to_m,
        travelled_m=coverage.travelled_m, duration_s=coverage.duration_s,
    )  # fmt: skip
    journal.add(progress)
    return len(coverage.gaps)


def accounting(results: list[FrameResult]) -> Accounting:
    reasons = [r.dropped for r in results if r.dropped]
    dropped = {str(reason): reasons.count(reason) for reason in sorted(set(reasons))}
    return Accounting(received=len(results), processed=len(results) - len(reasons), dropped=dropped)


def inspected(results: list[FrameResult]) -> Iterator[tuple[float, float]]:
    """Where two frames in a row were looked at, all between them was seen: the test's own account."""
    for before, after in pairwise(results):
        if before.dropped is None and after.dropped is None:
            yield round(before.chainage.value_m or 0.0, 2), round(after.chainage.value_m or 0.0, 2)


def holes_and_overlaps(inspection: Inspection, seen: list[tuple[float, float]], end_m: float) -> list[str]:
    """Every centimetre of the drive is in an inspected stretch or in a gap, and in not both."""
    gaps = [(g.from_m if g.from_m is not None else 0.0, g.to_m if g.to_m is not None else end_m) for g in inspection.coverage.gaps]
    faults = []
    for centimetre in range(round(end_m * 100)):
        x = centimetre / 100 + 0.005
        is_seen, is_gap = any(a <= x <= b for a, b in seen), any(a <= x <= b for a, b in gaps)
        if is_seen == is_gap:
            faults.append(f"{x:.3f} m is {'both' if is_seen else 'neither'}")
    return faults


@settings(max_examples=40)
@given(
    fates=st.lists(st.sampled_from(FATES), min_size=1, max_size=40),
    every=st.integers(1, 7),
    lost=st.integers(0, 39),
    ahead=st.integers(0, 20),
)
def test_inspected_and_gaps_cover_the_drive_exactly(fates: list[DropReason | None], every: int, lost: int, ahead: int) -> None:
    results = [result(i, fate) for i, fate in enumerate(fates)]
    announced = len(fates) + ahead
    source = msgspec.structs.replace(head().source, announced_frames=announced)
    log, told, recorded_to = CoverageLog(expects_chainage=True), 0, 0
    with TemporaryDirectory() as elsewhere, memory_folder(Path(elsewhere)) as place:
        with Journal.create(place, header(source=source), commit_every_s=0.0, reserve_bytes=0) as journal:
            for i, item in enumerate(results[: max(len(results) - lost, 0)], 1):
                log.add(item)
                if i % every == 0:
                    told, recorded_to = record(journal, log, results[:i], told), i
        inspection = inspection_from_journal(place)

    assert inspection.status == "recovered" and inspection.coverage.gaps[-1].reason == "crashed"
    assert inspection.coverage.gaps[-1].frames == announced - recorded_to
    assert inspection.accounting == accounting(results[:recorded_to])
    assert not holes_and_overlaps(inspection, list(inspected(results[:recorded_to])), announced * STEP_M)


def test_a_run_that_never_saw_a_frame_is_not_complete(tmp_path: Path) -> None:
    with create(tmp_path / "ended") as journal:
        journal.add(End(inspection=head(status="complete", status_reasons=())))
    create(tmp_path / "broken").close()

    ended, broken = inspection_from_journal(tmp_path / "ended"), inspection_from_journal(tmp_path / "broken")
    assert ended.status == "incomplete" and "no frame was inspected" in ended.status_reasons
    assert broken.status == "recovered" and "no frame was inspected" in broken.status_reasons
    (gap,) = broken.coverage.gaps
    assert (gap.from_s, gap.to_s, gap.frames) == (0.0, 30.0, 300)


def test_a_recovered_run_is_closed_once_and_says_the_same_afterwards(tmp_path: Path) -> None:
    run_dir = tmp_path / "run"
    with create(run_dir) as journal:
        log = CoverageLog(expects_chainage=True)
        results = [result(i, "unreadable" if 10 < i < 15 else None) for i in range(30)]
        for item in results:
            log.add(item)
        record(journal, log, results, 0)
        journal.add_observation(observation(3))
    before = inspection_from_journal(run_dir)

    first, notes = recover(run_dir)
    second, again = recover(run_dir)

    assert before == first == second == inspection_from_journal(run_dir)
    assert "closed as recovered" in notes[0] and again == ()
    store = Store(run_dir / "journal.sqlite")
    assert sum(isinstance(entry_from_body(row.body), End) for row in store.rows()) == 1
    store.close()


@pytest.mark.parametrize("closed", [False, True])
def test_a_run_that_goes_on_has_one_gap_where_it_broke_off(tmp_path: Path, closed: bool) -> None:
    run_dir = tmp_path / "run"
    with create(run_dir) as journal:
        log = CoverageLog(expects_chainage=True)
        for item in (results := [result(i, None) for i in range(20)]):
            log.add(item)
        record(journal, log, results, 0)
    if closed:
        recover(run_dir)
    with Journal.open(run_dir, commit_every_s=0.0, reserve_bytes=0) as journal:
        log = CoverageLog(expects_chainage=True)
        for item in (results := [result(i, None) for i in range(40, 60)]):
            log.add(item)
        record(journal, log, results, 0)
        whole = log.record()
        journal.add(End(inspection=head(status="complete", status_reasons=(), accounting=accounting(results), coverage=whole)))

    inspection = inspection_from_journal(run_dir)
    (gap,) = inspection.coverage.gaps
    assert (gap.reason, gap.from_m, gap.to_m) == ("crashed", 0.95, 2.0) and (gap.from_s, gap.to_s) == (1.9, 4.0)
    assert (inspection.status, inspection.status_reasons) == ("complete", ()) and inspection.accounting.received == 40
    assert "The run broke off (power loss or kill) and went on later: after 0.95 m." in inspection.notices


def test_a_journal_without_its_beginning_is_refused(tmp_path: Path) -> None:
    create(tmp_path / "run").close()
    store = Store(tmp_path / "run" / "journal.sqlite")
    store._connection.execute("DELETE FROM entry")
    store.close()

    with pytest.raises(OutputError, match="what was inspected is lost"):
        inspection_from_journal(tmp_path / "run")
