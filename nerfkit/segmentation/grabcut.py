"""The embedded click segmenter: GrabCut with space and the places of the clicks as further evidence.

GrabCut (Rother, Kolmogorov and Blake 2004) alternates between fitting colour mixtures to object and rest and
cutting the image along its edges. Left with a handful of clicks it floods everything of a similar colour, so
each pixel's cost here also holds what the places of the clicks say (evidence.py). Where the scene field has
told the surface behind every pixel, mixtures of positions are compared like those of colours, and what lies
on the plane that carries the object (support.py) is not the object; and where there is a network, mixtures of
its features. The division is found at a working
resolution and then drawn again at full resolution in a narrow band.
"""

import cv2
import numpy as np

from nerfkit.masks import surroundings
from nerfkit.prompts import Clicks
from nerfkit.segmentation.appearance import lab_image, looks
from nerfkit.segmentation.band import colour_cost, redraw, signed_distance, with_certainty
from nerfkit.segmentation.cut import edge_weights, smoothest_division
from nerfkit.segmentation.evidence import ball, place_evidence
from nerfkit.segmentation.feature_networks import FeatureNetwork, described
from nerfkit.segmentation.marks import Marks
from nerfkit.segmentation.parallax import Parallax
from nerfkit.segmentation.parts import NOWHERE, click_pixels, clicked_parts, fill_small_holes
from nerfkit.segmentation.support import find_support

WORKING_PIXELS = 90_000
ROUNDS = 4  # of fitting the colours to the division and dividing again
LOOKS, PLACE, SMOOTHNESS = 0.6, 2.0, 12.0  # weights of looks and positions, of places, of the edge's length
COMPONENTS = 8  # of a network's features
FEATURES, SMALLEST_FEATURE = 1.0, 0.1  # weight of features beside looks; variance below which they are alike
POSITION_UNIT = 0.003  # of the object's distance: positions that differ by less are the same
FARTHEST_POSITION = 200.0  # positions beyond are one: the sky must not stretch a mixture
SURROUNDS = 0.3  # evidence of the place below which a pixel may be what carries the object
ON_SUPPORT = 2.0  # evidence against the object on or below the plane that carries it
SHOWN = 6.0  # the same where other photos show that plane
BAND = 3.0  # half width, in working pixels, of the band that is drawn again at full resolution
AROUND = 20.0  # the rest's looks are learnt within this many bands of the object
HOLE = 0.01  # holes smaller than this share of the object are filled


def divide(
    lab: np.ndarray,
    marks: Marks,
    points: np.ndarray | None,
    features: np.ndarray | None,
    parallax: Parallax | None,
) -> tuple[np.ndarray, np.ndarray]:
    """The object of the marks at working resolution, u (H, W) in [0, 1], and where the plane that carries it
    shows (H, W); the rest as in `segment`."""
    shape = lab.shape[:2]
    inside, outside = marks.certain(shape)
    place = place_evidence(lab, marks.presumed, marks.unwanted, points)
    shown = np.zeros(shape, np.float32)
    if points is not None:
        clicked = click_pixels(marks.presumed, shape)
        support = find_support(points, points[clicked], (place < SURROUNDS) & ~inside)
        if support is not None:
            shown = shown if parallax is None else parallax.shown(lab, support, clicked)
            place = place - ON_SUPPORT * support.against - SHOWN * shown
    values, edges = looks(lab), edge_weights(lab, None if points is None else points[..., 2])
    positions = None if points is None else scaled_positions(points, marks)
    described = None if features is None else stretched(features, shape)
    likely = np.where(outside, 0, 1 / (1 + np.exp(-4 * place)))
    # The first mixtures trust the clicks most, what lies between them a little, and all else by its place.
    thing, rest = 0.05 * likely**2 + inside, 0.3 * (1 - likely) ** 2 + outside
    around = 1 / (1 + np.exp(-2 * (place + 2)))
    for _ in range(ROUNDS + 1):
        cost = colour_cost(values, thing, rest)
        if positions is not None:
            cost = cost + colour_cost(positions, thing, rest * around, smallest_variance=1.0)
        if described is not None:
            cost = cost + FEATURES * colour_cost(described, thing, rest, smallest_variance=SMALLEST_FEATURE)
        cost = with_certainty(LOOKS * cost - PLACE * place, inside, outside)
        division = smoothest_division(cost, edges, SMOOTHNESS)
        thing = ((division > 0.5) | inside).astype(float)
        rest = (1 - thing) * (0.3 + 0.7 * around)
    return division, shown


