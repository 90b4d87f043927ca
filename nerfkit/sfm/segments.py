"""Straight edges of a photo, and which of them pass where.

Segments are directed: the brighter side is always on the same hand, so that two edges of a dark line are
never taken for each other.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from nerfkit.sfm.model import PosedPhoto

SHORTEST = 0.03  # of the photo's long side
MOST = 150  # of a photo, the longest; every edge is held against every other one of thirty photos
TOLERANCE = 2.0  # pixels of the prepared photo between an edge and what is said to lie on it
DIRECTIONS = 32  # of segments that are told apart


@dataclass(frozen=True)
class Segments:
    """The S segments of one photo.

    Attributes:
        xy: (S, 2, 2) pixels of their ends.
        rays: (S, 2, 3) the ends in camera axes at z = 1.
        normals: (S, 3) of the planes through the camera and each segment. The first two entries have length
            1, so that the product with a ray at z = 1 is its distance from the segment's line.
        passing: (H, W) uint32, bit d set where a segment of direction d passes within the tolerance.
    """

    xy: np.ndarray
    rays: np.ndarray
    normals: np.ndarray
    passing: np.ndarray

    def __len__(self) -> int:
        return len(self.xy)


def find_segments(view: PosedPhoto, image: np.ndarray) -> Segments:
    """The segments of a prepared photo (H, W, 3) uint8."""
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    found = cv2.createLineSegmentDetector().detect(grey)[0]
    # The detector's pixels have their centres at whole numbers.
    xy = np.zeros((0, 2, 2)) if found is None else found.reshape(-1, 2, 2).astype(float) + 0.5
    length = np.linalg.norm(xy[:, 1] - xy[:, 0], axis=1)
    longest = np.argsort(-length, kind="stable")[:MOST]
    xy = xy[longest[length[longest] >= SHORTEST * max(grey.shape)]]
    rays = view.rays(xy.reshape(-1, 2)).reshape(-1, 2, 3)
    return Segments(xy, rays, normals(rays), passing_map(xy, grey.shape))


def normals(rays: np.ndarray) -> np.ndarray:
    """Normals (S, 3), as in `Segments`, of segments with ends (S, 2, 3) at z = 1."""
    across = np.cross(rays[:, 0], rays[:, 1])
    return across / np.maximum(np.linalg.norm(across[:, :2], axis=1, keepdims=True), 1e-12)


def direction_of(along: np.ndarray) -> np.ndarray:
    """Directions (N, 2) in the picture as numbers of bins (N,), around the circle."""
    return np.round(np.arctan2(along[:, 1], along[:, 0]) / (2 * np.pi) * DIRECTIONS).astype(int) % DIRECTIONS


def passing_map(xy: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Where segments (S, 2, 2) of which directions pass, (H, W) uint32; neighbouring directions count too."""
    drawn = np.zeros((DIRECTIONS, *shape), np.uint8)
    bins = direction_of(xy[:, 1] - xy[:, 0])
    for (start, end), direction in zip(np.floor(xy).astype(int), bins, strict=True):
        cv2.line(drawn[direction], start.tolist(), end.tolist(), 1)
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * int(TOLERANCE) + 1,) * 2)
    near = np.stack([cv2.dilate(layer, disc) for layer in drawn]).astype(bool)
    near |= np.roll(near, 1, axis=0) | np.roll(near, -1, axis=0)
    passing = np.zeros(shape, np.uint32)
    for direction, layer in enumerate(near):
        passing |= layer.astype(np.uint32) << np.uint32(direction)
    return passing


def passes(segments: Segments, xy: np.ndarray, along: np.ndarray) -> np.ndarray:
    """Whether segments that point along (P, 2) pass at pixels (P, K, 2) inside the photo, (P, K) bool."""
    column, row = np.floor(xy).astype(int).transpose(2, 0, 1)
    bits = segments.passing[row, column] >> direction_of(along)[:, None].astype(np.uint32)
    return (bits & 1).astype(bool)
