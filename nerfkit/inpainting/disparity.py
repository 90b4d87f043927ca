"""Completion of normalised disparity inside a hole: flat surfaces go on, or end, the rest is a soap film.

Normalised disparity is near / z, in (0, 1]; 0 where depth is unknown. Departs from SPIn-NeRF, which runs the
RGB inpainter on an 8-bit disparity picture (Mirzaei et al. 2023, section 3.2).
"""

from collections.abc import Sequence

import cv2
import numpy as np

from nerfkit.inpainting.borders import continue_labels
from nerfkit.inpainting.planes import TOLERANCE, design, find_planes, label_known, planes_and_labels
from nerfkit.inpainting.regions import grown
from nerfkit.inpainting.strips import Strip, around, farthest
from nerfkit.masks import surroundings
from nerfkit.membrane import membrane

CONTEXT = 0.15  # image widths around the hole in which surfaces are looked for
RIM = 2  # px around the hole that the completion has to meet
SLIVER = 0.012  # image widths: what stands in front of the background thinner than that is left of the object
FARTHEST = 1e-4  # disparity of what counts as infinitely far
OVERSHOOT = 0.1  # of the rim's range of disparities, by which a completion may exceed it


def complete_disparity(
    disparity: np.ndarray,
    hole: np.ndarray,
    xy: np.ndarray,
    strips: Sequence[Strip] = (),
    context: float = CONTEXT,
    seed: int = 0,
) -> np.ndarray:
    """Fill the hole of a disparity map.

    Args:
        disparity: float32 (H, W), normalised, 0 = unknown.
        hole: bool (H, W).
        xy: (H, W, 2) normalised coordinates of the pixels, where a plane's disparity is affine.
        strips: those that end in the hole.
        context: how far around the hole surfaces are looked for, in image widths.

    Returns: float32 (H, W), equal to `disparity` outside the hole. Where nothing around the hole has a
    depth, the hole stays unknown (0).
    """
    result, left = disparity.copy(), hole.copy()
    for strip in strips:
        result[strip.inside] = _on_plane(disparity, strip, xy)
        left &= ~strip.inside
    if left.any():
        part = surroundings(left, max(8, round(context * hole.shape[1])))
        open_disparity = np.where(around(strips, hole), 0, disparity)  # what is beside a strip ends at it
        sliver = round(SLIVER * hole.shape[1])
        sides = [side[part] for strip in strips for side in strip.sides]  # nothing goes round a strip's end
        filled = _complete(open_disparity[part], left[part], xy[part], sliver, sides, seed)
        result[left] = filled[left[part]]
    return result


def surfaces(
    disparity: np.ndarray,
    hole: np.ndarray,
    xy: np.ndarray,
    strips: Sequence[Strip] = (),
    context: float = CONTEXT,
    seed: int = 0,
) -> np.ndarray:
    """The number of the surface that each pixel of a completed disparity map shows, int (H, W).

    The flat ones around the hole are 0, 1, ..., and -1 is what lies on none; arguments as of
    `complete_disparity`.
    """
    part = surroundings(hole, max(8, round(context * hole.shape[1])))
    known = (~hole & (disparity > 0) & ~around(strips, hole))[part]
    planes = find_planes(xy[part][known], disparity[part][known].astype(float), seed)
    return label_known(design(xy), disparity, planes)


def _on_plane(disparity: np.ndarray, strip: Strip, xy: np.ndarray) -> np.ndarray:
    """The disparity of a strip's pixels in the hole (N,): its planes', and where it is seen as it is seen."""
    base = farthest(strip.planes, xy)
    film = membrane(disparity - base, strip.known & grown(strip.inside, RIM), strip.inside)
    return (base + film)[strip.inside]


def _complete(
    disparity: np.ndarray,
    hole: np.ndarray,
    xy: np.ndarray,
    sliver: int,
    sides: list[np.ndarray],
    seed: int,
) -> np.ndarray:
    known = ~hole & (disparity > 0)
    if not known.any():
        return np.zeros_like(disparity)
    terms = design(xy)
    planes, labels = planes_and_labels(xy, disparity, known, seed)
    known &= ~_leftovers(terms, disparity, known, planes, sliver)
    rim = known & grown(hole, RIM)
    if not rim.any():
        rim = known
    labels = continue_labels(labels, rim, known, hole, sides)
    surfaces = np.concatenate([planes, np.zeros((1, 3))])  # label -1: no plane, the film alone
    base = np.einsum("hwk,hwk->hw", terms, surfaces[labels])
    film = membrane(disparity - base, rim, hole, labels)
    return clamp_to_rim(base + film, disparity[rim])


def clamp_to_rim(filled: np.ndarray, rim: np.ndarray) -> np.ndarray:
    """Keep a completion within the rim's range, a little extended: nothing may stand in front."""
    slack = OVERSHOOT * np.ptp(rim) + TOLERANCE * rim.max()
    return np.clip(filled, max(rim.min() - slack, FARTHEST), rim.max() + slack)


def _leftovers(
    terms: np.ndarray, disparity: np.ndarray, known: np.ndarray, planes: np.ndarray, sliver: int
) -> np.ndarray:
    """Thin strips in front of every plane: what the mask left of the object. Bool (H, W)."""
    if len(planes) == 0:
        return np.zeros_like(known)
    front = known & (disparity > (1 + 2 * TOLERANCE) * (terms @ planes.T).max(axis=-1))
    square = np.ones((2 * sliver + 1, 2 * sliver + 1), np.uint8)
    thick = cv2.morphologyEx(front.astype(np.uint8), cv2.MORPH_OPEN, square) > 0
    return front & ~thick
