"""A cube of voxels around the object, and what a scene field knows of each."""

from dataclasses import dataclass

import numpy as np
import torch

from nerfkit.fields.hash_field import HashField
from nerfkit.fields.reference import contract
from nerfkit.rays import Rays, view_rays
from nerfkit.rendering import VIEW_CHUNK, Field, render_rays
from nerfkit.scene import View


@dataclass(frozen=True)
class VoxelGrid:
    """resolution^3 voxels from `corner` (3,) on, each `side` scene units wide. A voxel's index counts x
    fastest, so that an array of the shape (resolution,) * 3 has the axes z, y, x."""

    corner: np.ndarray
    side: float
    resolution: int

    @classmethod
    def around(cls, centre: np.ndarray, half: float, resolution: int) -> "VoxelGrid":
        """The cube that reaches `half` scene units from `centre` (3,) to every side."""
        return cls(np.asarray(centre, np.float32) - half, 2 * half / resolution, resolution)

    def centres(self) -> np.ndarray:
        """The middles of all voxels, (N, 3) float32 world points."""
        steps = (np.arange(self.resolution, dtype=np.float32) + 0.5) * self.side
        z, y, x = np.meshgrid(steps, steps, steps, indexing="ij")
        return np.stack([x.ravel(), y.ravel(), z.ravel()], axis=1) + self.corner.astype(np.float32)

    def index(self, points: np.ndarray) -> np.ndarray:
        """The index of the voxel that holds each world point (..., 3), -1 outside of the cube."""
        cell = np.floor((points - self.corner) / self.side).astype(np.int64)
        inside = ((cell >= 0) & (cell < self.resolution)).all(axis=-1)
        x, y, z = np.moveaxis(cell, -1, 0)
        return np.where(inside, x + self.resolution * (y + self.resolution * z), -1)


def look(field: Field, grid: VoxelGrid) -> tuple[np.ndarray, np.ndarray]:
    """How much each voxel stops of a ray through its middle, (N,) in [0, 1], and its colour (N, 3) in [0, 1].

    Any field can be asked in this way: the ray begins at one face of the voxel and ends at the other.
    """
    middles = torch.from_numpy(grid.centres())
    ahead = torch.tensor([0.0, 0.0, 1.0])
    ones = torch.ones(len(middles))
    half = 0.5 * grid.side
    through = Rays(middles - ahead, ahead.expand_as(middles).contiguous(), ones, ones - half, ones + half)
    seen = render_rays(field, through)
    return seen.accumulation.numpy(), seen.diffuse.numpy()


@torch.no_grad()
def field_features(field: Field, points: np.ndarray) -> np.ndarray:
    """What the field has learnt about world points (N, 3), (N, C): a hash grid's encoding; of another field
    nothing, C = 0."""
    if not isinstance(field, HashField):
        return np.zeros((len(points), 0), np.float32)
    places = contract(torch.from_numpy(np.asarray(points, np.float32)))
    return field.kernel.encode(field.table, places, field.layout).numpy()


@torch.no_grad()
def render_labels(field: Field, view: View, grid: VoxelGrid, labels: np.ndarray) -> np.ndarray:
    """The share (H, W) of what a pixel shows that lies in voxels with a label.

    Args:
        labels: bool (N,); everything outside of the cube has none.
    """
    shares = []
    labelled = torch.from_numpy(np.append(labels, False)).float()  # the last is that of the index -1
    for rays in view_rays(view.camera, view.world_from_cam, view.near, view.far).chunks(VIEW_CHUNK):
        traced = field.trace(rays)
        weights = traced.weights.clone()
        weights[:, -1] -= 1 - traced.accumulation  # the last sample absorbs what really passed
        middle = 0.5 * (traced.edges[:, 1:] + traced.edges[:, :-1])
        points = rays.origins[:, None] + rays.directions[:, None] * middle[..., None]
        shares.append((weights * labelled[torch.from_numpy(grid.index(points.numpy()))]).sum(dim=1))
    return torch.cat(shares).reshape(view.camera.height, view.camera.width).numpy()
