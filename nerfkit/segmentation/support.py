"""The plane that an object stands on, found among the surfaces around it.

Where a thing meets the table neither colour nor depth has an edge, but the height above the table has one.
"""

from dataclasses import dataclass

import numpy as np

from nerfkit.segmentation.evidence import ball

REACH = 3.0  # in radii of the clicks: how far from them the surface around the object is looked at
TOLERANCE = 0.01  # two heights differ if by more than this share of the distance to the camera
SHARE = 0.3  # of the surface around that a plane must hold; less is no table but a facet
FEWEST = 50  # points from which a plane is looked for
TRIALS, SAMPLE = 300, 3000  # of random triples, and of points that they are tried on


@dataclass(frozen=True)
class Plane:
    """Points x with normal . (x - point) = 0; the object is on the side that the normal (3,) shows to."""

    normal: np.ndarray
    point: np.ndarray

    def heights(self, points: np.ndarray) -> np.ndarray:
        """Signed distances (...) of points (..., 3), in their unit."""
        return (points - self.point) @ self.normal


@dataclass(frozen=True)
class Support:
    """A plane that carries an object, as one view sees it.

    `tolerance` is in the unit of the points; `heights` (H, W) are those of the view's surfaces over the
    plane, in tolerances; `near` bool (H, W) says which of them lie around the object, not on it.
    """

    plane: Plane
    tolerance: float
    heights: np.ndarray
    near: np.ndarray

    @property
    def against(self) -> np.ndarray:
        """How surely each pixel's surface is on or below the plane, (H, W) in [0, 2]."""
        return np.clip(1 - self.heights, 0, 2)

    @property
    def sure(self) -> np.ndarray:
        """Bool (H, W): pixels that show the plane beside the object."""
        return self.near & (np.abs(self.heights) < 1)


def support_plane(around: np.ndarray, clicked: np.ndarray, tolerance: float) -> Plane | None:
    """The plane that holds most of the surface around an object and has the object above it.

    Random sample consensus (Fischler and Bolles 1981), then least squares; deterministic.

    Args:
        around: points (N, 3) of what surrounds the object.
        clicked: points (M, 3) on the object; none is below the plane and half of them are well above it.
        tolerance: distance up to which a point counts as on the plane, in the unit of the points.
    Returns:
        the plane, or None where no plane holds SHARE of the points.
    """
    if len(around) < FEWEST:
        return None
    rng = np.random.default_rng(0)
    tried = around[rng.choice(len(around), min(SAMPLE, len(around)), replace=False)]
    most, best = SHARE * len(tried), None
    for _ in range(TRIALS):
        plane = plane_of(tried[rng.choice(len(tried), 3, replace=False)], clicked)
        heights = plane.heights(clicked)
        if heights.min() < -tolerance or np.median(heights) < 2 * tolerance:
            continue
        held = (np.abs(plane.heights(tried)) < tolerance).sum()
        if held > most:
            most, best = held, plane
    if best is None:
        return None
    return plane_of(around[np.abs(best.heights(around)) < tolerance], clicked)


def plane_of(points: np.ndarray, clicked: np.ndarray) -> Plane:
    """The least-squares plane of points (N, 3), with most of `clicked` (M, 3) above it."""
    middle = points.mean(axis=0)
    normal = np.linalg.svd(points - middle, full_matrices=False)[2][2]
    above = np.median((clicked - middle) @ normal) >= 0
    return Plane(normal if above else -normal, middle)


def find_support(points: np.ndarray, thing: np.ndarray, candidates: np.ndarray) -> Support | None:
    """What carries the object, or None where no plane does.

    Args:
        points: (H, W, 3), the surface behind every pixel in camera axes.
        thing: points (N, 3) on the object.
        candidates: bool (H, W), pixels that may show the plane; those near the object are looked at.
    """
    centre, radius = ball(thing)
    near = np.linalg.norm(points - centre, axis=2) < REACH * radius
    tolerance = TOLERANCE * float(centre[2])
    plane = support_plane(points[near & candidates], thing, tolerance)
    if plane is None:
        return None
    return Support(plane, tolerance, plane.heights(points) / tolerance, near & candidates)
