"""Cells of the tables: a record's times and figures in words."""

from collections.abc import Sequence

from benchmarks.distribution import PERCENTILES, Distribution, percentile_words
from benchmarks.record import Measurement
from benchmarks.report.naming import row_names, shared_words
from benchmarks.words import number

Records = Sequence[Measurement]
SHARES = frozenset({"slower_at_the_end"})
TIMES = (*PERCENTILES, "max", "mean", "jitter", "n")


def named(records: Records) -> list[tuple[str, Measurement]]:
    """Records of one table with their names in it; those of one kind are named by their settings alone."""
    alone = len({record.name for record in records}) == 1 and records[0].name in {"file", "cameras", "batch", "threads"}
    return list(zip(row_names(records, with_name=not alone), records, strict=True))


def timed(records: Records) -> list[Measurement]:
    """Those that have times."""
    return [record for record in records if record.distribution is not None]


def timed_pairs(records: Records) -> list[tuple[Measurement, Distribution]]:
    """Records that have times, with these."""
    return [(record, record.distribution) for record in records if record.distribution is not None]


def shared_sentence(records: Records) -> tuple[str, ...]:
    """A sentence of what all that have such a setting have in common."""
    said = shared_words(records)
    return (f"In common, where it applies: {said}.",) if said else ()


def figure_cell(record: Measurement, name: str) -> str:
    """A figure, or a dash where it was not measured."""
    if name in SHARES and name in record.figures:
        return f"{100 * record.figures[name]:+.1f} %"
    return number(record.figures[name]) if name in record.figures else "-"


def time_cells(record: Measurement) -> tuple[str, ...]:
    """What `TIMES` heads: a dash where there are too few samples for a percentile."""
    found = record.distribution
    assert found is not None
    doubt = " (unstable)" if found.stability is not None and not found.stability.stable else ""
    others = ("-" if value is None else f"{value:.2f}" for value in (found.max_ms, found.mean_ms, found.jitter_ms))
    return (*percentile_words(found).values(), *others, f"{found.num}{doubt}")


def percentile_cell(record: Measurement, name: str) -> str:
    """One percentile."""
    assert record.distribution is not None
    return percentile_words(record.distribution)[name]
