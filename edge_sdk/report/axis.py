"""The scale of the pipe diagram: metres of chainage or, without an odometer, film time; with round ticks."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from edge_sdk.records import Coverage, Gap, Inspection, Observation
from edge_sdk.report.figures import film_time, number

NUM_TICKS = 10
TIME_STEPS_S = (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400)

Span = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Axis:
    """Positions `low` to `high` (metres or seconds) drawn from `left` to `right` (units of the drawing)."""

    by_distance: bool
    low: float
    high: float
    left: float
    right: float

    def x(self, position: float) -> float:
        """Where a position is drawn; beyond the ends it stays at the end."""
        share = (position - self.low) / (self.high - self.low)
        return self.left + (self.right - self.left) * min(max(share, 0.0), 1.0)

    @property
    def step(self) -> float:
        """Distance between two ticks, a round number."""
        least = (self.high - self.low) / NUM_TICKS
        return _round_metres(least) if self.by_distance else next((s for s in TIME_STEPS_S if s >= least), 14400 * math.ceil(least / 14400))

    @property
    def ticks(self) -> list[float]:
        """Positions of the ticks."""
        first, last = math.ceil(self.low / self.step - 1e-9), math.floor(self.high / self.step + 1e-9)
        return [i * self.step for i in range(first, last + 1)]

    def tick_text(self, position: float) -> str:
        """A tick's label, with as many decimals as the step needs."""
        if self.by_distance:
            return number(position, max(0, -math.floor(math.log10(self.step) + 1e-9)))
        text = film_time(position)
        return text if self.step < 1 else text[:-2]


def axis_from_inspection(inspection: Inspection, *, left: float, right: float) -> Axis | None:
    """An axis that holds everything that has a place; None if nothing has."""
    by_distance = inspection.basis == "distance"
    spans = [span for span in _spans(inspection, by_distance=by_distance) if span is not None]
    if not spans:
        return None
    low, high = min(span[0] for span in spans), max(span[1] for span in spans)
    margin = 0.02 * (high - low) if high - low > 1e-6 else 0.5
    return Axis(by_distance, low - margin, high + margin, left, right)


def span_of_coverage(coverage: Coverage, *, by_distance: bool) -> Span | None:
    """From where to where the robot drove, or how long the film is."""
    return _span(coverage.from_m, coverage.to_m) if by_distance else _span(0.0, coverage.duration_s)


def span_of_observation(item: Observation, *, by_distance: bool) -> Span | None:
    """From where to where an observation reaches; the same twice for a point, None if it has no place on this axis."""
    if not by_distance:
        return _span(item.time_s, item.time_to_s if item.kind == "continuous" else item.time_s)
    return _span(item.chainage_m, item.chainage_m if item.chainage_to_m is None else item.chainage_to_m)


def span_of_uncertainty(item: Observation, *, by_distance: bool) -> Span | None:
    """From where to where the observation may reach by its uncertainty; None where that is not known."""
    span = span_of_observation(item, by_distance=by_distance)
    if span is None or item.chainage_uncertainty_m is None or not by_distance:
        return None
    return _span(span[0] + item.chainage_uncertainty_m[0], span[1] + item.chainage_uncertainty_m[1])


def span_of_gap(gap: Gap, *, by_distance: bool) -> Span | None:
    """From where to where a gap reaches; where only one end is known, that end twice."""
    if not by_distance:
        return _span(gap.from_s, gap.to_s)
    return _span(gap.from_m if gap.from_m is not None else gap.to_m, gap.to_m if gap.to_m is not None else gap.from_m)


def _spans(inspection: Inspection, *, by_distance: bool) -> Iterable[Span | None]:
    coverage = inspection.coverage
    yield span_of_coverage(coverage, by_distance=by_distance)
    for item in inspection.observations:
        yield span_of_observation(item, by_distance=by_distance)
        yield span_of_uncertainty(item, by_distance=by_distance)
    for gap in coverage.gaps:
        yield span_of_gap(gap, by_distance=by_distance)


def _span(start: float | None, end: float | None) -> Span | None:
    """Two finite positions in rising order."""
    if start is None or end is None or not (math.isfinite(start) and math.isfinite(end)):
        return None
    return min(start, end), max(start, end)


def _round_metres(least: float) -> float:
    """The next of 1, 2, 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(least))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= least * (1 - 1e-9))
