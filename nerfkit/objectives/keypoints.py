"""The reconstruction's points and edges as depth supervision (DS-NeRF; SPIn-NeRF: outside the hole)."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from nerfkit.rays import Rays, camera_directions, make_rays
from nerfkit.scene import View


@dataclass(frozen=True)
class KeypointBank:
    """Rays through points: z-depth (N,) in scene units, and a confidence (N,) in (0, 1]."""

    rays: Rays
    depth: Tensor
    confidence: Tensor

    def __len__(self) -> int:
        return len(self.depth)

    def draw(self, count: int, generator: torch.Generator) -> Tensor:
        """Indices of `count` points, uniform with replacement."""
        return torch.randint(len(self), (count,), generator=generator)


def inside(mask: np.ndarray, xy: np.ndarray) -> np.ndarray:
    """Whether pixel coordinates (N, 2) fall on set pixels of a mask (H, W)."""
    column, row = np.floor(xy).astype(int).T
    height, width = mask.shape
    return mask[row.clip(0, height - 1), column.clip(0, width - 1)]


def read_keypoints(path: Path, views: list[View], holes: dict[str, np.ndarray] | None = None) -> KeypointBank:
    """Read the sfm stage's `sparse_depth.npz` for some views, without what is inside their holes.

    The confidence of a point is exp(-(error / mean error)^2) of its reprojection error (DS-NeRF), that of
    points along edges 1: several photos agreed on them.
    """
    rays, depths, confidences = [], [], []
    with np.load(path) as data:
        for view in views:
            xy, z, confidence = seen_depth(data, view.name)
            kept = np.ones(len(z), bool) if holes is None else ~inside(holes[view.name], xy)
            pose = torch.as_tensor(view.world_from_cam[:3], dtype=torch.float32)
            bounds = torch.tensor([view.near, view.far], dtype=torch.float32)
            rays.append(make_rays(camera_directions(view.camera, xy[kept]), pose, *bounds))
            depths.append(z[kept])
            confidences.append(confidence[kept])
    depth, confidence = (torch.from_numpy(np.concatenate(part)).float() for part in (depths, confidences))
    return KeypointBank(Rays.cat(rays), depth, confidence)


def seen_depth(data: np.lib.npyio.NpzFile, name: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What a view sees of points and edges: pixels (N, 2), z-depth (N,) in scene units, confidence (N,)."""
    xy, z, error, line_xy, line_z = (
        data[f"{name}/{key}"] for key in ("xy", "z", "error", "line_xy", "line_z")
    )
    mean = max(error.mean(), 1e-6) if len(error) else 1.0
    confidence = np.concatenate([np.exp(-((error / mean) ** 2)), np.ones_like(line_z)])
    return np.concatenate([xy, line_xy]), np.concatenate([z, line_z]), confidence
