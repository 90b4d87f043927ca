"""Planes in which straight edges lie: two edges that meet tell where the bare wall between them stands."""

from dataclasses import dataclass

import cv2
import numpy as np

from nerfkit.sfm.model import PosedPhoto

LONG = 0.07  # of a photo's long side; shorter edges say little about a direction
VIEWS = 3  # that must know a line
GAP = 0.02  # of the distance from the cameras, between a line and what lies on it
MEET = np.radians(30)  # between the directions of two lines that tell a plane
NEW = 0.5  # of a plane's lines, by pixels, that no better plane has
POINTS = 30  # keypoints in a plane that know better than its lines
ROUNDS = 20  # of reweighting
MARGIN = 1.05  # of the outline of a plane's lines, by which it reaches


@dataclass(frozen=True)
class WorldEdges:
    """K edges of photos in space: ends (K, 2, 3), the numbers of their views (K,) and their pixels (K,)."""

    ends: np.ndarray
    owner: np.ndarray
    pixels: np.ndarray

    def __getitem__(self, chosen: np.ndarray) -> "WorldEdges":
        return WorldEdges(self.ends[chosen], self.owner[chosen], self.pixels[chosen])


@dataclass(frozen=True)
class Line:
    """Edges of several photos that are one: ends (2, 3), how far from the cameras, pixels in all photos."""

    ends: np.ndarray
    distance: float
    pixels: float

    @property
    def direction(self) -> np.ndarray:
        """Of length 1, (3,)."""
        along = self.ends[1] - self.ends[0]
        return along / np.linalg.norm(along)


@dataclass(frozen=True)
class Plane:
    """The points x with normal @ x = offset, known inside the outline of the lines in it.

    Attributes:
        normal: (3,) of length 1.
        axes: (2, 3) directions in the plane, for coordinates in it.
        outline: (N, 2) corners of the convex hull of the lines, in these coordinates.
    """

    normal: np.ndarray
    offset: float
    axes: np.ndarray
    outline: np.ndarray

    def depth(self, view: PosedPhoto, rays: np.ndarray) -> np.ndarray:
        """z-depth (N,) at which a view's rays (N, 3), camera axes at z = 1, meet it; behind, NaN."""
        toward = (view.in_world(rays) - view.centre) @ self.normal
        with np.errstate(divide="ignore"):
            depth = (self.offset - view.centre @ self.normal) / toward
        return np.where(depth > 0, depth, np.nan)

    def distance(self, points: np.ndarray) -> np.ndarray:
        """How far points (N, 3) are from it, (N,)."""
        return np.abs(points @ self.normal - self.offset)

    def encloses(self, points: np.ndarray) -> np.ndarray:
        """Whether points in it (N, 3) are inside the outline, (N,) bool."""
        uv = points @ self.axes.T
        ahead = np.roll(self.outline, -1, axis=0) - self.outline
        beside = uv[:, None] - self.outline
        turn = ahead[:, 0] * beside[..., 1] - ahead[:, 1] * beside[..., 0]
        return (turn >= 0).all(axis=1) | (turn <= 0).all(axis=1)


def find_planes(edges: WorldEdges, views: list[PosedPhoto], points: np.ndarray) -> list[Plane]:
    """Planes that long edges tell, that of the most pixels first; of planes with the same lines the best.

    Args:
        points: keypoints (M, 3). Those on a plane, if they are many, say more exactly where it is.
    """
    lines = merged(edges, views)
    found, taken = [], set()
    for pixels, inside in sorted(candidates(lines), key=lambda one: -one[0]):
        new = [k for k in inside if k not in taken]
        if len(new) >= 2 and sum(lines[k].pixels for k in new) > NEW * pixels:
            found.append(through([lines[k] for k in inside], points))
            taken.update(inside)
    return found


def merged(edges: WorldEdges, views: list[PosedPhoto]) -> list[Line]:
    """Long edges of several photos that lie on one line, as lines; the longest edges lead."""
    long_side = np.array([max(view.camera.width, view.camera.height) for view in views])
    edges = edges[edges.pixels > LONG * long_side[edges.owner]]
    middle = edges.ends.mean(axis=1)
    distance = np.linalg.norm(middle - np.array([view.centre for view in views])[edges.owner], axis=1)
    lines, left = [], np.ones(len(middle), bool)
    for leader in np.argsort(-edges.pixels, kind="stable"):
        if not left[leader]:
            continue
        way = edges.ends[leader, 1] - edges.ends[leader, 0]
        apart = np.linalg.norm(np.cross(edges.ends - middle[leader], way / np.linalg.norm(way)), axis=2)
        same = left & (apart.max(axis=1) < GAP * distance[leader])
        left &= ~same
        if len(np.unique(edges.owner[same])) >= VIEWS:
            ends = fitted(edges.ends[same].reshape(-1, 3))
            lines.append(Line(ends, float(np.median(distance[same])), float(edges.pixels[same].sum())))
    return lines


def fitted(points: np.ndarray) -> np.ndarray:
    """Ends (2, 3) of the line through points (N, 3)."""
    middle = points.mean(axis=0)
    way = np.linalg.svd(points - middle)[2][0]
    along = (points - middle) @ way
    return middle + np.outer([along.min(), along.max()], way)


def candidates(lines: list[Line]) -> list[tuple[float, list[int]]]:
    """For each two lines that meet, or would if they went on: the pixels and numbers of the lines in their
    plane."""
    found = []
    for number, first in enumerate(lines):
        for second in lines[:number]:
            across = np.cross(first.direction, second.direction)
            if np.linalg.norm(across) < np.sin(MEET):
                continue
            normal = across / np.linalg.norm(across)
            offset = normal @ (first.ends[0] + second.ends[0]) / 2
            inside = [
                k
                for k, line in enumerate(lines)
                if np.abs(line.ends @ normal - offset).max() < GAP * line.distance
            ]
            if len(inside) >= 2:
                found.append((sum(lines[k].pixels for k in inside), inside))
    return found


def through(lines: list[Line], points: np.ndarray) -> Plane:
    """The plane that fits the ends of lines best, or the keypoints (M, 3) in it."""
    ends = np.concatenate([line.ends for line in lines])
    plane = spanned(ends, ends)
    reach = GAP * np.median([line.distance for line in lines])
    on = points[(plane.distance(points) < reach) & plane.encloses(points)]
    if len(on) < POINTS:
        return plane
    finer = spanned(on, ends)
    # Keypoints in one corner alone would tilt it.
    return finer if finer.distance(ends).max() < reach else plane


def spanned(points: np.ndarray, ends: np.ndarray) -> Plane:
    """The plane of the least distances, not squared ones, to points (N, 3); known around ends (M, 3)."""
    weight = np.ones(len(points))
    for _ in range(ROUNDS):
        middle = np.average(points, axis=0, weights=weight)
        spread = (points - middle).T @ ((points - middle) * weight[:, None])
        normal, *axes = np.linalg.eigh(spread)[1].T  # the least spread comes first
        distance = np.abs((points - middle) @ normal)
        weight = 1 / np.maximum(distance, 1e-3 * max(distance.max(), 1e-9))
    uv = ends @ np.array(axes).T
    uv = uv.mean(axis=0) + MARGIN * (uv - uv.mean(axis=0))
    outline = cv2.convexHull(uv.astype(np.float32))[:, 0].astype(float)
    return Plane(normal, float(normal @ middle), np.array(axes), outline)
