"""The surface graph divided into object and rest by labelled nodes.

Evidence from places, colours and the plane of support is smoothed over the graph (spread.py tells of all
four). Before that every drawn label is asked of what it means: the others divide the graph without it, and of
the nodes that it may mean it takes one that they say is of its kind. From the probabilities the colours are
learnt again and labels that they contradict are set aside, a few times. What then stands apart from all
labels of the object is none of it.
"""

from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import connected_components, dijkstra
from scipy.sparse.linalg import cg
from scipy.spatial.distance import cdist

from nerfkit.extraction.label_nodes import FOLDS, NodeLabels
from nerfkit.extraction.support_plane import in_support
from nerfkit.extraction.surface_graph import SurfaceGraph

ROUNDS = 3
PASSES = 2  # how often all labels are asked
REACH, BEYOND = 0.9, 2.0  # quantile of the distances from labels of the object to their nearest; its factor
NEAR = 0.01  # sides of the cube; nearer is no surer
COLOUR_WEIGHT, KERNEL = 0.6, 8.0  # of the colours' evidence; their kernel's width in CIELAB units
SUPPORT = 2.0  # of the evidence that what the object stands on is not the object
AT_ONCE = 64  # examples of colours, for the memory
UNLIKE = 1e-3  # density that any colour has
SHARPNESS, SUREST = 2.0, 6.0  # of the probability; of the evidence
SMOOTHNESS, EDGE = 5.0, 10.0  # of the random walker; its weights are exp(-EDGE * contrast)
EXAMPLES = 300  # colours that are learnt again of each side, together as much as the labels' own
SURE = 0.7  # probability from which a node teaches colours, and a pixel the objectness


def divided(divider: "Divider", labels: NodeLabels, prior: np.ndarray | float = 0.0) -> np.ndarray:
    """The probability (N,) of every node by its labels and what evidence (N,) for the object came before."""
    graph, rng = divider.graph, np.random.default_rng(0)
    support, (inner, outer) = divider.support(labels) - prior, labels.placed()
    labelled = [each.density() for each in LabelColours.of_both(labels, graph.colours)]
    probability = divider.from_nodes(inner, outer, labelled, support)
    for _ in range(ROUNDS - 1):
        looks = [
            relearnt(density, graph, sure, rng)
            for density, sure in zip(labelled, (probability > SURE, probability < 1 - SURE), strict=True)
        ]
        kept, rest = agreeing(inner, probability > 0.5), agreeing(outer, probability < 0.5)
        probability = divider.from_nodes(kept, rest, looks, support)
    kept = agreeing(inner, probability > 0.5)
    return np.where(stands_apart(graph, probability > 0.5, kept), 0, probability)


@dataclass(frozen=True)
class Divider:
    """What all divisions of one graph share; `drawn` as in spread_labels."""

    graph: SurfaceGraph
    steps: sparse.csr_matrix
    walker: "RandomWalker"
    drawn: bool

    @classmethod
    def on(cls, graph: SurfaceGraph, drawn: bool) -> "Divider":
        """The divider of a graph."""
        return cls(graph, graph.matrix(graph.lengths + graph.contrasts), RandomWalker.on(graph), drawn)

    def support(self, labels: NodeLabels) -> np.ndarray:
        """Evidence (N,) against what lies in the plane that the object stands on."""
        return SUPPORT * in_support(self.graph, np.unique(labels.placed()[0]))

    def evidence(
        self, own: np.ndarray, other: np.ndarray, looks: list[np.ndarray], support: np.ndarray
    ) -> np.ndarray:
        """The evidence (N,), a logit, by the labels' nodes of both kinds, and how much all nodes look like
        either kind, (N,) each; the most against the object without any node of it."""
        if not len(own):
            return np.full(len(self.graph), -SHARPNESS * SUREST)
        place = place_evidence(self.graph, self.steps, np.unique(own), np.unique(other), self.drawn)
        evidence = place + COLOUR_WEIGHT * colour_evidence(*looks) - support
        return SHARPNESS * evidence.clip(-SUREST, SUREST)

    def from_nodes(
        self, own: np.ndarray, other: np.ndarray, looks: list[np.ndarray], support: np.ndarray
    ) -> np.ndarray:
        """The probability (N,) by the same."""
        return self.walker.smoothed(self.evidence(own, other, looks, support))


def cross_examined(divider: Divider, labels: NodeLabels) -> NodeLabels:
    """The labels, each of which means nodes that the others say are of its kind, if it may mean such.

    A label at an outline may look like the wrong one of two surfaces, and alone it would claim all of that.
    """
    support, colours = divider.support(labels), LabelColours.of_both(labels, divider.graph.colours)
    for _ in range(PASSES):
        told = []
        for fold in range(labels.fold.max() + 1):
            looks = [each.density(without=fold) for each in colours]
            told.append(divider.from_nodes(*labels.placed(without=fold), looks, support))
        labels = labels.asked(told)
    return labels


def stands_apart(graph: SurfaceGraph, inside: np.ndarray, labelled: np.ndarray) -> np.ndarray:
    """Which nodes (N,) belong to a connected part of the nodes `inside` (N,) without a labelled node (L,).

    Such a part is near the object and looks like it, but is another thing.
    """
    both = inside[graph.starts] & inside[graph.ends]
    places = graph.starts[both], graph.ends[both]
    joined = sparse.csr_matrix((np.ones(both.sum()), places), (len(graph), len(graph)))
    _, part = connected_components(joined, directed=False)
    return inside & ~np.isin(part, part[labelled])


