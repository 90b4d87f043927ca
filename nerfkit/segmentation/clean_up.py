"""Rendered masks brought to the photo's edges and freed of crumbs and holes."""

from dataclasses import dataclass

import numpy as np

from nerfkit.segmentation.band import LOOKS_REACH, redraw_around, signed_distance
from nerfkit.segmentation.parts import NOWHERE, fill_small_holes, large_parts, part_sizes


@dataclass(frozen=True)
class CleanUpSettings:
    """What is done to a rendered mask; all zero leaves it as the paper does."""

    snap: float = 0.008  # half width of the band in which masks are drawn along edges, of the width; 0: not
    crumbs: float = 0.05  # parts smaller than this share of the largest are dropped; 0: none, 1: all others
    gaps: float = 0.01  # gaps smaller than this share of the mask are filled; 0: none


def cleaned(image: np.ndarray, chance: np.ndarray, mask: np.ndarray, settings: CleanUpSettings) -> np.ndarray:
    """A mask (H, W) cleaned up.

    Args:
        image: uint8 RGB (H, W, 3).
        chance: the rendered probability (H, W) behind the mask.
    """
    if not mask.any():
        return mask
    if settings.snap > 0:
        mask = snapped(image, chance, mask, settings.snap * mask.shape[1])
    if settings.crumbs > 0:
        mask = without_crumbs(mask, settings.crumbs)
    return fill_small_holes(mask, settings.gaps, NOWHERE)


def without_crumbs(mask: np.ndarray, share: float) -> np.ndarray:
    """The connected parts of at least `share` times the size of the largest."""
    sizes = part_sizes(mask)
    return large_parts(mask, share * sizes.max()) if len(sizes) else mask


def snapped(image: np.ndarray, chance: np.ndarray, mask: np.ndarray, width: float) -> np.ndarray:
    """The mask (H, W) drawn again along the photo's edges, `width` pixels to either side of its own edge.

    The field's geometry is a little soft, so the rendered probability (H, W) places an edge only roughly.
    """
    distance = signed_distance(mask)
    evidence = np.log(chance.clip(1e-3, 1 - 1e-3) / (1 - chance.clip(1e-3, 1 - 1e-3)))
    return redraw_around(image, mask, evidence, np.abs(distance) > width, LOOKS_REACH * width)
