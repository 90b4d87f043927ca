"""Triangle meshes of everyday shapes, in metres, z up, standing on z = 0 unless said.

Texture coordinates run from (0, 0) at the top left of a texture. `extent` (width, height) says how many
metres the texture covers, so that patterns keep their size; without it the texture is fitted to each face.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.interpolate import PchipInterpolator
from scipy.spatial.transform import Rotation

from nerfkit.errors import UserError


@dataclass(frozen=True)
class Mesh:
    """Vertices, unit normals (N, 3), texture coordinates (N, 2) and triangles (M, 3)."""

    vertices: np.ndarray
    normals: np.ndarray
    uvs: np.ndarray
    triangles: np.ndarray

    def moved(self, position: list[float], rotation: list[float]) -> "Mesh":
        """Turned about x, then y, then z (degrees), then shifted."""
        turn = Rotation.from_euler("xyz", rotation, degrees=True)
        return Mesh(turn.apply(self.vertices) + position, turn.apply(self.normals), self.uvs, self.triangles)


def _grid(points: np.ndarray, uvs: np.ndarray, flip: bool = False) -> Mesh:
    """A mesh of a grid of points (R, C, 3); the normals look along d/dC x d/dR, or against it if `flip`."""
    rows, columns = points.shape[:2]
    index = np.arange(rows * columns).reshape(rows, columns)
    a, b, c, d = index[:-1, :-1], index[:-1, 1:], index[1:, :-1], index[1:, 1:]
    triangles = np.concatenate([np.stack([a, b, c], -1), np.stack([b, d, c], -1)]).reshape(-1, 3)
    normals = np.cross(np.gradient(points, axis=1), np.gradient(points, axis=0)).reshape(-1, 3)
    if flip:
        normals, triangles = -normals, triangles[:, ::-1]
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
    return Mesh(points.reshape(-1, 3), normals, uvs.reshape(-1, 2), triangles)


def _join(meshes: list[Mesh]) -> Mesh:
    starts = np.cumsum([0] + [len(mesh.vertices) for mesh in meshes])
    triangles = [mesh.triangles + start for mesh, start in zip(meshes, starts[:-1], strict=True)]
    stacked = ([getattr(mesh, key) for mesh in meshes] for key in ("vertices", "normals", "uvs"))
    return Mesh(*(np.concatenate(arrays) for arrays in stacked), np.concatenate(triangles))


def box(size: list[float], extent: list[float] | None = None, bevel: float = 0.003) -> Mesh:
    """A box with round edges of radius `bevel`, its texture upright on the sides and readable on top."""
    half, radius = np.array(size) / 2, min(bevel, 0.49 * min(size))
    faces = []
    # axis of the normal, its sign, axis that u follows and its sign, axis that v (down) follows and its sign
    for n, ns, u, us, v, vs in (
        (2, 1, 0, 1, 1, -1),
        (2, -1, 0, 1, 1, 1),
        (1, -1, 0, 1, 2, -1),
        (1, 1, 0, -1, 2, -1),
        (0, 1, 1, 1, 2, -1),
        (0, -1, 1, -1, 2, -1),
    ):
        a, b = (_bevelled(half[axis], radius) for axis in (u, v))
        points = np.zeros((len(b), len(a), 3))
        points[..., n], points[..., u], points[..., v] = ns * half[n], us * a[None], vs * b[:, None]
        width, height = extent or (2 * half[u], 2 * half[v])
        uvs = np.stack(np.broadcast_arrays((a[None] + half[u]) / width, (b[:, None] + half[v]) / height), -1)
        core = np.clip(points, radius - half, half - radius)
        outward = points - core
        outward /= np.linalg.norm(outward, axis=-1, keepdims=True)
        mesh = _grid(core + radius * outward + [0, 0, half[2]], uvs)
        side = np.sign(np.sum(mesh.normals * outward.reshape(-1, 3)))
        triangles = mesh.triangles if side > 0 else mesh.triangles[:, ::-1]
        faces.append(Mesh(mesh.vertices, outward.reshape(-1, 3), mesh.uvs, triangles))
    return _join(faces)


def _bevelled(half: float, radius: float) -> np.ndarray:
    """Positions along an edge that give a round bevel three steps, from -half to half."""
    steps = radius * np.tan(np.pi / 4 * np.linspace(0, 1, 4))
    return np.concatenate([-half + radius - steps[::-1], half - radius + steps])


def lathe(
    profile: list[list[float]], turns: float = 1.0, extent: list[float] | None = None, segments: int = 72
) -> Mesh:
    """A body of revolution through `profile` points (radius, z), smoothed, from the foot up and back inside.

    `turns` squeezes the texture around (2 = it repeats twice).
    """
    knots = np.array(profile, float)
    length = np.concatenate([[0], np.cumsum(np.hypot(*np.diff(knots, axis=0).T))])
    along = np.linspace(0, length[-1], 8 * len(knots))
    radius, z = (PchipInterpolator(length, values)(along) for values in knots.T)
    angle = np.linspace(0, 2 * np.pi, segments + 1)
    ring = np.stack([np.cos(angle), np.sin(angle)], -1)
    points = np.concatenate(
        [
            radius[:, None, None] * ring[None],
            np.broadcast_to(z[:, None, None], (len(z), segments + 1, 1)),
        ],
        -1,
    )
    width, height = (extent[0] / (2 * np.pi * radius.max()), extent[1] / length[-1]) if extent else (1, 1)
    u, v = np.meshgrid(turns * angle / (2 * np.pi) / width, (1 - along / length[-1]) / height)
    return _smooth_seam(_grid(points, np.stack([u, v], -1)), len(z), segments + 1)


def _smooth_seam(mesh: Mesh, rows: int, columns: int) -> Mesh:
    """The first and the last column of a closed surface get the same normals."""
    normals = mesh.normals.reshape(rows, columns, 3).copy()
    seam = normals[:, 0] + normals[:, -1]
    normals[:, 0] = normals[:, -1] = seam / np.maximum(np.linalg.norm(seam, axis=1, keepdims=True), 1e-12)
    return Mesh(mesh.vertices, normals.reshape(-1, 3), mesh.uvs, mesh.triangles)


def tube(
    path: list[list[float]], radius: list[float], extent: list[float] | None = None, sides: int = 16
) -> Mesh:
    """A tube along a smooth path of points, `radius` at its first and at its last end."""
    knots = np.array(path, float)
    length = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(knots, axis=0), axis=1))])
    along = np.linspace(0, length[-1], 8 * len(knots))
    centre = PchipInterpolator(length, knots)(along)
    tangent = np.gradient(centre, axis=0)
    tangent /= np.linalg.norm(tangent, axis=1, keepdims=True)
    # one fixed side vector keeps the tube from twisting; the least common direction is never parallel
    across = np.eye(3)[np.argmin(np.abs(tangent).max(0))]
    first = np.cross(tangent, across)
    first /= np.linalg.norm(first, axis=1, keepdims=True)
    second = np.cross(tangent, first)
    angle = np.linspace(0, 2 * np.pi, sides + 1)[None, :, None]
    thick = np.interp(along, length, np.linspace(*radius, len(knots)))[:, None, None]
    points = centre[:, None] + thick * (np.cos(angle) * first[:, None] + np.sin(angle) * second[:, None])
    width, height = extent or (2 * np.pi * max(radius), length[-1])
    u, v = np.meshgrid(angle[0, :, 0] / (2 * np.pi) * 2 * np.pi * max(radius) / width, along / height)
    return _smooth_seam(_grid(points, np.stack([u, v], -1)), len(along), sides + 1)


def sheet(
    size: list[float], wave: float = 0.0, seed: int = 0, extent: list[float] | None = None, steps: int = 40
) -> Mesh:
    """A sheet in the xy plane, upright seen from -y, bent by up to about `wave` metres, never below 0."""
    width, height = size
    x, y = np.meshgrid(np.linspace(-width / 2, width / 2, steps), np.linspace(height / 2, -height / 2, steps))
    rng = np.random.default_rng([seed, 2])
    z = np.zeros_like(x)
    for _ in range(4):
        turn, phase = rng.uniform(0, 2 * np.pi, 2)
        waves = rng.uniform(0.5, 1.5) * 2 * np.pi / max(size)
        z += wave / 4 * (1 + np.sin(waves * (x * np.cos(turn) + y * np.sin(turn)) + phase))
    w, h = extent or size
    uvs = np.stack([(x + width / 2) / w, (height / 2 - y) / h], -1)
    return _grid(np.stack([x, y, z - z.min()], -1), uvs, flip=True)


def blade(length: float, width: float, bend: float = 0.6, fold: float = 0.3, steps: int = 14) -> Mesh:
    """A leaf from the origin along x, bending down by `bend` radians, folded along its middle."""
    s, t = np.meshgrid(np.linspace(0, 1, steps), np.linspace(1, -1, 7))
    broad = width / 2 * np.sin(np.pi * np.clip(s, 0.02, 0.995) ** 0.75)
    turn = bend * s
    along = length * np.where(bend > 0, np.sin(turn) / max(bend, 1e-6), s)
    down = -length * (1 - np.cos(turn)) / max(bend, 1e-6)
    points = np.stack([along, t * broad, down + fold * np.abs(t) * broad], -1)
    return _grid(points, np.stack([s, (1 - t) / 2], -1), flip=True)


SHAPES: dict[str, Callable[..., Mesh]] = {shape.__name__: shape for shape in (box, lathe, tube, sheet, blade)}


def make_mesh(shape: str, parameters: dict) -> Mesh:
    """The mesh that a Part describes.

    Raises:
        UserError: a shape that there is not.
    """
    if shape not in SHAPES:
        raise UserError(f"There is no shape {shape}; there are {', '.join(sorted(SHAPES))}.")
    return SHAPES[shape](**parameters)
