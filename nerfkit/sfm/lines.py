"""Depth along straight edges that photos share: what is known of a bare wall are its seams and its borders.

Keypoints are where texture is. A bare wall without any stands wherever colours allow, often right beside the
object, and what is painted there is wrong from everywhere else.
"""

import logging
from pathlib import Path

import numpy as np
from tqdm import tqdm

from nerfkit.files import read_image, read_opacity
from nerfkit.sfm.bare_surfaces import bare_depth
from nerfkit.sfm.line_places import SAME, agreed, along, own_depth
from nerfkit.sfm.model import Model, PosedPhoto, ray_cosines, shown
from nerfkit.sfm.planes import WorldEdges, find_planes
from nerfkit.sfm.segments import TOLERANCE, Segments, find_segments, normals
from nerfkit.sfm.sparse_depth import view_depth

log = logging.getLogger("nerfkit")

ASKED = 30  # other photos
ANGLE = np.radians(2)  # between two photos' rays to a point; less tells no depth
VOTES = 3  # other photos that must know an edge
SPACING = 4.0  # pixels between the points that stand for an edge
AROUND = 10.0  # pixels in which keypoints know better
KEYPOINTS = 3  # that many of them
BEYOND = 1.1  # nearer or farther than all of them by that factor


def line_depth(model: Model, photos: Path) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """What the training views see of shared edges, by name.

    Args:
        photos: folder of the prepared photos.
    Returns:
        Pixels (N, 2) every few pixels along the edges, and over bare surfaces in planes of them, and z-depth
        (N,) in the reconstruction's unit; none where a photo is transparent.
    """
    views = model.train
    images = [read_image(photos / view.photo.file) for view in views]
    segments = [find_segments(view, image) for view, image in zip(views, images, strict=True)]
    depths = edge_depth(model, segments)
    along_edges = [
        edge_points(view, edges, depth, model.points)
        for view, edges, depth in zip(views, segments, depths, strict=True)
    ]
    planes = find_planes(known_edges(views, segments, depths), views, model.points)
    on_planes = bare_depth(views, images, planes, model.points)
    log.info(
        "%d points along edges that photos share, and %d of bare surfaces in %d planes of them",
        *(sum(len(z) for _, z in found) for found in (along_edges, on_planes)),
        len(planes),
    )
    found = {}
    for view, *both in zip(views, along_edges, on_planes, strict=True):
        xy, z = (np.concatenate(part) for part in zip(*both, strict=True))
        opacity = read_opacity(photos / view.photo.file)
        kept = slice(None) if opacity is None else shown(opacity, xy)
        found[view.photo.name] = xy[kept], z[kept]
    return found


def edge_depth(model: Model, segments: list[Segments]) -> list[np.ndarray]:
    """Depths of the ends of all training views' edges, each (S, 2), NaN where they are not known."""
    views, depths = model.train, []
    for number, (view, edges) in enumerate(zip(tqdm(views, desc="lines"), segments, strict=True)):
        others = asked(number, views, model.points)
        depths.append(own_depth(view, edges, [views[k] for k in others], [segments[k] for k in others]))
    lines = known_edges(views, segments, depths)
    return [
        shared_depth(view, edges, lines[lines.owner != number])
        for number, (view, edges) in enumerate(zip(views, segments, strict=True))
    ]


