"""The sections of one machine's records: each verb's figures as tables and drawings, what is doubtful, what was not measured."""

from collections.abc import Mapping

from benchmarks.film import FPS
from benchmarks.record import Measurement
from benchmarks.report.drawing import distributions, lines, points, stacked_bars
from benchmarks.report.naming import row_names
from benchmarks.report.rows import TIMES, Records, figure_cell, named, percentile_cell, shared_sentence, time_cells, timed, timed_pairs
from benchmarks.report.section import Section, Table, table_of
from benchmarks.stages import ALL, STAGES
from benchmarks.startup import STEPS, TOTAL
from benchmarks.words import VERDICT, busy_sentence, figure_words, number, remarks
from edge_sdk.report.markup import Html

LIVE = ("results_per_s", "received", "dropped", "cores_busy")
SUSTAINED = (
    "seconds", "first_minute_p50_ms", "last_minute_p50_ms", "first_minute_p99_ms", "last_minute_p99_ms", "slower_at_the_end",
    "start_temperature_c", "max_temperature_c", "min_clock_mhz", "max_clock_mhz", "min_gpu_clock_mhz", "max_gpu_clock_mhz", "throttled",
    "max_cooling_steps",
)  # fmt: skip
GOLDEN = "golden frames"


def latency(records: Records) -> Section | None:
    """Stages and end to end."""
    own = [record for record in records if record.verb == "latency"]
    if not own:
        return None
    measured = timed(own)
    names = dict(zip(map(id, measured), row_names(measured), strict=True))
    stages: dict[str, dict[str, float]] = {}
    for record, found in timed_pairs(measured):
        if record.name in STAGES:
            stages.setdefault(_size_of(record, measured), {})[record.name] = found.mean_ms  # means add up, medians do not
    whole = {names[id(r)]: found for r, found in timed_pairs(measured) if r.name not in STAGES and r.name != ALL}
    marks = {name: {p: value for p, value in d.percentiles.items() if value is not None} for name, d in whole.items()}
    drawings = [("Mean of each stage, one after the other", stacked_bars(stages, unit="ms"))] if stages else []
    if whole:
        caption = "From capture to observation, live: share of the results per time; the marks are the percentiles"
        drawings.append((caption, distributions({name: d.histogram for name, d in whole.items()}, marks=marks)))
    drawings += [_over_time(r, names[id(r)]) for r in measured if r.settings.get("kind") == "sustained" and len(r.rounds) > 1]
    notes = (
        "Stages run one after the other; capture to observation is the live pipeline, where they overlap and a frame may wait for the one "
        "before. Its clock starts before the frame is decoded and stops when the tracker has taken the result in.",
        "Decoding is one thread's here; in service a film larger than 768x576 has several.",
    )
    live = [(names[id(r)], *(figure_cell(r, key) for key in LIVE)) for r in measured if r.figures]
    hot = [r for r in measured if r.settings.get("kind") == "sustained"]
    told = [key for key in SUSTAINED if any(key in r.figures for r in hot)]
    sustained = [(_stretch_words(key, hot), *(figure_cell(r, key) for r in hot)) for key in told]
    tables = table_of(("ms", *TIMES), [(names[id(r)], *time_cells(r)) for r in measured])
    tables += table_of(("live", "results/s", "frames", "dropped", "cores busy"), live)
    tables += table_of(("sustained", *(names[id(r)] for r in hot)), sustained)
    return Section("Latency", (*notes, *shared_sentence(own)), tables, tuple(drawings))


def _stretch_words(name: str, hot: Records) -> str:
    """The figure's name; the minute is a stretch where ten minutes were not asked for."""
    words = figure_words(name)
    return words.replace("minute", "stretch") if any("stretch_s" in r.settings for r in hot) else words


