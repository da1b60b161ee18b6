"""A record in words: the line a person reads while it is measured, and the names of settings and figures in tables."""

from benchmarks.distribution import percentile_words
from benchmarks.record import Measurement, Setting
from benchmarks.state import remarks_on

HIDDEN = frozenset({"film", "quick", "kind", "runs_on", "input", "provider", "precision"})  # said once for all records of a run


def line_of(record: Measurement) -> str:
    """One line: what, its times or figures, and what makes it doubtful."""
    parts = [f"{record.verb}: {record.name}"]
    settings = settings_words({key: value for key, value in record.settings.items() if key not in HIDDEN})
    parts += [f"[{settings}]"] if settings else []
    if record.distribution is not None:
        said = ", ".join(f"{name} {value}" for name, value in percentile_words(record.distribution).items())
        parts.append(f"{said}, max {record.distribution.max_ms:.2f} ms (n {record.distribution.num})")
    parts += [", ".join(f"{name} {number(value)}" for name, value in record.figures.items())] if record.figures else []
    parts += [f"{name} not measured ({why})" for name, why in record.not_measured.items()]
    parts += [f"! {remark}" for remark in remarks(record)]
    return "  ".join(parts)


def remarks(record: Measurement) -> tuple[str, ...]:
    """What makes a record doubtful, and what of a gate it breaks."""
    found = list(remarks_on(record.before, record.after, cores=record.fingerprint.machine_cores))
    stability = record.distribution.stability if record.distribution else None
    if stability is not None and not stability.stable:
        found.insert(0, f"unstable: three windows at {', '.join(f'{m:.2f}' for m in stability.medians_ms)} ms")
    return (*found, *(f"broken: {clause}" for clause in record.failed))


def settings_words(settings: dict[str, Setting]) -> str:
    """`size 1920x1080, threads 4`; what is None is left out, and so is a plain False."""
    said = [(name.replace("_", " "), value) for name, value in settings.items() if value is not None and value is not False]
    return ", ".join(name if value is True else f"{name} {number(value) if isinstance(value, float) else value}" for name, value in said)


def number(value: float) -> str:
    """Three significant digits, thousands in full."""
    return f"{value:.0f}" if abs(value) >= 1000 or value == int(value) else f"{value:.3g}"
