"""Which nodes of the surface graph labelled pixels mean.

A label at an outline shows a blur of two surfaces, in colour and in depth: it may mean any node in the window
around it, or what lies beside the graph's cube. What looks most like it is the first guess (division.py
makes better ones).
"""

from dataclasses import dataclass

import numpy as np

from nerfkit.extraction.surface_graph import SurfaceGraph

WINDOW, PIXEL_COST = 3, 3.0  # pixels around a label in which its surface is looked for; one in CIELAB units
BESIDE = -1  # the node of what lies beside the cube, and of a label that shows no known surface


@dataclass(frozen=True)
class Labelled:
    """L labels of one kind.

    Attributes:
        colours: (L, 3) in CIELAB.
        choices: of each label the nodes (C,) that it may mean, and how unlike it each is (C,); C may be 0.
        nodes: (L,) the chosen ones.
    """

    colours: np.ndarray
    choices: list[tuple[np.ndarray, np.ndarray]]
    nodes: np.ndarray

    @property
    def placed(self) -> np.ndarray:
        """The nodes of those labels that have one."""
        return self.nodes[self.nodes >= 0]

    def only(self, which: np.ndarray) -> "Labelled":
        """The labels of a choice (L,)."""
        choices = [each for each, kept in zip(self.choices, which, strict=True) if kept]
        return Labelled(self.colours[which], choices, self.nodes[which])

    def meaning(self, right: np.ndarray) -> np.ndarray:
        """The nodes (L,) that are right and most like each label; where none is right, most like it.

        Args:
            right: (N + 1,) of all nodes, the last of what lies beside the cube.
        """
        return meant(self.choices, right)


def meant(choices: list[tuple[np.ndarray, np.ndarray]], right: np.ndarray) -> np.ndarray:
    """The likeliest node (L,) of each label's choices; `right` as in Labelled.meaning."""
    return np.array([likeliest(*each, right) for each in choices], int)


def likeliest(nodes: np.ndarray, unlike: np.ndarray, right: np.ndarray) -> int:
    """The node of the choices (C,) that is right and least unlike, if any is."""
    if not len(nodes):
        return BESIDE
    agrees = right[nodes]
    return int(nodes[np.argmin(np.where(agrees, unlike, np.inf) if agrees.any() else unlike)])


def label_nodes(
    pixels: tuple[np.ndarray, np.ndarray, np.ndarray],
    graph: SurfaceGraph,
    labs: dict[int, np.ndarray],
    beside: list[np.ndarray],
) -> Labelled:
    """The labels at pixels (view, row, column), each of which means what looks most like it.

    Args:
        labs: of each labelled view its colours (H, W, 3) in CIELAB.
        beside: of every view which pixels (H, W) show a surface beside the cube.
    """
    colours = np.array([labs[view][row, column] for view, row, column in zip(*pixels, strict=True)])
    choices = [
        choices_around(row, column, graph.pixels[view], graph.colours, labs[view], beside[view])
        for view, row, column in zip(*pixels, strict=True)
    ]
    return Labelled(colours.reshape(-1, 3), choices, meant(choices, np.ones(len(graph) + 1, bool)))


def choices_around(
    row: int, column: int, shown: np.ndarray, colours: np.ndarray, lab: np.ndarray, beside: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The nodes (C,) in the window around a label, and how unlike it they are: pixel, node, and distance.

    Args:
        shown: (H, W) nodes that the view shows. colours: (N, 3) of all nodes.
    """
    top, left = max(row - WINDOW, 0), max(column - WINDOW, 0)
    window = slice(top, row + WINDOW + 1), slice(left, column + WINDOW + 1)
    y, x = np.nonzero((shown[window] >= 0) | beside[window])
    nodes, looks = shown[window][y, x], lab[window][y, x]
    of_nodes = np.where((nodes >= 0)[:, None], colours[nodes], looks)
    unlike = sum(np.linalg.norm(each - lab[row, column], axis=1) for each in (looks, of_nodes))
    return nodes, unlike + PIXEL_COST * np.hypot(y + top - row, x + left - column)
