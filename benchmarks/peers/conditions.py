"""What must be equal before passes stand in one table: machine, libraries of ours, graph, film, and how the film was run."""

from collections.abc import Sequence

import msgspec

from benchmarks.errors import BenchmarkError, RecordError, UnlikeConditionsError
from benchmarks.record import Measurement

OWN = frozenset({"round", "environment", "mode", "frames", "usable_cores"})  # of a pass or a way; the last two are looked at apart


def check_alike(records: Sequence[Measurement]) -> None:
    """Refuse records that must not be compared.

    Raises:
        RecordError: If there is none, or one of another verb.
        UnlikeConditionsError: With everything that differs between the first and another.
    """
    if not records or any(record.verb != "peers" for record in records):
        raise RecordError("no records of peers among these, or others too; give files that 'python -m benchmarks.peers run' wrote")
    first = next((record for record in records if record.figures), records[0])
    for record in records:
        if found := differences(first, record):
            raise UnlikeConditionsError(f"'{first.name}' and '{record.name}' cannot be compared: {'; '.join(found)}")
    for mode in {record.settings["mode"] for record in records}:
        lengths = sorted({str(record.settings["frames"]) for record in records if record.settings["mode"] == mode})
        if len(lengths) > 1:
            raise UnlikeConditionsError(f"passes of {' and '.join(lengths)} frames in mode {mode} cannot be compared; measure again")


def differences(first: Measurement, second: Measurement) -> list[str]:
    """What differs in the conditions, a clause each."""
    pairs: list[tuple[str, object, object]] = [("code", first.code, second.code), ("bundle", first.bundle, second.bundle)]
    here, there = msgspec.structs.asdict(first.fingerprint), msgspec.structs.asdict(second.fingerprint)
    pairs += [(key, here[key], there[key]) for key in here]
    keys = sorted({*first.settings, *second.settings} - OWN)
    pairs += [(key, first.settings.get(key), second.settings.get(key)) for key in keys]
    return [f"{name} {_word(one)} and {_word(other)}" for name, one, other in pairs if one != other]


def rounds_together(first: Sequence[Measurement], second: Sequence[Measurement], figure: str) -> tuple[list[float], list[float]]:
    """A figure of two ways in the rounds both ran, of the same run.

    Raises:
        BenchmarkError: If they never ran in turns.
    """
    theirs = {(record.pairing, record.settings["round"]): record.figures[figure] for record in second if figure in record.figures}
    mine = {(record.pairing, record.settings["round"]): record.figures[figure] for record in first if figure in record.figures}
    both = [key for key in mine if key in theirs]
    if not both:
        raise BenchmarkError(f"'{first[0].name}' and '{second[0].name}' were not measured in turns; run them together")
    return [mine[key] for key in both], [theirs[key] for key in both]


def _word(value: object) -> str:
    return str(getattr(value, "identity", value))
