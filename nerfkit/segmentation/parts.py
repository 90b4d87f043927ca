"""Connected parts of a mask, and which of them the clicks allow."""

import cv2
import numpy as np

NOWHERE = np.zeros((0, 2))  # no points


def click_pixels(points: np.ndarray, shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Row and column of the pixels that hold `points` (N, 2); those on the far border belong to the last."""
    columns, rows = np.floor(np.asarray(points, float).reshape(-1, 2)).astype(int).T
    return rows.clip(0, shape[0] - 1), columns.clip(0, shape[1] - 1)


def disks(points: np.ndarray, radius: float, shape: tuple[int, int]) -> np.ndarray:
    """Bool (H, W): within `radius` pixels of one of the points; the pixel of each point always is."""
    mask = np.zeros(shape, np.uint8)
    for row, column in zip(*click_pixels(points, shape), strict=True):
        cv2.circle(mask, (int(column), int(row)), round(radius), 1, -1)
    return mask > 0


def clicked_parts(mask: np.ndarray, wanted: np.ndarray, unwanted: np.ndarray) -> np.ndarray:
    """The connected parts (4 neighbours) that hold a point of `wanted` and none of `unwanted`.

    Args:
        mask: bool (H, W).
        wanted, unwanted: points (N, 2) in pixels.
    """
    _, labels = cv2.connectedComponents(mask.astype(np.uint8), connectivity=4)
    chosen = set(labels[click_pixels(wanted, mask.shape)]) - set(labels[click_pixels(unwanted, mask.shape)])
    return np.isin(labels, list(chosen - {0}))


def fill_small_holes(mask: np.ndarray, share: float, unwanted: np.ndarray) -> np.ndarray:
    """Fill holes smaller than `share` of the mask's area, except those that hold a point of `unwanted`."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats((~mask).astype(np.uint8), connectivity=4)
    border = set(np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]]))
    kept = border | set(labels[click_pixels(unwanted, mask.shape)])
    small = np.flatnonzero(stats[:, cv2.CC_STAT_AREA] < share * mask.sum())
    return mask | np.isin(labels, list(set(small) - kept - {0}))


def part_sizes(mask: np.ndarray) -> np.ndarray:
    """Pixels of each connected part (8 neighbours) of a mask, (N,)."""
    return cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)[2][1:, cv2.CC_STAT_AREA]


def large_parts(mask: np.ndarray, smallest: float) -> np.ndarray:
    """The connected parts (8 neighbours) of at least `smallest` pixels."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    large = stats[:, cv2.CC_STAT_AREA] >= smallest
    large[0] = False
    return large[labels]


def parts_touching(mask: np.ndarray, core: np.ndarray) -> np.ndarray:
    """The connected parts (4 neighbours) of `mask` that hold a pixel of `core`, both bool (H, W)."""
    _, labels = cv2.connectedComponents(mask.astype(np.uint8), connectivity=4)
    return np.isin(labels, np.setdiff1d(labels[core], [0]))
