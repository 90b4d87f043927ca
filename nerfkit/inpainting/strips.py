"""Flat tops that go into a hole and end there: benches, shelves, boards, tables.

What stands free has edges behind which something farther shows. Two such edges that run parallel into a hole,
and do not come out of it, bound a strip. It ends at a right angle where the farther of the two is last seen,
for nothing tells that it is longer. The shortest border would cut its corner off, and colours know nothing of
what stands free.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from nerfkit.inpainting.planes import (
    TOLERANCE,
    design,
    faces,
    find_planes,
    in_plane,
    label_known,
    pixel_in_plane,
    plane_axes,
)
from nerfkit.inpainting.regions import grown, shrunk
from nerfkit.masks import disk, surroundings

CONTEXT = 0.25  # image widths around the hole in which edges are looked for
SPECK = 0.006  # image widths; thinner bridges between two surfaces join nothing
SMALLEST = 500  # pixels of a surface beside the hole
FEWEST = 200  # pixels of a hole that are worth it
NEAR = 0.02  # image widths between a hole and the last that is seen of an edge that enters it
STRAIGHT = 1.5  # pixels by which points of an edge stray from a straight line
LONG = 0.05  # image widths, the shortest edge that tells a direction
PARALLEL = 8.0  # degrees between the two sides
TRIALS = 200  # lines through two points each
RAGGED = 0.4  # share of a surface's free edges that may be on neither side
CONTRARY = 0.15  # share of what is seen beside the hole that may contradict a strip


@dataclass(frozen=True)
class Strip:
    """A flat surface that ends inside a hole.

    plane: (3,). inside, known: bool (H, W), which pixels of the hole are its own, and which beside the hole
    show it. around: these and a seam around them, where depths and colours are mixed.
    """

    plane: np.ndarray
    inside: np.ndarray
    known: np.ndarray
    around: np.ndarray


@dataclass(frozen=True)
class Side:
    """A straight edge in a plane: the point (2,) where it was seen last, and where it goes on, (2,)."""

    end: np.ndarray
    onward: np.ndarray


def find_strips(disparity: np.ndarray, hole: np.ndarray, xy: np.ndarray, seed: int) -> list[Strip]:
    """The strips that end in a hole (H, W), the best supported planes first.

    Args:
        disparity: float32 (H, W), 0 = unknown, read beside the hole.
        xy: (H, W, 2) normalised coordinates of the pixels, where a plane's disparity is affine.
    """
    if not hole.any():
        return []
    part = surroundings(hole, max(8, round(CONTEXT * hole.shape[1])))
    near, sights, gap, width = disparity[part], xy[part], hole[part].copy(), hole.shape[1]
    known = ~gap & (near > 0)
    if not known.any():
        return []
    planes = find_planes(sights[known], near[known].astype(float), seed)
    labels = np.where(known, label_known(design(sights), near, planes), -1)
    strips = []
    for number, plane in enumerate(planes):
        behind = known & (near < (1 - 2 * TOLERANCE) * (design(sights) @ plane))
        for piece in pieces(labels == number, gap, width):
            inside = ending(piece, behind, gap, sights, plane, width)
            if inside is not None:
                gap &= ~inside
                seam = grown(inside | piece, 2 * max(1, round(SPECK * width)))
                strips.append(Strip(plane, *(_whole(mask, part, hole) for mask in (inside, piece, seam))))
    return strips


def beside(strips: list[Strip], left: np.ndarray) -> np.ndarray:
    """Which pixels (H, W) the rest of a hole, `left`, may be continued from: what is beside a strip ends at
    it. A remnant that strips shut in is continued from them."""
    barred = np.any([strip.around for strip in strips], axis=0) & ~left if strips else np.zeros_like(left)
    count, remnants = cv2.connectedComponents(left.astype(np.uint8))
    for remnant in range(1, count):
        rim = grown(remnants == remnant, 1) & ~left
        if barred[rim].all():
            barred &= ~rim
    return ~barred


def _whole(mask: np.ndarray, part: tuple[slice, slice], like: np.ndarray) -> np.ndarray:
    """The mask of a part of a picture as a mask of all of it."""
    result = np.zeros_like(like)
    result[part] = mask
    return result


def pieces(mine: np.ndarray, hole: np.ndarray, width: int) -> list[np.ndarray]:
    """The connected pieces of a surface (H, W) that reach the hole, without narrow bridges."""
    radius = max(1, round(SPECK * width))
    solid = cv2.morphologyEx(mine.astype(np.uint8), cv2.MORPH_OPEN, disk(radius))
    count, number = cv2.connectedComponents(solid)
    reach = grown(hole, 2 * radius)
    found = [grown(number == piece, radius) & mine for piece in range(1, count)]
    return [piece for piece in found if piece.sum() >= SMALLEST and (piece & reach).any()]


def ending(
    piece: np.ndarray, behind: np.ndarray, hole: np.ndarray, xy: np.ndarray, plane: np.ndarray, width: int
) -> np.ndarray | None:
    """Which pixels (H, W) of the hole a surface takes if it is a strip that ends there, else None.

    Args:
        piece, behind: bool (H, W), what shows the surface, and what is seen past it, beside the hole.
        width: of the picture, pixels.
    """
    if not faces(plane, xy[piece | hole]):
        return None
    step, places = pixel_in_plane(plane, xy, piece), in_plane(xy, plane, plane_axes(plane))
    radius = max(1, round(SPECK * width))
    free = piece & ~shrunk(piece, 1) & grown(behind, radius + 1) & ~grown(hole, 2)
    sides = two_sides(places[free], distance_to(hole)[free], step, width)
    if sides is None:
        return None
    one, other = sides
    onward = one.onward + other.onward
    onward /= np.linalg.norm(onward)
    across = np.array([-onward[1], onward[0]])
    along, aside = places @ onward, places @ across
    low, high = sorted((one.end @ across, other.end @ across))
    between = (aside > low) & (aside < high)
    rim = grown(hole, 2) & ~hole & between
    if not (rim & piece).any():
        return None
    end = along[rim & piece].max()
    inside, before, beyond = hole & between & (along < end), rim & (along < end), rim & (along > end)
    shown, ended = behind[before].mean() < CONTRARY, beyond.any() and behind[beyond].mean() > 1 - CONTRARY
    return inside if shown and ended and inside.sum() >= FEWEST else None


def distance_to(mask: np.ndarray) -> np.ndarray:
    """Pixels from each pixel (H, W) to the mask."""
    return cv2.distanceTransform((~mask).astype(np.uint8), cv2.DIST_L2, 5)


def two_sides(points: np.ndarray, to_hole: np.ndarray, step: float, width: int) -> tuple[Side, Side] | None:
    """The two longest straight edges among points (N, 2) of a plane if they run parallel into the hole.

    Args:
        to_hole: (N,), pixels from each point to the hole.
        step: a pixel on the plane.
    """
    rng, left, sides = np.random.default_rng(0), np.ones(len(points), bool), []
    for _ in range(2):
        if left.sum() < LONG * width:
            return None
        mine = straight(points, left, step, rng)
        direction = np.linalg.svd(points[mine] - points[mine].mean(axis=0), full_matrices=False)[2][0]
        far = to_hole[mine] > np.median(to_hole[mine])
        direction *= np.sign((points[mine][~far].mean(axis=0) - points[mine][far].mean(axis=0)) @ direction)
        place = points[mine] @ direction
        if np.ptp(place) < LONG * width * step or to_hole[mine][place.argmax()] > NEAR * width:
            return None
        foot = points[mine].mean(axis=0)
        sides.append(Side(foot + direction * (place.max() - foot @ direction), direction))
        left &= np.abs((points - foot) @ [-direction[1], direction[0]]) > 2 * STRAIGHT * step
    if left.mean() > RAGGED:
        return None
    turn = np.degrees(np.arccos(np.clip(sides[0].onward @ sides[1].onward, -1, 1)))
    return (sides[0], sides[1]) if turn < PARALLEL else None


def straight(points: np.ndarray, left: np.ndarray, step: float, rng: np.random.Generator) -> np.ndarray:
    """Which of the points (N, 2) that are `left` lie on the straight line that most of them lie on."""
    first, second = points[rng.choice(np.flatnonzero(left), (2, TRIALS))]
    along = second - first
    first, along = first[along.any(axis=1)], along[along.any(axis=1)]
    across = np.stack([-along[:, 1], along[:, 0]], axis=1) / np.linalg.norm(along, axis=1)[:, None]
    away = np.abs(points @ across.T - (first * across).sum(axis=1))
    mine = (away < STRAIGHT * step) & left[:, None]
    return mine[:, mine.sum(axis=0).argmax()]
