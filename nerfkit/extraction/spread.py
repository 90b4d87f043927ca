"""Few pixel labels spread over the photographed surface, without any network. No part of LaTeRF's paper.

An objectness that learns from places alone says nothing of places where no label fell: what stands on the
object stays in it. Here every node of the surface graph gets a probability of being object from four things:

- which kind of label is nearer along the surface, over paths that avoid steps of colour and concave creases;
  and nothing is object that lies much farther from drawn labels of the object than these from one another;
- which kind of label has its colour (kernel densities), and a colour that no label has speaks for neither;
- whether it lies in the plane that the object stands on (support_plane.py);
- what its neighbours are (a random walker with priors, Grady 2005).

That is done in division.py; what each label means, in label_nodes.py. Labels that are known to lie along the
outlines of the object speak against what they would hardly leave out (shortest_outline.py), and are spread in
several cubes, whose outcomes they judge (guesses.py).
"""

from dataclasses import dataclass

import numpy as np

from nerfkit.errors import UserError
from nerfkit.extraction.division import SURE, Divider, cross_examined, divided
from nerfkit.extraction.guesses import Guess, Shown, mean, weights
from nerfkit.extraction.label_cubes import beside, cube_around, cubes_at_outlines, resolution
from nerfkit.extraction.label_nodes import Pixels, Sight, node_labels
from nerfkit.extraction.labels import LabelSet
from nerfkit.extraction.outlines import outlined
from nerfkit.extraction.shortest_outline import against
from nerfkit.extraction.surface_graph import surface_graph
from nerfkit.extraction.surface_parts import SurfaceParts
from nerfkit.extraction.visibility import Photographed
from nerfkit.fields.object_box import Box
from nerfkit.rays import pixel_starts
from nerfkit.segmentation.appearance import lab_image

HEARD = (0.0, 1.0, 2.0)  # weights of what labels at outlines have against parts


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


def spread_labels(
    photographed: list[Photographed], labels: LabelSet, drawn: bool = True, at_outlines: bool = False
) -> Spread:
    """Spread labels over what the views show; their masks are not looked at.

    Args:
        photographed: all views of the labels' bank, in its order.
        drawn: whether the labels were drawn all over the object, and so tell how far it reaches. Clicks do
            not: they may lie close together, or on one side.
        at_outlines: whether all labels lie at outlines of the object, and so tell of both sides.
    Raises:
        UserError: no label of the object lies on a known surface.
    """
    kinds = tuple(by_view(index.numpy(), photographed) for index in (labels.positive, labels.negative))
    if at_outlines:
        cubes = cubes_at_outlines(photographed, *kinds)
        guesses = [each for cube in cubes for each in guesses_in(cube, photographed, kinds, True, True)]
        counting = weights(guesses, *kinds)
    else:
        guesses = guesses_in(cube_around(photographed, kinds[0], drawn), photographed, kinds, drawn)
        counting = np.ones(1)
    probability, known = mean(guesses, counting)
    masks = [outlined(each.view, *seen) for each, *seen in zip(photographed, probability, known, strict=True)]
    return Spread(probability, known, masks)


def guesses_in(
    cube: Box,
    photographed: list[Photographed],
    pixels: tuple[Pixels, Pixels],
    drawn: bool,
    at_outlines: bool = False,
) -> list[Guess]:
    """The labels at pixels of the object and of the rest spread in one cube; otherwise as spread_labels. Of
    labels at outlines a guess for each weight of HEARD, else one."""
    graph = surface_graph(photographed, cube, resolution(cube, photographed))
    outside = [beside(each, cube) for each in photographed]
    sights = {
        view: Sight(graph.pixels[view], lab_image(photographed[view].view.image()), outside[view])
        for view in {*pixels[0][0], *pixels[1][0]}
    }
    told = node_labels(pixels, sights, graph, at_outlines)
    if not len(told.placed()[0]):
        raise UserError("No label of the object lies on a surface that the scene field knows: label others.")
    divider = Divider.on(graph, drawn)
    if drawn:  # clicks lie well inside of things
        told = cross_examined(divider, told)
    priors = [0.0]
    if at_outlines:
        unlikely = against(divider, told, SurfaceParts.of(graph, outside))
        priors = [weight * unlikely for weight in HEARD]
    known = [(nodes >= 0) | out for nodes, out in zip(graph.pixels, outside, strict=True)]
    shown = Shown(graph.pixels, known)
    return [Guess(divided(divider, told, prior), shown) for prior in priors]


def by_view(index: np.ndarray, photographed: list[Photographed]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The view, row and column (each (L,)) of pixels by their index in the bank."""
    starts = pixel_starts([each.view for each in photographed])
    view = np.searchsorted(starts, index, side="right") - 1
    width = np.array([each.depth.shape[1] for each in photographed])[view]
    return view, *np.divmod(index - starts[view], width)
