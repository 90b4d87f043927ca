"""The flat surfaces around a hole, and which of them is seen where inside it.

In a pinhole picture a plane of the scene has a disparity that is affine in the normalised coordinates:
d = a x + b y + c. A surface is (a, b, c). Label k >= 0 is the k-th surface, -1 what belongs to none.
"""

import numpy as np

from nerfkit.membrane import membrane

TOLERANCE = 0.02  # a pixel belongs to a plane if its disparity is within 2 % of it
MOST_PLANES = 3
SMALLEST_SHARE = 0.12  # of the context, for a plane worth having
TRIALS = 300  # random hypotheses per plane
SAMPLE = 4000  # pixels that hypotheses are judged by
FAIR = 0.1  # share of the rim, seen from a pixel of the hole, that a surface needs to be seen there
AGREEMENT = 0.93  # share of the rim that a rule of visibility has to explain


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


def label_hole(
    terms: np.ndarray,
    planes: np.ndarray,
    labels: np.ndarray,
    disparity: np.ndarray,
    rim: np.ndarray,
    hole: np.ndarray,
) -> np.ndarray:
    """Which plane is seen at each pixel of the hole, int (H, W).

    Two rules of geometry are tried first: the nearest of the planes (an inner corner, like a table against a
    wall) and the farthest (a ridge); then straight borders in the picture (the edge of a table before
    something far). The first rule that explains the rim is taken; else every pixel
    belongs to the farthest of the surfaces that have a fair share of the rim as seen from it: what stood
    before the object seldom goes on behind it.
    """
    present = np.unique(labels[rim])
    if len(present) == 1:
        return np.where(hole, present[0], labels)
    rules = []
    if present[0] >= 0:
        values = terms @ planes[present].T
        rules = [present[values.argmax(axis=-1)], present[values.argmin(axis=-1)]]
    rules.append(_straight_borders(terms, labels, rim, present))
    for rule in rules:
        if (rule[rim] == labels[rim]).mean() >= AGREEMENT:
            return np.where(hole, rule, labels)
    shares = membrane((labels[..., None] == present).astype(float), rim, hole)
    surfaces = [
        terms @ planes[label] if label >= 0 else membrane(disparity, rim & (labels == label), hole)
        for label in present
    ]
    return np.where(hole, present[_farthest(np.stack(surfaces, axis=-1), shares)], labels)


def _straight_borders(
    terms: np.ndarray, labels: np.ndarray, rim: np.ndarray, present: np.ndarray
) -> np.ndarray:
    """Labels by a linear classifier in the picture, fitted to the rim (softmax regression)."""
    centre, spread = terms[rim].mean(axis=0), terms[rim].std(axis=0) + 1e-9
    centre[2], spread[2] = 0, 1
    inputs = (terms - centre) / spread
    x, wanted = inputs[rim], (labels[rim][:, None] == present).astype(float)
    weights = np.zeros((3, len(present)))
    for _ in range(300):
        scores = x @ weights
        shares = np.exp(scores - scores.max(axis=1, keepdims=True))
        shares /= shares.sum(axis=1, keepdims=True)
        weights += 2.0 * (x.T @ (wanted - shares)) / len(x)
    return present[(inputs @ weights).argmax(axis=-1)]


def _farthest(surfaces: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """The number of the surface with the least disparity among those with a fair share, both (H, W, K)."""
    fair = shares >= min(FAIR, 1 / shares.shape[-1])
    return np.where(fair, surfaces, np.inf).argmin(axis=-1)
