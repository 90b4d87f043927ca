"""Few pixel labels spread over the photographed surface, without any network. No part of LaTeRF's paper.

An objectness that learns from places alone says nothing of places where no label fell: what stands on the
object stays in it. Here every node of the surface graph gets a probability of being object from four things:

- which kind of label is nearer along the surface, over paths that avoid steps of colour and concave creases;
  and nothing is object that lies much farther from drawn labels of the object than these from one another;
- which kind of label has its colour (kernel densities), and a colour that no label has speaks for neither;
- whether it lies in the plane that the object stands on (support_plane.py);
- what its neighbours are (a random walker with priors, Grady 2005).

From the probabilities the colours are learnt again and labels that they contradict are set aside, a few
times: a label at an edge may lie on the wrong surface by a pixel. What then stands apart from all labels of
the object is none of it.
"""

from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import connected_components, dijkstra
from scipy.sparse.linalg import cg

from nerfkit.errors import UserError
from nerfkit.extraction.labels import LabelSet
from nerfkit.extraction.outlines import outlined
from nerfkit.extraction.support_plane import in_support
from nerfkit.extraction.surface_graph import SurfaceGraph, surface_graph
from nerfkit.extraction.visibility import Photographed
from nerfkit.fields.object_box import Box
from nerfkit.rays import pixel_starts
from nerfkit.segmentation.appearance import lab_image
from nerfkit.segmentation.projection import lift

RESOLUTION, VOXEL_PIXELS = 96, 1.5  # voxels a side at most; pixels that a voxel is wide at least
MARGIN = 0.5  # of the cube around the labels of the object, which may all lie in its middle
LEAST_SIDE = 1.0  # of the cube around clicks, of the camera's distance; around n drawn labels, an n-th
WINDOW, PIXEL_COST = 3, 3.0  # pixels around a label in which its surface is looked for; one in CIELAB units
ROUNDS = 3
REACH, BEYOND = 0.9, 2.0  # quantile of the distances from labels of the object to their nearest; its factor
NEAR = 0.01  # sides of the cube; nearer is no surer
COLOUR_WEIGHT, KERNEL = 0.6, 8.0  # of the colours' evidence; their kernel's width in CIELAB units
SUPPORT = 2.0  # of the evidence that what the object stands on is not the object
UNLIKE = 1e-3  # density that any colour has
SHARPNESS, SUREST = 2.0, 6.0  # of the probability; of the evidence
SMOOTHNESS, EDGE = 5.0, 10.0  # of the random walker; its weights are exp(-EDGE * contrast)
EXAMPLES = 300  # colours that are learnt again of each side, together as much as the labels' own
SURE = 0.7  # probability from which a node teaches colours, and a pixel the objectness


@dataclass(frozen=True)
class Spread:
    """Of each view, (H, W): the probability of being object, and whether it is `known`, which it is not at
    jumps of the depth. Beside the cube it is 0. `masks` are drawn from both, along the photos' edges."""

    probability: list[np.ndarray]
    known: list[np.ndarray]
    masks: list[np.ndarray]

    def labels(self, given: LabelSet) -> LabelSet:
        """All pixels that are sure enough, and the given ones as they were given."""
        probability, known, inside = (
            np.concatenate([each.ravel() for each in views])
            for views in (self.probability, self.known, self.masks)
        )
        positive, negative = known & inside & (probability > SURE), known & ~inside & (probability < 1 - SURE)
        kinds = np.where(positive, 1, np.where(negative, -1, 0))
        kinds[given.positive.numpy()], kinds[given.negative.numpy()] = 1, -1
        return LabelSet.where(kinds > 0, kinds < 0)


