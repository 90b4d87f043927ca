"""The embedded click segmenter: GrabCut with the places of the clicks as further evidence.

GrabCut (Rother, Kolmogorov and Blake 2004) alternates between fitting colour mixtures to object and rest and
cutting the image along its edges. Left with a handful of clicks it floods everything of a similar colour, so
each pixel's cost here also holds what the places of the clicks say (evidence.py). The division is found at a
working resolution and then drawn again at full resolution in a narrow band.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from nerfkit.prompts import Clicks
from nerfkit.segmentation.appearance import lab_image, looks
from nerfkit.segmentation.band import (
    COLOUR,
    colour_cost,
    redraw,
    signed_distance,
    surroundings,
    with_certainty,
)
from nerfkit.segmentation.cut import edge_weights, smoothest_division
from nerfkit.segmentation.evidence import place_evidence
from nerfkit.segmentation.parts import NOWHERE, click_pixels, clicked_parts, disks, fill_small_holes

WORKING_PIXELS = 90_000
ROUNDS = 4  # of fitting the colours to the division and dividing again
CLICK_RADIUS = 0.012  # of the disk around a click that is certain, relative to the long side
PLACE, SMOOTHNESS = 2.0, 12.0  # weights of the clicks' places and of the edge's length
BAND = 3.0  # half width, in working pixels, of the band that is drawn again at full resolution
AROUND = 20.0  # the rest's looks are learnt within this many bands of the object
HOLE = 0.01  # holes smaller than this share of the object are filled


MIDDLE = np.array([[0.5, 0.5], [0.25, 0.5], [0.75, 0.5], [0.5, 0.25], [0.5, 0.75]])  # of a box


@dataclass(frozen=True)
class Marks:
    """What the user marked, at some resolution: points (N, 2) and (M, 2), box (4,) or None, in pixels."""

    wanted: np.ndarray
    unwanted: np.ndarray
    box: np.ndarray | None

    @classmethod
    def of(cls, clicks: Clicks) -> "Marks":
        """The marks of one object in one photo."""
        return cls(clicks.points[clicks.labels], clicks.points[~clicks.labels], clicks.box)

    @property
    def presumed(self) -> np.ndarray:
        """Points taken to lie on the object: the wanted ones, or five about the middle of the box."""
        if len(self.wanted):
            return self.wanted
        corner, size = self.box[:2], self.box[2:] - self.box[:2]
        return corner + size * MIDDLE

    def scaled(self, x: float, y: float) -> "Marks":
        """The same marks on the image resampled by x and y."""
        box = None if self.box is None else self.box * [x, y, x, y]
        return Marks(self.wanted * [x, y], self.unwanted * [x, y], box)

    def certain(self, shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
        """Masks (H, W) of what is surely object and surely not; at its own pixel every click has its way."""
        radius = CLICK_RADIUS * max(shape)
        inside, outside = disks(self.wanted, radius, shape), disks(self.unwanted, radius, shape)
        inside, outside = inside & ~outside, outside & ~inside
        if self.box is not None:
            beyond = outside_box(self.box, shape)
            inside, outside = inside & ~beyond, outside | beyond
        rest, thing = click_pixels(self.unwanted, shape), click_pixels(self.wanted, shape)
        inside[rest], outside[rest] = False, True
        inside[thing], outside[thing] = True, False
        return inside, outside


def outside_box(box: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Bool (H, W): pixels whose centre lies outside `box` (x0, y0, x1, y1)."""
    x, y = np.arange(shape[1]) + 0.5, np.arange(shape[0]) + 0.5
    return ~np.outer((y >= box[1]) & (y <= box[3]), (x >= box[0]) & (x <= box[2]))


def divide(lab: np.ndarray, marks: Marks) -> np.ndarray:
    """The object of the marks at working resolution, u (H, W) in [0, 1]."""
    shape = lab.shape[:2]
    inside, outside = marks.certain(shape)
    place = place_evidence(lab, marks.presumed, marks.unwanted)
    values, edges = looks(lab), edge_weights(lab)
    likely = np.where(outside, 0, 1 / (1 + np.exp(-4 * place)))
    # The first mixtures trust the clicks most, what lies between them a little, and all else by its place.
    thing, rest = 0.05 * likely**2 + inside, 0.3 * (1 - likely) ** 2 + outside
    around = 1 / (1 + np.exp(-2 * (place + 2)))
    for _ in range(ROUNDS + 1):
        cost = COLOUR * colour_cost(values, thing, rest) - PLACE * place
        division = smoothest_division(with_certainty(cost, inside, outside), edges, SMOOTHNESS)
        thing = ((division > 0.5) | inside).astype(float)
        rest = (1 - thing) * (0.3 + 0.7 * around)
    return division


def sharpen(lab: np.ndarray, coarse: np.ndarray, marks: Marks, band: float) -> np.ndarray:
    """Draw a coarse mask again at full resolution, within `band` pixels of its edge."""
    distance = signed_distance(coarse)
    inside, outside = marks.certain(coarse.shape)
    inside, outside = inside | ((distance < -band) & ~outside), outside | ((distance > band) & ~inside)
    part = surroundings(coarse, AROUND * band)
    mask = inside.copy()
    evidence = -PLACE * distance[part] / band
    mask[part] = redraw(lab[part], evidence, inside[part], outside[part], smoothness=SMOOTHNESS)
    return mask


class GrabCutSegmenter:
    """The `Segmenter` of the backend `grabcut`."""

    name = "grabcut (embedded)"

    def segment(self, image: np.ndarray, clicks: Clicks) -> np.ndarray:
        """See `Segmenter`; every click is honoured."""
        return segment(image, Marks.of(clicks))


def segment(image: np.ndarray, marks: Marks) -> np.ndarray:
    """The object that the marks mean.

    Args:
        image: uint8 RGB (H, W, 3).
        marks: a wanted point or a box at least. Every wanted point's pixel is inside the result, every
            unwanted one outside; nothing else beyond the box is inside, and every part holds a wanted point.
    Returns:
        bool (H, W).
    """
    height, width = image.shape[:2]
    scale = min(1.0, (WORKING_PIXELS / (height * width)) ** 0.5)
    lab = lab_image(image)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    small = lab if scale == 1 else cv2.resize(lab, size, interpolation=cv2.INTER_AREA)
    division = divide(small, marks.scaled(size[0] / width, size[1] / height))
    mask = cv2.resize(division, (width, height), interpolation=cv2.INTER_LINEAR) > 0.5
    if scale < 1:
        mask = sharpen(lab, mask, marks, BAND / scale)
    return tidied(mask, marks)


def tidied(mask: np.ndarray, marks: Marks) -> np.ndarray:
    """The parts that are clicked, their small holes filled, and every click's own pixel as it says."""
    if len(marks.wanted):
        mask = clicked_parts(mask, marks.wanted, NOWHERE)
    mask = fill_small_holes(mask, HOLE, marks.unwanted)
    mask[click_pixels(marks.unwanted, mask.shape)] = False
    mask[click_pixels(marks.wanted, mask.shape)] = True
    return mask
