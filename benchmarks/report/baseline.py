"""What became slower since a baseline: the same measurements under the same conditions, or nothing is said at all."""

from collections.abc import Sequence

import msgspec

from benchmarks.errors import BenchmarkError
from benchmarks.record import Measurement
from benchmarks.regression import Verdict, check_alike, unpaired_verdict, verdict_on
from benchmarks.report.section import Section, table_of


def compared(now: Sequence[Measurement], before: Sequence[Measurement]) -> tuple[Section, tuple[str, ...]]:
    """A row for each measurement that both have, and the names of those that became slower.

    Raises:
        UnlikeConditionsError: If a pair was measured under other conditions; says what differs.
        BenchmarkError: If they have nothing timed in common.
    """
    rows, slower = [], []
    for record in now:
        match = _partner(record, before)
        if match is None:
            continue
        check_alike(match, record, except_bundle=record.pairing is not None)
        name = f"{record.verb}: {record.name}"
        try:
            verdict = _verdict(match, record)
        except BenchmarkError as error:
            rows.append((name, "-", str(error)))
            continue
        rows.append((name, f"{100 * (verdict.ratio - 1):+.1f} %", str(verdict)))
        slower += [name] * (verdict.outcome == "slower")
    if not rows:
        raise BenchmarkError("the baseline and these records have no timed measurement in common; measure the same verbs for both")
    note = (
        "Paired rounds (from `compare`) are judged by their ratios; rounds of two runs at other times count as slower only from 5 % on, "
        "since what else the machine did is in them."
    )
    return Section("Against the baseline", (note,), table_of(("measurement", "change", "verdict"), rows)), tuple(slower)


def _partner(record: Measurement, before: Sequence[Measurement]) -> Measurement | None:
    """The baseline's record of the same measurement: the same settings if there is one, else the only one of its name."""
    if record.distribution is None or record.settings.get("side") == "first":
        return None
    if record.pairing is not None:
        paired = [r for r in before if r.pairing == record.pairing and r.settings.get("side") == "first"]
        return _without_side(paired[0], record) if paired else None
    same = [r for r in before if (r.verb, r.name) == (record.verb, record.name) and r.distribution is not None]
    exact = [r for r in same if r.settings == record.settings]
    return next(iter(exact or (same if len(same) == 1 else [])), None)


def _without_side(first: Measurement, second: Measurement) -> Measurement:
    """The first side, as if it had the second's settings: side and checkout are what is compared."""
    own = {**first.settings, "side": second.settings.get("side"), "tree": second.settings.get("tree")}
    return msgspec.structs.replace(first, settings=own)


def _verdict(before: Measurement, now: Measurement) -> Verdict:
    if now.pairing is not None and now.pairing == before.pairing:
        return verdict_on(before.rounds, now.rounds)
    return unpaired_verdict(before.rounds, now.rounds)
