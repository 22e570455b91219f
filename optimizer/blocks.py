"""Steps of the planning grid gathered into the program's blocks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from plant.forecast import Array


@dataclass(frozen=True)
class Grouping:
    """Steps of the grid gathered into blocks: single early, several together late."""

    first: NDArray[np.intp]
    count: NDArray[np.intp]

    @classmethod
    def of(cls, steps: int, fine: int, coarse: int) -> Grouping:
        """The first ``fine`` steps singly, then ``coarse`` together."""
        first = [*range(min(fine, steps)), *range(fine, steps, coarse)]
        edges = np.array([*first, steps])
        return cls(edges[:-1], np.diff(edges))

    @property
    def blocks(self) -> int:
        """How many there are."""
        return len(self.count)

    def mean(self, values: Array) -> Array:
        """Mean over each block of an array whose first axis is the steps."""
        total = np.add.reduceat(values, self.first, axis=0)
        return np.asarray(total / self.count.reshape(-1, *([1] * (values.ndim - 1))))

    def spread(self, blocks: Array, steps: int) -> Array:
        """Back to steps, along straight lines between the blocks' middles. Shape (steps, …)."""
        middle = self.first + (self.count - 1) / 2
        position = np.interp(np.arange(steps), middle, np.arange(self.blocks))
        low = np.minimum(position.astype(int), max(self.blocks - 2, 0))
        share = (position - low).reshape(-1, *([1] * (blocks.ndim - 1)))
        high = np.minimum(low + 1, self.blocks - 1)
        return np.asarray(blocks[low] * (1 - share) + blocks[high] * share)
