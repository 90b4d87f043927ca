"""The flat surfaces around a hole.

In a pinhole picture a plane of the scene has a disparity that is affine in the normalised coordinates:
d = a x + b y + c. A surface is (a, b, c). Label k >= 0 is the k-th surface, -1 what belongs to none.
"""

import numpy as np

TOLERANCE = 0.02  # a pixel belongs to a plane if its disparity is within 2 % of it
MOST_PLANES = 3
SMALLEST_SHARE = 0.12  # of the context, for a plane worth having
TRIALS = 300  # random hypotheses per plane
SAMPLE = 4000  # pixels that hypotheses are judged by


def design(xy: np.ndarray) -> np.ndarray:
    """(..., 2) to (..., 3): the terms x, y, 1 of a plane."""
    return np.concatenate([xy, np.ones_like(xy[..., :1])], axis=-1)


def find_planes(xy: np.ndarray, disparity: np.ndarray, seed: int) -> np.ndarray:
    """Planes of the pixels (N, 2), (N,), the best supported first, (K, 3); K may be 0.

    Sequential RANSAC with a least-squares refit of the inliers.
    """
    rng = np.random.default_rng(seed)
    chosen = rng.permutation(len(disparity))[:SAMPLE]
    terms, values = design(xy[chosen]), disparity[chosen]
    planes: list[np.ndarray] = []
    left = np.ones(len(values), bool)
    while len(planes) < MOST_PLANES and left.sum() > max(50, SMALLEST_SHARE * len(values)):
        plane = _best_plane(terms[left], values[left], rng)
        inliers = left & _fits(terms, values, plane)
        if inliers.sum() < SMALLEST_SHARE * len(values):
            break
        planes.append(plane)
        left &= ~inliers
    return np.array(planes).reshape(-1, 3)


def _fits(terms: np.ndarray, values: np.ndarray, plane: np.ndarray) -> np.ndarray:
    """Whether each value lies on the plane."""
    return np.abs(terms @ plane - values) < TOLERANCE * values


def _best_plane(terms: np.ndarray, values: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The hypothesis with the most inliers, refitted to them three times."""
    triples = rng.integers(0, len(values), (TRIALS, 3))
    solvable = np.abs(np.linalg.det(terms[triples])) > 1e-8
    planes = np.linalg.solve(terms[triples[solvable]], values[triples[solvable]][..., None])[..., 0]
    inliers = np.abs(terms @ planes.T - values[:, None]) < TOLERANCE * values[:, None]
    plane = planes[inliers.sum(axis=0).argmax()]
    for _ in range(3):
        mine = _fits(terms, values, plane)
        if mine.sum() < 3:
            break
        plane = np.linalg.lstsq(terms[mine] / values[mine, None], np.ones(mine.sum()), rcond=None)[0]
    return plane


def label_known(terms: np.ndarray, disparity: np.ndarray, planes: np.ndarray) -> np.ndarray:
    """The plane nearest to each known disparity, or -1 where none is within three tolerances; int (...,)."""
    if len(planes) == 0:
        return np.full(disparity.shape, -1)
    residual = np.abs(terms @ planes.T - disparity[..., None])
    nearest = residual.argmin(axis=-1)
    return np.where(residual.min(axis=-1) < 3 * TOLERANCE * disparity, nearest, -1)
