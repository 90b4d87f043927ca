"""What the object stands on: the plane that most of the surface graph lies in and that goes on outside of it.

A dark piece of a cloth looks like the dark thing upon it, and few labels do not tell them apart. But a table
or a floor is flat and goes on far beyond the thing, so that what lies in its plane is not the thing.
"""

import numpy as np

from nerfkit.extraction.surface_graph import SurfaceGraph
from nerfkit.segmentation.support import Plane, plane_of

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
    flat = widest(graph, np.random.default_rng(seed))
    for _ in range(REFITS):
        if flat.sum() >= 3:
            flat = within(graph, plane_of(graph.places[flat], graph.places[own]))
    ends = graph.at_the_sides
    goes_on = len(ends) > 0 and flat[ends].mean() > LEAST
    return flat if goes_on and flat[own].mean() <= FLAT else np.zeros(len(graph), bool)


def within(graph: SurfaceGraph, plane: Plane) -> np.ndarray:
    """Which nodes (N,) lie in the plane, and along it."""
    near = np.abs(plane.heights(graph.places)) < THICKNESS / graph.resolution
    return near & (np.abs(graph.normals @ plane.normal) > PARALLEL)


def widest(graph: SurfaceGraph, rng: np.random.Generator) -> np.ndarray:
    """The nodes (N,) of the plane of one node that holds most others."""
    tried = rng.choice(len(graph), min(TRIALS, len(graph)), replace=False)
    return max((within(graph, Plane(graph.normals[k], graph.places[k])) for k in tried), key=np.sum)
