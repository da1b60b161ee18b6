"""A run that goes on: its lives are one record, with a gap where each broke off or was stopped, and none where it did not."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_sdk.coverage import CoverageLog
from edge_sdk.errors import OutputError
from edge_sdk.journal import Journal
from edge_sdk.journal.earlier import MAX_OFF_S, Earlier, earlier_lives, elapsed
from edge_sdk.journal.entries import End, Progress, Row, Serving, Sighting, Stamp, entry_from_body, row_from_body, stamp_now
from edge_sdk.journal.inspection import inspection_from_journal, inspection_from_rows, rows_of
from edge_sdk.journal.recover import recover
from edge_sdk.journal.salvage import stored_rows
from edge_sdk.journal.told import Told, told_by
from edge_sdk.records import Accounting, Inspection
from edge_sdk.stream import FrameResult
from tests.journal.cases import create, head, header, observation
from tests.journal.shim import memory_folder
from tests.journal.test_coverage import FPS, STEP_M, accounting, holes_and_overlaps, inspected, record, result

QUICK: dict[str, Any] = {"commit_every_s": 0.0, "reserve_bytes": 0}


class Life(NamedTuple):
    """One life: what became of its frames, how often it says how far it is, how many it loses, and how it ends."""

    fates: list[Any]
    every: int
    lost: int
    off: int  # frames that pass before the next one
    ends: str


LIVES = st.builds(
    Life,
    fates=st.lists(st.sampled_from([None, None, None, "unreadable", "inference_failed"]), min_size=1, max_size=12),
    every=st.integers(1, 4), lost=st.integers(0, 12), off=st.integers(0, 5),
    ends=st.sampled_from(["killed", "recovered", "stopped", "interrupted"]),
)  # fmt: skip


def live(run_dir: Path, life: Life, first: int, *, begun: bool) -> list[FrameResult]:
    """Record a life that begins at this frame of the drive; returns the frames it has told of."""
    results = [result(first + i, fate) for i, fate in enumerate(life.fates)]
    in_order = life.ends in ("stopped", "interrupted")
    kept = results if in_order else results[: max(len(results) - life.lost, 0)]
    log, told, recorded_to = CoverageLog(expects_chainage=True), 0, 0
    with Journal.open(run_dir, **QUICK) if begun else Journal.create(run_dir, live_header(), **QUICK) as journal:
        for i, item in enumerate(kept, 1):
            log.add(item)
            if i % life.every == 0 or in_order:
                told, recorded_to = record(journal, log, results[:i], told), i
        if in_order:
            journal.add(End(inspection=as_it_ended(ended(results, log), life)))
    if life.ends == "recovered":
        recover(run_dir)
    return results[:recorded_to]


def as_it_ended(inspection: Inspection, life: Life) -> Inspection:
    if life.ends == "stopped":
        return inspection
    return msgspec.structs.replace(inspection, status="interrupted", status_reasons=("stopped by SIGTERM",))


def live_header():
    source = msgspec.structs.replace(head().source, kind="live", fps=0.0, announced_frames=None, name="robot")
    return header(source=source, status="complete", status_reasons=())


def ended(results: list[FrameResult], log: CoverageLog, *notices: str) -> Inspection:
    coverage = msgspec.structs.replace(log.record(), gaps=())
    source = live_header().inspection.source
    return head(status="complete", status_reasons=(), accounting=accounting(results), coverage=coverage, notices=notices, source=source)


@settings(max_examples=40)
@given(st.lists(LIVES, min_size=1, max_size=5))
def test_inspected_and_gaps_of_all_lives_cover_the_drive_exactly(lives: list[Life]) -> None:
    """T-COV1 over restarts: wherever lives break off, each centimetre of the drive is inspected or in a gap."""
    seen, told, first = [], [], 0
    with TemporaryDirectory() as elsewhere, memory_folder(Path(elsewhere)) as place:
        for number, life in enumerate(lives):
            recorded = live(place, life, first, begun=number > 0)
            seen += list(inspected(recorded))
            told += recorded
            first += len(life.fates) + life.off
        inspection = inspection_from_journal(place)
        assert recover(place)[0] == inspection == inspection_from_journal(place)
        assert_every_entry_was_taken_in(rows_of(place))

    gaps = inspection.coverage.gaps
    assert inspection.accounting == accounting(told)
    beyond = {"killed": ["crashed"], "recovered": ["crashed"], "stopped": [], "interrupted": ["interrupted"]}[lives[-1].ends]
    assert [gap.reason for gap in gaps if gap.to_m is None and gap.from_s == gap.to_s][-1:] == beyond or not recorded
    assert [gap.from_s for gap in gaps] == sorted(gap.from_s for gap in gaps)
    if told:
        end_m = told[-1].chainage.value_m or 0.0
        faults = holes_and_overlaps(inspection, seen, end_m)
        assert not [fault for fault in faults if not at_a_standstill(fault, told)], faults


def assert_every_entry_was_taken_in(rows: list[Row]) -> None:
    """Most of progress is not looked into; whole and with holes the journal says what it would say if all of it were."""
    for kept in (rows, rows[::2], rows[1::3]):
        said, holes = Told(), max((row.seq for row in kept), default=0) - len(kept)
        for row in kept:
            said.add(entry_from_body(row.body))
        said.holes = holes
        quick = told_by(iter(kept), "journal")
        assert quick.inspection(head()) == said.inspection(head())


def at_a_standstill(fault: str, told: list[FrameResult]) -> bool:
    """Before the first frame there is no drive yet: a run whose first life told nothing begins where the next one does."""
    return fault.endswith("neither") and float(fault.split()[0]) < (told[0].chainage.value_m or 0.0)


def driven(journal: Journal, frames: range) -> tuple[list[FrameResult], CoverageLog]:
    log, results = CoverageLog(expects_chainage=True), [result(i, None) for i in frames]
    for item in results:
        log.add(item)
    record(journal, log, results, 0)
    return results, log


def test_a_run_that_was_stopped_and_goes_on_is_complete_and_names_the_stretch_between(tmp_path: Path) -> None:
    run_dir = tmp_path / "run"
    with Journal.create(run_dir, live_header(), **QUICK) as journal:
        journal.add(End(inspection=ended(*driven(journal, range(20)), "The camera was lost and came back: 1 times.", "Unsigned.")))
    with Journal.open(run_dir, **QUICK) as journal:
        journal.add(End(inspection=ended(*driven(journal, range(40, 60)), "Unsigned.")))

    inspection = inspection_from_journal(run_dir)

    (gap,) = inspection.coverage.gaps
    assert (gap.reason, gap.from_m, gap.to_m, gap.from_s, gap.to_s) == ("interrupted", 0.95, 2.0, 1.9, 4.0)
    assert (inspection.status, inspection.status_reasons) == ("complete", ()) and inspection.accounting.received == 40
    assert inspection.notices == (
        "Up to 0.95 m: The camera was lost and came back: 1 times.", "Unsigned.", "The run was stopped and went on later: after 0.95 m.",
    )  # fmt: skip


def test_a_life_that_recorded_nothing_leaves_no_trace_in_the_record(tmp_path: Path) -> None:
    run_dir = tmp_path / "run"
    with Journal.create(run_dir, live_header(), **QUICK) as journal:
        journal.add(End(inspection=ended(*driven(journal, range(20)))))
    before = inspection_from_journal(run_dir)
    for _ in range(3):  # a service that fails at every start
        with Journal.open(run_dir, **QUICK) as journal:
            journal.add_event("warn", "resumed", "it goes on")

    assert inspection_from_journal(run_dir) == before == recover(run_dir)[0]


@pytest.mark.parametrize("closed_later", [False, True])
def test_what_an_earlier_life_had_in_view_is_named_for_ever(tmp_path: Path, closed_later: bool) -> None:
    """Where the camera looked the way counts as inspected: without it a crack that was seen there would be nowhere."""
    run_dir = tmp_path / "run"
    with Journal.create(run_dir, live_header(), **QUICK) as journal:
        driven(journal, range(20))
        told = next(entry for row in reversed(rows_of_open(journal, run_dir)) if isinstance(entry := entry_from_body(row.body), Progress))
        journal.add(msgspec.structs.replace(told, in_view=(Sighting(code="RB", time_s=1.2, chainage_m=0.6, peak=0.9),)))
    if closed_later:
        recover(run_dir)
    for first in (40, 80):
        with Journal.open(run_dir, **QUICK) as journal:
            journal.add(End(inspection=ended(*driven(journal, range(first, first + 20)))))

    reasons = inspection_from_journal(run_dir).status_reasons
    assert reasons == (
        "the run broke off and went on later: after 0.95 m",
        "in view when it broke off at 0.95 m, and not among the observations: RB from 0.60 m (score 0.90)",
    )


def rows_of_open(journal: Journal, run_dir: Path) -> list[Row]:
    journal.add_event("info", "written", "what came before is on the disk").result(30)
    return stored_rows(run_dir)


def test_a_service_that_fails_at_start_after_start_leaves_one_gap_and_a_short_list(tmp_path: Path) -> None:
    run_dir, nothing = tmp_path / "run", Accounting(received=0, processed=0, dropped={})
    with Journal.create(run_dir, live_header(), **QUICK) as journal:
        driven(journal, range(20))
    for number in range(30):  # begins, sees nothing, knows no place, and is killed
        with Journal.open(run_dir, **QUICK) as journal:
            at_s = 2.0 + 0.05 * number
            journal.add(
                Progress(time_s=at_s, chainage_m=None, accounting=nothing, from_m=None, to_m=None, travelled_m=None, duration_s=0.0)
            )
    with Journal.open(run_dir, **QUICK) as journal:
        journal.add(End(inspection=ended(*driven(journal, range(40, 60)))))

    inspection = inspection_from_journal(run_dir)
    (gap,) = inspection.coverage.gaps
    assert (gap.reason, gap.from_m, gap.to_m, gap.from_s, gap.to_s) == ("crashed", 0.95, 2.0, 1.9, 4.0)
    (notice,) = (notice for notice in inspection.notices if "broke off" in notice)
    assert notice.endswith("(31 times in all).") and len(notice) < 300 and inspection.status == "complete"


def test_a_life_under_another_model_or_other_thresholds_is_told_of(tmp_path: Path) -> None:
    """The record's head names the last model, and the observations before are not its."""
    run_dir, model = tmp_path / "run", msgspec.structs.replace(head().model, version="2.0.0", sha256="1" * 64)
    with Journal.create(run_dir, live_header(), **QUICK) as journal:
        driven(journal, range(20))
    for first, thresholds in ((None, {"RB": 0.1, "RO": 0.1}), (40, {"RB": 0.7, "RO": 0.5})):
        with Journal.open(run_dir, **QUICK) as journal:
            journal.add(Serving(model=model, thresholds=thresholds, policy={}, reason="the run goes on"))
            if first is not None:  # the other one records nothing, so that nothing was inspected by it
                results, log = driven(journal, range(first, first + 20))
                journal.add(End(inspection=msgspec.structs.replace(ended(results, log), model=model, thresholds=thresholds)))

    inspection = inspection_from_journal(run_dir)
    assert inspection.model.version == "2.0.0" and inspection.thresholds["RB"] == 0.7
    assert inspection.notices[:2] == (
        "Up to 0.95 m: the model was tiny 1.0.0 (000000000000), fp32.",
        "Up to 0.95 m: thresholds were RB 0.5.",
    )


