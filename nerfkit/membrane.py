"""Soap films: the smoothest values inside a region that meet given values around it (Laplace's equation),
or those whose differences from pixel to pixel come nearest to given ones (Poisson's)."""

import numpy as np
from scipy.sparse import coo_matrix, diags
from scipy.sparse.linalg import splu

# Pull of an unknown towards zero; it decides only where no given value can be reached.
ANCHOR = 1e-9
SEAM = 0.15  # largest shift that makes values from elsewhere meet what is there


def membrane(
    values: np.ndarray,
    given: np.ndarray,
    wanted: np.ndarray,
    labels: np.ndarray | None = None,
    steps: tuple[np.ndarray, np.ndarray] | None = None,
    anchor: float = ANCHOR,
) -> np.ndarray:
    """Solve Laplace's or Poisson's equation on the pixels `wanted`.

    Args:
        values: (H, W) or (H, W, C); read where `given`.
        given: bool (H, W), boundary values.
        wanted: bool (H, W), the unknowns; the rest of the picture is a border without flow.
        labels: int (H, W); no flow passes between neighbours of different labels.
        steps: wanted differences to the next row (H - 1, W, ...) and column (H, W - 1, ...), as `values`;
            zeros without.
        anchor: pull of an unknown towards zero; that of a neighbour is 1.

    Returns: float64 (H, W) or (H, W, C), the solution on `wanted`, zero elsewhere.
    """
    result = np.zeros(values.shape)
    count = int(wanted.sum())
    if count == 0:
        return result
    number = np.full(wanted.shape, -1)
    number[wanted] = np.arange(count)
    channels = values.reshape(*wanted.shape, -1)
    rows, columns = [], []
    degree, right = np.full(count, anchor), np.zeros((count, channels.shape[2]))
    for axis, sign, here, there in _neighbours():
        joined = np.ones(number[here].shape, bool) if labels is None else labels[here] == labels[there]
        both = wanted[here] & wanted[there] & joined
        rows.append(number[here][both])
        columns.append(number[there][both])
        edge = wanted[here] & given[there] & ~wanted[there] & joined
        np.add.at(right, number[here][edge], channels[there][edge])
        np.add.at(degree, number[here][both | edge], 1)
        if steps is not None:
            step = sign * steps[axis].reshape(*both.shape, -1)
            np.subtract.at(right, number[here][both | edge], step[both | edge])
    rows, columns = np.concatenate(rows), np.concatenate(columns)
    matrix = diags(degree) - coo_matrix((np.ones(len(rows)), (rows, columns)), (count, count))
    solution = splu(matrix.tocsc(), permc_spec="MMD_AT_PLUS_A", options={"SymmetricMode": True}).solve(right)
    result[wanted] = solution.reshape(count, *values.shape[2:])
    return result


def meeting(
    values: np.ndarray,
    present: np.ndarray,
    rim: np.ndarray,
    wanted: np.ndarray,
    steps: tuple[np.ndarray, np.ndarray] | None = None,
) -> np.ndarray:
    """Values from elsewhere, shifted smoothly on `wanted` so that they meet what is present at its rim.

    Args:
        values, present: (H, W, C) in [0, 1].
        rim, wanted: bool (H, W).
        steps: differences that the result shall have, as in `membrane`, NaN where those of the values stay;
            without, all of them do.
    Returns: (H, W, C), as `values` but on `wanted`.
    """
    if steps is not None:
        steps = tuple(np.nan_to_num(step - np.diff(values, axis=axis)) for axis, step in enumerate(steps))
    return values + membrane(np.clip(present - values, -SEAM, SEAM), rim, wanted, steps=steps)


def _neighbours() -> list[tuple]:
    """The four directions: axis, sign, and the indices (here, there) of the pixels and their neighbours."""
    first, last, every = slice(None, -1), slice(1, None), slice(None)
    pairs = [((first, every), (last, every)), ((every, first), (every, last))]
    forth = [(axis, 1, here, there) for axis, (here, there) in enumerate(pairs)]
    return forth + [(axis, -1, there, here) for axis, _, here, there in forth]
