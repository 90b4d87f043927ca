"""Outlines of spread labels: where the surface does not tell, the photo's own edges do.

Depths are a blur of two surfaces where they jump, which is where most outlines are: no node of the surface
graph is shown there. What is sure on both sides of such a strip tells how object and rest look, and the
outline runs between them along the photo's edges.
"""

import numpy as np

from nerfkit.nearest import nearest
from nerfkit.scene import View
from nerfkit.segmentation.band import redraw_around, signed_distance

BAND = 0.01  # of the width, on each side of where the mask seems to end; around it everything is sure
UNKNOWN_BANDS = 3.0  # bands, beyond which unknown pixels are sure, too
SUREST = 0.99  # probability that counts; no surface is surer
REACH = 10.0  # bands around the mask, in which looks are learnt


def outlined(view: View, probability: np.ndarray, known: np.ndarray) -> np.ndarray:
    """The mask (H, W) of a view.

    Args:
        probability: (H, W) of being object, which says nothing of pixels that are not `known` (H, W).
    """
    mask = nearest(probability > 0.5, known)
    if not mask.any():
        return mask
    band, distance = BAND * mask.shape[1], signed_distance(mask)
    sure = (np.abs(distance) > band) & (known | (np.abs(distance) > UNKNOWN_BANDS * band))
    bounded = probability.clip(1 - SUREST, SUREST)
    evidence = np.where(known, np.log(bounded / (1 - bounded)), 0)
    return redraw_around(view.image(), mask, evidence, sure, REACH * band)
