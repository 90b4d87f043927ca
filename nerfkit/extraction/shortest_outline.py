"""Which parts of the surface are hardly the object, by labels along its outlines. No part of LaTeRF's paper.

Drawn labels fall on all outlines of the object alike: the longer these are, the less likely are the labels
at hand, and a thing on whose outlines none lies is hardly a part of the object. So of a label

    P(label | object) = MISTAKEN + (1 - MISTAKEN) * q / (the object's share of all outlines),

where q is the share of what the label may mean (label_nodes.py) with which the object agrees. To -log of this
come the bonds between parts that the object tears and the evidence against its parts. The least sum is looked
for by simulated annealing (Kirkpatrick et al. 1983), in which parts change alone or many together. It tells
what the labels mean, from which the evidence follows, and again.
"""

from dataclasses import dataclass

import numpy as np
from numba import njit

from nerfkit.extraction.division import Divider, LabelColours
from nerfkit.extraction.label_nodes import UNTOLD, Choices, NodeLabels
from nerfkit.extraction.surface_parts import SurfaceParts

FAST = {"cache": True, "nogil": True}
ROUNDS, CHAINS = 3, 3
MOST = 64  # labels that are weighed; more say the same
UNLIKELIER = 20.0  # CIELAB units, by which a meaning is e times less likely
MISTAKEN = 0.02  # share of labels that mean nothing of what they may mean
SHORTEST = 1e-3  # share of all outlines, below which no object is likelier
EVIDENCE, PRIOR = 0.3, 0.25  # weights of the evidence for the parts, and of the parts for the nodes
TOGETHER = 0.15  # share of the moves in which all of a larger part becomes one
HOTTEST = 10.0  # temperature of the first sweep
COOLING, WARM, COLD = 80, 40, 20  # sweeps down to the temperature 1, at 1 and at 0
SHY = 0.02  # of the probability of a part, so that none is sure


def against(divider: Divider, labels: NodeLabels, parts: SurfaceParts) -> np.ndarray:
    """Evidence (N,), at most 0, against nodes of parts that are not in the object of the shortest outlines.

    It does not speak for the others: what stands on the object, as fruit on a plate, makes its outlines
    shorter if counted to it, and so would be wherever no label lies on it.
    """
    temperatures = np.r_[np.geomspace(HOTTEST, 1, COOLING, endpoint=False), np.ones(WARM), np.zeros(COLD)]
    some = np.unique(np.linspace(0, len(labels.choices) - 1, MOST).astype(int))
    meanings = Meanings.of([labels.choices[each] for each in some], parts)
    rng = np.random.default_rng(0)
    for _ in range(ROUNDS):
        colours = [each.density() for each in LabelColours.of_both(labels, divider.graph.colours)]
        told = divider.evidence(*labels.placed(), colours, divider.support(labels))
        evidence = EVIDENCE * parts.mean(told, divider.graph)
        chains = [
            annealed(temperatures, draws, parts.larger, evidence, parts.bonds, parts.outlines, *meanings.rows)
            for draws in rng.random((CHAINS, len(temperatures), len(parts), 5))
        ]
        inside = min(chains, key=lambda chain: chain[1])[0][parts.part]
        labels = labels.explained(inside, UNLIKELIER)
    return np.minimum(PRIOR * np.log((inside + SHY) / (1 + SHY - inside)), 0)