def scaled_positions(points: np.ndarray, marks: Marks) -> np.ndarray:
    """Positions (H * W, 3) about the clicks, in units in which a surface's noise is about one."""
    centre, _ = ball(points[click_pixels(marks.presumed, points.shape[:2])])
    offsets = (points - centre) / (POSITION_UNIT * centre[2])
    return offsets.reshape(-1, 3).clip(-FARTHEST_POSITION, FARTHEST_POSITION).astype(np.float32)


def stretched(features: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Features (h, w, C) at every pixel of a shape (H, W): (H * W, C)."""
    return cv2.resize(features, shape[::-1], interpolation=cv2.INTER_LINEAR).reshape(-1, features.shape[2])


def sharpen(lab: np.ndarray, coarse: np.ndarray, shown: np.ndarray, marks: Marks, band: float) -> np.ndarray:
    """Draw a coarse mask again at full size, within `band` pixels of its edge; `shown` is `divide`'s."""
    distance = signed_distance(coarse)
    inside, outside = marks.certain(coarse.shape)
    inside, outside = inside | ((distance < -band) & ~outside), outside | ((distance > band) & ~inside)
    part = surroundings(coarse, AROUND * band)
    mask = inside.copy()
    shown = cv2.resize(shown, coarse.shape[::-1], interpolation=cv2.INTER_LINEAR)
    evidence = -PLACE * (distance / band + SHOWN * shown)[part]
    mask[part] = redraw(lab[part], evidence, inside[part], outside[part], smoothness=SMOOTHNESS)
    return mask


class GrabCutSegmenter:
    """The `Segmenter` of the backend `grabcut`; it may ask a feature network as well."""

    def __init__(self, network: FeatureNetwork | None = None) -> None:
        self.network = network
        self.name = "grabcut (embedded)" + (f" with the features of {network.name}" if network else "")

    def segment(
        self, image: np.ndarray, clicks: Clicks, points: np.ndarray | None, parallax: Parallax | None = None
    ) -> np.ndarray:
        """See `Segmenter`; every click is honoured."""
        features = None if self.network is None else described(image, self.network, COMPONENTS)
        return segment(image, Marks.of(clicks), points, features, parallax)


def segment(
    image: np.ndarray,
    marks: Marks,
    points: np.ndarray | None = None,
    features: np.ndarray | None = None,
    parallax: Parallax | None = None,
) -> np.ndarray:
    """The object that the marks mean.

    Args:
        image: uint8 RGB (H, W, 3).
        marks: a wanted point or a box at least. Every wanted point's pixel is inside the result, every
            unwanted one outside; nothing else beyond the box is inside, and every part holds a wanted point.
        points: (H, W, 3), the surface behind every pixel in camera axes, any unit, or None.
        features: (h, w, C) float32, what a network sees, of mean square 1, or None.
        parallax: other photos of the place, which tell a plane from what rises above it, or None.
    Returns:
        bool (H, W).
    """
    height, width = image.shape[:2]
    scale = min(1.0, (WORKING_PIXELS / (height * width)) ** 0.5)
    lab = lab_image(image)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    small = lab if scale == 1 else cv2.resize(lab, size, interpolation=cv2.INTER_AREA)
    if points is not None:
        points = cv2.resize(points.astype(np.float32), size, interpolation=cv2.INTER_NEAREST_EXACT)
    division, shown = divide(
        small, marks.scaled(size[0] / width, size[1] / height), points, features, parallax
    )
    mask = cv2.resize(division, (width, height), interpolation=cv2.INTER_LINEAR) > 0.5
    if scale < 1:
        mask = sharpen(lab, mask, shown, marks, BAND / scale)
    return tidied(mask, marks)


def tidied(mask: np.ndarray, marks: Marks) -> np.ndarray:
    """The parts that are clicked, their small holes filled, and every click's own pixel as it says."""
    if len(marks.wanted):
        mask = clicked_parts(mask, marks.wanted, NOWHERE)
    mask = fill_small_holes(mask, HOLE, marks.unwanted)
    mask[click_pixels(marks.unwanted, mask.shape)] = False
    mask[click_pixels(marks.wanted, mask.shape)] = True
    return mask
