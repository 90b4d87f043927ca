"""Proj. + GrabCut: the source mask projected into each view, where GrabCut makes it whole.

A baseline of SPIn-NeRF's table. GrabCut (Rother, Kolmogorov and Blake 2004; OpenCV's) is seeded with the
projected pixels as probable object and all others as probable background; nothing is certain.
"""

import cv2
import numpy as np
from tqdm import tqdm

from nerfkit.scene import View
from nerfkit.segmentation.carried import Carrier

ROUNDS = 5  # of OpenCV's fit and cut, as in its documentation
FEWEST = 5  # pixels on each side: a mixture of five colours needs as many


class ProjectedGrabCut:
    """The `Propagator` of the backend `projected_grabcut`."""

    name = "projection of the source mask and GrabCut (embedded)"

    def __init__(self, carrier: Carrier) -> None:
        """Carry masks by that carrier."""
        self.carrier = carrier

    def propagate(
        self, views: list[View], clicked: dict[str, np.ndarray]
    ) -> tuple[dict[str, np.ndarray], list[str]]:
        """See `Propagator`; every view is made from the clicked ones alone, in the order of their names."""
        sources = [view for view in views if view.name in clicked]
        targets = [view for view in views if view.name not in clicked]
        masks = dict(clicked)
        for target in tqdm(targets, desc="propagation", unit="view"):
            carried = [self.carrier.carry_mask(clicked[view.name], view, target) for view in sources]
            masks[target.name] = grabcut(target.image(), np.any(carried, axis=0))
        return masks, [view.name for view in targets]


def grabcut(image: np.ndarray, seeds: np.ndarray) -> np.ndarray:
    """GrabCut's mask (H, W) of a uint8 RGB image, from probable pixels (H, W) of the object.

    With hardly a pixel of the object, or of the rest, there are no colours to learn: the seeds stay as they
    are.
    """
    if min(seeds.sum(), (~seeds).sum()) < FEWEST:
        return seeds.copy()
    labels = np.where(seeds, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
    cv2.setRNGSeed(0)  # of the first clusters
    models = np.zeros((1, 65)), np.zeros((1, 65))
    labels, _, _ = cv2.grabCut(image[..., ::-1].copy(), labels, None, *models, ROUNDS, cv2.GC_INIT_WITH_MASK)
    return (labels == cv2.GC_FGD) | (labels == cv2.GC_PR_FGD)