def test_a_life_that_saw_frames_but_knew_no_place_does_not_hide_the_way_to_the_next(tmp_path: Path) -> None:
    run_dir, unplaced = tmp_path / "run", Accounting(received=5, processed=5, dropped={})
    with Journal.create(run_dir, live_header(), **QUICK) as journal:
        driven(journal, range(20))
    with Journal.open(run_dir, **QUICK) as journal:
        journal.add(Progress(time_s=3.0, chainage_m=None, accounting=unplaced, from_m=None, to_m=None, travelled_m=None, duration_s=0.5))
    with Journal.open(run_dir, **QUICK) as journal:
        journal.add(End(inspection=ended(*driven(journal, range(40, 60)))))

    assert [(gap.from_m, gap.to_m) for gap in inspection_from_journal(run_dir).coverage.gaps] == [(0.95, None), (0.95, 2.0)]


def test_a_life_whose_beginning_was_lost_in_damage_is_still_one_of_its_own(tmp_path: Path) -> None:
    """Its gaps would take the place of those of the life before, and the stretch between would count as inspected."""
    run_dir = tmp_path / "run"
    with Journal.create(run_dir, live_header(), **QUICK) as journal:
        driven(journal, range(20))
    with Journal.open(run_dir, **QUICK) as journal:
        driven(journal, range(40, 50))
    rows = [row for row in rows_of(run_dir) if '"resumed"' not in row.body]

    inspection = inspection_from_rows(rows, name="journal")
    assert [(gap.from_m, gap.to_m) for gap in inspection.coverage.gaps] == [(0.95, 2.0), (2.45, None)]
    assert inspection.accounting.received == 30 and "1 entries of the journal were lost in damage to it" in inspection.status_reasons


