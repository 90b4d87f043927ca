"""Flat tops that go into a hole and end there: benches, shelves, boards, tables.

What stands free has edges behind which something farther shows. Two such edges that run parallel into a hole,
and do not come out of it, bound a strip. It carries what stood on it, so that it ends at a right angle where
that ends, or where it is last seen itself if that is farther, and so does the front below its edge. The
shortest border would cut its corner off, and colours know nothing of what stands free.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from nerfkit.inpainting.guide import Guide
from nerfkit.inpainting.planes import (
    SAMPLE,
    TOLERANCE,
    best_plane,
    design,
    faces,
    in_plane,
    pixel_in_plane,
    plane_axes,
    planes_and_labels,
)
from nerfkit.inpainting.regions import grown, shrunk
from nerfkit.masks import disk, distance_to, surroundings

CONTEXT = 0.25  # image widths around the hole in which edges are looked for
SPECK = 0.006  # image widths; thinner bridges between surfaces join nothing, and outlines have mixed depths
SMALLEST = 500  # pixels of a surface beside the hole
FEWEST = 200  # pixels of a hole that are worth it
NEAR = 0.02  # image widths between a hole and the last that is seen of an edge that enters it
CLOSE = 0.01  # share of their disparity by which depths on a top or a front stray from its plane
STRAIGHT = 1.5  # pixels by which points of an edge stray from a straight line
LONG = 0.05  # image widths, the shortest edge that tells a direction
PARALLEL = 8.0  # degrees between the two sides
TRIALS = 200  # lines through two points each
RAGGED = 0.4  # share of a surface's free edges that may be on neither side
CONTRARY = 0.15  # share of what is seen beside the hole that may contradict a strip
FEET = 98  # percentile of where the object stands; some depths stray


@dataclass(frozen=True)
class Strip:
    """A flat surface that ends inside a hole.

    planes: (K, 3), its own, and the front's below its edge if one is seen. inside, known: bool (H, W), which
    pixels of the hole are its own, and which beside the hole show it. around: these and a seam around them,
    where depths and colours are mixed. sides: two bool (H, W), what lies beyond the lines of its long edges.
    """

    planes: np.ndarray
    inside: np.ndarray
    known: np.ndarray
    around: np.ndarray
    sides: tuple[np.ndarray, np.ndarray]

    def front(self, xy: np.ndarray) -> np.ndarray:
        """Along which lines of sight (..., 2) the front is seen, bool (...,)."""
        return (design(xy) @ self.planes.T).argmin(axis=-1) > 0


@dataclass(frozen=True)
class Top:
    """A plane around a hole (H, W).

    places: (H, W, 2), where along its axes a pixel meets it. upright: (H, W, 2), the same, but the place
    above what a pixel meets on the front. piece, behind: bool (H, W), what shows it, and what is seen past
    it, beside the hole. feet: (N, 2), upon which places of it something stood. step: a pixel on it.
    """

    places: np.ndarray
    upright: np.ndarray
    piece: np.ndarray
    behind: np.ndarray
    hole: np.ndarray
    feet: np.ndarray
    step: float

    @classmethod
    def of(cls, planes: np.ndarray, piece: np.ndarray, hole: np.ndarray, guide: Guide, outline: int) -> "Top":
        """The top and front that the pixels `piece` (H, W) of planes (K, 3) show; depths along the object's
        outline, some pixels wide, do not count."""
        plane, sights = planes[0], design(guide.xy)
        flat, axes = sights @ plane, plane_axes(plane)
        behind = ~hole & ~piece & (guide.disparity > 0) & (guide.disparity < (1 - 2 * TOLERANCE) * flat)
        upright = sights / farthest(planes, guide.xy)[..., None] @ axes.T
        feet = np.zeros((0, 2))
        if guide.standing is not None:
            upon = shrunk(guide.standing > (1 + 2 * TOLERANCE) * flat, outline)
            feet = design(guide.xy[upon]) / guide.standing[upon][:, None] @ axes.T
        step = pixel_in_plane(plane, guide.xy, piece)
        return cls(in_plane(guide.xy, plane, axes), upright, piece, behind, hole, feet, step)


@dataclass(frozen=True)
class Side:
    """A straight edge in a plane: a point of it (2,), and where it goes on (2,)."""

    point: np.ndarray
    onward: np.ndarray

    @classmethod
    def through(cls, points: np.ndarray, to_hole: np.ndarray) -> "Side":
        """The line nearest to points (N, 2), towards those that are nearer to the hole."""
        middle = points.mean(axis=0)
        direction = np.linalg.svd(points - middle, full_matrices=False)[2][0]
        nearer = points[to_hole <= np.median(to_hole)].mean(axis=0)
        return cls(middle, direction * np.sign((nearer - middle) @ direction))

    def distances(self, points: np.ndarray) -> np.ndarray:
        """How far points (N, 2) are from the line, (N,)."""
        return np.abs((points - self.point) @ [-self.onward[1], self.onward[0]])


def find_strips(guide: Guide, hole: np.ndarray, seed: int) -> list[Strip]:
    """The strips that end in a hole (H, W), the best supported planes first.

    The guide's disparity is read beside the hole.
    """
    if not hole.any():
        return []
    part, width = surroundings(hole, max(8, round(CONTEXT * hole.shape[1]))), hole.shape[1]
    standing = None if guide.standing is None else guide.standing[part]
    near = replace(guide, disparity=guide.disparity[part], xy=guide.xy[part], standing=standing)
    gap = hole[part].copy()
    known = ~gap & (near.disparity > 0)
    if not known.any():
        return []
    planes, labels = planes_and_labels(near.xy, near.disparity, known, seed)
    strips = []
    for number in range(len(planes)):
        for piece in pieces(labels == number, gap, width):
            faced = top_and_front(near.xy[piece], near.disparity[piece], seed)
            if not faces(faced[0], near.xy[piece | gap]):
                continue
            found = ending(Top.of(faced, piece, gap, near, speck(width)), width)
            if found is not None:
                inside, *sides = found
                gap &= ~inside
                masks = inside, piece, grown(inside | piece, 2 * speck(width)), *sides
                inside, piece, seam, *sides = (_whole(mask, part, hole) for mask in masks)
                strips.append(Strip(faced, inside, piece, seam, tuple(sides)))
    return strips


def top_and_front(xy: np.ndarray, disparity: np.ndarray, seed: int) -> np.ndarray:
    """The plane that most pixels (N, 2), (N,) of a piece lie on closely, and that of the front below its edge
    if there is one, (K, 3): one through both is tilted, and with it what stands upon it."""
    rng = np.random.default_rng(seed)
    planes = closest(xy, disparity, rng)[None]
    below = disparity < (1 - 2 * CLOSE) * farthest(planes, xy)
    if below.sum() < FEWEST:
        return planes
    both = np.stack([planes[0], closest(xy[below], disparity[below], rng)])
    alone, together = (
        (np.abs(farthest(found, xy) / disparity - 1) < CLOSE).mean() for found in (planes, both)
    )
    return both if together > alone else planes


def closest(xy: np.ndarray, disparity: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The plane (3,) that most pixels (N, 2), (N,) lie on closely."""
    chosen = rng.permutation(len(disparity))[:SAMPLE]
    return best_plane(design(xy[chosen]), disparity[chosen].astype(float), rng, CLOSE)


