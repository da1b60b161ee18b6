"""What a report is made of, before it becomes Markdown or HTML: headings, sentences, tables and drawings."""

from collections.abc import Sequence
from typing import NamedTuple

from edge_sdk.report.markup import Html


class Table(NamedTuple):
    """A table; the first column names the row."""

    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


class Section(NamedTuple):
    """A part of the report. `drawings` have captions and are for the page alone: their figures are in the tables."""

    title: str
    notes: tuple[str, ...] = ()
    tables: tuple[Table, ...] = ()
    drawings: tuple[tuple[str, Html], ...] = ()
    level: int = 2


def table_of(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> tuple[Table, ...]:
    """A table, or none where it has no row."""
    return (Table(tuple(heads), tuple(tuple(row) for row in rows)),) if rows else ()
