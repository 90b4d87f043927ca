"""Which view is next to which: by pose, never by file name."""

import numpy as np

from nerfkit.scene import View


def view_distances(views: list[View], depth: float) -> np.ndarray:
    """How differently each pair of views looks at what lies `depth` scene units ahead of them, (V, V).

    The angle in radians between their axes plus the distance between their centres relative to `depth`.
    """
    axes = np.array([view.world_from_cam[:3, 2] for view in views])
    centres = np.array([view.world_from_cam[:3, 3] for view in views])
    angles = np.arccos(np.clip(axes @ axes.T, -1, 1))
    return angles + np.linalg.norm(centres[:, None] - centres[None], axis=2) / depth


def walk(distances: np.ndarray, start: list[int]) -> list[tuple[int, int]]:
    """All views that are not in `start`, each with its number of hops from there.

    Grows a tree from the starting views, always by the view nearest to it (Prim), so a capture that goes all
    around an object is followed along its circle from both ends.
    """
    hops = dict.fromkeys(start, 0)
    order = []
    while len(hops) < len(distances):
        done, left = list(hops), [i for i in range(len(distances)) if i not in hops]
        block = distances[np.ix_(done, left)]
        parent, nearest = np.unravel_index(block.argmin(), block.shape)
        hops[left[nearest]] = hops[done[parent]] + 1
        order.append((left[nearest], hops[left[nearest]]))
    return order
