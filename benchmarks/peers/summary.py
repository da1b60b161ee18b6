"""From records of passes to rows, ratios and targets: what the table prints and the JSON file holds."""

from collections.abc import Callable, Sequence

import msgspec
import numpy as np

from benchmarks.errors import BenchmarkError
from benchmarks.peers.catalogue import WAYS
from benchmarks.peers.conditions import check_alike, rounds_together
from benchmarks.peers.ratios import Ratio, Verdict, ratio_of
from benchmarks.record import Measurement

TIMES = ("p50", "p95", "p99")
LARGER_IS_BETTER = frozenset({"fps"})
COMPARED = (  # our ways, and what of them is held against each peer
    ("file", "ours-throughput", ("fps", "core_ms", "peak_rss_mb", "start_up_s")),
    ("file", "ours-int8", ("fps", "core_ms")),
    ("file", "ours-openvino", ("fps", "core_ms")),
    ("file", "ours-openvino-int8", ("fps", "core_ms")),
    ("live", "ours-live", ("p50_ms", "p95_ms", "p99_ms", "core_ms", "peak_rss_mb", "start_up_s")),
    ("live", "ours-live-int8", ("p50_ms", "p95_ms", "p99_ms", "core_ms")),
    ("live", "ours-live-openvino-int8", ("p50_ms", "p95_ms", "p99_ms", "core_ms")),
)


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One way in one mode: medians over its rounds, or why it has none."""

    way: str
    mode: str
    rounds: int
    environment: str
    figures: dict[str, float]
    broken: tuple[str, ...] = ()
    not_measured: str | None = None


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """Ours over a peer's in one figure."""

    ours: str
    peer: str
    mode: str
    figure: str
    ratio: Ratio
    verdict: Verdict


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """A figure we promised, and what it is."""

    what: str
    bound: str
    found: float
    met: bool


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """Everything said of a run. `usable_cores` has one number unless somebody changed it between passes; `cores_of_others` is a median."""

    machine: str
    bundle: str
    settings: dict[str, str]
    usable_cores: tuple[int, ...]
    cores_of_others: float | None
    rows: tuple[Row, ...]
    comparisons: tuple[Comparison, ...]
    targets: tuple[Target, ...]


def summary_of(records: Sequence[Measurement]) -> Summary:
    """Rows, ratios and targets of passes made under like conditions.

    Raises:
        RecordError: If they are no records of peers.
        UnlikeConditionsError: If they must not be compared.
    """
    check_alike(records)
    passes = {name: [with_times(r) for r in records if r.name == name] for name in dict.fromkeys(r.name for r in records)}
    rows = tuple(_row(found) for found in passes.values())
    first = next((record for record in records if record.figures), records[0])
    others = [r.figures["cores_of_others"] for r in records if "cores_of_others" in r.figures]
    return Summary(
        machine=f"{first.fingerprint.cpu}, {first.fingerprint.cores} cores to use of {first.settings['cores_of_machine']}",
        bundle=first.bundle.identity if first.bundle else "",
        settings={
            key: str(value)
            for key, value in first.settings.items()
            if key not in ("mode", "round", "environment", "frames", "cores_of_machine", "usable_cores")
        }
        | {f"frames_{r.settings['mode']}": str(r.settings["frames"]) for r in records},
        usable_cores=tuple(sorted({int(str(r.settings["usable_cores"])) for r in records if "usable_cores" in r.settings})),
        cores_of_others=float(np.median(others)) if others else None,
        rows=rows,
        comparisons=tuple(_comparisons(passes)),
        targets=tuple(targets_of(rows)),
    )


def with_times(record: Measurement) -> Measurement:
    """A record whose percentiles stand among its figures, where it has them."""
    if record.distribution is None:
        return record
    found = {f"{name}_ms": value for name in TIMES if (value := record.distribution.percentiles[name]) is not None}
    return msgspec.structs.replace(record, figures={**record.figures, **found, "max_ms": record.distribution.max_ms})


