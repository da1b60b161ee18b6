"""Placing labels and markers in rows so that none covers another: first row with room, from left to right."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Placed:
    """Row of an item from 0, and whether it has room there (False: rows are full, it lies over another)."""

    row: int
    free: bool


def packed(extents: Sequence[tuple[float, float]], *, max_rows: int, space: float) -> list[Placed]:
    """Rows for items that reach from left to right, in the order given (by rising left ends).

    Args:
        extents: Left and right end of each, in drawing units.
        max_rows: How many rows there are.
        space: Least distance between two in a row.
    """
    ends: list[float] = []
    placed = []
    for left, right in extents:
        row = next((i for i, end in enumerate(ends) if end + space <= left), len(ends))
        free = row < max_rows
        if not free:
            row = min(range(max_rows), key=ends.__getitem__)
        elif row == len(ends):
            ends.append(right)
        ends[row] = max(ends[row], right)
        placed.append(Placed(row, free))
    return placed