def farthest(planes: np.ndarray, xy: np.ndarray) -> np.ndarray:
    """The disparity (...,) of the solid below planes (K, 3): lines of sight (..., 2) enter it at the last."""
    return (design(xy) @ planes.T).min(axis=-1)


def speck(width: int) -> int:
    """SPECK in pixels of a picture's width."""
    return max(1, round(SPECK * width))


def around(strips: Sequence[Strip], hole: np.ndarray) -> np.ndarray:
    """The pixels (H, W) of all strips, with their seams."""
    return np.any([np.zeros_like(hole), *(strip.around for strip in strips)], axis=0)


def beside(strips: list[Strip], left: np.ndarray) -> np.ndarray:
    """Which pixels (H, W) the rest of a hole, `left`, may be continued from: what is beside a strip ends at
    it. A remnant that strips shut in is continued from them."""
    if not strips:
        return np.ones_like(left)
    barred = around(strips, left) & ~left
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
    radius = speck(width)
    solid = cv2.morphologyEx(mine.astype(np.uint8), cv2.MORPH_OPEN, disk(radius))
    count, number = cv2.connectedComponents(solid)
    reach = grown(hole, 2 * radius)
    found = [grown(number == piece, radius) & mine for piece in range(1, count)]
    return [piece for piece in found if piece.sum() >= SMALLEST and (piece & reach).any()]


def ending(top: Top, width: int) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """Which pixels (H, W) of the hole a top takes if it is a strip that ends there, and which lie beyond the
    lines of its two edges; else None.

    `width`: of the picture, pixels.
    """
    shown_edge = top.piece & ~shrunk(top.piece, 1) & grown(top.behind, speck(width) + 1)
    free = shown_edge & ~grown(top.hole, 2)
    sides = two_sides(top.places[free], distance_to(top.hole)[free], top.step, width)
    if sides is None:
        return None
    onward = sides[0].onward + sides[1].onward
    onward /= np.linalg.norm(onward)
    across = np.array([-onward[1], onward[0]])
    low, high = sorted(side.point @ across for side in sides)
    place = top.places @ across
    between = within(place, low, high)
    feet = top.feet[within(top.feet @ across, low, high)] @ onward
    along = top.upright @ onward
    rim = grown(top.hole, 2) & ~top.hole & between
    ends = [np.percentile(feet, FEET)] if len(feet) >= FEWEST else []
    ends += [along[rim & top.piece].max()] if (rim & top.piece).any() else []
    before = along < max(ends, default=-np.inf)
    inside, shown, past = top.hole & between & before, rim & before, rim & ~before
    if inside.sum() < FEWEST or not shown.any() or not past.any():
        return None
    seen, over = top.behind[shown].mean() < CONTRARY, top.behind[past].mean() > 1 - CONTRARY
    return (inside, place <= low, place >= high) if seen and over else None


def within(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """Which values lie between two others."""
    return (values > low) & (values < high)


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
        side = Side.through(points[mine], to_hole[mine])
        place = points[mine] @ side.onward
        if np.ptp(place) < LONG * width * step or to_hole[mine][place.argmax()] > NEAR * width:
            return None
        sides.append(side)
        left &= side.distances(points) > 2 * STRAIGHT * step
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