def _row(passes: Sequence[Measurement]) -> Row:
    way, _, mode = passes[0].name.partition("/")
    measured = [record for record in passes if record.figures]
    names = [name for name in measured[0].figures if all(name in record.figures for record in measured)] if measured else []
    return Row(
        way=way,
        mode=mode,
        rounds=len(measured),
        environment=str(passes[0].settings["environment"]),
        figures={name: float(np.median([record.figures[name] for record in measured])) for name in names},
        broken=tuple(sorted({clause for record in measured for clause in record.failed})),
        not_measured=next((reason for record in passes for reason in record.not_measured.values()), None),
    )


def _comparisons(passes: dict[str, list[Measurement]]) -> list[Comparison]:
    found = []
    for mode, ours, figures in COMPARED:
        for name, theirs in passes.items():
            way = name.partition("/")[0]
            if not name.endswith(f"/{mode}") or WAYS[way].is_ours or f"{ours}/{mode}" not in passes:
                continue
            found += [made for figure in figures if (made := _comparison(passes[f"{ours}/{mode}"], theirs, figure)) is not None]
    return found


def _comparison(ours: Sequence[Measurement], theirs: Sequence[Measurement], figure: str) -> Comparison | None:
    try:
        ratio = ratio_of(*rounds_together(ours, theirs, figure))
    except (BenchmarkError, ValueError):
        return None  # one of them was not measured, or has no such percentile: the rows say so
    (way, mode), peer = ours[0].name.split("/"), theirs[0].name.partition("/")[0]
    verdict = ratio.verdict(larger_is_better=figure in LARGER_IS_BETTER)
    return Comparison(ours=way, peer=peer, mode=mode, figure=figure, ratio=ratio, verdict=verdict)


def targets_of(rows: Sequence[Row]) -> list[Target]:
    """The promises of the table; a target whose figures were not measured is left out."""
    film, camera = _figures(rows, "file"), _figures(rows, "live")
    peers, peers_live = _peers(film), _peers(camera)
    found: list[Target | None] = []
    for way in ("ours-throughput", "ours-int8", "ours-openvino", "ours-openvino-int8"):
        found += [
            _against(film.get(way), peers, "fps", max, f"fps of {way} over the quickest peer's", lambda x: x >= 2, "at least 2"),
            _against(film.get(way), peers, "core_ms", min, f"core-ms of {way} over the leanest peer's", lambda x: x <= 0.6, "at most 0.6"),
        ]
    found += [
        _against(camera.get(way), peers_live, "p99_ms", min, f"live p99 of {way} over the best peer's", lambda x: x <= 0.5, "at most 0.5")
        for way in ("ours-live", "ours-live-int8", "ours-live-openvino-int8")
    ]
    for figure, bound, unit in (("start_up_s", 1.0, "s"), ("peak_rss_mb", 250.0, "MB")):
        for (way, mode), figures in ((key, row.figures) for row in rows if WAYS[row.way].is_ours for key in [(row.way, row.mode)]):
            if figure in figures:
                met = figures[figure] < bound
                found.append(Target(what=f"{figure} of {way} ({mode})", bound=f"under {bound:g} {unit}", found=figures[figure], met=met))
    return [target for target in found if target is not None]


def _figures(rows: Sequence[Row], mode: str) -> dict[str, dict[str, float]]:
    return {row.way: row.figures for row in rows if row.mode == mode and row.figures}


def _peers(figures: dict[str, dict[str, float]]) -> dict[str, dict[str, float]]:
    return {way: found for way, found in figures.items() if WAYS[way].same_work and not WAYS[way].is_ours}


def _against(
    ours: dict[str, float] | None,
    peers: dict[str, dict[str, float]],
    figure: str,
    best: Callable[[Sequence[float]], float],
    what: str,
    is_met: Callable[[float], bool],
    bound: str,
) -> Target | None:
    theirs = {way: found[figure] for way, found in peers.items() if figure in found}
    if ours is None or figure not in ours or not theirs:
        return None
    value = best(list(theirs.values()))
    way = next(name for name, found in theirs.items() if found == value)
    return Target(what=f"{what} ({way})", bound=bound, found=ours[figure] / value, met=is_met(ours[figure] / value))
