"""The sections of one machine's records: each verb's figures as tables and drawings, what is doubtful, what was not measured."""

from collections.abc import Sequence

from benchmarks.distribution import PERCENTILES, percentile_words
from benchmarks.record import Measurement
from benchmarks.report.drawing import distributions, lines, points, stacked_bars
from benchmarks.report.section import Section, table_of
from benchmarks.stages import ALL, STAGES
from benchmarks.startup import STEPS, TOTAL
from benchmarks.words import number, remarks, settings_words

Records = Sequence[Measurement]
TIMES = (*PERCENTILES, "max", "jitter", "n")
SAID_ELSEWHERE = frozenset(
    {"film", "quick", "kind", "runs_on", "input", "provider", "precision", "threads", "camera_fps", "rounds", "frames"}
)


def latency(records: Records) -> Section | None:
    """Stages and end to end."""
    own = [record for record in records if record.verb == "latency"]
    if not own:
        return None
    timed = [record for record in own if record.distribution is not None]
    stages: dict[str, dict[str, float]] = {}
    for record in timed:
        if record.name in STAGES and record.distribution is not None:
            stages.setdefault(str(record.settings["size"]), {})[record.name] = record.distribution.p50_ms
    whole = {_row_name(r): r.distribution for r in timed if r.distribution is not None and r.name not in STAGES and r.name != ALL}
    marks = {name: {p: value for p, value in d.percentiles.items() if value is not None} for name, d in whole.items()}
    drawings = [("Median of each stage, one after the other", stacked_bars(stages, unit="ms"))] if stages else []
    if whole:
        caption = "From capture to observation, live: share of the results per time; the marks are the percentiles"
        drawings.append((caption, distributions({name: d.histogram for name, d in whole.items()}, marks=marks)))
    notes = (
        "Stages run one after the other; capture to observation is the live pipeline, where they overlap and a frame may wait for the one "
        "before. Its clock starts before the frame is decoded and stops when the tracker has taken the result in.",
    )
    figures = [
        (_row_name(r), *(number(r.figures.get(key, 0.0)) for key in ("results_per_s", "received", "dropped"))) for r in own if r.figures
    ]
    tables = table_of(("ms", *TIMES), [(_row_name(r), *_times(r)) for r in timed])
    return Section("Latency", notes, (*tables, *table_of(("live", "results/s", "frames", "dropped"), figures)), tuple(drawings))


def throughput(records: Records) -> Section | None:
    """Files, cameras, batch, threads."""
    own = [record for record in records if record.verb == "throughput"]
    if not own:
        return None
    files = [r for r in own if r.name == "file"]
    cameras = [r for r in own if r.name == "cameras" and r.distribution is not None]
    networks = [r for r in own if r.name in {"batch", "threads"} and r.distribution is not None]
    tables = table_of(
        ("film inspected", "frames/s", "core-ms per frame"),
        [(_row_name(r), number(r.figures["frames_per_s"]), number(r.figures["core_ms_per_frame"])) for r in files],
    )
    tables += table_of(
        ("cameras at 25 frames/s", "results/s", "dropped", "cores busy", "p50 ms", "p99 ms"),
        [(_row_name(r), number(r.figures["results_per_s"]), f"{100 * r.figures['dropped_share']:.0f} %", number(r.figures["cores_busy"]),
          *(_percentile(r, p) for p in ("p50", "p99"))) for r in cameras],
    )  # fmt: skip
    tables += table_of(
        ("the network alone", "images/s", "ms per image", "against the first"),
        [
            (_row_name(r), number(r.figures["images_per_s"]), number(r.figures["ms_per_image"]), _against_first(r, networks))
            for r in networks
        ],
    )
    drawings = []
    if len(cameras) > 1:
        line = [(float(r.settings["cameras"] or 0), r.figures["results_per_s"]) for r in cameras]
        asked = [(x, 25.0 * x) for x, _ in line]
        drawings.append(("Results per second against cameras", lines({"results": line, "frames": asked}, x_unit="cameras", y_unit="per s")))
    notes = ("A live camera's frame that a newer one replaces is dropped and counted; a film loses none.",)
    return Section("Throughput", notes, tables, tuple(drawings))


def startup(records: Records) -> Section | None:
    """Steps of a start."""
    own = [record for record in records if record.verb == "startup" and record.distribution is not None]
    if not own:
        return None
    parts = {r.name: r.distribution.p50_ms for r in own if r.distribution is not None and r.name in STEPS}
    rows = [(r.name, *_times(r)) for r in own]
    notes = ("Fresh processes, files cached; the first frame's decoding is in the first result.",)
    return Section("Start", notes, table_of(("ms", *TIMES), rows), ((f"Medians: {TOTAL}", stacked_bars({"start": parts}, unit="ms")),))


