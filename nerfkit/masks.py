"""Masks at another size, the part of a picture that one concerns, and the disk that widens one."""

import cv2
import numpy as np


def resized_mask(mask: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """A bool mask resampled to another (height, width): what is object on at least half of a new pixel.

    Picking single pixels, as OpenCV's INTER_NEAREST does from each new pixel's corner, would move an edge by
    up to half a pixel to one side; this moves none.
    """
    smaller = shape[0] < mask.shape[0] or shape[1] < mask.shape[1]
    method = cv2.INTER_AREA if smaller else cv2.INTER_LINEAR
    return cv2.resize(mask.astype(np.float32), shape[::-1], interpolation=method) >= 0.5


def surroundings(mask: np.ndarray, reach: float) -> tuple[slice, slice]:
    """Rows and columns within `reach` pixels of a mask that is not empty: all that needs to be looked at."""
    reach = round(reach)
    rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    return slice(max(0, rows[0] - reach), rows[-1] + reach + 1), slice(
        max(0, columns[0] - reach), columns[-1] + reach + 1
    )


def disk(radius: int) -> np.ndarray:
    """The structuring element (2 r + 1, 2 r + 1) of all offsets within `radius` pixels."""
    across = np.arange(-radius, radius + 1)
    return (across[:, None] ** 2 + across**2 <= radius**2).astype(np.uint8)


def distance_to(mask: np.ndarray) -> np.ndarray:
    """Pixels from each pixel (H, W) to the mask, float32."""
    return cv2.distanceTransform((~mask).astype(np.uint8), cv2.DIST_L2, 5)
