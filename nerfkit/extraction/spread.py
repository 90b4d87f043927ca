"""Few pixel labels spread over the photographed surface, without any network. No part of LaTeRF's paper.

An objectness that learns from places alone says nothing of places where no label fell: what stands on the
object stays in it. Here every node of the surface graph gets a probability of being object from four things:

- which kind of label is nearer along the surface, over paths that avoid steps of colour and concave creases;
  and nothing is object that lies much farther from drawn labels of the object than these from one another;
- which kind of label has its colour (kernel densities), and a colour that no label has speaks for neither;
- whether it lies in the plane that the object stands on (support_plane.py);
- what its neighbours are (a random walker with priors, Grady 2005).

That is done in division.py; what each label means, in label_nodes.py. Labels that are known to lie along the
outlines of the object speak against what they would hardly leave out (shortest_outline.py).
"""

from dataclasses import dataclass, replace

import cv2
import numpy as np

from nerfkit.errors import UserError
from nerfkit.extraction.division import SURE, Divider, cross_examined, divided
from nerfkit.extraction.label_nodes import Pixels, Sight, node_labels
from nerfkit.extraction.labels import LabelSet
from nerfkit.extraction.outlines import outlined
from nerfkit.extraction.shortest_outline import against
from nerfkit.extraction.surface_graph import surface_graph
from nerfkit.extraction.surface_parts import SurfaceParts
from nerfkit.extraction.visibility import Photographed
from nerfkit.fields.object_box import Box
from nerfkit.projection import lift
from nerfkit.rays import pixel_starts
from nerfkit.segmentation.appearance import lab_image

RESOLUTION, VOXEL_PIXELS = 96, 1.5  # voxels a side at most; pixels that a voxel is wide at least
MARGIN = 0.5  # of the cube around the labels of the object, which may all lie in its middle
MARGIN_OF_OUTLINES = 0.3  # around labels of both kinds at outlines, of which there are twice as many
NEARBY = 5  # pixels, of the window around a label at an outline whose nearest surface counts
LEAST_SIDE = 1.0  # of the cube around clicks, of the camera's distance; around n drawn labels, an n-th


@dataclass(frozen=True)
class Spread:
    """Of each view, (H, W): the probability of being object, and whether it is `known`, which it is not at
    jumps of the depth. Beside the cube it is 0. `masks` are drawn from both, along the photos' edges."""

    probability: list[np.ndarray]
    known: list[np.ndarray]
    masks: list[np.ndarray]

    def labels(self, given: LabelSet) -> LabelSet:
        """All pixels that are sure enough, and the given ones as they were given."""
        probability, known, inside = (
            np.concatenate([each.ravel() for each in views])
            for views in (self.probability, self.known, self.masks)
        )
        positive, negative = known & inside & (probability > SURE), known & ~inside & (probability < 1 - SURE)
        kinds = np.where(positive, 1, np.where(negative, -1, 0))
        kinds[given.positive.numpy()], kinds[given.negative.numpy()] = 1, -1
        return LabelSet.where(kinds > 0, kinds < 0)


def spread_labels(
    photographed: list[Photographed], labels: LabelSet, drawn: bool = True, at_outlines: bool = False
) -> Spread:
    """Spread labels over what the views show; their masks are not looked at.

    Args:
        photographed: all views of the labels' bank, in its order.
        drawn: whether the labels were drawn all over the object, and so tell how far it reaches. Clicks do
            not: they may lie close together, or on one side.
        at_outlines: whether all labels lie at outlines of the object, and so tell of both sides.
    Raises:
        UserError: no label of the object lies on a known surface.
    """
    positive, negative = (
        by_view(index.numpy(), photographed) for index in (labels.positive, labels.negative)
    )
    if at_outlines:
        box = cube_at_outlines(photographed, positive, negative)
    else:
        box = cube_around(photographed, positive, drawn)
    graph = surface_graph(photographed, box, resolution(box, photographed))
    outside = [beside(each, box) for each in photographed]
    sights = {
        view: Sight(graph.pixels[view], lab_image(photographed[view].view.image()), outside[view])
        for view in {*positive[0], *negative[0]}
    }
    told = node_labels((positive, negative), sights, graph, at_outlines)
    if not len(told.placed()[0]):
        raise UserError("No label of the object lies on a surface that the scene field knows: label others.")
    divider = Divider.on(graph, drawn)
    if drawn:  # clicks lie well inside of things
        told = cross_examined(divider, told)
    unlikely = against(divider, told, SurfaceParts.of(graph, outside)) if at_outlines else 0.0
    of_nodes = np.append(divided(divider, told, unlikely), 0.0)  # the last is that of the node -1
    probability = [of_nodes[nodes].astype(np.float32) for nodes in graph.pixels]
    known = [(nodes >= 0) | out for nodes, out in zip(graph.pixels, outside, strict=True)]
    masks = [outlined(each.view, *seen) for each, *seen in zip(photographed, probability, known, strict=True)]
    return Spread(probability, known, masks)


def by_view(index: np.ndarray, photographed: list[Photographed]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The view, row and column (each (L,)) of pixels by their index in the bank."""
    starts = pixel_starts([each.view for each in photographed])
    view = np.searchsorted(starts, index, side="right") - 1
    width = np.array([each.depth.shape[1] for each in photographed])[view]
    return view, *np.divmod(index - starts[view], width)


def cube_at_outlines(photographed: list[Photographed], positive: Pixels, negative: Pixels) -> Box:
    """A cube around what labels at outlines show: the nearest surface there is the object's or before it."""
    nearest = []
    for each in photographed:
        depth = np.where(each.depth > 0, each.depth, np.inf).astype(np.float32)
        depth = cv2.erode(depth, np.ones((NEARBY, NEARBY), np.uint8), borderType=cv2.BORDER_REPLICATE)
        nearest.append(replace(each, depth=np.where(np.isfinite(depth), depth, 0)))
    both = tuple(np.concatenate(kinds) for kinds in zip(positive, negative, strict=True))
    return cube_around(nearest, both, drawn=True, margin=MARGIN_OF_OUTLINES)


def cube_around(photographed: list[Photographed], pixels: Pixels, drawn: bool, margin: float = MARGIN) -> Box:
    """A cube around the surface points that pixels (view, row, column) show; `drawn` as in spread_labels."""
    points, centres = [], []
    for view in np.unique(pixels[0]):
        each = photographed[view]
        row, column = (place[pixels[0] == view] for place in pixels[1:])
        shown = each.depth[row, column] > 0
        points.append(lift(each.view, each.depth)[row, column][shown])
        centres.append(np.broadcast_to(each.view.world_from_cam[:3, 3], points[-1].shape))
    if not sum(map(len, points)):
        raise UserError("No label of the object lies on a surface that the scene field knows: label others.")
    points, centres = np.concatenate(points), np.concatenate(centres)
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
