"""The embedded propagator: masks carried from view to view by the scene field's depth.

It walks from the clicked views outwards, always to the view nearest in pose. Each view asks the clicked views
and its nearest neighbours among the finished ones about every surface it sees (votes.py), draws its mask
along the image's edges where they are unsure (band.py), and then answers later views itself. A second walk,
in which every view can ask neighbours on all sides, mends what the first could not know.
"""

from dataclasses import dataclass, replace

import cv2
import numpy as np
from tqdm import tqdm

from nerfkit.masks import surroundings
from nerfkit.projection import lift
from nerfkit.scene import View
from nerfkit.segmentation.appearance import lab_image, looks
from nerfkit.segmentation.band import LOOKS_REACH, redraw, signed_distance
from nerfkit.segmentation.parallax import MOST, blurred
from nerfkit.segmentation.parts import NOWHERE, fill_small_holes, large_parts, parts_touching
from nerfkit.segmentation.table import Table, fitted
from nerfkit.segmentation.view_order import view_distances, walk
from nerfkit.segmentation.votes import Hull, Source, vote
from nerfkit.views import spread

HOP_WEIGHT = 0.8  # of a finished view's vote, to the power of its hops from a clicked view
FIRMNESS = 3.0  # of a unanimous vote, against the costs of looks and of edges
CONFIDENT = 1.0  # sum of weights from which a vote counts in full
GUESS = 0.3  # confidence in the label of a surface that no source saw
FAINT = 0.1  # weight below which a vote is none
HIDDEN = 0.7  # of the hull's word on such a surface, like FIRMNESS
UNSEEN = 0.5  # confidence below which a surface counts as unseen
SPECKLE = 7  # pixels of the depth over which the hull's word is averaged: single depths stray
HOLE = 0.02  # holes smaller than this share of the object are filled


@dataclass(frozen=True)
class ProjectionSettings:
    """How masks travel by depth."""

    rounds: int = 2  # walks through all views; from the second on, views ask neighbours on every side
    neighbours: int = 4  # finished views that a view asks, besides the clicked ones
    resolution: float = 0.5  # of the depth that labels travel by, relative to the photos
    tolerance: float = 0.03  # two depths of one surface differ by at most this share
    band: float = 0.012  # half width of the band in which a mask is drawn again, relative to the width
    smallest: float = 0.0002  # parts of a mask smaller than this share of the photo are dropped


@dataclass(frozen=True)
class Target:
    """A view to be labelled. `view` and `depth` (h, w) are at the resolution that labels travel at; `lab` is
    the photo in CIELAB (H, W, 3)."""

    view: View
    depth: np.ndarray
    lab: np.ndarray

    def source(self, mask: np.ndarray, confidence: np.ndarray) -> Source:
        """The view as a source once it has its mask (H, W), with the confidence (h, w) in it."""
        height, width = self.depth.shape
        probability = cv2.resize(mask.astype(np.float32), (width, height), interpolation=cv2.INTER_AREA)
        return Source(self.view, self.depth, probability, confidence.astype(np.float32))


class ProjectionPropagator:
    """The `Propagator` of the backend `projection`."""

    name = "projection (embedded)"

    def __init__(self, depths: dict[str, np.ndarray], settings: ProjectionSettings) -> None:
        """Carry masks by the scene field's z-depth (H, W) of every view, by name."""
        self.depths, self.settings = depths, settings

    def propagate(
        self, views: list[View], clicked: dict[str, np.ndarray]
    ) -> tuple[dict[str, np.ndarray], list[str]]:
        """See `Propagator`."""
        targets = [make_target(view, self.depths[view.name], self.settings.resolution) for view in views]
        return propagate(targets, clicked, self.settings)


def make_target(view: View, depth: np.ndarray, resolution: float) -> Target:
    """A view with its photo and, at `resolution` times its size, single values of its depth (H, W)."""
    size = [max(1, round(resolution * length)) for length in (view.camera.width, view.camera.height)]
    small = replace(view, camera=view.camera.resized(*size))
    # A mean over an edge would be a surface where there is none.
    picked = cv2.resize(depth, size, interpolation=cv2.INTER_NEAREST_EXACT)
    return Target(small, picked, lab_image(view.image()))


