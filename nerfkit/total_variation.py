"""The primal-dual iteration of Chambolle and Pock (2011, algorithm 1) for least total variation on a grid.

Smooth divisions of pictures, surfaces of least area and shortest borders differ in what holds the values and
in what length a step from cell to cell may have.
"""

from collections.abc import Callable, Sequence

import numpy as np


def least_variation(
    start: np.ndarray,
    axes: Sequence[int],
    held: Callable[[np.ndarray], np.ndarray],
    bounded: Callable[[np.ndarray], None],
    rounds: int,
    cost: np.ndarray | float = 0.0,
    settled: float = 0.0,
) -> np.ndarray:
    """Values of the least total variation plus the sum of cost * value, float32 of the shape of `start`.

    Args:
        axes: along which values vary; other axes are channels.
        held: of values, the nearest that are allowed.
        bounded: shortens flows (len(axes), ...) in place to what they may be; one flows from each cell to the
            next along its axis.
        settled: change of a value in a round from which down nothing more is done.
    """
    # Primal and dual step: their product times the squared norm of the gradient, 4 axes, must not exceed 1.
    step = (4 * len(axes)) ** -0.5
    values = start.astype(np.float32)
    ahead = values.copy()
    flows = np.zeros((len(axes), *values.shape), np.float32)
    for _ in range(rounds):
        for axis, flow in zip(axes, flows, strict=True):
            np.moveaxis(flow, axis, 0)[:-1] += step * np.moveaxis(np.diff(ahead, axis=axis), axis, 0)
        bounded(flows)
        divergence = flows.sum(axis=0)
        for axis, flow in zip(axes, flows, strict=True):
            np.moveaxis(divergence, axis, 0)[1:] -= np.moveaxis(flow, axis, 0)[:-1]
        new = held(values + step * (divergence - cost))
        done = settled > 0 and np.abs(new - values).max() < settled
        ahead = 2 * new - values
        values = new
        if done:
            break
    return values


def shorten(flows: np.ndarray) -> None:
    """Bound flows (D, ...) in place to the unit ball: lengths are Euclidean, no direction is cheaper."""
    flows /= np.maximum(np.sqrt(np.einsum("k...,k...->...", flows, flows)), 1)
