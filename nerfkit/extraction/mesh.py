"""The object's surface as triangles: marching cubes, the largest connected part, colours of what is there."""

from dataclasses import dataclass

import numpy as np
import torch
from scipy import ndimage
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from nerfkit.errors import UserError
from nerfkit.extraction.viewpoints import seen_along
from nerfkit.fields.object_field import ObjectField, render_part
from nerfkit.rays import Rays

WALL = 4.0  # voxels of a density that stop what a surface stops: fields are soft, and handles are thin
SMOOTH = 0.7  # voxels, of the occupancy before marching cubes: its steps would show
REACH = 3.0  # voxels in front of the surface from which its colour is looked at


@dataclass(frozen=True)
class Mesh:
    """vertices (V, 3) scene units, faces (F, 3) counter-clockwise from outside, normals (V, 3), colours (V,
    3) in [0, 1] sRGB."""

    vertices: np.ndarray
    faces: np.ndarray
    normals: np.ndarray
    colours: np.ndarray


def occupancy(field: ObjectField, resolution: int) -> np.ndarray:
    """Share (n, n, n) of light that WALL such voxels of the object stop; enclosed hollows count as solid.

    A field knows surfaces, not insides: without filling, every wall would have a second one behind it.
    """
    step = field.box.side / resolution
    points = field.box.voxel_centres(resolution)
    with torch.no_grad():
        parts = []
        for piece in points.split(2**17):
            kept = field.box.lookup(field.kept, piece) > 0
            density = torch.zeros(len(piece))
            density[kept] = field.object_density(piece[kept])
            parts.append(density + field.fill_at(piece)[3])
    stopped = 1 - np.exp(-torch.cat(parts).numpy() * WALL * step).reshape((resolution,) * 3)
    solid = ndimage.binary_fill_holes(ndimage.binary_closing(stopped > 0.5))
    return ndimage.gaussian_filter(np.maximum(stopped, solid).astype(np.float32), SMOOTH)


def face_areas(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """(F,)."""
    a, b, c = (vertices[faces[:, k]] for k in range(3))
    return 0.5 * np.linalg.norm(np.cross(b - a, c - a), axis=1)


def largest_part(vertices: np.ndarray, faces: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """The connected part of the largest surface, and its share of the whole surface.

    Returns:
        its vertices and faces, renumbered, and the share.
    """
    links = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]]])
    graph = coo_matrix((np.ones(len(links)), links.T), shape=(len(vertices),) * 2)
    _, part = connected_components(graph, directed=False)
    areas = np.bincount(part[faces[:, 0]], face_areas(vertices, faces))
    kept = part == areas.argmax()
    number = np.cumsum(kept) - 1
    return vertices[kept], number[faces[kept[faces[:, 0]]]], float(areas.max() / areas.sum())


def vertex_normals(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Unit normals (V, 3), the mean of the adjacent faces' by area."""
    a, b, c = (vertices[faces[:, k]] for k in range(3))
    of_face = np.cross(b - a, c - a)
    total = np.stack(
        [np.bincount(faces.ravel(), np.repeat(of_face[:, k], 3), len(vertices)) for k in range(3)], 1
    )
    return total / np.maximum(np.linalg.norm(total, axis=1, keepdims=True), 1e-12)


def surface_colours(
    field: ObjectField, vertices: np.ndarray, normals: np.ndarray, centres: np.ndarray, step: float
) -> np.ndarray:
    """Colours (V, 3): the object rendered from just outside each vertex, looking as the best camera does."""
    directions = torch.from_numpy(seen_along(vertices, normals, centres)).float()
    origins = torch.from_numpy(vertices).float() - REACH * step * directions
    near, far = torch.full((len(origins),), 1e-6), torch.full((len(origins),), 2 * REACH * step)
    rays = Rays(origins, directions, torch.ones(len(origins)), near, far)
    return render_part(field.trace_object, rays).rgb.clamp(0, 1).numpy()


def extract_mesh(field: ObjectField, resolution: int, centres: np.ndarray) -> tuple[Mesh, float]:
    """The surface of the object's largest part, and that part's share of all surface.

    Args:
        resolution: voxels a side of the field's cube.
        centres: (V, 3) of the training cameras.
    Raises:
        UserError: the object has no surface.
    """
    from skimage.measure import marching_cubes

    volume = np.pad(occupancy(field, resolution), 1)
    if volume.max() <= 0.5:
        raise UserError(
            "The object field holds no surface: its labels or its threshold leave nothing; look at "
            "steps.png of the cutouts, and lower object_field.threshold."
        )
    step = field.box.side / resolution
    vertices, faces, _, _ = marching_cubes(volume, 0.5, gradient_direction="ascent")
    vertices = (vertices - 0.5) * step + np.array(field.box.low)  # a voxel's value is that of its centre
    vertices, faces, share = largest_part(vertices, faces)
    normals = vertex_normals(vertices, faces)
    return Mesh(vertices, faces, normals, surface_colours(field, vertices, normals, centres, step)), share


def scattered(mesh: Mesh, count: int, seed: int) -> Mesh:
    """`count` points spread evenly over the surface, as a mesh without faces."""
    rng = np.random.default_rng(seed)
    areas = face_areas(mesh.vertices, mesh.faces)
    chosen = mesh.faces[rng.choice(len(areas), count, p=areas / areas.sum())]
    first, second = np.sort(rng.random((2, count)), axis=0)
    weights = np.stack([first, second - first, 1 - second], axis=1)
    columns = [
        np.einsum("nk,nkc->nc", weights, values[chosen])
        for values in (mesh.vertices, mesh.normals, mesh.colours)
    ]
    return Mesh(columns[0], np.zeros((0, 3), int), columns[1], columns[2])
