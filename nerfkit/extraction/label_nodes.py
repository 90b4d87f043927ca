"""Which nodes of the surface graph labelled pixels mean.

A label at an outline shows a blur of two surfaces, in colour and in depth: it may mean any node in the window
around it, or what lies beside the graph's cube. What looks most like it is the first guess (division.py and
shortest_outline.py make better ones). A label that is known to lie at an outline tells of both sides: of two
opposite places around it one is the object and the other is not.
"""

from dataclasses import dataclass

import numpy as np

from nerfkit.extraction.surface_graph import SurfaceGraph

FOLDS = 8  # divisions, each of which leaves out some labels (division.py)
WINDOW = 3  # pixels around a label in which its surface is looked for
ACROSS = 4  # pixels on either side, in which both sides of an outline are
PIXEL_COST, NORMAL_COST = 3.0, 30.0  # of a pixel's distance, and of a right angle or almost, in CIELAB units
CONTRAST = 2.0  # weight of how much two sides differ
LEAST = 1e-3  # probability of what a label may mean, whatever the others say
BESIDE = -1  # node of what lies beside the cube or shows no known surface
UNTOLD = -2  # node of what a label does not tell
Pixels = tuple[np.ndarray, np.ndarray, np.ndarray]  # view, row and column of each


@dataclass(frozen=True)
class Choices:
    """What one label may mean, C times a node of the object and one of the rest.

    Attributes:
        nodes: (C, 2). looks: (C, 2, 3) in CIELAB, NaN of what is UNTOLD. unlikely: (C,).
    """

    nodes: np.ndarray
    looks: np.ndarray
    unlikely: np.ndarray

    def flipped(self) -> "Choices":
        """The same with object and rest exchanged."""
        return Choices(self.nodes[:, ::-1], self.looks[:, ::-1], self.unlikely)

    def best(self, told: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        """The nodes (2,) and looks (2, 3) that are least unlikely of those that agree, if any do.

        Args:
            told: (N,) the probability of all nodes by what other labels say.
        """
        if not len(self.unlikely):
            return np.array([BESIDE, BESIDE]), np.full((2, 3), np.nan)
        unlikely = self.unlikely
        if told is not None:
            inner, outer = np.append(told, [0.5, 0.0])[self.nodes.T]  # the last two are UNTOLD and BESIDE
            unlikely = np.where(inner > outer, unlikely, np.inf) if (inner > outer).any() else unlikely
        chosen = np.argmin(unlikely)
        return self.nodes[chosen], self.looks[chosen]

    def likeliest(self, inside: np.ndarray, unlikelier: float) -> tuple[np.ndarray, np.ndarray]:
        """The nodes (2,) and looks (2, 3) that are likeliest where all nodes are the object with probability
        `inside` (N,), and every `unlikelier` that choices are more unlikely makes them e times so."""
        if not len(self.unlikely):
            return self.best()
        told, untold = np.append(inside, [0, 0])[self.nodes], self.nodes == UNTOLD
        agreed = np.where(untold, 1, np.abs(told - [0, 1])).prod(axis=1)
        chosen = np.argmax(np.log(np.maximum(agreed, LEAST)) - self.unlikely / unlikelier)
        return self.nodes[chosen], self.looks[chosen]


@dataclass(frozen=True)
class NodeLabels:
    """L labels of the object or of the rest, or of both sides of an outline.

    Attributes:
        choices: of each label. fold: (L,) which of FOLDS divisions leaves it out.
        nodes, looks: (L, 2) and (L, 2, 3), what it means of its choices.
    """

    choices: list[Choices]
    fold: np.ndarray
    nodes: np.ndarray
    looks: np.ndarray

    @classmethod
    def likeliest(cls, choices: list[Choices], fold: np.ndarray) -> "NodeLabels":
        """Labels in folds (L,), each of which means what is least unlikely."""
        nodes, looks = zip(*(each.best() for each in choices), strict=True)
        return cls(choices, fold, np.array(nodes), np.array(looks))

    def placed(self, without: int | None = None) -> tuple[np.ndarray, np.ndarray]:
        """The nodes of the object, and those of the rest, that labels mean, `without` those of a fold."""
        inner, outer = self.nodes[self.fold != without].T
        return inner[inner >= 0], outer[outer >= 0]

    def asked(self, told: list[np.ndarray]) -> "NodeLabels":
        """The labels, each of which means what is likeliest of that with which the others agree.

        Args:
            told: of each fold the probability (N,) of all nodes by what the labels of other folds say.
        """
        found = [each.best(told[fold]) for each, fold in zip(self.choices, self.fold, strict=True)]
        return self.meaning(found)

    def explained(self, inside: np.ndarray, unlikelier: float) -> "NodeLabels":
        """The labels, each of which means what is likeliest; as in Choices.likeliest."""
        return self.meaning([each.likeliest(inside, unlikelier) for each in self.choices])

    def meaning(self, found: list[tuple[np.ndarray, np.ndarray]]) -> "NodeLabels":
        """The same labels with the nodes and looks that are found for each."""
        nodes, looks = zip(*found, strict=True)
        return NodeLabels(self.choices, self.fold, np.array(nodes), np.array(looks))


@dataclass(frozen=True)
class Sight:
    """A labelled view.

    Attributes:
        shown: (H, W) the nodes that pixels show. lab: (H, W, 3) in CIELAB.
        beside: (H, W) which pixels show a surface beside the cube.
    """

    shown: np.ndarray
    lab: np.ndarray
    beside: np.ndarray

    def knows(self, y: np.ndarray, x: np.ndarray) -> np.ndarray:
        """Which places (K,) lie in the view and show a node or what lies beside the cube."""
        height, width = self.shown.shape
        inside = (y >= 0) & (y < height) & (x >= 0) & (x < width)
        y, x = y * inside, x * inside
        return inside & ((self.shown[y, x] >= 0) | self.beside[y, x])

    def looks(self, y: np.ndarray, x: np.ndarray, graph: SurfaceGraph) -> np.ndarray:
        """The colours (K, 3, 3) of pixels and of the nodes that they show, and these nodes' normals."""
        nodes, looks = self.shown[y, x], self.lab[y, x]
        known = (nodes >= 0)[:, None]
        of_nodes = np.where(known, graph.colours[nodes], looks)
        return np.stack([looks, of_nodes, np.where(known, NORMAL_COST * graph.normals[nodes], 0)], axis=1)


def unlike(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """How unlike (K,) looks (K, C, 3) are."""
    return np.linalg.norm(a - b, axis=2).sum(axis=1)


def steps_within(reach: int) -> np.ndarray:
    """Steps (K, 2) to all pixels of a window."""
    steps = np.arange(-reach, reach + 1)
    return np.stack(np.meshgrid(steps, steps, indexing="ij"), axis=-1).reshape(-1, 2)


def anywhere(row: int, column: int, sight: Sight, graph: SurfaceGraph) -> Choices:
    """What a label of the object may mean, wherever it lies: what is near and looks like it."""
    steps = steps_within(WINDOW)
    y, x = np.add(steps, (row, column)).T
    known = sight.knows(y, x)
    y, x = y[known], x[known]
    look = sight.lab[row, column]
    unlikely = unlike(sight.looks(y, x, graph)[:, :2], look)
    unlikely += PIXEL_COST * np.linalg.norm(steps[known], axis=1)
    nodes = np.stack([sight.shown[y, x], np.full(len(y), UNTOLD)], axis=1)
    return Choices(nodes, np.tile([look, np.full(3, np.nan)], (len(y), 1, 1)), unlikely)


def at_an_outline(row: int, column: int, sight: Sight, graph: SurfaceGraph) -> Choices:
    """What a label of the object at its outline may mean: sides that lie opposite, differ, and of which the
    object's looks like it; where no two are known, what it may mean anywhere."""
    steps = steps_within(ACROSS)
    steps = steps[(steps != 0).any(axis=1) & (np.square(steps).sum(axis=1) <= ACROSS**2 + 1)]
    sides = [np.add(sign * steps, (row, column)).T for sign in (1, -1)]
    known = np.all([sight.knows(*side) for side in sides], axis=0)
    if not known.any():
        return anywhere(row, column, sight, graph)
    sides = [(y[known], x[known]) for y, x in sides]
    looks = [sight.looks(*side, graph) for side in sides]
    unlikely = unlike(looks[0][:, :2], sight.lab[row, column]) - CONTRAST * unlike(*looks)
    unlikely += PIXEL_COST * np.linalg.norm(steps[known], axis=1)
    nodes = np.stack([sight.shown[side] for side in sides], axis=1)
    return Choices(nodes, np.stack([look[:, 0] for look in looks], axis=1), unlikely)


def node_labels(
    pixels: tuple[Pixels, Pixels], sights: dict[int, Sight], graph: SurfaceGraph, at_outlines: bool = False
) -> NodeLabels:
    """The labels at pixels of the object and of the rest; each means what is likeliest.

    Args:
        sights: of each labelled view.
        at_outlines: whether all of them lie at outlines of the object.
    """
    told = at_an_outline if at_outlines else anywhere
    choices = [
        [told(row, column, sights[view], graph) for view, row, column in zip(*kind, strict=True)]
        for kind in pixels
    ]
    fold = np.concatenate([np.arange(len(kind)) % FOLDS for kind in choices])
    return NodeLabels.likeliest(choices[0] + [each.flipped() for each in choices[1]], fold)
