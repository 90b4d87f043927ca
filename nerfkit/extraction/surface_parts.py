"""The surface graph in parts, and how long the outlines between these are in the photos.

A part is what lies nearest to one of some nodes that are far from one another, over paths that avoid steps of
colour and concave creases, so that parts end where things do. Fewer of these nodes make larger parts.
"""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import distance_transform_edt
from scipy.sparse.csgraph import connected_components, dijkstra
from scipy.spatial import cKDTree

from nerfkit.extraction.division import ease
from nerfkit.extraction.surface_graph import SurfaceGraph

COUNT = 300  # of parts
COARSER = (10, 14, 20, 28, 40, 56, 80, 112, 160)  # counts of larger parts
LEAST = 0.002  # of all pixels, in connected nodes that have parts of their own; stray depths have less
BOND = 0.01  # of two nodes of one colour and without a crease between, in nats


@dataclass(frozen=True)
class SurfaceParts:
    """P parts of a surface graph; the number P stands for what lies beside its cube.

    Attributes:
        part: (N,) that of each node. larger: (K, P) the larger part in which each part lies, K times.
        outlines: (P + 1, P + 1) how often photos show two beside one another, the sum of all pairs being 1.
        bonds: (P + 1, P + 1) how firmly two hang together, in nats.
    """

    part: np.ndarray
    larger: np.ndarray
    outlines: np.ndarray
    bonds: np.ndarray

    def __len__(self) -> int:
        return len(self.outlines) - 1

    @classmethod
    def of(cls, graph: SurfaceGraph, outside: list[np.ndarray]) -> "SurfaceParts":
        """The parts of a graph; `outside` (H, W) of each view is where it shows what lies beside its cube."""
        part, larger = farthest_parts(graph)
        count = larger.shape[1]
        return cls(part, larger, outline_lengths(graph, outside, part, count), part_bonds(graph, part, count))

    def mean(self, values: np.ndarray, graph: SurfaceGraph) -> np.ndarray:
        """The mean (P,) over the pixels of each part of values (N,) of the nodes."""
        total = np.bincount(self.part, values * graph.counts, len(self))
        return total / np.bincount(self.part, graph.counts, len(self))


def farthest_parts(graph: SurfaceGraph, count: int = COUNT) -> tuple[np.ndarray, np.ndarray]:
    """The part (N,) of each node and the larger ones (K, P) of parts, by farthest nodes (Gonzalez 1985)."""
    steps = graph.matrix(graph.lengths + graph.contrasts)
    _, piece = connected_components(steps, directed=False)
    steady = (np.bincount(piece, graph.counts) >= LEAST * graph.counts.sum())[piece]
    away, part = np.where(steady, np.inf, -1.0), np.zeros(len(graph), int)
    middles, larger = [], []
    while len(middles) < count and away.max() > 0:
        middles.append(int(np.argmax(away)))
        reach = dijkstra(steps, indices=middles[-1], limit=away[middles[-1]])
        nearer = (reach < away) & steady
        away[nearer], part[nearer] = reach[nearer], len(middles) - 1
        if len(middles) in COARSER:
            larger.append(part.copy())
    nearest = cKDTree(graph.places[steady]).query(graph.places[~steady])[1]
    part[~steady] = part[steady][nearest]
    return part, np.array(larger or [np.zeros_like(part)])[:, middles]


def outline_lengths(
    graph: SurfaceGraph, outside: list[np.ndarray], part: np.ndarray, count: int
) -> np.ndarray:
    """SurfaceParts.outlines; a pixel that shows no known surface counts to what is nearest in its photo."""
    lengths = np.zeros((count + 1) ** 2)
    for nodes, beside in zip(graph.pixels, outside, strict=True):
        known = (nodes >= 0) | beside
        if not known.any():
            continue
        shown = np.append(part, count)[nodes]
        shown = shown[tuple(distance_transform_edt(~known, return_distances=False, return_indices=True))]
        for one, other in ((shown[1:], shown[:-1]), (shown[:, 1:], shown[:, :-1])):
            pairs = (one * (count + 1) + other).ravel()
            lengths += np.bincount(pairs, minlength=len(lengths))
    lengths = lengths.reshape(count + 1, -1)
    lengths += lengths.T
    np.fill_diagonal(lengths, 0)
    return 2 * lengths / max(lengths.sum(), 1)


def part_bonds(graph: SurfaceGraph, part: np.ndarray, count: int) -> np.ndarray:
    """SurfaceParts.bonds: of the steps between them; what reaches the cube's sides goes on beside it."""
    bonds = np.zeros((count + 1, count + 1))
    np.add.at(bonds, (part[graph.starts], part[graph.ends]), ease(graph))
    np.add.at(bonds, (part[graph.at_the_sides], count), 1)
    bonds = BOND * (bonds + bonds.T)
    np.fill_diagonal(bonds, 0)
    return bonds
