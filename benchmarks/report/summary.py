"""What a reader came for, above everything else: is it quick enough, small enough, and still right? With what makes the answer doubtful."""

from collections.abc import Callable, Iterator, Sequence

from benchmarks.record import Measurement
from benchmarks.report.section import Section, table_of
from benchmarks.startup import TOTAL
from benchmarks.words import VERDICT, busy_sentence, number, remarks

SERVED = 0.01  # a camera of which at most so many frames have no result is served

Records = Sequence[Measurement]


def summary(records: Records) -> Section | None:
    """A row for each question the records answer; None where they answer none."""
    rows = [row for question in QUESTIONS for row in question(records)]
    return Section("In short", _doubts(records), table_of(("what", "measured"), rows)) if rows else None


def _latency(records: Records) -> Iterator[tuple[str, str]]:
    for r in _of(records, "latency", "capture to observation"):
        found = r.distribution
        if found is not None:
            p99 = found.percentiles["p99"]
            tail = f"p99 {p99:.0f} ms" if p99 is not None else f"max {found.max_ms:.0f} ms"
            dropped = f"{100 * _missing(r):.0f} % of {_fps(r)} frames/s without a result"
            yield f"capture to observation, live, {r.settings.get('size')}", f"p50 {found.p50_ms:.0f} ms, {tail}; {dropped}"


def _film(records: Records) -> Iterator[tuple[str, str]]:
    files = _of(records, "throughput", "file")
    for size in dict.fromkeys(r.settings.get("size") for r in files):
        best = max((r for r in files if r.settings.get("size") == size), key=lambda r: r.figures["frames_per_s"])
        core_ms = number(best.figures["core_ms_per_frame"])
        yield (
            f"film, {size}",
            f"{number(best.figures['frames_per_s'])} frames/s, {core_ms} core-ms per frame (mode {best.settings.get('mode')})",
        )


def _cameras(records: Records) -> Iterator[tuple[str, str]]:
    cameras = _of(records, "throughput", "cameras")
    for size in dict.fromkeys(r.settings.get("size") for r in cameras):
        own = [r for r in cameras if r.settings.get("size") == size]
        served = max((int(r.settings["cameras"] or 0) for r in own if _missing(r) <= SERVED), default=0)
        said = f"{served} of up to {max(int(r.settings['cameras'] or 0) for r in own)}"
        yield (
            f"cameras served at {_fps(own[0])} frames/s, {size}",
            f"{said}, with at most {100 * SERVED:g} % of the frames without a result",
        )


def _start(records: Records) -> Iterator[tuple[str, str]]:
    for r in _of(records, "startup", TOTAL):
        if r.distribution is not None:
            yield TOTAL, f"{r.distribution.p50_ms:.0f} ms"


def _memory(records: Records) -> Iterator[tuple[str, str]]:
    for r in records:
        if r.verb == "memory" and "max_rss_mb" in r.figures:
            yield f"largest memory (RSS), mode {r.settings.get('mode')}", f"{number(r.figures['max_rss_mb'])} MB"


def _power(records: Records) -> Iterator[tuple[str, str]]:
    for r in records:
        if r.verb == "power":
            joules = r.figures.get("joules_per_frame")
            yield "energy per frame", "not measured" if joules is None else f"{number(joules)} J, of {r.settings.get('covers')}"


def _parity(records: Records) -> Iterator[tuple[str, str]]:
    own = [r for r in records if r.verb == "parity"]
    if own:
        ran = [r for r in own if r.figures]
        fine = sum(not r.failed and VERDICT not in r.not_measured for r in ran)
        metric = [r.figures["delta_f2_ciw"] for r in ran if "delta_f2_ciw" in r.figures]
        worst = f"; largest loss of F2_CIW {max(0.0, *(-100 * d for d in metric)):.2f} points" if metric else "; F2_CIW not measured"
        yield "parity with fp32", f"{fine} of {len(own)} comparisons within their bounds{worst}"


QUESTIONS: tuple[Callable[[Records], Iterator[tuple[str, str]]], ...] = (_latency, _film, _cameras, _start, _memory, _power, _parity)


def _missing(record: Measurement) -> float:
    """Share of the frames due that have no result: dropped for newer ones, or never delivered since decoding did not keep up.

    A frame of each camera may be under way at either end.
    """
    dropped, cameras = record.figures.get("dropped_share", 0.0), int(record.settings.get("cameras") or 1)
    due_per_s, rate = float(record.settings.get("camera_fps") or 0.0) * cameras, record.figures.get("results_per_s")
    if not due_per_s or not rate or record.distribution is None:
        return dropped
    seconds = record.distribution.num / rate
    return max(dropped, 1 - (record.distribution.num + cameras) / (due_per_s * seconds), 0.0)


def _fps(record: Measurement) -> str:
    return f"{float(record.settings.get('camera_fps') or 0):g}"


def _of(records: Records, verb: str, name: str) -> list[Measurement]:
    return [r for r in records if (r.verb, r.name) == (verb, name)]


def _doubts(records: Records) -> tuple[str, ...]:
    said = [[remark.partition(":")[0] for remark in remarks(r)] for r in records]
    unstable, busy = sum("unstable" in own for own in said), sum(any("busy" in remark for remark in own) for own in said)
    quick = any(r.settings.get("quick") for r in records)
    notes = ["Measured with --quick: a look at everything, the figures are rough."] * quick
    if busy:
        notes.append(busy_sentence(busy, len(records)))
    if unstable:
        notes.append(f"{unstable} of {len(records)} records did not hold still; see Doubts.")
    return tuple(notes)
