"""Size, latency and F2_CIW of graphs in one drawing: sizes and figures from the bundles' manifests, latencies from the records."""

from collections.abc import Sequence

from benchmarks.record import Measurement
from benchmarks.report.drawing import Spot, scatter
from benchmarks.report.section import Section, table_of
from edge_sdk.bundle import Bundle
from edge_sdk.contract.manifest import Graph, Manifest


def pareto(bundles: Sequence[Bundle], records: Sequence[Measurement]) -> Section | None:
    """A row and a spot for each graph of the bundles; None where none has a figure."""
    rows, spots = [], []
    for bundle in bundles:
        for graph in bundle.manifest.graphs:
            name = f"{bundle.manifest.name} {bundle.manifest.version} {graph.precision}"
            megabytes, (f2_ciw, of_what) = _size_mb(bundle.manifest, graph), _f2_ciw(bundle.manifest, graph)
            latency_ms = _latency_ms(bundle, graph, records)
            said = "not measured" if f2_ciw is None else f"{100 * f2_ciw:.1f} %"
            timed = "not measured" if latency_ms is None else f"{latency_ms:.2f}"
            rows.append((name, f"{megabytes:.1f}", timed, said, of_what))
            if f2_ciw is not None and latency_ms is not None:
                spots.append(Spot(name, latency_ms, 100 * f2_ciw, megabytes))
    if not rows:
        return None
    notes = ("Better is up and to the left; the area of a spot is the file's size.",) if spots else ()
    drawings = (("F2_CIW against the median inference", scatter(spots, x_unit="ms", y_unit="F2_CIW, %")),) if spots else ()
    heads = ("graph", "file, MB", "inference p50, ms", "F2_CIW", "measured on")
    return Section("Size, latency and F2_CIW", notes, table_of(heads, rows), drawings)


def _size_mb(manifest: Manifest, graph: Graph) -> float:
    return next(entry.size for entry in manifest.files if entry.name == graph.file) / 1e6


def _f2_ciw(manifest: Manifest, graph: Graph) -> tuple[float | None, str]:
    """The figure at the frozen thresholds: of the evaluation on Test, else of the parity."""
    found = [e for e in manifest.evaluation if e.precision == graph.precision and e.thresholds == graph.threshold_origin]
    best = max(found, key=lambda e: e.split == "Test", default=None)
    if best is not None:
        return best.f2_ciw, f"{best.data_name} {best.split}, {best.num_images} images"
    parity = manifest.parity_of(graph.precision)
    if parity is not None and parity.f2_ciw is not None:
        return parity.f2_ciw, f"{parity.data_name} {parity.split}, {parity.num_images} images"
    return None, "-"


def _latency_ms(bundle: Bundle, graph: Graph, records: Sequence[Measurement]) -> float | None:
    for record in records:
        of_this = record.bundle is not None and record.bundle.sha256 == bundle.sha256 and record.bundle.precision == graph.precision
        if of_this and (record.verb, record.name) == ("latency", "inference") and record.distribution is not None:
            return record.distribution.p50_ms
    return None