def test_a_robot_that_was_set_back_has_missed_only_what_lies_between(tmp_path: Path) -> None:
    """It broke off at 0.95 m, was set down at 2.0 m, and reversed: the stretch from 0.95 to 1.05 m was inspected by nobody."""
    run_dir = tmp_path / "run"
    with Journal.create(run_dir, live_header(), **QUICK) as journal:
        driven(journal, range(20))
    with Journal.open(run_dir, **QUICK) as journal:
        log, results = CoverageLog(expects_chainage=True), []
        for i in range(20):
            place = result(40 - i, None).chainage
            results.append(FrameResult(result(40 + i, None).frame, 4 + i / FPS, place, "CPUExecutionProvider", 0, None, None))
            log.add(results[-1])
        record(journal, log, results, 0)

    between = inspection_from_journal(run_dir).coverage.gaps[0]
    assert (between.reason, between.from_m, between.to_m) == ("crashed", 0.95, round(21 * STEP_M, 2))


# What the next life has to know


def lives(run_dir: Path, now: Stamp | None = None) -> Earlier:
    return earlier_lives(rows_of(run_dir), now or stamp_now(), name="journal")


def test_the_next_life_takes_free_numbers_and_the_time_goes_on(tmp_path: Path) -> None:
    run_dir = tmp_path / "run"
    with Journal.create(run_dir, live_header(), **QUICK) as journal:
        driven(journal, range(20))
        journal.add_observation(observation(7))
        journal.add_observation(observation(3), replaces=[observation(7).observation_id]).result(30)
    progress = next(row for row in rows_of(run_dir) if '"progress"' in row.body)

    now = Stamp(progress.boot_id, progress.monotonic_ns + 12_500_000_000, "1970-01-01T00:00:00+00:00")
    earlier = lives(run_dir, now)

    assert earlier.next_seq == 8, "also numbers of observations that have grown into others are taken"
    assert earlier.time_s == pytest.approx(1.9 + 12.5) and earlier.has_place and earlier.off == "12.5 s"
    assert earlier.began.run_id == head().run_id


