"""Where one surface ends and another begins inside a hole.

Borders go on as they come to the hole: straight, like the edge of a table, or bent, like that of a hedge, and
also where only one end of them shows. They are the conics that tell the surfaces around the hole apart. Where
conics do not explain the rim, the shortest borders are taken, found by the convex relaxation of the minimal
partition (Lellmann et al., "Convex multi-class image labeling by simplex-constrained total variation", 2009).
"""

from collections.abc import Sequence

import cv2
import numpy as np
from scipy.optimize import minimize
from scipy.special import logsumexp

from nerfkit.masks import distance_to
from nerfkit.sizes import fitted_size
from nerfkit.total_variation import least_variation, shorten

AGREEMENT = 0.93  # share of the rim that conics have to explain
REACH = 0.07  # of a hole's width, farther from which what is around it counts e times less
RIDGE = 1e-5  # weight of the squares of a conic's terms, without which the steepest would be the best
LARGEST = 72  # cells along the longer side on which borders are sought; they are straight between them
ROUNDS = 400  # at most; some 100 settle a single border
SETTLED = 2e-3  # change of a share in a round below which nothing moves any more


def continue_labels(
    labels: np.ndarray,
    rim: np.ndarray,
    known: np.ndarray,
    hole: np.ndarray,
    sides: Sequence[np.ndarray] = (),
) -> np.ndarray:
    """Label a hole as what is around it is labelled.

    Args:
        labels: int (H, W), read where `known`.
        rim, known: bool (H, W), those known pixels that the hole has to meet, and all.
        hole: bool (H, W).
        sides: bool (H, W), parts of the picture that nothing comes into from beyond: where one of them shows
            one label alone at the hole, it has no other in it.

    Returns: int (H, W), as `labels` but in the hole.
    """
    for side in sides:
        shown = np.unique(labels[rim & side])
        if len(shown) == 1:
            decided = hole & side
            labels = np.where(decided, shown[0], labels)
            rim, known, hole = rim | decided, known | decided, hole & ~decided
    present = np.unique(labels[rim])
    if len(present) == 1 or not hole.any():
        return np.where(hole, present[0], labels)
    found = smooth_borders(labels, known & np.isin(labels, present), hole, present)
    if (found[rim] != labels[rim]).mean() > 1 - AGREEMENT:
        found = shortest_borders(labels, rim, hole, present)
    return np.where(hole, found, labels)


def smooth_borders(
    labels: np.ndarray, known: np.ndarray, hole: np.ndarray, present: np.ndarray
) -> np.ndarray:
    """Those of the labels `present` (K,) that conics tell apart, fitted to the `known` pixels around a hole
    (softmax regression on places, to the second degree), nearer ones first; int (H, W)."""
    width = np.sqrt(hole.sum())
    places = np.stack(np.mgrid[: hole.shape[0], : hole.shape[1]], axis=-1)
    y, x = np.moveaxis((places - places[hole].mean(axis=0)) / width, -1, 0)
    terms = np.stack([np.ones_like(x), x, y, x * x, y * y, x * y], axis=-1)
    apart = distance_to(hole) / width
    apart -= apart[known].min()
    near = known & (apart < 4 * REACH)
    wanted = (labels[near][:, None] == present).astype(float)
    weights = softmax_regression(terms[near], wanted, np.exp(-apart[near] / REACH), RIDGE)
    return present[(terms @ weights).argmax(axis=-1)]


def softmax_regression(terms: np.ndarray, wanted: np.ndarray, counts: np.ndarray, ridge: float) -> np.ndarray:
    """Weights (M, K) whose softmax of terms (N, M) @ weights gives shares nearest to the wanted ones (N, K).

    Args:
        counts: (N,), how much each row counts.
        ridge: half of it times the weights' squares is added to the mean cross-entropy.
    """
    shape, counts = (terms.shape[1], wanted.shape[1]), (counts / counts.sum())[:, None]

    def cost(flat: np.ndarray) -> tuple[float, np.ndarray]:
        weights = flat.reshape(shape)
        scores = terms @ weights
        logarithms = scores - logsumexp(scores, axis=1, keepdims=True)
        slope = terms.T @ (counts * (np.exp(logarithms) - wanted)) + ridge * weights
        return 0.5 * ridge * (flat @ flat) - (counts * wanted * logarithms).sum(), slope.ravel()

    return minimize(cost, np.zeros(shape).ravel(), jac=True, method="L-BFGS-B").x.reshape(shape)


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