def agreeing(nodes: np.ndarray, right: np.ndarray) -> np.ndarray:
    """The labels' nodes that are what their label says; all of them where hardly any is."""
    return nodes[right[nodes]] if right[nodes].sum() >= 2 else nodes


def place_evidence(
    graph: SurfaceGraph, steps: sparse.csr_matrix, own: np.ndarray, other: np.ndarray, drawn: bool
) -> np.ndarray:
    """How much nearer (N,) each node lies to the nodes `own` than to `other`, the sides of the cube, or the
    distance at which drawn labels of the object end: a logarithm of the ratio."""
    farthest = float(graph.lengths.sum() + graph.contrasts.sum())
    to_own, _, source = dijkstra(steps, indices=own, min_only=True, return_predecessors=True)
    ends = np.union1d(other, graph.at_the_sides)
    to_other = dijkstra(steps, indices=ends, min_only=True) if len(ends) else np.inf
    reach = BEYOND * label_reach(graph, to_own, source, own) if drawn else np.inf
    limit = np.minimum(to_other, reach)
    return np.log((limit + NEAR) / (np.minimum(to_own, farthest) + NEAR))


def label_reach(graph: SurfaceGraph, to_own: np.ndarray, source: np.ndarray, own: np.ndarray) -> float:
    """The distance from a label of the object within which most of them have another one.

    The nearest of two labels meet where their regions touch: one search finds all these distances.
    """
    start, end = source[graph.starts], source[graph.ends]
    met = (start != end) & (start >= 0) & (end >= 0)
    between = to_own[graph.starts] + graph.lengths + graph.contrasts + to_own[graph.ends]
    nearest_label = np.full(len(graph), np.inf)
    for side in (start, end):
        np.minimum.at(nearest_label, side[met], between[met])
    found = nearest_label[own][np.isfinite(nearest_label[own])]
    return float(np.quantile(found, REACH)) if len(found) else np.inf


@dataclass(frozen=True)
class LabelColours:
    """How much all nodes look like the labels of one kind: of each fold the sum of kernels (FOLDS, N), and
    the number of labels (FOLDS,)."""

    sums: np.ndarray
    counts: np.ndarray

    @classmethod
    def of(cls, looks: np.ndarray, fold: np.ndarray, colours: np.ndarray) -> "LabelColours":
        """The same for labels that look (L, 3), or NaN, in folds (L,), and nodes of colours (N, 3)."""
        told = ~np.isnan(looks[:, 0])
        looks, fold = looks[told], fold[told]
        sums = [kernel_sum(colours, looks[fold == each]) for each in range(FOLDS)]
        return cls(np.array(sums), np.bincount(fold, minlength=FOLDS))

    @classmethod
    def of_both(cls, labels: NodeLabels, colours: np.ndarray) -> list["LabelColours"]:
        """The same of the object and of the rest."""
        return [cls.of(looks, labels.fold, colours) for looks in labels.looks.swapaxes(0, 1)]

    def density(self, without: int | None = None) -> np.ndarray:
        """The density (N,) of the labels' colours, `without` those of a fold; 1 right on a single label's."""
        kept = np.arange(FOLDS) != without
        return self.sums[kept].sum(axis=0) / max(self.counts[kept].sum(), 1)


def kernel_sum(colours: np.ndarray, examples: np.ndarray) -> np.ndarray:
    """The sum (N,) at colours (N, 3) of kernels around examples (K, 3); 1 right on a single one."""
    total = np.zeros(len(colours))
    for some in np.array_split(examples, len(examples) // AT_ONCE + 1):
        total += np.exp(cdist(colours, some, "sqeuclidean") / (-2 * KERNEL**2)).sum(axis=1)
    return total


def colour_evidence(own: np.ndarray, other: np.ndarray) -> np.ndarray:
    """The logarithm (N,) of how much denser `own` colours (N,) are than `other`."""
    return np.log((own + UNLIKE) / (other + UNLIKE))


def relearnt(
    labelled: np.ndarray, graph: SurfaceGraph, sure: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """The density (N,) of colours, half of it the labels' (N,) and half that of nodes that are sure (N,)."""
    nodes = np.flatnonzero(sure)
    if not len(nodes):
        return labelled
    drawn = rng.choice(nodes, EXAMPLES, p=graph.counts[nodes] / graph.counts[nodes].sum())
    return (labelled + kernel_sum(graph.colours, graph.colours[drawn]) / EXAMPLES) / 2


def ease(graph: SurfaceGraph) -> np.ndarray:
    """How easily each step (E,) is taken: 1 without a change of colour or a crease."""
    return np.exp(-EDGE * graph.contrasts)


@dataclass(frozen=True)
class RandomWalker:
    """Minimises sum (x - prior)^2 + SMOOTHNESS * sum over steps of weight * (difference of x)^2."""

    system: sparse.csr_matrix

    @classmethod
    def on(cls, graph: SurfaceGraph) -> "RandomWalker":
        """The walker whose steps are rare across colours and creases."""
        weights = graph.matrix(ease(graph))
        degrees = np.asarray(weights.sum(axis=1)).ravel()
        return cls(sparse.diags(1 + SMOOTHNESS * degrees) - SMOOTHNESS * weights)

    def smoothed(self, evidence: np.ndarray) -> np.ndarray:
        """The probability (N,) from evidence (N,), a logit."""
        prior = 1 / (1 + np.exp(-evidence))
        return cg(self.system, prior, x0=prior, rtol=1e-4, maxiter=500)[0]
