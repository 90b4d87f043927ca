"""Pixels of clicked views carried forward into another view, one by one.

The baselines that work in each picture alone (SPIn-NeRF, section 4.1) need no more than this: a pixel of the
source is lifted with the scene field's depth, projected, and kept where the other view sees that very
surface. What arrives is sparse, and has holes where the other view looks closer or from the side.
"""

from dataclasses import dataclass

import numpy as np

from nerfkit.projection import lift, project
from nerfkit.scene import View


@dataclass(frozen=True)
class Carrier:
    """Carries pixels between views by their z-depths (H, W) by name, scene units.

    Two depths of one surface differ by at most the share `tolerance`.
    """

    depths: dict[str, np.ndarray]
    tolerance: float

    def carry(self, xy: np.ndarray, source: View, target: View) -> np.ndarray:
        """Where pixel coordinates (N, 2) of `source` lie in `target`, (M, 2): those that it sees."""
        columns, rows = np.floor(xy).astype(int).reshape(-1, 2).T
        points = lift(source, self.depths[source.name])[rows, columns]
        place, z, inside = project(points, target)
        surface = np.zeros_like(z)
        columns, rows = np.floor(place[inside]).astype(int).T
        surface[inside] = self.depths[target.name][rows, columns]
        return place[inside & (np.abs(z - surface) < self.tolerance * surface)]

    def carry_mask(self, mask: np.ndarray, source: View, target: View) -> np.ndarray:
        """The pixels (H, W) of `target` that a pixel of `mask` (H, W) in `source` falls on."""
        rows, columns = np.nonzero(mask)
        place = self.carry(np.stack([columns, rows], axis=1) + 0.5, source, target)
        reached = np.zeros((target.camera.height, target.camera.width), bool)
        columns, rows = np.floor(place).astype(int).T
        reached[rows, columns] = True
        return reached
