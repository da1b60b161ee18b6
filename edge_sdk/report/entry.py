"""An observation as the page shows it: numbered along the pipe, with its pictures if it has a card."""

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from edge_sdk.records import Inspection, Observation
from edge_sdk.report.photos import Photos, photos_from_picture

MAX_CARDS = 60


@dataclass(frozen=True, slots=True)
class Entry:
    """`number` counts from 1 in the record's order; `photos` is None without a card or a picture."""

    number: int
    observation: Observation
    carded: bool
    photos: Photos | None

    @property
    def row_id(self) -> str:
        """Anchor of the table row."""
        return f"obs-{self.observation.observation_id}"

    @property
    def card_id(self) -> str:
        """Anchor of the card."""
        return f"card-{self.number}"

    @property
    def row_link(self) -> str:
        """Link to the table row."""
        return "#" + quote(self.row_id, errors="replace")

    @property
    def link(self) -> str:
        """Link to the card, or to the table row where there is none."""
        return f"#{self.card_id}" if self.carded else self.row_link


def entries_from_inspection(inspection: Inspection, folder: Path) -> tuple[Entry, ...]:
    """Number the observations, choose those that get a card, and read their pictures from `folder`."""
    chosen = _first_to_review(inspection.observations)
    return tuple(_entry(i + 1, observation, carded=i in chosen, folder=folder) for i, observation in enumerate(inspection.observations))


def _entry(number: int, observation: Observation, *, carded: bool, folder: Path) -> Entry:
    picture = observation.picture
    return Entry(number, observation, carded, photos_from_picture(picture, folder) if carded and picture else None)


def _first_to_review(observations: tuple[Observation, ...]) -> frozenset[int]:
    """Positions of the observations with the highest review priority, as many as there are cards."""
    ranked = sorted(range(len(observations)), key=lambda i: -observations[i].review_priority)
    return frozenset(ranked[:MAX_CARDS])
