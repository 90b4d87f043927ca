"""Guesses at the object from labels at its outlines, weighed by how well they explain these. No part of
LaTeRF's paper.

Which of the surfaces at a label belongs to the object may turn with the nodes of the surface graph, which
turn with its cube, and with how much is held against what the object of the shortest outlines leaves out. So
several cubes and weights are tried, and that guess counts most along whose outlines the labels lie. They were
drawn from all pixels along the true ones alike, so that of a label in a distance d, in pixels, from the
outline on its own side, all of which are L pixels long,

    P(label | guess) = STRAY / pixels + (1 - STRAY) * exp(-d / BLUR) / (2 * BLUR * L).

Long outlines without labels are unlikely by this, and so are labels without an outline.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.ndimage import distance_transform_edt

from nerfkit.extraction.label_nodes import Pixels
from nerfkit.extraction.labels import boundary
from nerfkit.nearest import nearest

STRAY = 0.05  # share of labels that may lie anywhere
BLUR = 2.0  # pixels, by which outlines of a guess are off
DOUBT = 2.0  # guesses are weighed as if so many labels said what one says: they share their errors


@dataclass(frozen=True)
class Shown:
    """What the views show of one surface graph, of each (H, W): `nodes`, -1 for none, and whether that is
    `known`: it is not where depths jump, and beside the cube it is."""

    nodes: list[np.ndarray]
    known: list[np.ndarray]

    @cached_property
    def nearest(self) -> list[np.ndarray]:
        """The nodes (H, W) of the nearest known pixels."""
        return [nearest(nodes, known) for nodes, known in zip(self.nodes, self.known, strict=True)]


@dataclass(frozen=True)
class Guess:
    """The probability (N,) of being object of every node that views show."""

    of_nodes: np.ndarray
    shown: Shown

    def probability(self, view: int) -> np.ndarray:
        """The same of the pixels (H, W) of a view; 0 where no node is shown."""
        return np.append(self.of_nodes, 0)[self.shown.nodes[view]]

    @property
    def masks(self) -> list[np.ndarray]:
        """Of each view, (H, W): what is the object rather than not; by the nearest known pixel."""
        inside = np.append(self.of_nodes > 0.5, False)
        return [inside[nodes] for nodes in self.shown.nearest]


def log_likelihood(masks: list[np.ndarray], positive: Pixels, negative: Pixels) -> float:
    """The logarithm of how likely labels of the object and of the rest are by masks (H, W) of all views."""
    pixels, total = sum(mask.size for mask in masks), 0.0
    edges = [boundary(mask) for mask in masks]
    for labels, sides in ((positive, masks), (negative, [~mask for mask in masks])):
        outlines = [edge & side for edge, side in zip(edges, sides, strict=True)]
        length = max(sum(np.count_nonzero(outline) for outline in outlines), 1)
        away = distances(outlines, labels)
        alike = np.exp(-away / BLUR) / (2 * BLUR * length)
        total += float(np.log(STRAY / pixels + (1 - STRAY) * alike).sum())
    return total


def distances(outlines: list[np.ndarray], labels: Pixels) -> np.ndarray:
    """The distance (L,) in pixels of labels from the outlines (H, W) of their views, infinite without any."""
    away = np.full(len(labels[0]), np.inf)
    for view in np.unique(labels[0]):
        chosen = labels[0] == view
        if outlines[view].any():
            away[chosen] = distance_transform_edt(~outlines[view])[labels[1][chosen], labels[2][chosen]]
    return away


def weights(guesses: list[Guess], positive: Pixels, negative: Pixels) -> np.ndarray:
    """How much each guess (G,) counts, by how likely labels of both kinds are by it; the likeliest 1."""
    likely = np.array([log_likelihood(guess.masks, positive, negative) for guess in guesses])
    return np.exp((likely - likely.max()) / DOUBT)


def mean(guesses: list[Guess], counting: np.ndarray) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Of each view, (H, W): the mean probability by guesses that count so much (G,), each where it is known,
    and whether any is."""
    probability, known = [], []
    for view in range(len(guesses[0].shown.known)):
        told = counting[:, None, None] * np.stack([guess.shown.known[view] for guess in guesses])
        values = np.stack([guess.probability(view) for guess in guesses])
        total = told.sum(axis=0)
        known.append(total > 0)
        probability.append(((told * values).sum(axis=0) / np.where(total > 0, total, 1)).astype(np.float32))
    return probability, known
