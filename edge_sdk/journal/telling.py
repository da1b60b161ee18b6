"""What the record says of the lives of a run in words: where they broke off, what they had in view, and what served in them."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from edge_sdk.journal.entries import ObservationEntry
from edge_sdk.journal.legs import Leg, metres_or_time
from edge_sdk.records import Inspection, ModelRecord

Served = tuple[ModelRecord, dict[str, float]]
MAX_PLACES = 10
MISSING = {
    "disk_full": "the disk was full",
    "io_error": "the disk failed",
    "overflow": "the disk did not keep up",
    "not_found": "their files were not there, or were others",
}


def changes(before: Served, after: Served) -> Iterator[str]:
    """What an earlier leg was inspected with, where the next one went on with another: the record's head names the last only."""
    (model, thresholds), (next_model, next_thresholds) = before, after
    names = [f"{m.bundle} {m.version} ({m.sha256[:12]}), {m.precision}" for m in (model, next_model)]
    if names[0] != names[1]:
        yield f"the model was {names[0]}"
    if others := [f"{code} {value:g}" for code, value in thresholds.items() if next_thresholds.get(code) != value]:
        yield f"thresholds were {', '.join(others)}"


def defective(num: int) -> str:
    """That so many results are not in the record."""
    return f"results that could not be taken in because of a defect of the software, see its log: {num}"


def unclosed(leg: Leg, where: str = "") -> str | None:
    """What a leg that broke off had in view, in words; None: nothing."""
    if leg.progress is None or not leg.progress.in_view:
        return None
    seen = (f"{s.code} from {metres_or_time(s.chainage_m, s.time_s)} (score {s.peak:.2f})" for s in leg.progress.in_view)
    return f"in view when it broke off{where}, and not among the observations: {', '.join(seen)}"


def listed(places: Sequence[str]) -> str:
    """Places in words; of a service that failed at start after start the first ones and the last."""
    told = places if len(places) <= MAX_PLACES else [*places[: MAX_PLACES - 1], places[-1]]
    more = f" ({len(places)} times in all)" if len(told) < len(places) else ""
    return f"{', after '.join(told)}{more}"


def lacking(end: Inspection) -> tuple[str, ...]:
    """Why a life lacks something that no later one mends; that it was stopped, its last reason where it was interrupted, is none."""
    if end.status == "interrupted":
        return end.status_reasons[:-1]
    return end.status_reasons if end.status == "incomplete" else ()


def without_picture(observed: Iterable[ObservationEntry]) -> Iterator[str]:
    """How many observations have no picture where they had one, and why."""
    counts = Counter(entry.picture_missing for entry in observed if entry.picture_missing is not None)
    for why, num in sorted(counts.items()):
        yield f"Observations without a picture: {num}; {MISSING[why]}."