def parity(records: Records) -> Section | None:
    """Every graph and runtime against fp32."""
    own = [record for record in records if record.verb == "parity"]
    if not own:
        return None
    heads = ("graph", "F2_CIW", "Δ (95 %)", "Δ re-tuned", "F1_Normal", "flips", "max |Δp|", "verdict")
    rows = [(f"{r.name}, {r.settings['data']}" if r.settings.get("data") else r.name, *_parity_cells(r), _parity_verdict(r)) for r in own]
    per_class = {r.name: {k[3:]: 100 * v for k, v in r.figures.items() if k.startswith("f2 ") and r.figures.get(f"n {k[3:]}")} for r in own}
    drawn = {name: row for name, row in per_class.items() if row}
    drawings = (("F2 of each class that occurs", points(drawn, unit="%")),) if drawn else ()
    ran = [r for r in own if r.settings.get("data")]
    notes = tuple(dict.fromkeys(f"{_images_of(r)}; losses in points against {r.settings['reference']}." for r in ran))
    return Section("Parity", notes, table_of(heads, rows), drawings)


def _parity_verdict(record: Measurement) -> str:
    return "; ".join(record.failed) or ("within its bounds" if record.figures else "not measured")


def _images_of(record: Measurement) -> str:
    name = " ".join(str(part) for part in (record.settings.get("data"), record.settings.get("split")) if part)
    return f"On {name}, {record.settings.get('images')} images"


def others(records: Records, verb: str, title: str, *notes: str) -> Section | None:
    """Verbs whose figures stand as they are: memory, power, growth, train, peers."""
    own = [record for record in records if record.verb == verb]
    if not own:
        return None
    names = list(dict.fromkeys(name for record in own for name in record.figures))
    heads = ("what", *(name.replace("_", " ") for name in names), "p50, ms")
    rows = [(_row_name(r), *(number(r.figures[n]) if n in r.figures else "-" for n in names), _median(r)) for r in own]
    if all(row[-1] == "-" for row in rows):
        heads, rows = heads[:-1], [row[:-1] for row in rows]
    return Section(title, notes, table_of(heads, rows) if names else table_of(("what", ""), [(_row_name(r), "not measured") for r in own]))


def _median(record: Measurement) -> str:
    return f"{record.distribution.p50_ms:.2f}" if record.distribution else "-"


def doubts(records: Records) -> Section | None:
    """What makes single records doubtful."""
    rows = [(f"{r.verb}: {_row_name(r)}", remark) for r in records for remark in remarks(r)]
    busy = [row for row in rows if "busy" in row[1]]
    rows = [row for row in rows if row not in busy]
    notes = (f"{len(busy)} of {len(records)} records began on a busy machine: their times are upper bounds.",) if busy else ()
    return Section("Doubts", notes, table_of(("record", "remark"), rows)) if rows or busy else None


def not_measured(records: Records) -> Section | None:
    """What is missing, and why; the same reason once."""
    rows = list(dict.fromkeys((f"{r.verb}: {r.name}", name, why) for r in records for name, why in r.not_measured.items()))
    return Section("Not measured", (), table_of(("record", "figure", "why"), rows)) if rows else None


def _row_name(record: Measurement) -> str:
    own = settings_words({key: value for key, value in record.settings.items() if key not in SAID_ELSEWHERE})
    return f"{record.name}, {own}" if own else record.name


def _times(record: Measurement) -> tuple[str, ...]:
    found = record.distribution
    assert found is not None
    doubt = " (unstable)" if found.stability is not None and not found.stability.stable else ""
    return (*percentile_words(found).values(), f"{found.max_ms:.2f}", f"{found.jitter_ms:.2f}", f"{found.num}{doubt}")


def _percentile(record: Measurement, name: str) -> str:
    assert record.distribution is not None
    return percentile_words(record.distribution)[name]


def _against_first(record: Measurement, own: Records) -> str:
    first = next(r for r in own if r.name == record.name)
    return f"{record.figures['images_per_s'] / first.figures['images_per_s']:.2f}"


def _parity_cells(record: Measurement) -> tuple[str, ...]:
    f = record.figures
    if "f2_ciw" not in f:
        flips = f"{f['decision_flips']:.0f} of {f['decisions']:.0f}" if "decisions" in f else "-"
        return ("-", "-", "-", "-", flips, f"{f['max_abs_dp']:.4f}" if "max_abs_dp" in f else "-")
    low, high = f.get("delta_f2_ciw_low", 0.0), f.get("delta_f2_ciw_high", 0.0)
    delta = f"{100 * f['delta_f2_ciw']:+.2f} ({100 * low:+.2f} to {100 * high:+.2f})"
    return (f"{100 * f['f2_ciw']:.1f} %", delta, f"{100 * f['delta_f2_ciw_tuned']:+.2f}", f"{100 * f['f1_normal']:.1f} %",
            f"{f['decision_flips']:.0f}", f"{f['max_abs_dp']:.4f}")  # fmt: skip