def spread_labels(photographed: list[Photographed], labels: LabelSet, drawn: bool = True) -> Spread:
    """Spread labels over what the views show; their masks are not looked at.

    Args:
        photographed: all views of the labels' bank, in its order.
        drawn: whether the labels were drawn all over the object, and so tell how far it reaches. Clicks do
            not: they may lie close together, or on one side.
    Raises:
        UserError: no label of the object lies on a known surface.
    """
    positive, negative = (
        by_view(index.numpy(), photographed) for index in (labels.positive, labels.negative)
    )
    box = cube_around(photographed, positive, drawn)
    graph = surface_graph(photographed, box, resolution(box, photographed))
    labs = {view: lab_image(photographed[view].view.image()) for view in {*positive[0], *negative[0]}}
    own, other = (label_nodes(kind, graph, labs) for kind in (positive, negative))
    if not (own.nodes >= 0).any():
        raise UserError("No label of the object lies on a surface that the scene field knows: label others.")
    of_nodes = np.append(divided(graph, own, other, drawn), 0.0)  # the last is that of the node -1
    probability = [of_nodes[nodes].astype(np.float32) for nodes in graph.pixels]
    known = [(nodes >= 0) | beside(each, box) for nodes, each in zip(graph.pixels, photographed, strict=True)]
    masks = [outlined(each.view, *told) for each, *told in zip(photographed, probability, known, strict=True)]
    return Spread(probability, known, masks)


