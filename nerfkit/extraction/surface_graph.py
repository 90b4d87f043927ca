"""The photographed surface around an object as a graph: a node for each voxel that pixels show.

A node has the mean place, normal and colour of its pixels; nodes of neighbouring voxels are joined by the
cost of the step between them. A step costs its length, its change of colour and the crease that it crosses
where that is concave: things that stand on or before one another meet in concave creases, while the surface
of one thing is mostly smooth or convex (Stein et al. 2014, locally convex connected patches).
"""

from dataclasses import dataclass
from itertools import product

import cv2
import numpy as np
from scipy import sparse

from nerfkit.extraction.visibility import Photographed
from nerfkit.fields.object_box import Box
from nerfkit.projection import lift
from nerfkit.segmentation.appearance import lab_image

FEWEST = 3  # pixels of a node; fewer are stray depths
JUMP = 0.1  # of the depth, between neighbouring pixels: an edge, where depths are a blur of two surfaces
NORMAL_STEP = 2  # pixels, over which normals are measured
SMOOTHINGS = 2  # means over neighbouring nodes, of the normals; half as many of the colours
COLOUR_COST, COLOUR_FREE = 2.0, 0.05  # per step from black to white, in sides of the cube; what noise is
CREASE_COST, CREASE_FREE = 5.0, 0.1  # per unit of concavity; what noise is
HALF = [step for step in product((-1, 0, 1), repeat=3) if step > (0, 0, 0)]  # of the 26 neighbours


@dataclass(frozen=True)
class SurfaceGraph:
    """N nodes and E joined pairs of them.

    Attributes:
        cells: (N, 3) int, voxels of a cube of `resolution`.
        places, normals: (N, 3), in sides of the cube from its lowest corner, and of length 1 or almost.
        colours: (N, 3) CIELAB. counts: (N,) pixels of each node.
        starts, ends: (E,) nodes. lengths, contrasts: (E,) cost of each step: its length in sides of the cube,
            and what colours and creases add.
        pixels: of each view (H, W) int32, the node of a pixel: -1 beside the cube, and where depth jumps
            unless other pixels show a surface at that blur of two.
    """

    resolution: int
    cells: np.ndarray
    places: np.ndarray
    normals: np.ndarray
    colours: np.ndarray
    counts: np.ndarray
    starts: np.ndarray
    ends: np.ndarray
    lengths: np.ndarray
    contrasts: np.ndarray
    pixels: list[np.ndarray]

    def __len__(self) -> int:
        return len(self.cells)

    def matrix(self, values: np.ndarray) -> sparse.csr_matrix:
        """Values of the steps (E,) as a symmetric matrix (N, N)."""
        both = np.r_[self.starts, self.ends], np.r_[self.ends, self.starts]
        return sparse.csr_matrix((np.r_[values, values], both), (len(self), len(self)))

    @property
    def at_the_sides(self) -> np.ndarray:
        """Nodes within two voxels of the cube's sides: what reaches them goes on outside."""
        return np.flatnonzero(((self.cells < 2) | (self.cells >= self.resolution - 2)).any(axis=1))


def steady(depth: np.ndarray) -> np.ndarray:
    """Pixels (H, W) whose depth is known and that no jump of the depth (H, W) touches."""
    around = np.ones((3, 3), np.uint8)
    jump = cv2.dilate(depth, around) - cv2.erode(depth, around) > JUMP * depth
    return cv2.dilate((jump | (depth <= 0)).astype(np.uint8), around) == 0


def pixel_normals(points: np.ndarray, centre: np.ndarray) -> np.ndarray:
    """Unit normals (H, W, 3) of a view's surface points (H, W, 3), towards its camera at `centre` (3,)."""
    k = NORMAL_STEP
    padded = np.pad(points, ((k, k), (k, k), (0, 0)), mode="edge")
    across = padded[k:-k, 2 * k :] - padded[k:-k, : -2 * k]
    down = padded[2 * k :, k:-k] - padded[: -2 * k, k:-k]
    normals = np.cross(down, across)
    normals *= -np.sign((normals * (points - centre)).sum(axis=2, keepdims=True))
    return normals / np.maximum(np.linalg.norm(normals, axis=2, keepdims=True), 1e-9)


