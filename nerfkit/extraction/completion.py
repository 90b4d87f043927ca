"""The object's hidden surface closed without any prior of what the thing is.

What no photo saw of the object - where it stands on something, or behind something - is a hole in its
surface. The hole is closed by the Poisson surface through what was seen (Kazhdan et al. 2006: an indicator
whose gradient is the field of the surface's normals), kept to voxels that no photo saw through and to the
convex hull of the seen surface. Its colour is that of the nearest seen surface, diffused. It is a guess
from shape alone, and the reports call it so; a language prior (the CLIP term) knows more.
"""

from dataclasses import dataclass

import numpy as np
import torch
from scipy import ndimage
from scipy.spatial import ConvexHull

from nerfkit.extraction.viewpoints import seen_along
from nerfkit.extraction.visibility import Known, Photographed, Surface, classify
from nerfkit.fields.object_box import Box
from nerfkit.fields.object_field import VOXELS, ObjectField

SMOOTH = 1.5  # voxels, of the normals before the Poisson equation
DIFFUSION = 4.0  # voxels, of the colours
NEAR_SURFACE = 2.0  # voxels behind a seen surface that the field still knows
EDGE = 6  # voxels beside another thing, whose colour may be that thing's, and whose light its shadow
HULL_POINTS = 20_000
OPTICAL_DEPTH = 4.0  # of one filled voxel


@dataclass(frozen=True)
class Shape:
    """Voxels (n, n, n): `inside`, of the completion; `indicator`, the Poisson function minus its level."""

    inside: np.ndarray
    indicator: np.ndarray


def normals(known: Known) -> np.ndarray:
    """Outward unit normals (n, n, n, 3) of what was seen: towards the voxels that photos see through."""
    solid = ndimage.gaussian_filter((known.through == 0).astype(np.float32), SMOOTH)
    gradient = -np.stack(np.gradient(solid), axis=-1)
    return gradient / np.maximum(np.linalg.norm(gradient, axis=-1, keepdims=True), 1e-6)


def poisson(field: np.ndarray) -> np.ndarray:
    """The function (n, n, n) whose gradient is nearest to a vector field (n, n, n, 3); zero mean, in voxels.

    The box is padded to twice its side, so that its repetition does not matter.
    """
    resolution = field.shape[0]
    padded = np.zeros((*(2 * resolution,) * 3, 3), np.float32)
    start = resolution // 2
    middle = (slice(start, start + resolution),) * 3
    padded[middle] = field
    frequency = 2j * np.pi * np.fft.fftfreq(2 * resolution)
    k = np.meshgrid(frequency, frequency, frequency, indexing="ij", sparse=True)
    divergence = sum(k[axis] * np.fft.fftn(padded[..., axis]) for axis in range(3))
    laplacian = sum(part**2 for part in k)
    laplacian[0, 0, 0] = 1
    return np.fft.ifftn(divergence / laplacian).real[middle].astype(np.float32)


def in_hull(points: np.ndarray, surface: np.ndarray, seed: int = 0) -> np.ndarray:
    """Which points (N, 3) lie in the convex hull of a surface (M, 3) without its outermost hundredth."""
    low, high = np.percentile(surface, [0.5, 99.5], axis=0)
    kept = surface[((surface >= low) & (surface <= high)).all(axis=1)]
    drawn = np.random.default_rng(seed).choice(len(kept), min(HULL_POINTS, len(kept)), replace=False)
    hull = ConvexHull(kept[drawn])
    result = np.empty(len(points), bool)
    for start in range(0, len(points), 2**15):
        piece = points[start : start + 2**15]
        heights = piece @ hull.equations[:, :3].T + hull.equations[:, 3]
        result[start : start + 2**15] = (heights <= 0).all(axis=1)
    return result


def closed_shape(box: Box, known: Known, surface: Surface) -> Shape:
    """Where the object must go on for its surface to close."""
    rim = known.own & (ndimage.minimum_filter(known.through, 3) == 0)
    outward = normals(known)
    shell = ndimage.gaussian_filter(rim.astype(np.float32), SMOOTH)
    field = -outward * shell[..., None]
    function = poisson(field)
    level = float(function[rim].mean()) if rim.any() else 0.0
    indicator = function - level
    candidates = known.hidden & (indicator > 0)
    points = box.voxel_centres(len(candidates)).numpy()[candidates.ravel()]
    inside = np.zeros_like(candidates)
    if len(points):
        inside[candidates] = in_hull(points, surface.points)
    return Shape(inside, indicator)


def diffused_colours(colours: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """Colours (n, n, n, 3) of the nearest `seen` voxel (n, n, n) everywhere, smoothed away from it."""
    distance, nearest = ndimage.distance_transform_edt(~seen, return_indices=True)
    spread = colours[tuple(nearest)]
    smooth = np.stack([ndimage.gaussian_filter(spread[..., c], DIFFUSION) for c in range(3)], axis=-1)
    share = np.clip(distance / DIFFUSION, 0, 1)[..., None]
    return share * smooth + (1 - share) * spread


@torch.no_grad()
def seen_colours(
    field: ObjectField, seen: np.ndarray, outward: np.ndarray, centres: np.ndarray
) -> np.ndarray:
    """The scene's colour (n, n, n, 3) at `seen` voxels as cameras at `centres` (V, 3) see it.

    `outward` are the voxels' normals (n, n, n, 3).
    """
    points = field.box.voxel_centres(VOXELS)[torch.from_numpy(seen.ravel())]
    directions = torch.from_numpy(seen_along(points.numpy(), outward[seen], centres)).float()
    _, columns = field.scene_field.sample(points, directions)
    colours = np.zeros((*seen.shape, 3), np.float32)
    colours[seen] = field.scene_field.shade(columns, directions).numpy()
    return colours


def complete(field: ObjectField, photographed: list[Photographed], surface: Surface) -> dict[str, float]:
    """Fill what is hidden of a field's object; returns how many voxels, and their share of the object's.

    The share counts the inside, which no photo shows of anything; it is no measure of the hidden surface.
    What the scene field holds where no photo looked is by chance and goes.
    """
    known = classify(field.box, VOXELS, photographed)
    shape = closed_shape(field.box, known, surface)
    by_chance = known.hidden & (ndimage.distance_transform_edt(~known.own) > NEAR_SURFACE)
    field.kept[torch.from_numpy(by_chance)] = 0
    own = (field.voxels(field.object_density) * field.kept).numpy()
    solid = own * field.box.side / VOXELS > 1
    mixed = ndimage.binary_dilation(known.other, iterations=EDGE)
    clear = [known.own & solid & ~mixed, known.own & solid, known.own]
    bright = next((seen for seen in clear if seen.any()), known.own)  # a soft field has nothing solid
    if bright.any():
        centres = np.stack([each.view.world_from_cam[:3, 3] for each in photographed])
        colours = diffused_colours(seen_colours(field, bright, normals(known), centres), bright)
        filled = np.concatenate(
            [colours, shape.inside[..., None] * OPTICAL_DEPTH * VOXELS / field.box.side], -1
        )
        field.filled.copy_(torch.from_numpy(filled).float().permute(3, 0, 1, 2))
    count = int(shape.inside.sum())
    return {"voxels": count, "share": count / max(count + int(solid.sum()), 1)}