def by_view(index: np.ndarray, photographed: list[Photographed]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The view, row and column (each (L,)) of pixels by their index in the bank."""
    starts = pixel_starts([each.view for each in photographed])
    view = np.searchsorted(starts, index, side="right") - 1
    width = np.array([each.depth.shape[1] for each in photographed])[view]
    return view, *np.divmod(index - starts[view], width)


def cube_around(
    photographed: list[Photographed], pixels: tuple[np.ndarray, np.ndarray, np.ndarray], drawn: bool
) -> Box:
    """A cube around the surface points that pixels (view, row, column) show; `drawn` as in spread_labels."""
    points, centres = [], []
    for view in np.unique(pixels[0]):
        each = photographed[view]
        row, column = (place[pixels[0] == view] for place in pixels[1:])
        shown = each.depth[row, column] > 0
        points.append(lift(each.view, each.depth)[row, column][shown])
        centres.append(np.broadcast_to(each.view.world_from_cam[:3, 3], points[-1].shape))
    if not sum(map(len, points)):
        raise UserError("No label of the object lies on a surface that the scene field knows: label others.")
    points, centres = np.concatenate(points), np.concatenate(centres)
    box = Box.around(points, centres, MARGIN, outliers=2.0)
    away = float(np.median(np.linalg.norm(points - centres, axis=1)))
    least = LEAST_SIDE * away / (len(points) if drawn else 1)
    wider = max(least - box.side, 0) / 2
    x, y, z = box.low
    return Box((x - wider, y - wider, z - wider), box.side + 2 * wider)


def resolution(box: Box, photographed: list[Photographed]) -> int:
    """Voxels a side of the cube: no finer than the photos show its middle."""
    away = [np.linalg.norm(each.view.world_from_cam[:3, 3] - box.centre) for each in photographed]
    footprint = np.median([d / each.view.camera.fx for d, each in zip(away, photographed, strict=True)])
    return int(min(RESOLUTION, box.side / (VOXEL_PIXELS * footprint)))


def beside(each: Photographed, box: Box) -> np.ndarray:
    """Pixels (H, W) whose surface lies outside of the cube."""
    cells = (lift(each.view, each.depth) - np.array(box.low, np.float32)) / box.side
    return (each.depth > 0) & ((cells < 0) | (cells >= 1)).any(axis=2)


@dataclass(frozen=True)
class Labelled:
    """L labels of one kind: their colours (L, 3) in CIELAB, and nodes (L,), -1 where no surface is near."""

    colours: np.ndarray
    nodes: np.ndarray


def label_nodes(
    pixels: tuple[np.ndarray, np.ndarray, np.ndarray], graph: SurfaceGraph, labs: dict[int, np.ndarray]
) -> Labelled:
    """The nodes that labelled pixels (view, row, column) mean: in the window around each the one that looks
    most like it, for depths at edges are a blur of two surfaces."""
    colours, nodes = np.zeros((len(pixels[0]), 3)), np.full(len(pixels[0]), -1)
    for k, (view, row, column) in enumerate(zip(*pixels, strict=True)):
        lab, shown = labs[view], graph.pixels[view]
        colours[k] = lab[row, column]
        rows = slice(max(row - WINDOW, 0), row + WINDOW + 1)
        columns = slice(max(column - WINDOW, 0), column + WINDOW + 1)
        around = shown[rows, columns]
        y, x = np.nonzero(around >= 0)
        if len(y):
            away = np.hypot(y + rows.start - row, x + columns.start - column)
            unlike = np.linalg.norm(lab[rows, columns][y, x] - colours[k], axis=1)
            unlike += np.linalg.norm(graph.colours[around[y, x]] - colours[k], axis=1)
            nodes[k] = around[y, x][np.argmin(unlike + PIXEL_COST * away)]
    return Labelled(colours, nodes)


def divided(graph: SurfaceGraph, own: Labelled, other: Labelled, drawn: bool) -> np.ndarray:
    """The probability (N,) of every node; `drawn` as in spread_labels."""
    rng = np.random.default_rng(0)
    steps = graph.matrix(graph.lengths + graph.contrasts)
    walker = RandomWalker.on(graph)
    seeds, rest = (kind.nodes[kind.nodes >= 0] for kind in (own, other))
    looks = [(kind.colours, np.full(len(kind.colours), 1 / len(kind.colours))) for kind in (own, other)]
    kept, kept_rest = seeds, rest
    support = SUPPORT * in_support(graph, np.unique(seeds))
    for _ in range(ROUNDS):
        place = place_evidence(graph, steps, np.unique(kept), np.unique(kept_rest), drawn)
        colour = colour_evidence(graph.colours, *looks)
        probability = walker.smoothed(place + COLOUR_WEIGHT * colour - support)
        kept, kept_rest = agreeing(seeds, probability > 0.5), agreeing(rest, probability < 0.5)
        looks = [
            relearnt(kind, graph, sure, rng)
            for kind, sure in ((own, probability > SURE), (other, probability < 1 - SURE))
        ]
    return np.where(stands_apart(graph, probability > 0.5, seeds), 0, probability)


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
    to_own, _, source = dijkstra(steps, directed=False, indices=own, min_only=True, return_predecessors=True)
    ends = np.union1d(other, graph.at_the_sides)
    to_other = dijkstra(steps, directed=False, indices=ends, min_only=True) if len(ends) else np.inf
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


def densities(colours: np.ndarray, examples: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Kernel density (N,) at colours (N, 3) of weighted examples (K, 3); 1 right on a single one."""
    total = np.zeros(len(colours))
    for example, weight in zip(examples, weights, strict=True):
        total += weight * np.exp(-np.square(colours - example).sum(axis=1) / (2 * KERNEL**2))
    return total


def colour_evidence(
    colours: np.ndarray, own: tuple[np.ndarray, np.ndarray], other: tuple[np.ndarray, np.ndarray]
) -> np.ndarray:
    """The logarithm (N,) of how much more the colours (N, 3) look like `own` examples than like `other`."""
    return np.log((densities(colours, *own) + UNLIKE) / (densities(colours, *other) + UNLIKE))


def relearnt(
    kind: Labelled, graph: SurfaceGraph, sure: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Examples of colours and their weights: the labels' own and as much of nodes that are sure (N,)."""
    share = np.full(len(kind.colours), 1 / len(kind.colours))
    nodes = np.flatnonzero(sure)
    if not len(nodes):
        return kind.colours, share
    drawn = rng.choice(nodes, EXAMPLES, p=graph.counts[nodes] / graph.counts[nodes].sum())
    colours = np.concatenate([kind.colours, graph.colours[drawn]])
    return colours, np.concatenate([share / 2, np.full(EXAMPLES, 0.5 / EXAMPLES)])


@dataclass(frozen=True)
class RandomWalker:
    """Minimises sum (x - prior)^2 + SMOOTHNESS * sum over steps of weight * (difference of x)^2."""

    system: sparse.csr_matrix

    @classmethod
    def on(cls, graph: SurfaceGraph) -> "RandomWalker":
        """The walker whose steps are rare across colours and creases."""
        weights = graph.matrix(np.exp(-EDGE * graph.contrasts))
        degrees = np.asarray(weights.sum(axis=1)).ravel()
        return cls(sparse.diags(1 + SMOOTHNESS * degrees) - SMOOTHNESS * weights)

    def smoothed(self, evidence: np.ndarray) -> np.ndarray:
        """The probability (N,) from evidence (N,), a logit."""
        prior = 1 / (1 + np.exp(-SHARPNESS * evidence.clip(-SUREST, SUREST)))
        return cg(self.system, prior, x0=prior, rtol=1e-4, maxiter=500)[0]