def propagate(
    targets: list[Target], clicked: dict[str, np.ndarray], settings: ProjectionSettings
) -> tuple[dict[str, np.ndarray], list[str]]:
    """Masks of all targets by name, bool (H, W), and the order in which they were made.

    Args:
        clicked: masks (H, W) of clicked views by name; they are kept as they are.
    """
    names = [target.view.name for target in targets]
    ahead = float(np.median([np.median(target.depth) for target in targets]))
    distances = view_distances([target.view for target in targets], ahead)
    start = [names.index(name) for name in clicked]
    order = walk(distances, start)
    masks = {i: clicked[names[i]] for i in start}
    sources = {i: targets[i].source(masks[i], np.ones_like(targets[i].depth)) for i in start}
    elsewhere = np.concatenate([looks(targets[i].lab)[masks[i].ravel()] for i in start])
    hull = Hull.of(list(sources.values()))
    tables = shown_tables(targets, {i: masks[i] for i in start})
    for i, hops in tqdm(order * settings.rounds, desc="propagation", unit="view"):
        near = sorted((j for j in sources if j != i and j not in start), key=lambda j: distances[i, j])
        asked = [sources[j] for j in [*start, *near[: settings.neighbours]]]
        points = lift(targets[i].view, targets[i].depth)
        probability, weight = vote(points, asked, settings.tolerance)
        probability = probability * (1 - tables[i])
        masks[i] = settle(targets[i].lab, probability, weight, hull.may_hold(points), elsewhere, settings)
        confidence = np.maximum(np.minimum(weight / CONFIDENT, 1), GUESS)
        sources[i] = targets[i].source(masks[i], HOP_WEIGHT**hops * confidence)
    return {names[i]: masks[i] for i in sorted(masks)}, [names[i] for i, _ in order]


def shown_tables(targets: list[Target], clicked: dict[int, np.ndarray]) -> list[np.ndarray]:
    """How surely each pixel (h, w) of every target shows the plane that carries the object; see `Table`.

    Args:
        clicked: masks (H, W) by the target's number; the first that tells of a plane decides.
    """
    photos = [(one.view, blurred(fitted(one.lab, one.depth.shape))) for one in spread(targets, MOST + 1)]
    for number, mask in clicked.items():
        one = targets[number]
        table = Table.under(one.view, one.depth, one.lab, mask, photos) if mask.any() else None
        if table is not None:
            return [table.shown(target.view, target.depth, target.lab) for target in targets]
    return [np.zeros_like(target.depth) for target in targets]


def settle(
    lab: np.ndarray,
    probability: np.ndarray,
    weight: np.ndarray,
    possible: np.ndarray,
    elsewhere: np.ndarray,
    settings: ProjectionSettings,
) -> np.ndarray:
    """The mask (H, W) of one view.

    Args:
        lab: the photo in CIELAB (H, W, 3).
        probability, weight: (h, w), what the sources say; see `vote`.
        possible: (h, w), whether a pixel's surface may be object where no source sees it; see `Hull`.
        elsewhere: looks (N, 6) of the object in the clicked views.
    """
    height, width = lab.shape[:2]
    probability, weight, possible = (
        cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR)
        for image in (probability, weight, cv2.blur(possible.astype(np.float32), (SPECKLE, SPECKLE)))
    )
    smallest = settings.smallest * width * height
    voted = fill_small_holes(large_parts(probability * (weight > FAINT) > 0.5, smallest), HOLE, NOWHERE)
    if not voted.any():
        return voted
    band, distance = settings.band * width, signed_distance(voted)
    confidence = np.minimum(weight / CONFIDENT, 1)
    evidence = FIRMNESS * confidence * (2 * probability - 1) + (1 - confidence) * HIDDEN * np.sign(
        possible - 0.5
    )
    unseen = (confidence < UNSEEN) & (possible > 0.5)
    outside = (distance > band) & ~unseen
    mask, part = np.zeros_like(voted), surroundings(~outside, LOOKS_REACH * band)
    mask[part] = redraw(lab[part], evidence[part], (distance < -band)[part], outside[part], elsewhere)
    return fill_small_holes(parts_touching(mask, voted), HOLE, NOWHERE)
