"""A record in words: the line a person reads while it is measured, and the names of settings and figures in tables."""

from benchmarks.distribution import percentile_words
from benchmarks.record import Measurement, Setting
from benchmarks.state import remarks_on

VERDICT = "verdict"  # in `not_measured` of a record whose gate could not be decided
SINGULAR = {
    "cameras": "camera", "session_threads": "thread", "workers": "worker", "observations": "observation", "frames": "frame",
    "rounds": "round", "processes": "process", "images": "image",
}  # fmt: skip
UNITS = {"mb": "MB", "ms": "ms", "w": "W", "c": "°C", "mhz": "MHz"}
ACRONYMS = frozenset({"rss", "pss", "gpu"})
TOO_MUCH_SLOWER = 0.1
PER_CLASS = ("f2 ", "n ")  # 34 figures: for the page
HIDDEN = frozenset({"film", "quick", "kind", "runs_on", "input", "provider", "precision"})  # said once for all records of a run


def line_of(record: Measurement) -> str:
    """One line: what, its times or figures, and what makes it doubtful."""
    parts = [f"{record.verb}: {record.name}"]
    settings = settings_words(
        {key: value for key, value in record.settings.items() if key not in HIDDEN and (key, value) != ("threads", 0)}
    )
    parts += [f"[{settings}]"] if settings else []
    if record.distribution is not None:
        said = ", ".join(f"{name} {value}" for name, value in percentile_words(record.distribution).items())
        parts.append(f"{said}, max {record.distribution.max_ms:.2f} ms (n {record.distribution.num})")
    said = ", ".join(f"{name} {number(value)}" for name, value in record.figures.items() if not name.startswith(PER_CLASS))
    parts += [said] if said else []
    parts += [f"{name} not measured ({why})" for name, why in record.not_measured.items()]
    parts += [f"! {remark}" for remark in remarks(record)]
    return "  ".join(parts)


def remarks(record: Measurement) -> tuple[str, ...]:
    """What makes a record doubtful, and what of a gate it breaks."""
    found = list(remarks_on(record.before, record.after, cores=record.fingerprint.machine_cores))
    stability = record.distribution.stability if record.distribution else None
    if stability is not None and not stability.stable:
        found.insert(0, f"unstable: three windows at {', '.join(map(number, stability.medians_ms))} ms")
    if (slower := record.figures.get("slower_at_the_end", 0.0)) > TOO_MUCH_SLOWER:
        stretch = "stretch" if "stretch_s" in record.settings else "minute"
        found.append(f"slower by {100 * slower:.0f} % in the last {stretch} than in the first")
    return (*found, *(f"broken: {clause}" for clause in record.failed))


def busy_sentence(num: int, of: int) -> str:
    """How many records shared the machine with others."""
    return f"{num} of {of} records were measured on a busy machine: their times are upper bounds."


def settings_words(settings: dict[str, Setting]) -> str:
    """`1920x1080, 4 cameras, mode latency`; what is None is left out, and so is a plain False."""
    return ", ".join(_setting_words(name, value) for name, value in settings.items() if value is not None and value is not False)


def _setting_words(name: str, value: Setting) -> str:
    if name in {"size", "data"}:
        return str(value)
    if name in SINGULAR and isinstance(value, int):
        return f"{value} {SINGULAR[name] if value == 1 else name.removeprefix('session_')}"
    words = name.replace("_", " ")
    return words if value is True else f"{words} {number(value) if isinstance(value, float) else value}"


def number(value: float) -> str:
    """Three significant digits, thousands in full."""
    return f"{value:.0f}" if abs(value) >= 1000 or value == int(value) else f"{value:.3g}"


def figure_words(name: str) -> str:
    """`max RSS, MB` of `max_rss_mb`."""
    words = name.split("_")
    unit = UNITS.get(words[-1], "")
    said = " ".join(word.upper() if word in ACRONYMS else word for word in (words[:-1] if unit else words))
    return f"{said}, {unit}" if unit else said