def _over_time(record: Measurement, name: str) -> tuple[str, Html]:
    step_s = record.figures.get("seconds", float(len(record.rounds))) / len(record.rounds)
    line = [(step_s * (i + 1) / 60, median_ms) for i, median_ms in enumerate(record.rounds)]
    return f"Median of each stretch of time, {name}", lines({"p50": line}, x_unit="min", y_unit="ms")


def _size_of(record: Measurement, own: Records) -> str:
    """The size, with what else tells two measurements of it apart."""
    return row_names([r for r in own if r.name == record.name], with_name=False)[[r for r in own if r.name == record.name].index(record)]


def throughput(records: Records) -> Section | None:
    """Files, cameras, batch, threads."""
    own = [record for record in records if record.verb == "throughput"]
    if not own:
        return None
    files = [r for r in own if r.name == "file"]
    cameras = timed([r for r in own if r.name == "cameras"])
    tables = table_of(
        ("film inspected", "frames/s", "core-ms per frame"),
        [(name, *(number(r.figures[key]) for key in ("frames_per_s", "core_ms_per_frame"))) for name, r in named(files)],
    )
    tables += table_of(
        ("live cameras", "results/s", "dropped", "cores busy", "core-ms per result", "p50 ms", "p99 ms"),
        [(name, number(r.figures["results_per_s"]), f"{100 * r.figures['dropped_share']:.0f} %", number(r.figures["cores_busy"]),
          number(1e3 * r.figures["cores_busy"] / r.figures["results_per_s"]) if r.figures["results_per_s"] else "-",
          *(percentile_cell(r, p) for p in ("p50", "p99"))) for name, r in named(cameras)],
    )  # fmt: skip
    for kind, head in (("batch", "the network alone, images at a time"), ("threads", "the network alone, threads of one session")):
        networks = timed([r for r in own if r.name == kind])
        tables += table_of(
            (head, "images/s", "ms per image", "core-ms per image", "images/s against the first"),
            [(name, *(figure_cell(r, key) for key in ("images_per_s", "ms_per_image", "core_ms_per_image")), _against_first(r, networks))
             for name, r in named(networks)],
        )  # fmt: skip
    notes = (
        "A live camera's frame that a newer one replaces is dropped and counted; a film loses none.",
        *shared_sentence(files + cameras),
    )
    return Section("Throughput", notes, tables, _against_cameras(cameras))


def _against_cameras(cameras: Records) -> tuple[tuple[str, Html], ...]:
    """Results per second of each size against the number of cameras, and what they deliver."""
    by_size: dict[str, list[tuple[float, float]]] = {}
    for r in cameras:
        by_size.setdefault(str(r.settings.get("size")), []).append((float(r.settings["cameras"] or 0), r.figures["results_per_s"]))
    if not by_size or max(map(len, by_size.values())) < 2:
        return ()
    most, fps = max(by_size.values(), key=len), float(cameras[0].settings.get("camera_fps") or FPS)
    series = {f"results, {size}": sorted(line) for size, line in by_size.items()} | {"frames delivered": [(x, fps * x) for x, _ in most]}
    return (("Results per second against cameras", lines(series, x_unit="cameras", y_unit="per s")),)


def startup(records: Records) -> Section | None:
    """Steps of a start."""
    own = [record for record in records if record.verb == "startup" and record.distribution is not None]
    if not own:
        return None
    starts: dict[str, dict[str, float]] = {}
    for record, found in timed_pairs(own):
        if record.name in STEPS:
            starts.setdefault(_size_of(record, own) if len(own) > len(STEPS) + 1 else "start", {})[record.name] = found.p50_ms
    rows = [(name, *time_cells(r)) for name, r in named(own)]
    notes = ("Fresh processes, files cached; the first frame's decoding is in the first result.", *shared_sentence(own))
    return Section("Start", notes, table_of(("ms", *TIMES), rows), ((f"Medians: {TOTAL}", stacked_bars(starts, unit="ms")),))


