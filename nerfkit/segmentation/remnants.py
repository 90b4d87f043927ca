"""What a mask lacks of its object: pieces right beside it in colours that are the object's and nobody else's.

Flat and thin parts that lie on a table, like the teeth of a shovel, are told from it by no depth. A hole that
is a little too large costs nothing where other photos show what is behind it; a piece left over stays.
"""

import cv2
import numpy as np

from nerfkit.masks import disk

BIN = 8.0  # CIELAB units, of the histograms' cells
CELLS = (16, 33, 33)  # of lightness, a and b
LOWEST = np.array([0, 128, 128])  # CIELAB units below 0
INNER = 2  # pixels from the mask's edge, where its colours are mixed with the rest's
LIKELY = 8.0  # times as common in the object as around it: the object's own colours
ALIKE = 2.0  # times as common: a piece's, at least
OWN = 0.05  # share of a piece in colours that are the object's own
RARE = 1e-4  # share that any colour has around it


def remnants(lab: np.ndarray, mask: np.ndarray, reach: int) -> np.ndarray:
    """The pieces, bool (H, W), that touch the mask and lie within `reach` pixels of it.

    Args:
        lab: the photo in CIELAB (H, W, 3).
        mask: bool (H, W).
    """
    grown = cv2.dilate(mask.astype(np.uint8), disk(reach)) > 0
    inner, around = cv2.erode(mask.astype(np.uint8), disk(INNER)) > 0, grown & ~mask
    if reach == 0 or not inner.any() or not around.any():
        return np.zeros_like(mask)
    cells = np.clip((lab + LOWEST) // BIN, 0, np.array(CELLS) - 1).astype(int)
    own, rest = (histogram(cells[part])[tuple(np.moveaxis(cells, 2, 0))] for part in (inner, around))
    rest = rest + RARE
    count, pieces = cv2.connectedComponents((around & (own > ALIKE * rest)).astype(np.uint8))
    size, likely = (
        np.bincount(pieces[part], minlength=count) for part in (around, around & (own > LIKELY * rest))
    )
    touching = np.isin(np.arange(count), pieces[cv2.dilate(mask.astype(np.uint8), disk(1)) > 0])
    chosen = touching & (likely > OWN * np.maximum(size, 1))
    chosen[0] = False
    return chosen[pieces]


def histogram(cells: np.ndarray) -> np.ndarray:
    """Shares of colours by their cells (N, 3), smoothed over neighbouring cells; their sum is 1."""
    counts = np.zeros(np.array(CELLS) + 2, np.float32)
    np.add.at(counts, tuple(cells.T + 1), 1)
    for axis in range(3):
        counts = (np.roll(counts, 1, axis) + 2 * counts + np.roll(counts, -1, axis)) / 4
    return counts[1:-1, 1:-1, 1:-1] / len(cells)
