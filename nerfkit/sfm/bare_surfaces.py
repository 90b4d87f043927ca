"""Bare surfaces of photos that lie in planes which edges tell: depth where there is nothing to match.

A bare part of a photo may lie anywhere its colour allows. If a plane of known edges is right, then the part,
put on it, is as bare and of the same hue in every other photo that sees it; a plane nearer by, or another
wall's, would put some of it on other things.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from nerfkit.sfm.model import PosedPhoto, ray_cosines
from nerfkit.sfm.planes import Plane
from nerfkit.sfm.sparse_depth import view_depth
from nerfkit.views import spread

WINDOW = 7  # pixels, in which no channel
RANGE = 0.06  # changes by more, in [0, 1]
LEAST = 0.01  # of a photo is a part
SAMPLES = 400  # pixels that stand for a part
HUE = 0.025  # difference of a channel's share, up to which two hues are the same
BRIGHTNESS = 0.25  # log; up to which two brightnesses are, but for one factor a photo
TOLD = 20  # samples with which another photo has a say
ANGLE = np.radians(4)  # between two photos' rays; less tells no depth
BEHIND = 0.93  # of its depth: a point with keypoints so near around its pixel is hidden by them
AROUND = 12  # pixels
SAID = 0.55  # of the samples that other photos do not hide must look the same, and
EACH = 0.7  # of a photo's, in at least
VIEWS = 3  # photos
ASKED = 60  # photos at most, evenly spread
OFF = 0.05  # relative error of the depth of
STRAYS = 0.1  # of the keypoints on a part, at most
SPACING = 0.012  # of the photo's long side, between points that stand for a part


@dataclass(frozen=True)
class Look:
    """A view, its keypoints' pixels (N, 2) and z-depths (N,), and what of its photo is compared, all (H, W):
    whether it is bare, the hue's three shares (H, W, 3), log brightness, and the z-depth of the nearest
    keypoint around."""

    view: PosedPhoto
    xy: np.ndarray
    z: np.ndarray
    bare: np.ndarray
    hue: np.ndarray
    brightness: np.ndarray
    nearest: np.ndarray


@dataclass(frozen=True)
class Part:
    """A bare part of a photo: its pixels (H, W) bool, samples of them (N, 2) as row and column."""

    inside: np.ndarray
    samples: np.ndarray

    @property
    def xy(self) -> np.ndarray:
        """Centres of the sampled pixels (N, 2)."""
        return self.samples[:, ::-1] + 0.5


def bare_depth(
    views: list[PosedPhoto], images: list[np.ndarray], planes: list[Plane], points: np.ndarray
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Points on bare surfaces in planes, by view: pixels (N, 2), z-depth (N,) in the reconstruction's unit.

    Args:
        images: prepared photos (H, W, 3) uint8.
        points: (M, 3) keypoints of the model.
    """
    looks = [look(view, image, points) for view, image in zip(views, images, strict=True)]
    asked = spread(looks, ASKED)
    return [on_planes(one, [other for other in asked if other is not one], planes) for one in looks]


def look(view: PosedPhoto, image: np.ndarray, points: np.ndarray) -> Look:
    """What is compared of a view's photo."""
    smooth = cv2.GaussianBlur(image, (0, 0), 1).astype(np.float32) / 255
    window = np.ones((WINDOW, WINDOW), np.uint8)
    spread = (cv2.dilate(smooth, window) - cv2.erode(smooth, window)).max(axis=2)
    total = smooth.sum(axis=2)
    nearest = np.full(image.shape[:2], np.inf, np.float32)
    xy, z, _ = view_depth(view, points)
    xy, z = xy[view.camera.frames(xy)], z[view.camera.frames(xy)]
    column, row = np.floor(xy).astype(int).T
    np.minimum.at(nearest, (row, column), z.astype(np.float32))
    nearest = cv2.erode(nearest, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * AROUND + 1,) * 2))
    hue, brightness = smooth / np.maximum(total, 1e-3)[..., None], np.log(np.maximum(total / 3, 1e-2))
    return Look(view, xy, z, spread < RANGE, hue, brightness, nearest)


