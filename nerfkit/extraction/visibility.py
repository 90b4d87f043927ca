"""What the photos say about each voxel: seen through, a surface of the object or another, or hidden."""

from dataclasses import dataclass

import cv2
import numpy as np

from nerfkit.errors import UserError
from nerfkit.fields.object_box import Box
from nerfkit.projection import lift, project
from nerfkit.scene import View

AGREEING = 0.05  # of the views that must say something of a voxel; single depths stray far
EROSION = 0.006  # of the width, at the edge of a mask, where the depth may be that of what lies behind


@dataclass(frozen=True)
class Photographed:
    """One view: its mask of the object (H, W) and the scene's z-depth (H, W), scene units."""

    view: View
    mask: np.ndarray
    depth: np.ndarray


@dataclass(frozen=True)
class Surface:
    """Points (N, 3) of the object's photographed surface, and the camera centre (N, 3) that saw each."""

    points: np.ndarray
    seen_from: np.ndarray


def object_surface(photographed: list[Photographed], step: int = 2) -> Surface:
    """The object's pixels at their depth, every `step`-th row and column; a mask's outermost pixels left out.

    Raises:
        UserError: no mask shows anything.
    """
    points, centres = [], []
    for each in photographed:
        width = 2 * max(1, round(EROSION * each.mask.shape[1])) + 1
        inner = cv2.erode(each.mask.astype(np.uint8), np.ones((width, width), np.uint8)) > 0
        grid = np.zeros_like(inner)
        grid[::step, ::step] = True
        points.append(lift(each.view, each.depth)[inner & grid & (each.depth > 0)])
        centres.append(np.broadcast_to(each.view.world_from_cam[:3, 3], points[-1].shape))
    if not sum(map(len, points)):
        raise UserError("No mask shows the object: there is nothing to extract.")
    return Surface(np.concatenate(points), np.concatenate(centres))


@dataclass(frozen=True)
class Known:
    """Of each voxel (n, n, n): how many views saw through it, 0 where more saw a surface there, and whether
    most of these saw the object or another thing; `colours` (n, n, n, 3) in [0, 1] are those of the photos
    that saw the object."""

    through: np.ndarray
    own: np.ndarray
    other: np.ndarray
    colours: np.ndarray

    @property
    def hidden(self) -> np.ndarray:
        """Voxels that no photo says anything about."""
        return (self.through == 0) & ~self.own & ~self.other


def classify(box: Box, resolution: int, photographed: list[Photographed]) -> Known:
    """Look at every voxel's centre from every view."""
    points = box.voxel_centres(resolution).numpy().astype(np.float64)
    tolerance = 1.5 * box.side / resolution
    through = np.zeros(len(points), np.int32)
    votes, colours = np.zeros((2, len(points)), np.int32), np.zeros((len(points), 3), np.float32)
    for each in photographed:
        xy, z, seen = project(points, each.view)
        column, row = np.floor(np.where(seen[:, None], xy, 0)).astype(int).T
        depth = np.where(seen, each.depth[row, column], 0)
        inside = seen & each.mask[row, column]
        through += seen & (z < depth - tolerance)
        near = seen & (np.abs(z - depth) <= tolerance)
        shown = near & inside
        votes[0] += shown
        votes[1] += near & ~inside
        colours[shown] += each.view.image()[row[shown], column[shown]] / np.float32(255)
    enough = max(1, round(AGREEING * len(photographed)))
    through[(through < enough) | (through <= votes.sum(axis=0))] = 0
    surface = (votes.sum(axis=0) >= enough) & (through == 0)
    own = surface & (votes[0] > votes[1])
    other = surface & ~own
    shape = (resolution,) * 3
    colours /= np.maximum(votes[0], 1)[:, None]
    voxels = (each.reshape(shape) for each in (through, own, other))
    return Known(*voxels, colours.reshape(*shape, 3))