@dataclass(frozen=True)
class Meanings:
    """What labels may mean of the parts, R meanings of all labels.

    Attributes:
        label: (R,) whose it is. inner, outer: (R,) parts of the object and of the rest, UNTOLD where it tells
            of one alone. share: (R,) of all that the label may mean.
    """

    label: np.ndarray
    inner: np.ndarray
    outer: np.ndarray
    share: np.ndarray

    @property
    def rows(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """All four, for the compiled functions."""
        return self.label, self.inner, self.outer, self.share

    @classmethod
    def of(cls, choices: list[Choices], parts: SurfaceParts) -> "Meanings":
        """The meanings of the choices of labels; those that mean the same parts count together."""
        number = np.append(parts.part, [UNTOLD, len(parts)])  # the last two are of UNTOLD and BESIDE
        rows = []
        for label, each in enumerate(choices):
            if len(each.unlikely):
                share = np.exp((each.unlikely.min() - each.unlikely) / UNLIKELIER)
                pairs, place = np.unique(number[each.nodes], axis=0, return_inverse=True)
                shares = np.bincount(place.ravel(), share / share.sum())
                rows += [(label, *pair, part) for pair, part in zip(pairs, shares, strict=True)]
        label, inner, outer, share = np.array(rows).reshape(-1, 4).T
        return cls(label.astype(int), inner.astype(int), outer.astype(int), np.ascontiguousarray(share))


@njit(**FAST)
def misfit(inside, outline, label, inner, outer, share):
    """-log of how likely the labels are of an object that is `inside` (P + 1,), by its share of all outlines;
    the other arguments are Meanings."""
    agreed = np.zeros(label.max() + 1 if len(label) else 0)
    for row in range(len(label)):
        own = inner[row] == UNTOLD or inside[inner[row]]
        if own and (outer[row] == UNTOLD or not inside[outer[row]]):
            agreed[label[row]] += share[row]
    return -np.log(MISTAKEN + (1 - MISTAKEN) * agreed / (outline + SHORTEST)).sum()


@njit(**FAST)
def change(inside, members, evidence, bonds, outlines):
    """By how much bonds, less evidence, and outlines change when the parts `members` change sides."""
    energy, outline = 0.0, 0.0
    among = np.zeros(len(inside), np.bool_)
    among[members] = True
    for part in members:
        energy += evidence[part] if inside[part] else -evidence[part]
        for other in range(len(inside)):
            if not among[other]:
                sign = 1.0 if inside[part] == inside[other] else -1.0
                energy += sign * bonds[part, other]
                outline += sign * outlines[part, other]
    return energy, outline


@njit(**FAST)
def drawn_members(inside, larger, draws):
    """A part, or those of a larger one that are not yet what all of it becomes; by `draws` (4,) in [0, 1)."""
    part = int(draws[0] * larger.shape[1])
    if draws[1] > TOGETHER:
        return np.array([part])
    level = larger[int(draws[2] * larger.shape[0])]
    return np.flatnonzero((level == level[part]) & (inside[:-1] != (draws[3] > 0.5)))


@njit(**FAST)
def annealed(temperatures, draws, larger, evidence, bonds, outlines, label, inner, outer, share):
    """How often each part (P,) is the object at the temperature 1, and the energy at the end.

    Args:
        temperatures: (S,) of each sweep, in which as many moves are tried as there are parts.
        draws: (S, P, 5) in [0, 1), of every move.
        larger, bonds, outlines: of SurfaceParts. evidence: (P,) for the object. The others are Meanings.
    """
    count = len(evidence)
    inside, often = np.zeros(count + 1, np.bool_), np.zeros(count)
    outline, unlikely = 0.0, misfit(inside, 0.0, label, inner, outer, share)
    energy = unlikely
    for sweep, temperature in enumerate(temperatures):
        for draw in draws[sweep]:
            members = drawn_members(inside, larger, draw[:4])
            torn, longer = change(inside, members, evidence, bonds, outlines)
            inside[members] = ~inside[members]
            after = misfit(inside, outline + longer, label, inner, outer, share)
            more = torn + after - unlikely
            if more <= 0 or draw[4] < np.exp(-more / max(temperature, 1e-9)):
                outline, unlikely, energy = outline + longer, after, energy + more
            else:
                inside[members] = ~inside[members]
        if temperature == 1:
            often += inside[:-1]
    return often / max((temperatures == 1).sum(), 1), energy
