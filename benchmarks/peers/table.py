"""The summary as Markdown: two tables, the ratios with their intervals, the targets, and our losses by name."""

from collections.abc import Sequence

from benchmarks.peers.catalogue import WAYS
from benchmarks.peers.summary import Comparison, Row, Summary, Target

FILE_COLUMNS = {
    "fps": ("frames/s", ".1f"), "core_ms": ("core-ms/frame", ".1f"), "p50_ms": ("latency p50 ms", ".1f"), "p99_ms": ("p99 ms", ".1f"),
    "peak_rss_mb": ("RSS MB", ".0f"), "start_up_s": ("start-up s", ".2f"), "max_dp": ("Δp, same image", ".4f"),
    "max_dp_ours": ("Δp, our image", ".3f"), "flips": ("flips", ".0f"),
}  # fmt: skip
LIVE_COLUMNS = {
    "results": ("results", ".0f"), "dropped": ("dropped", ".0f"), "stale": ("stale", ".0f"), "p50_ms": ("age p50 ms", ".1f"),
    "p95_ms": ("p95 ms", ".1f"),
    "p99_ms": ("p99 ms", ".1f"), "max_ms": ("max ms", ".1f"), "core_ms": ("core-ms/frame", ".1f"), "cores": ("cores used", ".2f"),
    "peak_rss_mb": ("RSS MB", ".0f"), "start_up_s": ("start-up s", ".2f"),
}  # fmt: skip
FIGURES = {
    "fps": "frames/s", "core_ms": "core-ms/frame", "peak_rss_mb": "RSS", "start_up_s": "start-up", "p50_ms": "age p50",
    "p95_ms": "age p95", "p99_ms": "age p99",
}  # fmt: skip
BUSY_CORES = 0.25


def markdown(summary: Summary) -> str:
    """The whole page."""
    blocks = [_head(summary)]
    for mode, title, columns in (("file", "Film, every frame", FILE_COLUMNS), ("live", "Camera, 25 frames/s", LIVE_COLUMNS)):
        rows = [row for row in summary.rows if row.mode == mode]
        if rows:
            blocks.append(f"## {title}\n\n{_table(rows, columns)}")
    blocks += [_ratios(summary.comparisons), _targets(summary.targets), _losses(summary.comparisons), _notes(summary.rows)]
    return "\n\n".join(block for block in blocks if block) + "\n"


def _head(summary: Summary) -> str:
    conditions = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in summary.settings.items() if value != "None")
    lines = [f"# Peers\n\n{summary.machine}; {summary.bundle}; {conditions}."]
    lines.append("Medians over rounds in turns. Frames/s and CPU count from when the model has run once; start-up is what comes before.")
    if len(summary.usable_cores) > 1:
        cores = " or ".join(map(str, summary.usable_cores))
        lines.append(f"**Passes had {cores} cores to use, changed from outside: they were not made under like conditions. Run it again.**")
    if summary.cores_of_others is None:
        lines.append("What else the machine did is not known.")
    elif summary.cores_of_others > BUSY_CORES:
        lines.append(
            f"**The machine was not idle: {summary.cores_of_others:.1f} cores worked for others. Seconds and frames/s say little; "
            "core-ms, memory and scores stand.**"
        )
    else:
        lines.append(f"Others used {summary.cores_of_others:.2f} cores meanwhile.")
    return "\n\n".join(lines)


def _table(rows: Sequence[Row], columns: dict[str, tuple[str, str]]) -> str:
    lines = [f"| | rounds | {' | '.join(title for title, _ in columns.values())} |", "|---|" + "---:|" * (len(columns) + 1)]
    for row in rows:
        cells = [format(row.figures[name], spec) if name in row.figures else "-" for name, (_, spec) in columns.items()]
        mark = " **(other scores)**" if row.broken else ""
        lines.append(f"| {WAYS[row.way].title}{mark} | {row.rounds} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _ratios(comparisons: Sequence[Comparison]) -> str:
    if not comparisons:
        return ""
    lines = ["## Ours over theirs", "", "Geometric mean of the ratios within rounds, 95 % interval over rounds.", ""]
    lines += ["| ours | peer | figure | ratio | interval | |", "|---|---|---|---:|---:|---|"]
    for item in comparisons:
        interval = "-" if item.ratio.low is None or item.ratio.high is None else f"{item.ratio.low:.2f} to {item.ratio.high:.2f}"
        lines.append(f"| {item.ours} | {item.peer} | {FIGURES[item.figure]} | {item.ratio.mean:.2f} | {interval} | {item.verdict} |")
    return "\n".join(lines)


def _targets(targets: Sequence[Target]) -> str:
    if not targets:
        return ""
    lines = ["## Targets", "", "| | bound | found | |", "|---|---|---:|---|"]
    return "\n".join(lines + [f"| {t.what} | {t.bound} | {t.found:.2f} | {'met' if t.met else '**missed**'} |" for t in targets])


def _losses(comparisons: Sequence[Comparison]) -> str:
    lost = [item for item in comparisons if item.verdict == "behind"]
    lines = [f"- {item.ours} is behind {item.peer} in {FIGURES[item.figure]} ({item.mode}): {item.ratio.mean:.2f}" for item in lost]
    return "\n".join(["## Where we lose", "", *(lines or ["Nowhere that the rounds could tell."])]) if comparisons else ""


def _notes(rows: Sequence[Row]) -> str:
    lines = [f"- {WAYS[row.way].title} ({row.mode}): *not measured*: {row.not_measured}" for row in rows if row.not_measured]
    lines += [f"- {WAYS[row.way].title}: {clause}" for row in rows for clause in row.broken]
    seen = dict.fromkeys(row.way for row in rows)
    lines += [f"- {WAYS[way].title}: {WAYS[way].work}." for way in seen if WAYS[way].work]
    versions = {row.way: row.environment for row in rows if row.environment}
    lines += [f"- {WAYS[way].title}: {words}." for way, words in versions.items()]
    lines.append(
        "- Peers resize with OpenCV's plain kernel, ours averages areas. *Δp, same image*: the largest difference of a score from our "
        "session on the image the peer makes; *our image*: from the one we make; flips: decisions that change with it."
    )
    return "\n".join(["## Notes", "", *lines])
