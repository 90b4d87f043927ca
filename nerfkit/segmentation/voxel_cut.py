"""A stand-in for NVOS: a classifier of voxels taught by one view, made smooth by a graph cut in space.

NVOS (Ren et al. 2022) learns from scribbles in one view which of the field's voxels are object, by their
place, colour and features, cuts the grid of voxels accordingly, and renders the object's voxels to masks.
Its networks are not public; here a small perceptron learns from the voxels that the source view sees, the cut
has the six neighbours of each voxel, and the scribbles are the source mask and the rest, apart from its edge.
"""

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits
from tqdm import tqdm

from nerfkit.nearest import nearest
from nerfkit.projection import lift
from nerfkit.rendering import Field
from nerfkit.scene import View
from nerfkit.segmentation.cut import CERTAIN, smoothest_division
from nerfkit.segmentation.votes import Hull, Source
from nerfkit.segmentation.voxels import VoxelGrid, field_features, look, render_labels

REACH = 1.5  # half side of the cube, in radii of the ball around what the clicked views see of the object
OCCUPIED = 0.3  # share of a ray that a voxel stops from which it is something
COLOUR_STEP = 0.1  # difference of two voxels' colours across which the cut is cheap
AIR = 0.01  # what a cut between something and nothing costs, relative to one inside
HIDDEN, STEPS, RATE, DECAY = 32, 300, 0.01, 1e-3  # of the perceptron and its training
SUREST = 5.0  # logit: the perceptron has seen little


@dataclass(frozen=True)
class VoxelCutSettings:
    """The grid and its cut."""

    resolution: int = 96  # voxels along each side of the cube
    margin: float = 0.01  # of the width: pixels nearer to the source mask's edge teach nothing
    smoothness: float = 1.0  # of a cut between two voxels of one colour


class VoxelCut:
    """The `Propagator` of the backend `voxel_cut`."""

    name = "voxels: perceptron and graph cut (embedded)"

    def __init__(self, model: Field, depths: dict[str, np.ndarray], settings: VoxelCutSettings) -> None:
        """Divide the voxels of a scene field; `depths` (H, W) are those of its views, by name."""
        self.model, self.depths, self.settings = model, depths, settings

    def propagate(
        self, views: list[View], clicked: dict[str, np.ndarray]
    ) -> tuple[dict[str, np.ndarray], list[str]]:
        """See `Propagator`; all views are rendered from one division of space, in order of name."""
        sources = [self.source(view, clicked[view.name]) for view in views if view.name in clicked]
        hull = Hull.of(sources)
        grid = VoxelGrid.around(hull.centre, REACH * hull.radius, self.settings.resolution)
        thing, rest = scribbles(grid, sources, self.settings.margin)
        labels = divide(self.model, grid, thing, rest, self.settings.smoothness)
        targets = [view for view in views if view.name not in clicked]
        rendered = {
            view.name: render_labels(self.model, view, grid, labels) > 0.5
            for view in tqdm(targets, desc="propagation", unit="view")
        }
        return {**clicked, **rendered}, [view.name for view in targets]

    def source(self, view: View, mask: np.ndarray) -> Source:
        """A clicked view with its depth and its mask."""
        depth = self.depths[view.name]
        return Source(view, depth, mask.astype(np.float32), np.ones_like(depth))


def scribbles(grid: VoxelGrid, sources: list[Source], margin: float) -> tuple[np.ndarray, np.ndarray]:
    """Which voxels (N,) the sources show as object, and which as something else; none is both."""
    seen = np.zeros((2, grid.resolution**3), bool)
    for source in sources:
        mask = source.probability > 0.5
        size = 2 * max(1, round(margin * mask.shape[1])) + 1
        brush = np.ones((size, size), np.uint8)
        inside = cv2.erode(mask.astype(np.uint8), brush, borderType=cv2.BORDER_REPLICATE) > 0
        outside = cv2.dilate(mask.astype(np.uint8), brush) == 0
        voxels = grid.index(lift(source.view, source.depth))
        for row, pixels in zip(seen, (inside, outside), strict=True):
            row[voxels[pixels & (voxels >= 0)]] = True
    return seen[0] & ~seen[1], seen[1] & ~seen[0]


def divide(
    model: Field, grid: VoxelGrid, thing: np.ndarray, rest: np.ndarray, smoothness: float
) -> np.ndarray:
    """Which voxels (N,) are object, given some that are and some that are not; air is what is nearest to it,
    for a surface is a little thicker than its voxels."""
    opacity, colour = look(model, grid)
    occupied = np.flatnonzero((opacity > OCCUPIED) | thing | rest)
    middles = grid.centres()[occupied]
    place = (middles - grid.corner) / (grid.side * grid.resolution)
    features = np.concatenate([place, colour[occupied], field_features(model, middles)], axis=1)
    logit = classify(features, thing[occupied], rest[occupied])
    cost = np.zeros(len(opacity), np.float32)
    cost[occupied] = -opacity[occupied] * logit.clip(-SUREST, SUREST)
    cost[thing], cost[rest] = -CERTAIN, CERTAIN
    something = np.zeros(len(opacity), bool)
    something[occupied] = True
    shape = (grid.resolution,) * 3
    edges = voxel_edges(colour.reshape(*shape, 3), something.reshape(shape))
    division = smoothest_division(cost.reshape(shape), edges, smoothness) > 0.5
    return nearest(division, something.reshape(shape)).ravel()


def classify(features: np.ndarray, thing: np.ndarray, rest: np.ndarray) -> np.ndarray:
    """The logit (N,) of being object, of features (N, C), by a perceptron taught by the known ones.

    Without an example of the one or the other all are like the examples there are.
    """
    if not thing.any() or not rest.any():
        return np.full(len(features), SUREST if thing.any() else -SUREST, np.float32)
    known = thing | rest
    scaled = (features - features[known].mean(axis=0)) / (features[known].std(axis=0) + 1e-6)
    values = torch.from_numpy(scaled.astype(np.float32))
    taught, labels = values[torch.from_numpy(known)], torch.from_numpy(thing[known]).float()
    weights = torch.where(labels > 0, 0.5 / thing.sum(), 0.5 / rest.sum()).float()
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(values.shape[1], HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, 1))
    optimiser = torch.optim.Adam(model.parameters(), lr=RATE, weight_decay=DECAY)
    for _ in range(STEPS):
        optimiser.zero_grad()
        binary_cross_entropy_with_logits(model(taught)[:, 0], labels, weights, reduction="sum").backward()
        optimiser.step()
    with torch.no_grad():
        return model(values)[:, 0].numpy()


def voxel_edges(colour: np.ndarray, something: np.ndarray) -> tuple[np.ndarray, ...]:
    """g between each voxel and the next along x, y and z, as `smoothest_division` wants them.

    Args:
        colour: (D, H, W, 3) in [0, 1]; something: bool (D, H, W), the voxels that are not air.
    """
    edges = []
    for axis in (2, 1, 0):
        step = np.square(np.diff(colour, axis=axis)).sum(axis=3)
        last = something.shape[axis] - 1
        both = np.delete(something, last, axis) & np.delete(something, 0, axis)
        inner = np.where(both, np.exp(-step / (2 * COLOUR_STEP**2)), AIR).astype(np.float32)
        edges.append(np.pad(inner, [(0, int(k == axis)) for k in range(3)]))
    return tuple(edges)
