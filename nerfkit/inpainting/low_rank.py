"""What goes on along rows and columns: checks, stripes, tiles and edges, as matrices of low rank.

Seen straight on and turned along its edges, much of what people make is a sum of few products of a row and a
column (Zhang et al., "TILT: transform invariant low-rank textures", 2012); of what is woven, warp and weft
come first, a colour for each column and one for each row. What a hole hides of it follows from the rows and
columns around (alternating least squares, as in Hastie et al., "Matrix completion and low-rank SVD", 2015).
Without detail it is no fill, but it tells patches what should come where.
"""

import cv2
import numpy as np

from nerfkit.sizes import fitted_size

RANKS = 3  # at most; more follow noise where a row or column is hidden for the most part
ROUNDS = 10  # of alternating least squares
TRUSTED = 3  # times that pixels are weighed by how well they fit
TAIL = 3.0  # of the median error, at which a pixel counts half
RIDGE = 0.01  # pixels' weight by which a row or column is pulled to the mean colour
NEAR = 0.5  # of the distance of what is farthest from the hole, at which a pixel counts 1 / e
LARGEST = 160  # pixels of the longer side
TRIALS = 10  # times that as much as the hole hides is hidden elsewhere, to see which rank foretells it best
PLACES = 40  # among which the trials choose those that hide the most
WORTH = 1.25  # of the error of a plain mean, up to which a rank is followed
NEARLY = 1.25  # of the least error, up to which a higher rank is better: it loses less of the pattern


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
    small = small - mean
    rank = best_rank(small, seen, hole > 0.5)
    if rank == 0:
        return None
    completed = completion(small, nearness(seen, hole > 0.5), rank)
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
        guesses = [np.zeros_like(image), *completions(image, nearness(left, hidden))]
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


def nearness(known: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """How much known pixels (h, w) count: the less the farther they are from `wanted`, (h, w)."""
    away = cv2.distanceTransform((~wanted).astype(np.uint8), cv2.DIST_L2, 5)
    return known * np.exp(-away / max(NEAR * away.max(), 1e-6))


def completions(image: np.ndarray, weight: np.ndarray) -> list[np.ndarray]:
    """Images (h, w, 3) of the ranks 1 to RANKS that agree best with the pixels of weight (h, w) above 0."""
    return [completion(image, weight, rank) for rank in range(1, RANKS + 1)]


def completion(image: np.ndarray, weight: np.ndarray, rank: int) -> np.ndarray:
    """A colour for each column, one for each row, and `rank` products of a row's number and a column's
    colour, (h, w, 3), by alternating least squares.

    What else lies on the surface fits no row and no column: pixels count the less the worse they fit (Cauchy
    weights).

    Args:
        image: (h, w, 3) of mean 0, so that rows and columns that nothing is known of go to the mean.
        weight: (h, w).
    """
    numbers = np.random.default_rng(0).normal(size=(len(image), rank))
    rows, trusted = np.zeros((len(image), 3)), weight
    for _ in range(TRUSTED):
        for _ in range(ROUNDS):
            columns = solved_columns(image - rows[:, None], trusted, numbers)
            rows, numbers = solved_rows(image - columns[:, 0], trusted, columns[:, 1:])
        columns = solved_columns(image - rows[:, None], trusted, numbers)
        guess = rows[:, None] + columns[:, 0] + np.einsum("hk,wkc->hwc", numbers, columns[:, 1:])
        trusted = weight * trust(np.sqrt(np.square(image - guess).mean(axis=2)), weight)
    return guess


def solved_columns(image: np.ndarray, weight: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    """The colours of every column (w, 1 + rank, 3) by which rows of (1, numbers (h, rank)) make the image."""
    height, width, _ = image.shape
    factors = np.hstack([np.ones((height, 1)), numbers])
    size = factors.shape[1]
    pairs = (factors[:, :, None] * factors[:, None]).reshape(height, -1)
    normal = (weight.T @ pairs).reshape(width, size, size) + RIDGE * np.eye(size)
    right = np.einsum("hk,hwc->wkc", factors, weight[..., None] * image, optimize=True)
    return np.linalg.solve(normal, right)


def solved_rows(image: np.ndarray, weight: np.ndarray, columns: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The colour of every row (h, 3) and its numbers (h, rank), of mean square 1, by which the colours of
    columns (w, rank, 3) make the image."""
    (height, width, _), rank = image.shape, columns.shape[1]
    size = rank + 3
    factors = np.zeros((width, 3, size))
    factors[..., :rank] = columns.transpose(0, 2, 1)
    factors[..., rank:] = np.eye(3)
    pairs = np.einsum("wci,wcj->wij", factors, factors).reshape(width, -1)
    normal = (weight @ pairs).reshape(height, size, size) + RIDGE * np.eye(size)
    right = (weight[..., None] * image).reshape(height, -1) @ factors.reshape(-1, size)
    solved = np.linalg.solve(normal, right[..., None])[..., 0]
    numbers = solved[:, :rank]
    return solved[:, rank:], numbers / (np.sqrt(np.square(numbers).mean(axis=0)) + 1e-9)


def trust(errors: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Cauchy weights (h, w) of errors; the scale is TAIL times their weighted median."""
    order = np.argsort(errors, axis=None)
    total = np.cumsum(weight.ravel()[order])
    median = errors.ravel()[order[np.searchsorted(total, total[-1] / 2)]]
    return 1 / (1 + np.square(errors / (TAIL * median + 1e-6)))
