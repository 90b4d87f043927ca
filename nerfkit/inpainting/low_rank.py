"""What goes on along rows and columns: checks, stripes, tiles and edges, as matrices of low rank.

Seen straight on and turned along its edges, much of what people make is a sum of few products of a row and a
column (Zhang et al., "TILT: transform invariant low-rank textures", 2012). What a hole hides of it follows
from the rows and columns around (hard-thresholded completion, Mazumder et al. 2010). Without detail it is no
fill, but it tells patches what should come where.
"""

import cv2
import numpy as np

from nerfkit.sizes import fitted_size

RANKS = 3  # at most; more follow noise where a row or column is hidden for the most part
ROUNDS = 60  # of completion, for each rank from 1 on
LARGEST = 160  # pixels of the longer side; a round takes the cube of it
TRIALS = 10  # times that as much as the hole hides is hidden elsewhere, to see which rank foretells it best
PLACES = 40  # among which the trials choose those that hide the most
WORTH = 1.25  # of the error of a plain mean, up to which a rank is followed
NEARLY = 1.1  # of the least error, up to which a higher rank is better: it loses less of the pattern


def low_rank(image: np.ndarray, known: np.ndarray, wanted: np.ndarray) -> np.ndarray | None:
    """The image of low rank nearest to the known pixels, completed; None if nothing goes on regularly.

    The rank is the one that best foretells what is hidden by way of trial, in the shape of `wanted`.

    Args:
        image: float32 (h, w, 3).
        known, wanted: bool (h, w), `known` not empty.

    Returns: float32 (h, w, 3).
    """
    height, width = known.shape
    size = fitted_size(known.shape, LARGEST)
    share, hole = (
        cv2.resize(mask.astype(np.float32), size, interpolation=cv2.INTER_AREA) for mask in (known, wanted)
    )
    sums = cv2.resize(image * known[..., None].astype(np.float32), size, interpolation=cv2.INTER_AREA)
    seen = share > min(0.5, share.max() - 1e-6)
    small = sums / np.maximum(share, 1e-6)[..., None]
    mean = small[seen].mean(axis=0)
    small = (small - mean) * seen[..., None]
    rank = best_rank(small, seen, hole > 0.5)
    if rank == 0:
        return None
    completed = completions(small, seen)[rank - 1]
    return cv2.resize((completed + mean).astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR)


def best_rank(image: np.ndarray, known: np.ndarray, wanted: np.ndarray) -> int:
    """The highest rank, 0 for none, that foretells nearly best what is hidden for trial of an image (h, w, 3)
    of mean 0.

    Hidden are known pixels under shifted copies of `wanted`, both bool (h, w). Errors of a trial count as
    shares of that of the mean, trials by the geometric mean: one that no rank foretells would else decide.
    """
    ratios = []
    for hidden in shifted(wanted, known):
        left = known & ~hidden
        guesses = [np.zeros_like(image), *completions(image * left[..., None], left)]
        errors = np.array([np.square(image - guess)[hidden].sum() for guess in guesses]) + 1e-9
        ratios.append(np.log(errors / errors[0]))
    errors = np.exp(np.mean(ratios, axis=0)) if ratios else np.ones(1 + RANKS)
    least = errors[1:].min()
    if least > WORTH:
        return 0
    return int(np.flatnonzero(errors <= NEARLY * least).max())


def shifted(wanted: np.ndarray, known: np.ndarray) -> list[np.ndarray]:
    """Copies of `wanted` (h, w), shifted by up to its own size, that hide much of `known` and leave some."""
    rng = np.random.default_rng(0)
    place = np.argwhere(wanted)
    if len(place) == 0:
        return []
    reach = np.ptp(place, axis=0) + 1
    copies = []
    for shift in rng.integers(-reach, reach + 1, (PLACES, 2)):
        moved = place + shift
        moved = moved[((moved >= 0) & (moved < wanted.shape)).all(axis=1)]
        hidden = np.zeros_like(known)
        hidden[tuple(moved.T)] = True
        copies.append(hidden & known)
    copies = [copy for copy in copies if 0 < copy.sum() <= known.sum() / 2]
    return sorted(copies, key=np.sum, reverse=True)[:TRIALS]


def completions(image: np.ndarray, known: np.ndarray) -> list[np.ndarray]:
    """Images (h, w, 3) of the ranks 1 to RANKS that agree best with the known pixels; others start at 0.

    An image is a matrix of h rows and 3 w columns. The basis of its columns is improved by one step of
    subspace iteration a round, not by a decomposition, which would be no more exact in the end.
    """
    matrix, seen = image.reshape(len(image), -1), np.repeat(known, 3, axis=1)
    guess, basis = np.zeros_like(matrix), np.zeros((len(matrix), 0), matrix.dtype)
    rng, guesses = np.random.default_rng(0), []
    for _ in range(RANKS):
        basis = np.concatenate([basis, rng.normal(size=(len(matrix), 1)).astype(matrix.dtype)], axis=1)
        for _ in range(ROUNDS):
            filled = np.where(seen, matrix, guess)
            basis, _ = np.linalg.qr(filled @ (filled.T @ basis))
            guess = basis @ (basis.T @ filled)
        guesses.append(guess.reshape(image.shape))
    return guesses
