"""What the object stands on: the plane that most of the surface graph lies in and that goes on outside of it.

A dark piece of a cloth looks like the dark thing upon it, and few labels do not tell them apart. But a table
or a floor is flat and goes on far beyond the thing, so that what lies in its plane is not the thing.
"""

import numpy as np

from nerfkit.extraction.surface_graph import SurfaceGraph

TRIALS, REFITS = 300, 3
THICKNESS = 1.5  # voxels to each side
PARALLEL = 0.8  # cosine of a node's normal and the plane's
LEAST = 0.1  # of the nodes at the cube's sides, without which it does not go on outside
FLAT = 0.2  # of the object's own labels; with more in the plane the object is flat itself, like a letter


def in_support(graph: SurfaceGraph, own: np.ndarray, seed: int = 0) -> np.ndarray:
    """Which nodes, bool (N,), lie in the plane that supports the object; none where there is no such plane.

    Args:
        own: (L,) nodes of the object's labels.
    """
    flat = refitted(graph, widest(graph, np.random.default_rng(seed)))
    ends = graph.at_the_sides
    goes_on = len(ends) > 0 and flat[ends].mean() > LEAST
    return flat if goes_on and flat[own].mean() <= FLAT else np.zeros(len(graph), bool)


def within(graph: SurfaceGraph, through: np.ndarray, normal: np.ndarray) -> np.ndarray:
    """Which nodes (N,) lie in the plane through a place (3,) across its normal (3,), and along it."""
    near = np.abs((graph.places - through) @ normal) < THICKNESS / graph.resolution
    return near & (np.abs(graph.normals @ normal) > PARALLEL)


def widest(graph: SurfaceGraph, rng: np.random.Generator) -> np.ndarray:
    """The nodes (N,) of the plane of one node that holds most others."""
    tried = rng.choice(len(graph), min(TRIALS, len(graph)), replace=False)
    return max((within(graph, graph.places[k], graph.normals[k]) for k in tried), key=np.sum)


def refitted(graph: SurfaceGraph, nodes: np.ndarray) -> np.ndarray:
    """The nodes (N,) of the plane that is nearest to these, by least squares."""
    for _ in range(REFITS):
        if nodes.sum() < 3:
            break
        middle = graph.places[nodes].mean(axis=0)
        normal = np.linalg.svd(graph.places[nodes] - middle, full_matrices=False)[2][2]
        nodes = within(graph, middle, normal)
    return nodes
