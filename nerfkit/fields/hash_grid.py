"""The layout of a multiresolution hash grid over contracted space (instant-ngp; mip-NeRF 360 contraction).

Scene units x are contracted with the maximum norm: the cube [-1, 1]^3 keeps its shape, all that lies
outside is folded into the shell up to [-2, 2]^3, and the whole is mapped to the unit cube. A level of
resolution r has (r + 1)^3 corners; it is stored densely where they fit into a table, else hashed.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

HASH_PRIMES = (1, 2654435761, 805459861)


@dataclass(frozen=True)
class HashLayout:
    """Levels of a grid: `levels` resolutions in geometric steps, `features` numbers a row."""

    levels: int = 4
    features: int = 8
    table_log2: int = 16
    coarsest: int = 16
    finest: int = 256

    @property
    def width(self) -> int:
        """Length of an encoding, levels * features."""
        return self.levels * self.features

    @cached_property
    def resolutions(self) -> np.ndarray:
        """(levels,) int64."""
        steps = np.arange(self.levels) / max(self.levels - 1, 1)
        return np.round(self.coarsest * (self.finest / self.coarsest) ** steps).astype(np.int64)

    @cached_property
    def dense(self) -> np.ndarray:
        """(levels,) bool: whether a level stores every corner."""
        return (self.resolutions + 1) ** 3 <= 2**self.table_log2

    @cached_property
    def offsets(self) -> np.ndarray:
        """(levels + 1,) int64: first row of each level, and the number of rows."""
        rows = np.where(self.dense, (self.resolutions + 1) ** 3, 2**self.table_log2)
        return np.concatenate([[0], np.cumsum(rows)]).astype(np.int64)

    @property
    def rows(self) -> int:
        """Rows of the table."""
        return int(self.offsets[-1])
