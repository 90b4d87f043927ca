"""The flat surfaces around a hole.

In a pinhole picture a plane of the scene has a disparity that is affine in the normalised coordinates:
d = a x + b y + c. A surface is (a, b, c). Label k >= 0 is the k-th surface, -1 what belongs to none.
"""

import numpy as np

TOLERANCE = 0.02  # a pixel belongs to a plane if its disparity is within 2 % of it
MOST_PLANES = 3
SMALLEST_SHARE = 0.12  # of the context, for a plane worth having
GRAZING = 0.1  # cosine between a surface and the line of sight, below which there is nothing to see
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
        plane = best_plane(terms[left], values[left], rng)
        inliers = left & _fits(terms, values, plane)
        if inliers.sum() < SMALLEST_SHARE * len(values):
            break
        planes.append(plane)
        left &= ~inliers
    return np.array(planes).reshape(-1, 3)


def _fits(
    terms: np.ndarray, values: np.ndarray, plane: np.ndarray, tolerance: float = TOLERANCE
) -> np.ndarray:
    """Whether each value lies on the plane."""
    return np.abs(terms @ plane - values) < tolerance * values


def best_plane(
    terms: np.ndarray, values: np.ndarray, rng: np.random.Generator, tolerance: float = TOLERANCE
) -> np.ndarray:
    """The plane (3,) that lies within a tolerance of most disparities (N,) at terms (N, 3), refitted to them
    three times."""
    triples = rng.integers(0, len(values), (TRIALS, 3))
    solvable = np.abs(np.linalg.det(terms[triples])) > 1e-8
    planes = np.linalg.solve(terms[triples[solvable]], values[triples[solvable]][..., None])[..., 0]
    inliers = np.abs(terms @ planes.T - values[:, None]) < tolerance * values[:, None]
    plane = planes[inliers.sum(axis=0).argmax()]
    for _ in range(3):
        mine = _fits(terms, values, plane, tolerance)
        if mine.sum() < 3:
            break
        plane = fitted(terms[mine], values[mine])
    return plane


def fitted(terms: np.ndarray, values: np.ndarray) -> np.ndarray:
    """The plane (3,) nearest to disparities (N,) at terms (N, 3), by relative differences."""
    return np.linalg.lstsq(terms / values[:, None], np.ones(len(values)), rcond=None)[0]


def label_known(terms: np.ndarray, disparity: np.ndarray, planes: np.ndarray) -> np.ndarray:
    """The plane nearest to each known disparity, or -1 where none is within three tolerances; int (...,)."""
    if len(planes) == 0:
        return np.full(disparity.shape, -1)
    residual = np.abs(terms @ planes.T - disparity[..., None])
    nearest = residual.argmin(axis=-1)
    return np.where(residual.min(axis=-1) < 3 * TOLERANCE * disparity, nearest, -1)


def planes_and_labels(
    xy: np.ndarray, disparity: np.ndarray, known: np.ndarray, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """The planes (K, 3) of the `known` pixels of a picture (H, W), and the number of each one's, int (H, W);
    -1 for those of none and for the others."""
    planes = find_planes(xy[known], disparity[known].astype(float), seed)
    return planes, np.where(known, label_known(design(xy), disparity, planes), -1)


def in_plane(xy: np.ndarray, normal: np.ndarray, axes: np.ndarray) -> np.ndarray:
    """Where the lines of sight xy (..., 2) meet a plane, (..., 2) along its axes."""
    sight = design(xy)
    return (sight / (sight @ normal)[..., None]) @ axes.T


def plane_axes(normal: np.ndarray) -> np.ndarray:
    """Two directions in a plane (2, 3), the first as near to the picture's rows as can be."""
    upright = normal / np.linalg.norm(normal)
    right = np.array([1.0, 0, 0]) - upright[0] * upright
    right /= np.linalg.norm(right)
    down = np.cross(upright, right)
    return np.stack([right, down if down[1] > 0 else -down])


def faces(plane: np.ndarray, xy: np.ndarray) -> bool:
    """Whether a plane is seen from its front, not from its edge, along all lines of sight xy (N, 2)."""
    sight = design(xy)
    cosine = (sight @ plane) / np.linalg.norm(sight, axis=-1) / np.linalg.norm(plane)
    return bool((cosine > GRAZING).all())


def pixel_in_plane(plane: np.ndarray, xy: np.ndarray, inside: np.ndarray) -> float:
    """How long a pixel of `inside` (H, W) typically is on a plane, whose unit is that of `in_plane`."""
    along = in_plane(xy, plane, plane_axes(plane))
    across, down = np.gradient(along, axis=1)[inside], np.gradient(along, axis=0)[inside]
    return float(np.sqrt(np.median(np.abs(across[:, 0] * down[:, 1] - across[:, 1] * down[:, 0]))))