def on_planes(one: Look, others: list[Look], planes: list[Plane]) -> tuple[np.ndarray, np.ndarray]:
    """The points of `bare_depth` in one view."""
    spacing = max(1, round(SPACING * max(one.bare.shape)))
    half = spacing // 2
    row, column = np.indices(one.bare.shape)[:, half::spacing, half::spacing].reshape(2, -1)
    xy, depth = np.stack([column, row], axis=1) + 0.5, np.full(row.size, np.nan)
    rays = one.view.rays(xy)
    for part in parts(one.bare):
        plane = best_plane(one, part, others, planes)
        if plane:
            z = plane.depth(one.view, rays)
            known = part.inside[row, column] & np.isfinite(z)
            known[known] = plane.encloses(one.view.in_world(rays[known] * z[known, None]))
            depth[known] = z[known]
    return xy[np.isfinite(depth)], depth[np.isfinite(depth)]


def parts(bare: np.ndarray) -> list[Part]:
    """The connected parts of a bare mask (H, W) that are not small."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(bare.astype(np.uint8))
    large = [k for k in range(1, count) if stats[k, cv2.CC_STAT_AREA] > LEAST * bare.size]
    found = []
    for k in large:
        pixels = np.argwhere(labels == k)
        found.append(Part(labels == k, pixels[np.linspace(0, len(pixels) - 1, SAMPLES).astype(int)]))
    return found


def best_plane(one: Look, part: Part, others: list[Look], planes: list[Plane]) -> Plane | None:
    """The plane on which a part of a view looks most like the other photos, if any is right enough."""
    rays = one.view.rays(part.xy)
    best, most = None, SAID
    for plane in planes:
        depth = plane.depth(one.view, rays)
        if np.isnan(depth).any() or strays(one, part, plane) > STRAYS:
            continue
        share, views = agreement(one, part, depth, others)
        if views >= VIEWS and share > most:
            best, most = plane, share
    return best


def strays(one: Look, part: Part, plane: Plane) -> float:
    """The share of the keypoints on a part that are not on a plane; 0 without any."""
    column, row = np.floor(one.xy).astype(int).T
    on = part.inside[row, column]
    if not on.any():
        return 0.0
    depth = plane.depth(one.view, one.view.rays(one.xy[on]))
    return float((~(np.abs(depth / one.z[on] - 1) < OFF)).mean())


def agreement(one: Look, part: Part, depth: np.ndarray, others: list[Look]) -> tuple[float, int]:
    """How well a part of a view, its samples at depths (N,), fits to other photos.

    Returns:
        The share of its samples in photos that see them which look the same there, and the number of photos
        in which most do.
    """
    points = one.view.in_world(one.view.rays(part.xy) * depth[:, None])
    row, column = part.samples.T
    same, told, views = 0, 0, 0
    for other in others:
        seen, there = visible(points, one.view, other)
        if seen.sum() < TOLD:
            continue
        r, c = there[seen].T
        brightness = other.brightness[r, c] - one.brightness[row, column][seen]
        factor = np.median(brightness)
        hue = np.abs(other.hue[r, c] - one.hue[row, column][seen]).max(axis=1)
        alike = other.bare[r, c] & (hue < HUE) & (np.abs(brightness - factor) < BRIGHTNESS)
        same, told = same + alike.sum(), told + len(alike)
        views += alike.mean() > EACH
    return same / max(told, 1), int(views)


def visible(points: np.ndarray, view: PosedPhoto, other: Look) -> tuple[np.ndarray, np.ndarray]:
    """Which points (N, 3) another photo sees, from an angle that tells depth, (N,) bool, and at which pixels
    (N, 2), row and column."""
    local = other.view.in_camera(points)
    xy, seen = other.view.camera.in_frame(local)
    seen &= ray_cosines(points, view, other.view) < np.cos(ANGLE)
    there = np.where(seen[:, None], np.floor(xy), 0).astype(int)[:, ::-1]
    seen &= other.nearest[there[:, 0], there[:, 1]] > BEHIND * local[:, 2]
    return seen, there
