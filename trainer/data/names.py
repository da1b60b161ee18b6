"""File names of a split, as many as Sewer-ML has, without a Python object for each.

1.3 million strings take 90 MB, and every loader process that touches their reference counts gets a copy of its own. In one block of
bytes they take 26 MB and are shared.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from typing import overload

import numpy as np
from numpy.typing import NDArray


class FileNames(Sequence[str]):
    """An immutable sequence of names; comparing it or searching in it decodes name by name."""

    def __init__(self, names: Iterable[str]) -> None:
        encoded = [name.encode("utf-8", "surrogateescape") for name in names]
        self._ends = np.fromiter(accumulate(map(len, encoded)), np.int64, count=len(encoded))
        self._block = b"".join(encoded)

    def __len__(self) -> int:
        return len(self._ends)

    @overload
    def __getitem__(self, index: int) -> str: ...

    @overload
    def __getitem__(self, index: slice) -> "FileNames": ...

    def __getitem__(self, index: int | slice) -> "str | FileNames":
        if isinstance(index, slice):
            return self.take(np.arange(len(self))[index])
        at = range(len(self))[index]
        start = int(self._ends[at - 1]) if at else 0
        return self._block[start : int(self._ends[at])].decode("utf-8", "surrogateescape")

    def __iter__(self) -> Iterator[str]:
        start = 0
        for end in self._ends.tolist():
            yield self._block[start:end].decode("utf-8", "surrogateescape")
            start = end

    def __eq__(self, other: object) -> bool:
        return isinstance(other, FileNames) and self._block == other._block and np.array_equal(self._ends, other._ends)

    def __hash__(self) -> int:
        return hash((self._block, len(self)))

    def take(self, rows_N: NDArray[np.integer]) -> "FileNames":
        """The names of some rows, in their order."""
        return FileNames(self[int(row)] for row in rows_N)
