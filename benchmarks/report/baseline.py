"""What became slower since a baseline: the same measurements under the same conditions, or nothing is said at all."""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from benchmarks.errors import BenchmarkError
from benchmarks.record import Measurement, Setting
from benchmarks.regression import Verdict, check_alike, unpaired_verdict, verdict_on
from benchmarks.report.naming import ALWAYS, row_names
from benchmarks.report.section import Section, table_of
from benchmarks.words import figure_words, number

STATED = {
    "throughput": ("frames_per_s", "core_ms_per_frame"),
    "memory": ("max_rss_mb", "peak_rss_mb", "growth_kb_per_1000_frames"),
    "power": ("joules_per_frame",),
}  # of records without times: one figure of each, from which nothing can be told apart from chance
NOTE = (
    "Paired rounds (from `compare`) are judged by their ratios; rounds of two runs at other times count as slower only from 5 % on, "
    "since what else the machine did is in them. A single figure of each is stated and not judged."
)


class Comparison(NamedTuple):
    """The section, what became slower, and how often which verdict was given."""

    section: Section
    slower: tuple[str, ...]
    outcomes: Counter[str]

    def __str__(self) -> str:
        return ", ".join(f"{num} {outcome}" for outcome, num in self.outcomes.items())


def compared(now: Sequence[Measurement], before: Sequence[Measurement]) -> Comparison:
    """A row for each measurement that both have, and the names of those that became slower.

    Raises:
        UnlikeConditionsError: If a pair was measured under other conditions; says what differs.
        BenchmarkError: If they have nothing timed in common, or too little of it to judge anything.
    """
    rows: list[tuple[str, str, str]] = []
    slower: list[str] = []
    outcomes: Counter[str] = Counter()
    alone, why = 0, ""
    for name, record in _named(now):
        match = _partner(record, before)
        if match is None:
            alone += record.distribution is not None
            continue
        check_alike(match, record, except_bundle=record.pairing is not None)
        if record.distribution is None:
            rows += _stated(name, match, record)
            continue
        try:
            verdict = _verdict(match, record)
        except BenchmarkError as error:
            rows.append((name, "-", why := str(error)))
            continue
        rows.append((name, f"{100 * (verdict.ratio - 1):+.1f} %", str(verdict)))
        outcomes[verdict.outcome] += 1
        slower += [name] * (verdict.outcome == "slower")
    if not outcomes:
        said = f"nothing can be judged against the baseline: {why}" if why else "the baseline and these records have no timed measurement"
        raise BenchmarkError(said if why else f"{said} in common; measure the same verbs for both")
    notes = (NOTE, *([f"{alone} measurements are not in the baseline."] if alone else []))
    return Comparison(Section("Against the baseline", notes, table_of(("measurement", "change", "verdict"), rows)), tuple(slower), outcomes)


def _named(records: Sequence[Measurement]) -> list[tuple[str, Measurement]]:
    """Each record with its verb and what tells it from its verb's others."""
    found: list[tuple[str, Measurement]] = []
    for verb in dict.fromkeys(record.verb for record in records):
        own = [record for record in records if record.verb == verb]
        found += [(f"{verb}: {name}", record) for name, record in zip(row_names(own), own, strict=True)]
    return found


def _partner(record: Measurement, before: Sequence[Measurement]) -> Measurement | None:
    """The baseline's record of the same measurement: under the same settings if there is one, else to be refused for what differs."""
    if record.settings.get("side") == "first":
        return None
    if record.pairing is not None:
        paired = [r for r in before if r.pairing == record.pairing and r.settings.get("side") == "first"]
        return _without_side(paired[0], record) if paired else None
    same = [r for r in before if _what(r) == _what(record)]
    return next((r for r in same if r.settings == record.settings), next(iter(same), None))


def _what(record: Measurement) -> tuple[object, ...]:
    """What was measured, as a table tells it: verb, name, size, mode, number of cameras and so on, and whether it has times."""
    own: dict[str, Setting] = {key: value for key, value in record.settings.items() if key in ALWAYS}
    return (record.verb, record.name, own, record.distribution is not None)


def _stated(name: str, before: Measurement, now: Measurement) -> list[tuple[str, str, str]]:
    """Figures that stand for themselves, before and now."""
    keys = [key for key in STATED.get(now.verb, ()) if before.figures.get(key) and key in now.figures]
    return [
        (f"{name}, {figure_words(key)}", f"{100 * (now.figures[key] / before.figures[key] - 1):+.1f} %",
         f"not judged: {number(before.figures[key])}, now {number(now.figures[key])}")
        for key in keys
    ]  # fmt: skip


def _without_side(first: Measurement, second: Measurement) -> Measurement:
    """The first side, as if it had the second's settings: side and checkout are what is compared."""
    own = {**first.settings, "side": second.settings.get("side"), "tree": second.settings.get("tree")}
    return msgspec.structs.replace(first, settings=own)


def _verdict(before: Measurement, now: Measurement) -> Verdict:
    if now.pairing is not None and now.pairing == before.pairing:
        return verdict_on(before.rounds, now.rounds)
    return unpaired_verdict(before.rounds, now.rounds)
