"""What goes on along rows and columns: checks, stripes, tiles and edges, as matrices of low rank.

Seen straight on and turned along its edges, much of what people make is a sum of few products of a row and a
column (Zhang et al., "TILT: transform invariant low-rank textures", 2012). What a hole hides of it follows
from the rows and columns around (hard-thresholded completion, Mazumder et al. 2010). Without detail it is no
fill, but it tells patches what should come where.
"""

import cv2
import numpy as np

RANK = 3  # more follow noise where a row or column is hidden for the most part
ROUNDS = 60  # of completion, for each rank from 1 on
LARGEST = 160  # pixels: longer sides are halved and so on; a round takes the cube of it


def low_rank(image: np.ndarray, known: np.ndarray) -> np.ndarray:
    """The nearest image of rank RANK, with the unknown pixels completed.

    Args:
        image: float32 (h, w, 3).
        known: bool (h, w), not empty.

    Returns: float32 (h, w, 3).
    """
    height, width = known.shape
    scale = max(1.0, max(height, width) / LARGEST)
    size = max(1, round(width / scale)), max(1, round(height / scale))
    share = cv2.resize(known.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    sums = cv2.resize(image * known[..., None].astype(np.float32), size, interpolation=cv2.INTER_AREA)
    seen = share > min(0.5, share.max() - 1e-6)
    small = sums / np.maximum(share, 1e-6)[..., None]
    mean = small[seen].mean(axis=0)
    wide = np.repeat(seen, 3, axis=1)
    completed = complete(((small - mean) * seen[..., None]).reshape(wide.shape), wide)
    whole = (completed.reshape(small.shape) + mean).astype(np.float32)
    return cv2.resize(whole, (width, height), interpolation=cv2.INTER_LINEAR)


def complete(matrix: np.ndarray, known: np.ndarray) -> np.ndarray:
    """A matrix (M, N) of rank RANK that agrees best with the known entries; others start at 0.

    Its columns' basis is improved by one step of subspace iteration a round, not by a decomposition, which
    would be no more exact in the end.
    """
    guess, basis = np.zeros_like(matrix), np.zeros((len(matrix), 0), matrix.dtype)
    rng = np.random.default_rng(0)
    for _ in range(min(RANK, *matrix.shape)):
        basis = np.concatenate([basis, rng.normal(size=(len(matrix), 1)).astype(matrix.dtype)], axis=1)
        for _ in range(ROUNDS):
            filled = np.where(known, matrix, guess)
            basis, _ = np.linalg.qr(filled @ (filled.T @ basis))
            guess = basis @ (basis.T @ filled)
    return guess
