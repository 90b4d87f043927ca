"""Labels carried from view to view by depth.

A pixel of the target view is lifted with the target's own depth, projected into a source view and, where the
source sees that very surface, takes the source's label. Looking up in this direction leaves no holes, as
splatting the source's pixels would. Points are in world axes, scene units; depths are z-depths, 0 = unknown.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from nerfkit.projection import lift, project, sample
from nerfkit.scene import View

HULL_SHARE = 0.95  # of the object's seen points that lie within the radius; stray depths do not count
HULL_MARGIN = 1.3  # by which the ball is larger: its back is not seen


@dataclass(frozen=True)
class Source:
    """A labelled view. All images are (H, W) float32: z-depth, probability of being object, and the weight
    that this label deserves in a vote."""

    view: View
    depth: np.ndarray
    probability: np.ndarray
    weight: np.ndarray


def look_up(points: np.ndarray, source: Source, tolerance: float) -> tuple[np.ndarray, np.ndarray]:
    """The source's labels of world points (H, W, 3), and their weight.

    The weight is 0 where the source does not see the point: out of its frame, or further than `tolerance`
    (relative to depth) from the surface that it sees there.
    """
    xy, z, inside = project(points, source.view)
    surface = sample(source.depth, xy, cv2.INTER_NEAREST)
    seen = inside & (surface > 0) & (np.abs(z - surface) < tolerance * surface)
    return sample(source.probability, xy), np.where(seen, sample(source.weight, xy), 0)


def vote(points: np.ndarray, sources: list[Source], tolerance: float) -> tuple[np.ndarray, np.ndarray]:
    """What the sources say about world points (H, W, 3).

    Returns:
        probability (H, W) float32, the weighted mean over the sources that see the point, and the sum of
        their weights (H, W); 0 where none does.
    """
    total, weights = np.zeros(points.shape[:2], np.float32), np.zeros(points.shape[:2], np.float32)
    for source in sources:
        probability, weight = look_up(points, source, tolerance)
        total += weight * probability
        weights += weight
    return total / np.maximum(weights, 1e-9), weights


@dataclass(frozen=True)
class Hull:
    """Where the object can be at all, from the views whose masks are given.

    A point may be object if it lies in the ball around what those views see of the object, and in none of
    them projects beside its mask. What is hidden from them, as the object's back is, can only be there.
    """

    sources: list[Source]
    centre: np.ndarray  # (3,)
    radius: float

    @classmethod
    def of(cls, sources: list[Source]) -> "Hull":
        """The hull of views with given masks; at least one of them is not empty."""
        seen = [lift(s.view, s.depth)[(s.probability > 0.5) & (s.depth > 0)] for s in sources]
        points = np.concatenate(seen)
        centre = np.median(points, axis=0)
        radius = np.quantile(np.linalg.norm(points - centre, axis=1), HULL_SHARE)
        return cls(sources, centre, HULL_MARGIN * float(radius))

    def may_hold(self, points: np.ndarray) -> np.ndarray:
        """Bool (H, W) for world points (H, W, 3)."""
        possible = np.linalg.norm(points - self.centre, axis=2) < self.radius
        for source in self.sources:
            xy, _, inside = project(points, source.view)
            possible &= ~inside | (sample(source.probability, xy) > 0.25)
        return possible