def parity(records: Records) -> Section | None:
    """Every graph and runtime against fp32."""
    own = [record for record in records if record.verb == "parity"]
    if not own:
        return None
    heads = ("graph", "F2_CIW", "Δ (95 %)", "Δ re-tuned", "F1_Normal", "flips", "max |Δp|", "verdict")
    names = row_names(own)
    rows = [(name, *_parity_cells(r), _parity_verdict(r)) for name, r in zip(names, own, strict=True)]
    per_class = {
        name: {k[3:]: 100 * v for k, v in r.figures.items() if k.startswith("f2 ") and r.figures.get(f"n {k[3:]}")}
        for name, r in zip(names, own, strict=True)
    }
    drawn = {name: row for name, row in per_class.items() if row}
    drawings = (("F2 of each class that occurs", points(drawn, unit="%")),) if drawn else ()
    ran = [r for r in own if r.settings.get("data")]
    notes = tuple(dict.fromkeys(f"{_images_of(r)}; {_against(r)}." for r in ran))
    return Section("Parity", notes, (*table_of(heads, rows), *_per_class(drawn)), drawings)


def _per_class(drawn: Mapping[str, Mapping[str, float]]) -> tuple[Table, ...]:
    """F2 of each class that occurs, a column for each graph."""
    codes = list(dict.fromkeys(code for row in drawn.values() for code in row))
    return table_of(("F2, %", *drawn), [(code, *(f"{row[code]:.1f}" if code in row else "-" for row in drawn.values())) for code in codes])


def _parity_verdict(record: Measurement) -> str:
    undecided = "cannot tell" if VERDICT in record.not_measured else ""
    return "; ".join(record.failed) or undecided or ("within its bounds" if record.figures else "not measured")


def _against(record: Measurement) -> str:
    """What the figures are differences from: golden frames have the graph's own scores of when it was packed, and those of fp32."""
    if "f2_ciw" in record.figures or record.settings.get("data") != GOLDEN:
        return f"losses in points, flips and |Δp| against {record.settings['reference']}"
    return "|Δp| against the graph's own scores when it was packed, flips against those of fp32"


def _images_of(record: Measurement) -> str:
    name = " ".join(str(part) for part in (record.settings.get("data"), record.settings.get("split")) if part)
    return f"On {name}, {record.settings.get('images')} images"


def others(records: Records, verb: str, title: str, *notes: str) -> Section | None:
    """Verbs whose figures stand as they are: memory, power, growth, train, peers."""
    own = [record for record in records if record.verb == verb]
    if not own:
        return None
    names = list(dict.fromkeys(name for record in own for name in record.figures))
    heads = ("what", *map(figure_words, names), "p50, ms")
    rows = [(name, *(figure_cell(r, n) for n in names), _median(r)) for name, r in named(own)]
    if all(row[-1] == "-" for row in rows):
        heads, rows = heads[:-1], [row[:-1] for row in rows]
    if not names:
        heads, rows = ("what", ""), [(name, "not measured") for name, _ in named(own)]
    return Section(title, (*notes, *shared_sentence(own)), table_of(heads, rows))


def _median(record: Measurement) -> str:
    return f"{record.distribution.p50_ms:.2f}" if record.distribution else "-"


def doubts(records: Records) -> Section | None:
    """What makes single records doubtful."""
    rows = [(f"{r.verb}: {name}", remark) for name, r in named(records) for remark in remarks(r)]
    busy = [row for row in rows if "busy" in row[1]]
    rows = [row for row in rows if row not in busy]
    notes = (busy_sentence(len(busy), len(records)),) if busy else ()
    return Section("Doubts", notes, table_of(("record", "remark"), rows)) if rows or busy else None


def not_measured(records: Records) -> Section | None:
    """What is missing, and why; the same reason once."""
    rows = list(dict.fromkeys((f"{r.verb}: {r.name}", name, why) for r in records for name, why in r.not_measured.items()))
    return Section("Not measured", (), table_of(("record", "figure", "why"), rows)) if rows else None


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
