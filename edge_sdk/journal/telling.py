"""What the record says of the lives of a run in words: where they broke off, what they had in view, and what served in them."""

from collections.abc import Iterator, Sequence

from edge_sdk.journal.legs import Leg, metres_or_time
from edge_sdk.records import ModelRecord

Served = tuple[ModelRecord, dict[str, float]]
MAX_PLACES = 10


def changes(before: Served, after: Served) -> Iterator[str]:
    """What an earlier leg was inspected with, where the next one went on with another: the record's head names the last only."""
    (model, thresholds), (next_model, next_thresholds) = before, after
    names = [f"{m.bundle} {m.version} ({m.sha256[:12]}), {m.precision}" for m in (model, next_model)]
    if names[0] != names[1]:
        yield f"the model was {names[0]}"
    if others := [f"{code} {value:g}" for code, value in thresholds.items() if next_thresholds.get(code) != value]:
        yield f"thresholds were {', '.join(others)}"


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