THEN = Stamp("a", 5_000_000_000, "2026-05-01T08:00:00.000+00:00")


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (Stamp("a", 9_000_000_000, "1970-01-01T00:00:00+00:00"), (4.0, "monotonic")),  # T-CLK1: the wall clock decides nothing
        (Stamp("a", 4_000_000_000, "2026-05-01T08:00:00+00:00"), (0.0, "monotonic")),
        (Stamp("b", 1_000_000_000, "2026-05-01T08:10:00+00:00"), (600.0, "wall")),
        (Stamp("b", 1_000_000_000, "1970-01-01T00:00:31+00:00"), (0.0, None)),
        (Stamp("b", 1_000_000_000, "2036-05-01T08:00:00+00:00"), (0.0, None)),
        (Stamp("b", 1_000_000_000, "2026-05-31T08:00:01+00:00"), (0.0, None)),
        (Stamp("b", 1_000_000_000, "no time"), (0.0, None)),
        (Stamp("b", 1_000_000_000, "2026-05-01T08:10:00"), (0.0, None)),  # without a zone it compares with nothing
    ],
)  # fmt: skip
def test_how_long_a_run_was_off_is_told_by_a_clock_that_can_know(now: Stamp, expected: tuple[float, str | None]) -> None:
    assert elapsed(THEN, now) == expected and expected[0] <= MAX_OFF_S


def test_a_machine_without_a_clock_says_so(tmp_path: Path) -> None:
    with Journal.create(tmp_path / "run", live_header(), **QUICK) as journal:
        driven(journal, range(20))
    earlier = lives(tmp_path / "run", Stamp("another boot", 1, "1970-01-01T00:00:09+00:00"))

    assert earlier.time_s == 1.9 and "unknown time" in earlier.off


def test_a_journal_that_cannot_be_gone_on_with_stays_as_it_is(tmp_path: Path) -> None:
    run_dir = tmp_path / "run"
    create(run_dir).close()

    def refuse(rows: object) -> None:
        raise OutputError("not this one")

    before = rows_of(run_dir)
    with pytest.raises(OutputError, match="not this one"):
        Journal.open(run_dir, read=refuse)
    assert rows_of(run_dir) == before, "and its folder is free again"

    with pytest.raises(OutputError, match="what was inspected is lost"):
        earlier_lives(before[1:], stamp_now(), name="journal")
    with pytest.raises(OutputError, match="use a newer sewer-edge"):
        earlier_lives([row_from_body(1, "x", stamp_now(), '{"kind":"hologram"}')], stamp_now(), name="journal")
