"""Where in space an edge of a photo is, going by the edges of other photos.

Each edge of another photo offers a place: where the plane through that camera and its edge meets the rays of
the first photo's edge. The place at which most photos see an edge of that direction is right, if no other one
has nearly as many (the idea of Line3D++, Hofer et al., CVIU 2017).
"""

from dataclasses import dataclass

import numpy as np

from nerfkit.sfm.model import PosedPhoto
from nerfkit.sfm.segments import Segments, passes

OVERLAP = 0.3  # of the shorter of two edges
STOPS = 8  # points of an edge that are looked for in other photos
PASSING = 0.75  # of them must lie on edges there
WITNESSES = 4  # other photos at least, and
AGREEING = 0.25  # of those in whose frame the place is; what is behind an object is hidden in many
RIVAL = 0.7  # of the votes; a second place with more leaves an edge without any
SAME = 0.03  # of the depth; places closer than that are one
PRECISE = 0.05  # of the depth, at most, for a pixel


@dataclass(frozen=True)
class Places:
    """P places of edges of one photo.

    Attributes:
        edge: (P,) number of the edge.
        depth: (P, 2) z-depth of its ends, in the reconstruction's unit.
        doubt: (P,) how much a pixel changes the depth, relative.
    """

    edge: np.ndarray
    depth: np.ndarray
    doubt: np.ndarray

    @staticmethod
    def cat(parts: list["Places"]) -> "Places":
        """All places of several lists."""
        return Places(
            *(np.concatenate([getattr(part, name) for part in parts]) for name in ("edge", "depth", "doubt"))
        )


def places(view: PosedPhoto, edges: Segments, other: PosedPhoto, theirs: Segments) -> Places:
    """Where edges of a view would be, if they were edges of another photo."""
    offset = other.in_camera(view.centre)
    turned = other.in_camera(view.in_world(edges.rays)) - offset
    toward = np.einsum("tc,sec->ste", theirs.normals, turned)
    with np.errstate(divide="ignore", invalid="ignore"):
        depth = -(theirs.normals @ offset)[None, :, None] / toward
        seen = depth[..., None] * turned[:, None] + offset
        moved = np.abs(depth * toward / seen[..., 2]) * min(other.camera.fx, other.camera.fy)
        start, end = along(theirs, seen[..., :2] / seen[..., 2:])
        kept = (depth > 0).all(axis=2) & (seen[..., 2] > 0).all(axis=2) & (end > start)
        kept &= np.minimum(end, 1) - np.maximum(start, 0) > OVERLAP * np.minimum(end - start, 1)
    edge, match = np.nonzero(kept)
    return Places(edge, depth[edge, match], 1 / np.maximum(moved[edge, match].min(axis=1), 1e-9))


def along(edges: Segments, xy: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where two ends (..., T, 2, 2) lie along the T edges, each (..., T): 0 is an edge's start, 1 its end.

    All in normalised coordinates.
    """
    start, way = edges.rays[:, 0, :2], edges.rays[:, 1, :2] - edges.rays[:, 0, :2]
    share = ((xy - start[:, None]) * way[:, None]).sum(axis=-1) / (way**2).sum(axis=1)[:, None]
    return share[..., 0], share[..., 1]


def witnessed(
    view: PosedPhoto, edges: Segments, found: Places, other: PosedPhoto, theirs: Segments
) -> tuple[np.ndarray, np.ndarray]:
    """Whether another photo shows edges at these places, and whether its frame holds them, each (P,) bool."""
    ends = other.in_camera(view.in_world(edges.rays[found.edge] * found.depth[..., None]))
    stops = np.linspace(0, 1, STOPS)[:, None]
    xyz = ends[:, :1] * (1 - stops) + ends[:, 1:] * stops
    xy, inside = other.camera.in_frame(xyz)
    hit = passes(theirs, np.where(inside[..., None], xy, 0), xy[:, -1] - xy[:, 0]) & inside
    framed = inside.sum(axis=1) >= STOPS // 2
    return framed & (hit.sum(axis=1) >= PASSING * inside.sum(axis=1)), framed


def agreed(depth: np.ndarray, votes: np.ndarray, slack: np.ndarray | float = SAME) -> np.ndarray:
    """Which places of one edge, with depths (C, 2) and votes (C,), are one with the best.

    Args:
        slack: how far from the best's depth a place may be, relative, and still be the same.
    Returns:
        (C,) bool; none where another place has nearly as many votes.
    """
    best = np.argmax(votes)
    same = np.abs(depth / depth[best] - 1).max(axis=1) <= slack
    return same & (not (votes[~same] > RIVAL * votes[best]).any())


def settle(found: Places, votes: np.ndarray, count: int) -> np.ndarray:
    """Depths of the ends of `count` edges (count, 2) from places and their votes (P,); NaN where unknown."""
    depth = np.full((count, 2), np.nan)
    order = np.lexsort((found.doubt, found.edge))
    for mine in np.split(order, np.searchsorted(found.edge[order], np.arange(1, count))):
        if votes[mine].max(initial=0) < WITNESSES:
            continue
        same = agreed(found.depth[mine], votes[mine], np.maximum(SAME, 2 * found.doubt[mine]))
        chosen = mine[same & (votes[mine] >= WITNESSES)]
        if len(chosen) and found.doubt[chosen].min() < PRECISE:
            weight = found.doubt[chosen, None] ** -2.0
            depth[found.edge[chosen[0]]] = weight.sum() / (weight / found.depth[chosen]).sum(axis=0)
    return depth


def own_depth(
    view: PosedPhoto, edges: Segments, others: list[PosedPhoto], theirs: list[Segments]
) -> np.ndarray:
    """Depths of the ends of a view's edges (S, 2), NaN where unknown, by the edges of other photos."""
    if not others:
        return np.full((len(edges), 2), np.nan)
    found = Places.cat([places(view, edges, *other) for other in zip(others, theirs, strict=True)])
    witnesses = [witnessed(view, edges, found, *other) for other in zip(others, theirs, strict=True)]
    votes, framed = np.sum(witnesses, axis=0)
    return settle(found, np.where(votes >= AGREEING * framed, votes, 0), len(edges))