def surface_graph(photographed: list[Photographed], box: Box, resolution: int) -> SurfaceGraph:
    """The graph of all that the views show inside a cube; their masks are not looked at."""
    voxels, shown, features = [], [], []
    for each in photographed:
        points = lift(each.view, each.depth)
        cells = np.floor((points - np.array(box.low, np.float32)) / box.side * resolution).astype(np.int32)
        inside = ((cells >= 0) & (cells < resolution)).all(axis=2) & (each.depth > 0)
        voxels.append(np.where(inside, cells @ [resolution**2, resolution, 1], -1))
        clear = inside & steady(each.depth)
        shown.append(voxels[-1][clear])
        normals = pixel_normals(points, each.view.world_from_cam[:3, 3].astype(np.float32))
        features.append(np.concatenate([points, normals, lab_image(each.view.image())], axis=2)[clear])
    kept, counts, number, means = pooled(np.concatenate(shown), np.concatenate(features), resolution)
    pixels = [np.where(voxel >= 0, number[voxel], -1).astype(np.int32) for voxel in voxels]
    starts, ends = neighbours(kept, number, resolution)
    places, normals, colours = means[:, :3], means[:, 3:6], means[:, 6:]
    mean = neighbour_means(starts, ends, len(kept))
    for _ in range(SMOOTHINGS // 2):
        colours = mean @ colours
    for _ in range(SMOOTHINGS):
        normals = mean @ normals
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-9)
    lengths, contrasts = step_costs(places, normals, colours, starts, ends)
    cells = np.stack(np.unravel_index(kept, (resolution,) * 3), axis=1)
    places, lengths = (places - np.array(box.low)) / box.side, lengths / box.side
    return SurfaceGraph(
        resolution, cells, places, normals, colours, counts, starts, ends, lengths, contrasts, pixels
    )


def pooled(
    shown: np.ndarray, features: np.ndarray, resolution: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The voxels (N,) that enough pixels show, their pixels' number (N,), the node (resolution^3,) of every
    voxel, -1 for none, and the mean features (N, C) of each node.

    Args:
        shown, features: (P,) voxels and (P, C) features of pixels.
    """
    counts = np.bincount(shown, minlength=resolution**3)
    kept = np.flatnonzero(counts >= FEWEST)
    number = np.full(resolution**3, -1, np.int32)
    number[kept] = np.arange(len(kept))
    sums = [np.bincount(shown, column, resolution**3)[kept] for column in features.T]
    return kept, counts[kept], number, np.stack(sums, axis=1) / np.maximum(counts[kept], 1)[:, None]


def neighbours(kept: np.ndarray, number: np.ndarray, resolution: int) -> tuple[np.ndarray, np.ndarray]:
    """The pairs of nodes whose voxels touch, be it by a corner: starts (E,) and ends (E,)."""
    cells = np.stack(np.unravel_index(kept, (resolution,) * 3), axis=1)
    starts, ends = [], []
    for step in HALF:
        there = cells + step
        inside = ((there >= 0) & (there < resolution)).all(axis=1)
        node = np.where(inside, number[(there * inside[:, None]) @ [resolution**2, resolution, 1]], -1)
        starts.append(np.flatnonzero(node >= 0))
        ends.append(node[node >= 0])
    return np.concatenate(starts), np.concatenate(ends)


def neighbour_means(starts: np.ndarray, ends: np.ndarray, count: int) -> sparse.csr_matrix:
    """The matrix (N, N) that replaces a node's value by the mean of it and its neighbours."""
    ones = np.ones(2 * len(starts))
    joined = sparse.csr_matrix((ones, (np.r_[starts, ends], np.r_[ends, starts])), (count, count))
    joined = joined + sparse.eye(count)
    return sparse.diags(1 / np.asarray(joined.sum(axis=1)).ravel()) @ joined


def step_costs(
    places: np.ndarray, normals: np.ndarray, colours: np.ndarray, starts: np.ndarray, ends: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Lengths (E,) in the unit of the places, and what the colours' steps and concave creases add (E,)."""
    across = places[ends] - places[starts]
    lengths = np.linalg.norm(across, axis=1)
    across = across / np.maximum(lengths, 1e-9)[:, None]
    concave = -((normals[ends] - normals[starts]) * across).sum(axis=1)
    contrast = np.linalg.norm(colours[ends] - colours[starts], axis=1) / 100
    colour = COLOUR_COST * np.maximum(contrast - COLOUR_FREE, 0)
    return lengths, colour + CREASE_COST * np.maximum(concave - CREASE_FREE, 0)
