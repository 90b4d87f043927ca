"""Where one surface ends and another begins inside a hole.

The edge of a table or of a wall is straight more often than not, and its two ends show at the rim of the
hole. Where straight lines through the whole hole explain the rim, they are taken; else the shortest borders,
which join such ends too, but may as well end a strip at either side of the hole. They are found by the convex
relaxation of the minimal partition (Lellmann et al., "Convex multi-class image labeling by
simplex-constrained total variation", 2009).
"""

import cv2
import numpy as np

from nerfkit.sizes import fitted_size
from nerfkit.total_variation import least_variation, shorten

AGREEMENT = 0.93  # share of the rim that straight lines have to explain
FITTING = 300  # steps of their fit
LARGEST = 72  # cells along the longer side on which borders are sought; they are straight between them
ROUNDS = 400  # at most; some 100 settle a single border
SETTLED = 2e-3  # change of a share in a round below which nothing moves any more


def continue_labels(labels: np.ndarray, rim: np.ndarray, hole: np.ndarray) -> np.ndarray:
    """Label a hole as its rim is labelled.

    Args:
        labels: int (H, W), read on the rim.
        rim, hole: bool (H, W); any other pixel is no part of the picture.

    Returns: int (H, W), as `labels` but in the hole.
    """
    present = np.unique(labels[rim])
    if len(present) == 1:
        return np.where(hole, present[0], labels)
    found = straight_borders(labels, rim, present)
    if (found[rim] != labels[rim]).mean() > 1 - AGREEMENT:
        found = shortest_borders(labels, rim, hole, present)
    return np.where(hole, found, labels)


def straight_borders(labels: np.ndarray, rim: np.ndarray, present: np.ndarray) -> np.ndarray:
    """Those of the labels `present` (K,) that a linear classifier of places, fitted to the rim, tells apart
    (softmax regression); int (H, W)."""
    places = np.stack(np.mgrid[: rim.shape[0], : rim.shape[1]], axis=-1).astype(float)
    places = (places - places[rim].mean(axis=0)) / (places[rim].std(axis=0) + 1e-9)
    terms = np.concatenate([places, np.ones((*rim.shape, 1))], axis=-1)
    x, wanted = terms[rim], (labels[rim][:, None] == present).astype(float)
    weights = np.zeros((3, len(present)))
    for _ in range(FITTING):
        scores = x @ weights
        shares = np.exp(scores - scores.max(axis=1, keepdims=True))
        shares /= shares.sum(axis=1, keepdims=True)
        weights += 2.0 * (x.T @ (wanted - shares)) / len(x)
    return present[(terms @ weights).argmax(axis=-1)]


def shortest_borders(
    labels: np.ndarray, given: np.ndarray, wanted: np.ndarray, present: np.ndarray
) -> np.ndarray:
    """Those of the labels `present` (K,) of which the borders on `wanted` are the shortest; int (H, W).

    Args:
        labels: int (H, W), read where `given`.
        given, wanted: bool (H, W).
    """
    height, width = labels.shape
    size = fitted_size(labels.shape, LARGEST)
    coarse = [
        cv2.resize((given & (labels == label)).astype(np.float32), size, interpolation=cv2.INTER_AREA)
        for label in present
    ]
    sums = np.stack(coarse, axis=-1)
    total = sums.sum(axis=-1, keepdims=True)
    free = cv2.resize(wanted.astype(np.float32), size, interpolation=cv2.INTER_AREA) > 0.5
    fixed = (total[..., 0] > 0) & ~free
    shares = least_length(sums / np.maximum(total, 1e-6), fixed, free)
    fine = cv2.resize(shares, (width, height), interpolation=cv2.INTER_LINEAR)
    return present[fine.argmax(axis=-1)]


def least_length(shares: np.ndarray, fixed: np.ndarray, free: np.ndarray) -> np.ndarray:
    """Shares (h, w, K) of labels, those of `free` cells (h, w) such that their total variation is the least.

    `shares` are read where `fixed`; other cells that are not free count for nothing.
    """
    inside = fixed | free
    joined = np.zeros((2, *inside.shape, 1), bool)
    joined[0, :-1, :, 0] = inside[:-1] & inside[1:]
    joined[1, :, :-1, 0] = inside[:, :-1] & inside[:, 1:]
    start = np.where(fixed[..., None], shares, 0)
    start[free] = shares[fixed].mean(axis=0) if fixed.any() else 1 / shares.shape[2]

    def held(values: np.ndarray) -> np.ndarray:
        values[free], values[fixed] = on_simplex(values[free]), shares[fixed]
        return values

    def bounded(flows: np.ndarray) -> None:
        flows *= joined
        shorten(flows)

    return least_variation(start, (0, 1), held, bounded, ROUNDS, settled=SETTLED)


def on_simplex(values: np.ndarray) -> np.ndarray:
    """The nearest shares, non-negative and of sum 1, to each row of values (N, K)."""
    falling = -np.sort(-values, axis=1)
    excess = (np.cumsum(falling, axis=1) - 1) / np.arange(1, values.shape[1] + 1)
    last = (falling > excess).sum(axis=1) - 1
    return np.maximum(values - np.take_along_axis(excess, last[:, None], axis=1), 0)
