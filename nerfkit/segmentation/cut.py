"""The smoothest division of an image, or of a grid of voxels, into object and rest, given what each asks for.

Minimises over u in [0, 1]

    smoothness * sum_edges g |u_p - u_q| + sum_p cost_p u_p

where a negative cost asks for the object and g is small across colour edges. With two labels the relaxed
problem has the same minimum as the graph cut and any threshold of u is a minimiser (Chan, Esedoglu and
Nikolova 2006).
"""

import cv2
import numpy as np

from nerfkit.total_variation import least_variation

CERTAIN = 50.0  # a cost that outweighs any smoothness
WEAKEST_EDGE = 0.03  # g across the strongest edge: a mask may still not fray there
JUMP = 0.01  # relative step of nearness from a pixel to the next that is an edge in space


def edge_weights(lab: np.ndarray, distance: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """g between a pixel and its right and its lower neighbour, each (H, W).

    exp(-|difference|^2 / (2 mean |difference|^2)), as in GrabCut, of a CIELAB image (H, W, 3); times the same
    of the distance to the camera (H, W) in space, where it is known, with JUMP for the mean. The last column
    and row have no neighbour.
    """
    across, down = squared_steps(cv2.GaussianBlur(lab, (0, 0), 1.0))
    scale = across.mean() + down.mean() + 1e-6
    across, down = across / scale, down / scale
    if distance is not None:
        nearness = cv2.GaussianBlur((np.median(distance) / distance).astype(np.float32), (0, 0), 1.0)
        jumps = squared_steps(nearness[..., None])
        across, down = across + jumps[0] / (2 * JUMP**2), down + jumps[1] / (2 * JUMP**2)
    right, below = (WEAKEST_EDGE + (1 - WEAKEST_EDGE) * np.exp(-d) for d in (across, down))
    right[:, -1] = 0
    below[-1] = 0
    return right, below


def squared_steps(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Squared difference (H, W) of an image (H, W, C) to the right and the lower neighbour; 0 at the end."""
    across, down = np.zeros(image.shape[:2], np.float32), np.zeros(image.shape[:2], np.float32)
    across[:, :-1] = ((image[:, 1:] - image[:, :-1]) ** 2).sum(axis=2)
    down[:-1] = ((image[1:] - image[:-1]) ** 2).sum(axis=2)
    return across, down


def smoothest_division(
    cost: np.ndarray, edges: tuple[np.ndarray, ...], smoothness: float, rounds: int = 150
) -> np.ndarray:
    """u float32 in [0, 1] of the shape of `cost`, (H, W) or (D, H, W); above 0.5 is the object.

    Args:
        edges: g between each cell and the next one along the last axis, along the one before it, and so on;
            each of the shape of `cost`.
    """
    cost = (cost / smoothness).astype(np.float32)
    limits = np.stack(edges)

    def held(u: np.ndarray) -> np.ndarray:
        return np.clip(u, 0, 1)

    def bounded(flows: np.ndarray) -> None:
        np.clip(flows, -limits, limits, out=flows)

    axes = range(cost.ndim - 1, -1, -1)
    return least_variation((cost < 0).astype(np.float32), axes, held, bounded, rounds, cost)
