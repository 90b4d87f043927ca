"""What the places of the clicks say about every other pixel, before any colour is compared.

Places are pixels and, where the photo's surfaces are known, points in space: then a step over an edge of
depth is as long as it is in space, and what stands far behind the object is far from it. `points` is
(H, W, 3) in camera axes, any unit, or None.
"""

import cv2
import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import dijkstra

from nerfkit.segmentation.parts import click_pixels

EDGE_COST = 4.0  # crossing from black to white costs as much as this many image lengths
REACH = 0.3  # how far beyond the hull of the clicks an object is still expected, in radii of the clicks
FARTHEST = 3.0  # the loss of evidence beyond that is bounded
ONE_CLICK = 0.2  # radius that one click stands for, relative to the long side; of n clicks, an n-th
INSIDE = 0.5  # evidence of lying between the positive clicks
LONGEST_STEP = 0.3  # in space, from one pixel to the next; depths far away stray
BALL_REACH = 0.5  # the same in space: how far beyond the ball of the clicks, in its radii
LEAST_BALL = 0.2  # radius of the ball at least, relative to its distance: objects are larger than clicks


def pixel_graph(lab: np.ndarray, points: np.ndarray | None = None, distance: float = 1) -> sparse.csr_matrix:
    """Neighbouring pixels (8) joined by the cost of the step: its length plus EDGE_COST times its contrast.

    Lengths are relative to the long side, so a cost means the same at every resolution; in space, relative to
    the object's `distance` from the camera, as long as that is more.
    """
    height, width = lab.shape[:2]
    number = np.arange(height * width).reshape(height, width)
    starts, ends, costs = [], [], []
    for down, right in ((0, 1), (1, 0), (1, 1), (1, -1)):
        here = np.s_[: height - down, max(0, -right) : width - max(0, right)]
        there = np.s_[down:, max(0, right) : width + min(0, right)]
        contrast = np.linalg.norm(lab[here] - lab[there], axis=2) / 100
        length = np.hypot(down, right) / max(height, width)
        if points is not None:
            step = np.linalg.norm(points[here] - points[there], axis=2) / distance
            length = np.maximum(length, np.minimum(step, LONGEST_STEP))
        starts.append(number[here].ravel())
        ends.append(number[there].ravel())
        costs.append((length + EDGE_COST * contrast).ravel())
    entries = np.concatenate(costs), (np.concatenate(starts), np.concatenate(ends))
    return sparse.csr_matrix(entries, (height * width, height * width))


def geodesic_distance(graph: sparse.csr_matrix, points: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Cost (H, W) of the cheapest path from any of `points` (N, 2) to each pixel."""
    rows, columns = click_pixels(points, shape)
    sources = np.unique(rows * shape[1] + columns)
    return dijkstra(graph, directed=False, indices=sources, min_only=True).reshape(shape)


def frame_points(shape: tuple[int, int], spacing: int = 4) -> np.ndarray:
    """Points along the image's frame: what stands for the background where nobody clicked it."""
    height, width = shape
    across, down = np.arange(0, width, spacing), np.arange(0, height, spacing)
    top, left = np.stack([across, 0 * across], axis=1), np.stack([0 * down, down], axis=1)
    bottom, right = np.array([[0, height - 1]]), np.array([[width - 1, 0]])
    return np.concatenate([top, top + bottom, left, left + right])


def hull_distance(points: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Distance (H, W) to the convex hull of `points`, in units of their radius about their mean."""
    rows, columns = click_pixels(points, shape)
    corners = np.stack([columns, rows], axis=1).astype(np.int32)
    hull = np.ones(shape, np.uint8)
    cv2.fillConvexPoly(hull, cv2.convexHull(corners), 0)
    hull[rows, columns] = 0
    radius = np.linalg.norm(corners - corners.mean(axis=0), axis=1).max()
    return cv2.distanceTransform(hull, cv2.DIST_L2, 5) / max(radius, ONE_CLICK / len(corners) * max(shape))


def ball_distance(points: np.ndarray, clicked: np.ndarray) -> np.ndarray:
    """Distance (H, W) of points (H, W, 3) to the ball about `clicked` (N, 3), in units of its radius."""
    centre, radius = ball(clicked)
    return np.linalg.norm(points - centre, axis=2) / radius - 1


def ball(clicked: np.ndarray) -> tuple[np.ndarray, float]:
    """Centre (3,) and radius of the clicked points (N, 3) in camera axes; few clicks stand for a least."""
    centre = np.median(clicked, axis=0)
    reach = np.linalg.norm(clicked - centre, axis=1).max()
    return centre, max(float(reach), LEAST_BALL * float(centre[2]))


def place_evidence(
    lab: np.ndarray, wanted: np.ndarray, unwanted: np.ndarray, points: np.ndarray | None = None
) -> np.ndarray:
    """How much the places of the clicks speak for the object, (H, W), positive for it.

    The sum of three: which kind of click is nearer along paths that avoid edges, in [-1, 1]; a bonus between
    the positive clicks; a malus far from all of them.
    """
    shape = lab.shape[:2]
    clicked = None if points is None else points[click_pixels(wanted, shape)]
    distance = 1.0 if clicked is None else float(np.median(clicked[:, 2]))
    graph = pixel_graph(cv2.GaussianBlur(lab, (0, 0), 1.0), points, distance)
    to_object = geodesic_distance(graph, wanted, shape)
    to_rest = geodesic_distance(graph, unwanted if len(unwanted) else frame_points(shape), shape)
    nearer = (to_rest - to_object) / (to_rest + to_object + 1e-6)
    beyond = hull_distance(wanted, shape)
    far = beyond - REACH if points is None else ball_distance(points, clicked) - BALL_REACH
    return nearer + INSIDE * (beyond == 0) - np.clip(far, 0, FARTHEST)
