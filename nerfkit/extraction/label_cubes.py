"""The cubes in which labels are spread: around what labelled pixels show."""

from dataclasses import replace

import cv2
import numpy as np

from nerfkit.errors import UserError
from nerfkit.extraction.label_nodes import Pixels
from nerfkit.extraction.visibility import Photographed
from nerfkit.fields.object_box import Box
from nerfkit.projection import lift

RESOLUTION, VOXEL_PIXELS = 96, 1.5  # voxels a side at most; pixels that a voxel is wide at least
MARGIN = 0.5  # of the cube around the labels of the object, which may all lie in its middle
MARGINS_AT_OUTLINES = (0.2, 0.3, 0.4, 0.5)  # around labels of both kinds at outlines, one cube each
NEARBY = 5  # pixels, of the window around a label at an outline whose nearest surface counts
LEAST_SIDE = 1.0  # of the cube around clicks, of the camera's distance; around n drawn labels, an n-th


def cubes_at_outlines(photographed: list[Photographed], positive: Pixels, negative: Pixels) -> list[Box]:
    """Cubes around what labels at outlines show: the nearest surface there is the object's or before it."""
    nearest = []
    for each in photographed:
        depth = np.where(each.depth > 0, each.depth, np.inf).astype(np.float32)
        depth = cv2.erode(depth, np.ones((NEARBY, NEARBY), np.uint8), borderType=cv2.BORDER_REPLICATE)
        nearest.append(replace(each, depth=np.where(np.isfinite(depth), depth, 0)))
    both = tuple(np.concatenate(kinds) for kinds in zip(positive, negative, strict=True))
    surface = surface_at(nearest, both)
    return [cube(*surface, drawn=True, margin=margin) for margin in MARGINS_AT_OUTLINES]


def cube_around(photographed: list[Photographed], pixels: Pixels, drawn: bool) -> Box:
    """A cube around the surface points that pixels (view, row, column) show; `drawn` as in spread_labels."""
    return cube(*surface_at(photographed, pixels), drawn, MARGIN)


def surface_at(photographed: list[Photographed], pixels: Pixels) -> tuple[np.ndarray, np.ndarray]:
    """The surface points (P, 3) that pixels (view, row, column) show, and the camera centres (P, 3)."""
    points, centres = [], []
    for view in np.unique(pixels[0]):
        each = photographed[view]
        row, column = (place[pixels[0] == view] for place in pixels[1:])
        shown = each.depth[row, column] > 0
        points.append(lift(each.view, each.depth)[row, column][shown])
        centres.append(np.broadcast_to(each.view.world_from_cam[:3, 3], points[-1].shape))
    if not sum(map(len, points)):
        raise UserError("No label of the object lies on a surface that the scene field knows: label others.")
    return np.concatenate(points), np.concatenate(centres)


def cube(points: np.ndarray, centres: np.ndarray, drawn: bool, margin: float) -> Box:
    """The cube around what surface_at found; `drawn` as in spread_labels."""
    box = Box.around(points, centres, margin, outliers=2.0)
    away = float(np.median(np.linalg.norm(points - centres, axis=1)))
    least = LEAST_SIDE * away / (len(points) if drawn else 1)
    wider = max(least - box.side, 0) / 2
    x, y, z = box.low
    return Box((x - wider, y - wider, z - wider), box.side + 2 * wider)


def resolution(box: Box, photographed: list[Photographed]) -> int:
    """Voxels a side of the cube: no finer than the photos show its middle."""
    away = [np.linalg.norm(each.view.world_from_cam[:3, 3] - box.centre) for each in photographed]
    footprint = np.median([d / each.view.camera.fx for d, each in zip(away, photographed, strict=True)])
    return int(min(RESOLUTION, box.side / (VOXEL_PIXELS * footprint)))


def beside(each: Photographed, box: Box) -> np.ndarray:
    """Pixels (H, W) whose surface lies outside of the cube."""
    cells = (lift(each.view, each.depth) - np.array(box.low, np.float32)) / box.side
    return (each.depth > 0) & ((cells < 0) | (cells >= 1)).any(axis=2)
