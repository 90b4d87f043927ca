"""The object's hidden surface closed without any prior of what the thing is.

What no photo saw of the object - where it stands on something, or something stands on it - is a hole in
its surface. The hole is closed by the surface of least area: like a soap film it goes on flat from a flat
rim, and never before the surface of the thing that hides it. It is kept to the convex hull of the seen
surface. Its colour is the mean of the seen surface around it. Where another thing touches the object, the
field's density may be of either; a narrow seam there is taken away and painted anew. It is a guess from shape
alone, and the reports call it so; a language prior (the CLIP term) knows more.
"""

import itertools
from dataclasses import replace

import numpy as np
import torch
from scipy import ndimage
from scipy.spatial import ConvexHull

from nerfkit.extraction.denoising import without_crumbs
from nerfkit.extraction.minimal_surface import least_area
from nerfkit.extraction.visibility import Known, Photographed, classify
from nerfkit.fields.object_field import VOXELS, ObjectField

SMOOTH = 1.5  # voxels, of what normals are measured on
DIFFUSION = (16.0, 8.0, 4.0, 2.0)  # voxels, Gaussian widths of the colours' means
ENOUGH = 0.02  # seen share of the surroundings from which the mean of a width is taken
CRUMBS = 0.05  # share of the largest connected part of the seen surface
NEAR_SURFACE = 2.0  # voxels behind a seen surface that the field still knows
DEPTH = 0.25  # sides of the cube below a seen surface that are the object's while nothing else is seen there
CREASE = 3  # voxels beside another thing, where normals are between the two
CONTACT = 2  # voxels beside another thing, whose density may be that thing's: they are painted anew
EDGE = 6  # voxels beside another thing, whose colour may be that thing's, and whose light its shadow
OPTICAL_DEPTH = 4.0  # of one filled voxel


def normals(known: Known) -> np.ndarray:
    """Outward unit normals (n, n, n, 3) of what was seen: towards the voxels that photos see through."""
    solid = ndimage.gaussian_filter((known.through == 0).astype(np.float32), SMOOTH)
    gradient = -np.stack(np.gradient(solid), axis=-1)
    return gradient / np.maximum(np.linalg.norm(gradient, axis=-1, keepdims=True), 1e-6)


def in_hull(voxels: np.ndarray, surface: np.ndarray) -> np.ndarray:
    """Which voxels, by their indices (N, 3), have their centres in the convex hull of a surface's (M, 3).

    The outermost hundredth of the surface along each axis does not count: depths stray.
    """
    low, high = np.percentile(surface, [0.5, 99.5], axis=0)
    kept = surface[((surface >= low) & (surface <= high)).all(axis=1)]
    corners = np.array(list(itertools.product((-0.5, 0.5), repeat=3)))
    hull = ConvexHull((kept[:, None] + corners).reshape(-1, 3))  # of corners: a flat surface has one too
    result = np.empty(len(voxels), bool)
    for start in range(0, len(voxels), 2**15):
        piece = voxels[start : start + 2**15]
        heights = piece @ hull.equations[:, :3].T + hull.equations[:, 3]
        result[start : start + 2**15] = (heights <= 1e-9).all(axis=1)
    return result


def closed(known: Known) -> np.ndarray:
    """The hidden voxels (n, n, n) that the object takes when its surface is closed."""
    elsewhere = (known.through > 0) | known.other
    enclosed = (least_area(below_surface(known), elsewhere) > 0.5) & known.hidden
    if enclosed.any():
        enclosed[enclosed] = in_hull(np.argwhere(enclosed), np.argwhere(known.own))
    return enclosed


def below_surface(known: Known) -> np.ndarray:
    """The seen surface (n, n, n) and what lies straight below it, as far as nothing else is seen there.

    Without it a thin sheet through the seen surface would have less area than the object.
    """
    start = known.own & ~beside_others(known, CREASE)
    open_room = known.hidden | known.own
    inward = -normals(known)[start]
    places = np.argwhere(start).astype(np.float32)
    result = known.own.copy()
    for _ in range(round(DEPTH * len(result))):
        places = places + inward
        cells = np.round(places).astype(int)
        on = ((cells >= 0) & (cells < len(result))).all(axis=1)
        on[on] = open_room[tuple(cells[on].T)]
        places, inward, cells = places[on], inward[on], cells[on]
        result[tuple(cells.T)] = True
    return result


def diffused_colours(colours: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """Means of the colours (n, n, n, 3) of `seen` voxels (n, n, n), as narrow as seen ones are near."""
    result = np.broadcast_to(colours[seen].mean(axis=0), colours.shape)
    for width in DIFFUSION:
        layers = [colours[..., c] * seen for c in range(3)]
        *sums, weight = (ndimage.gaussian_filter(each.astype(np.float32), width) for each in (*layers, seen))
        share = np.clip(weight / ENOUGH, 0, 1)[..., None]
        mean = np.stack(sums, axis=-1) / np.maximum(weight, 1e-9)[..., None]
        result = share * mean + (1 - share) * result
    return result


def complete(field: ObjectField, photographed: list[Photographed]) -> dict[str, float]:
    """Fill what is hidden of a field's object; returns how many voxels, and their share of the object's.

    The share counts the inside, which no photo shows of anything; it is no measure of the hidden surface.
    What the scene field holds where no photo saw through, away from the object's seen surface, is by chance
    or another thing's, and goes.
    """
    known = seen_object(classify(field.box, VOXELS, photographed))
    contact = beside_others(known, CONTACT)
    inside = closed(known) | (contact & covered(known))
    far = ndimage.distance_transform_edt(~known.own) > NEAR_SURFACE
    by_chance = far & (known.through == 0)  # what photos see through, they have judged already
    field.kept[torch.from_numpy(by_chance | contact)] = 0
    own = (field.voxels(field.object_density) * field.kept).numpy()
    solid = own * field.box.side / VOXELS > 1
    clear = known.own & ~beside_others(known, EDGE)
    bright = clear if clear.any() else known.own
    if bright.any():
        colours = diffused_colours(known.colours, bright)
        filled = np.concatenate([colours, inside[..., None] * OPTICAL_DEPTH * VOXELS / field.box.side], -1)
        field.filled.copy_(torch.from_numpy(filled).float().permute(3, 0, 1, 2))
    count = int(inside.sum())
    return {"voxels": count, "share": count / max(count + int(solid.sum()), 1)}


def seen_object(known: Known) -> Known:
    """What is known without crumbs of the object: depths that stray make some."""
    return replace(known, own=without_crumbs(known.own, CRUMBS))


def covered(known: Known) -> np.ndarray:
    """The seen surface (n, n, n) without its outermost voxels, which lie before the surface itself."""
    return known.own & ~ndimage.binary_dilation(known.through > 0)


def beside_others(known: Known, width: int) -> np.ndarray:
    """Voxels (n, n, n) within `width` of a seen surface of another thing."""
    return ndimage.binary_dilation(known.other, iterations=width)
