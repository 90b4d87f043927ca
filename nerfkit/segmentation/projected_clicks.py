"""Proj. + click segmenter: points of the source mask become clicks in each view.

A baseline of SPIn-NeRF's table, whose click segmenter is EdgeFlow; here it is a backend of `source_mask`.
Points are spread over the inside of the source mask and, for the negative ones, over a ring around it. Those
that a view sees are clicks there, and the segmenter does the rest in that photo.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from tqdm import tqdm

from nerfkit.masks import distance_to
from nerfkit.photos import Photo
from nerfkit.prompts import Clicks
from nerfkit.scene import View
from nerfkit.segmentation.carried import Carrier
from nerfkit.segmentation.source_mask import Segmenter, SourceMaskSettings, clear_surface, make_segmenter

DEEP = 0.4  # of the largest distance from the mask's edge: pixels from there on are inside for sure
RING = 0.03, 0.12  # of the width: nearest and farthest negative point from the object


@dataclass(frozen=True)
class ProjectedClicksSettings:
    """Which points travel, and what makes a mask of them."""

    positive: int = 8  # points inside the source mask, of each clicked view
    negative: int = 4  # points around it
    segmenter: str = "grabcut"  # grabcut | sam, as source_mask.backend
    sam_model: str = "vit_h"


class ProjectedClicks:
    """The `Propagator` of the backend `projected_clicks`."""

    def __init__(self, carrier: Carrier, settings: ProjectedClicksSettings) -> None:
        """Carry points by that carrier.

        Raises:
            UserError: the segmenter's weights are missing.
        """
        self.carrier, self.settings = carrier, settings
        own = SourceMaskSettings(backend=settings.segmenter, sam_model=settings.sam_model)
        self.segmenter: Segmenter = make_segmenter(own)
        self.name = f"projection of points as clicks for {self.segmenter.name}"

    def propagate(
        self, views: list[View], clicked: dict[str, np.ndarray]
    ) -> tuple[dict[str, np.ndarray], list[str]]:
        """See `Propagator`; every view is made from the clicked ones alone, in the order of their names."""
        sources = [view for view in views if view.name in clicked]
        targets = [view for view in views if view.name not in clicked]
        inside = [spread_inside(clicked[view.name], self.settings.positive) for view in sources]
        around = [spread_around(clicked[view.name], self.settings.negative) for view in sources]
        masks = dict(clicked)
        for target in tqdm(targets, desc="propagation", unit="view"):
            wanted, unwanted = (self.carried(points, sources, target) for points in (inside, around))
            masks[target.name] = self.segment(target, wanted, unwanted)
        return masks, [view.name for view in targets]

    def carried(self, points: list[np.ndarray], sources: list[View], target: View) -> np.ndarray:
        """Where points (N, 2) of every source lie in a view, (M, 2)."""
        pairs = zip(points, sources, strict=True)
        return np.concatenate([self.carrier.carry(xy, view, target) for xy, view in pairs])

    def segment(self, view: View, wanted: np.ndarray, unwanted: np.ndarray) -> np.ndarray:
        """The mask (H, W) of a view from its clicks; empty where it sees no point of the object."""
        shape = view.camera.height, view.camera.width
        if not len(wanted):
            return np.zeros(shape, bool)
        surface = clear_surface(view, self.carrier.depths[view.name])
        return self.segmenter.segment(view.image(), clicks_of(view, wanted, unwanted), surface)


def clicks_of(view: View, wanted: np.ndarray, unwanted: np.ndarray) -> Clicks:
    """Points on the object (N, 2) and beside it (M, 2) as clicks on a view's photo."""
    size = view.camera.width, view.camera.height
    file = str(view.path)
    photo = Photo(view.name, view.split, view.path.name, size, 1, file, size, file, size)
    labels = np.arange(len(wanted) + len(unwanted)) < len(wanted)
    return Clicks(photo, np.concatenate([wanted, unwanted]).astype(float), labels, None)


def spread_inside(mask: np.ndarray, count: int) -> np.ndarray:
    """Up to `count` pixel coordinates (N, 2) well inside a mask (H, W), the first where it is deepest."""
    depth = cv2.distanceTransform(np.pad(mask, 1).astype(np.uint8), cv2.DIST_L2, 5)[1:-1, 1:-1]
    return spread(depth >= max(DEEP * depth.max(), 1), count, np.unravel_index(depth.argmax(), depth.shape))


def spread_around(mask: np.ndarray, count: int) -> np.ndarray:
    """Up to `count` pixel coordinates (N, 2) in a ring around a mask (H, W), the first at its near side."""
    distance = distance_to(mask)
    near, far = (share * mask.shape[1] for share in RING)
    ring = mask.any() & (distance >= near) & (distance <= far)
    return spread(ring, count, np.unravel_index(np.where(ring, distance, np.inf).argmin(), mask.shape))


def spread(allowed: np.ndarray, count: int, first: tuple[int, int]) -> np.ndarray:
    """Farthest points: pixels of `allowed` (H, W), each as far as can be from those before it.

    Returns:
        pixel coordinates (N, 2), N = `count` or as many as there are.
    """
    rows, columns = np.nonzero(allowed)
    candidates = np.stack([columns, rows], axis=1) + 0.5
    count = min(count, len(candidates))
    chosen = np.zeros((count, 2))
    distance = np.full(len(candidates), np.inf)
    for k in range(count):
        chosen[k] = np.add(first[::-1], 0.5) if k == 0 else candidates[distance.argmax()]
        distance = np.minimum(distance, np.linalg.norm(candidates - chosen[k], axis=1))
    return chosen