def edge_points(
    view: PosedPhoto, edges: Segments, depth: np.ndarray, points: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Pixels (N, 2) and depths (N,) along those of a view's edges whose depths (S, 2) are known."""
    known = np.isfinite(depth).all(axis=1)
    xy, z = sampled(edges.xy[known], depth[known])
    kept = ~contradicted(xy, z, *view_depth(view, points)[:2])
    return xy[kept], z[kept]


def asked(number: int, views: list[PosedPhoto], points: np.ndarray) -> list[int]:
    """Numbers of the views that share most points with one, seen from an angle that tells depth."""
    view, shared = views[number], np.zeros(len(views), int)
    for k, other in enumerate(views):
        common = points[np.intersect1d(view.point_idx, other.point_idx)]
        shared[k] = (ray_cosines(common, view, other) < np.cos(ANGLE)).sum()
    order = np.argsort(-shared, kind="stable")[:ASKED]
    return [int(k) for k in order if shared[k] > 0]


def known_edges(views: list[PosedPhoto], segments: list[Segments], depths: list[np.ndarray]) -> WorldEdges:
    """The edges of all views whose depths (S, 2) are known."""
    ends, owner, pixels = [], [], []
    for number, (view, edges, depth) in enumerate(zip(views, segments, depths, strict=True)):
        known = np.isfinite(depth).all(axis=1)
        ends.append(view.in_world(edges.rays[known] * depth[known][..., None]))
        owner.append(np.full(known.sum(), number))
        pixels.append(np.linalg.norm(edges.xy[known, 1] - edges.xy[known, 0], axis=1))
    return WorldEdges(np.concatenate(ends), np.concatenate(owner), np.concatenate(pixels))


def shared_depth(view: PosedPhoto, edges: Segments, lines: WorldEdges) -> np.ndarray:
    """Depths of the ends of a view's edges (S, 2) from those that other views know; NaN elsewhere.

    An edge is known if several views' edges run along it at one depth, there or within their own length of
    it: a seam whose upper half was found says where its lower half is.
    """
    ends = view.in_camera(lines.ends)
    before = (ends[..., 2] > 1e-6).all(axis=1)
    ends, owner = ends[before], lines.owner[before]
    rays = ends / ends[..., 2:]
    start, end = along(edges, rays[:, None, :, :2])
    beside = np.minimum(end, 1) - np.maximum(start, 0) > start - end
    running = (apart(view, edges, rays, start, end) < TOLERANCE) & (end > start) & beside
    depth = np.full((len(edges), 2), np.nan)
    for edge in np.nonzero(running.any(axis=0))[0]:
        which = np.nonzero(running[:, edge])[0]
        disparity = continued(1 / ends[which, :, 2], start[which, edge], end[which, edge])
        depth[edge] = voted(disparity, owner[which])
    return depth


def apart(
    view: PosedPhoto, edges: Segments, rays: np.ndarray, start: np.ndarray, end: np.ndarray
) -> np.ndarray:
    """How many pixels K other edges (K, 2, 3), at z = 1, are from the S edges of a view, (K, S).

    The ends of the shorter from the line through the longer, or of ours where theirs has to be continued.
    """
    theirs = np.abs(np.einsum("sc,kec->kse", edges.normals, rays)).max(axis=2)
    ours = np.abs(np.einsum("kc,sec->kse", normals(rays), edges.rays)).max(axis=2)
    ours_counts = (end - start > 1) | (np.minimum(end, 1) < np.maximum(start, 0))
    return np.where(ours_counts, ours, theirs) * min(view.camera.fx, view.camera.fy)


def continued(disparity: np.ndarray, start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Disparities (C, 2) at places `start` and `end` along an edge to those at 0 and 1: they are linear."""
    slope = (disparity[:, 1] - disparity[:, 0]) / (end - start)
    first = disparity[:, 0] - start * slope
    return np.stack([first, first + slope], axis=1)


def voted(disparity: np.ndarray, owner: np.ndarray) -> np.ndarray:
    """The depths (2,) of an edge's ends on which most views agree, NaN if too few; disparities are (C, 2)."""
    before = (disparity > 1e-6).all(axis=1)
    disparity, owner = disparity[before], owner[before]
    close = np.abs(disparity[None] / disparity[:, None] - 1).max(axis=2) <= SAME
    votes = np.array([len(np.unique(owner[row])) for row in close])
    if votes.max(initial=0) < VOTES or not (same := agreed(disparity, votes)).any():
        return np.full(2, np.nan)
    return 1 / np.median(disparity[same], axis=0)


def sampled(xy: np.ndarray, depth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Points every few pixels along segments (S, 2, 2) with depths of their ends (S, 2): (N, 2) and (N,)."""
    pixels, depths = [np.zeros((0, 2))], [np.zeros(0)]
    for ends, z in zip(xy, depth, strict=True):
        share = np.linspace(0, 1, 2 + int(np.linalg.norm(ends[1] - ends[0]) / SPACING))[:, None]
        pixels.append(ends[0] * (1 - share) + ends[1] * share)
        depths.append(1 / ((1 - share) / z[0] + share / z[1])[:, 0])
    return np.concatenate(pixels), np.concatenate(depths)


def contradicted(xy: np.ndarray, z: np.ndarray, points_xy: np.ndarray, points_z: np.ndarray) -> np.ndarray:
    """Whether points (N, 2) of depths (N,) are nearer or farther than all keypoints close by, (N,) bool.

    Short edges in rich texture are those that go wrong, and there keypoints are many.
    """
    if len(points_z) < KEYPOINTS or not len(z):
        return np.zeros(len(z), bool)
    distance = np.linalg.norm(xy[:, None] - points_xy, axis=2)
    close = np.argpartition(distance, KEYPOINTS - 1, axis=1)[:, :KEYPOINTS]
    around = (np.take_along_axis(distance, close, axis=1) < AROUND).all(axis=1)
    nearest, farthest = points_z[close].min(axis=1), points_z[close].max(axis=1)
    return around & ((z > BEYOND * farthest) | (z < nearest / BEYOND))
