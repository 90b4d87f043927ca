"""The cube around an object: its voxels, where rays cross it, and where along them to look."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from nerfkit.rays import Rays

BINS = 96  # along a ray through the cube, at whose middles the grid is looked up


@dataclass(frozen=True)
class Box:
    """A cube in scene units: its lowest corner and its side. Voxel arrays are indexed [x, y, z]."""

    low: tuple[float, float, float]
    side: float

    @staticmethod
    def around(points: np.ndarray, seen_from: np.ndarray, margin: float, outliers: float = 1.0) -> "Box":
        """The cube around surface points (N, 3), wider by `margin` of its side on each side.

        Where the surface is not as deep as the cube, and cameras (N, 3) saw it from one side only, the room
        that is left lies behind it. `outliers` percent of the points at each end of an axis do not count.
        """
        low, high = np.percentile(points, [outliers, 100 - outliers], axis=0)
        extent = high - low
        away = points - seen_from
        onesided = (away / np.linalg.norm(away, axis=1, keepdims=True)).mean(axis=0)
        centre = (low + high) / 2 + onesided * (extent.max() - extent) / 2
        side = float(extent.max()) * (1 + 2 * margin)
        corner = centre - side / 2
        return Box((float(corner[0]), float(corner[1]), float(corner[2])), side)

    @property
    def centre(self) -> np.ndarray:
        """(3,)."""
        return np.array(self.low) + self.side / 2

    def unit(self, points: Tensor) -> Tensor:
        """Points (..., 3) in coordinates of the cube, [0, 1] inside."""
        return (points - torch.tensor(self.low)) / self.side

    def voxel_centres(self, resolution: int) -> Tensor:
        """(resolution^3, 3), z fastest."""
        step = (torch.arange(resolution) + 0.5) / resolution
        grid = torch.stack(torch.meshgrid(step, step, step, indexing="ij"), dim=-1)
        return grid.reshape(-1, 3) * self.side + torch.tensor(self.low)

    def lookup(self, grid: Tensor, points: Tensor) -> Tensor:
        """The voxels of a grid (n, n, n) at points (..., 3); 0 outside of the cube."""
        resolution, unit = len(grid), self.unit(points)
        cell = (unit * resolution).long().clamp(0, resolution - 1)
        values = grid[cell[..., 0], cell[..., 1], cell[..., 2]]
        inside = ((unit >= 0) & (unit <= 1)).all(dim=-1)
        return values * inside

    def crossing(self, rays: Rays) -> tuple[Tensor, Tensor]:
        """Where rays enter and leave the cube, t (R,) each, after their near bound; equal where they miss."""
        low = torch.tensor(self.low)
        inverse = 1 / torch.where(rays.directions.abs() < 1e-9, 1e-9, rays.directions)
        first, second = (low - rays.origins) * inverse, (low + self.side - rays.origins) * inverse
        enter = torch.minimum(first, second).amax(dim=1)
        leave = torch.maximum(first, second).amin(dim=1)
        enter = torch.maximum(enter, rays.near)
        return enter, torch.maximum(enter, leave)

    def meets(self, solid: Tensor, rays: Rays) -> Tensor:
        """Which rays, (R,) bool, pass through `solid` voxels (n, n, n), looked at once in each bin."""
        enter, leave = self.crossing(rays)
        met = leave > enter
        points = bin_middles(rays[met], enter[met], leave[met])
        return met.index_put((met,), self.lookup(solid, points).any(dim=1))

    def edges(
        self, grid: Tensor, rays: Rays, samples: int, uniform: float, generator: torch.Generator | None
    ) -> Tensor:
        """Sample edges (R, samples + 1) inside the cube, drawn by inverse CDF from a grid's opacity.

        Args:
            grid: (n, n, n) densities.
            uniform: share of the samples that is spread evenly; 1 ignores the grid.
            generator: jitters them.
        """
        enter, leave = self.crossing(rays)
        step = torch.linspace(0, 1, BINS + 1)
        tau = self.lookup(grid, bin_middles(rays, enter, leave)) * ((leave - enter) / BINS)[:, None]
        weight = torch.exp(-(tau.cumsum(1) - tau)) * (1 - torch.exp(-tau))
        weight = torch.nn.functional.max_pool1d(weight[:, None], 3, stride=1, padding=1)[:, 0]
        cdf = torch.nn.functional.pad(weight.cumsum(1), (1, 0))
        cdf = cdf * ((1 - uniform) / (cdf[:, -1:] + 1e-6)) + uniform * step
        cdf = cdf / cdf[:, -1:]
        u = torch.linspace(0, 1, samples + 1).expand(len(rays), -1)
        if generator is not None:
            jitter = torch.rand(len(rays), samples + 1, generator=generator) - 0.5
            u = (u + jitter * (0.9 / samples)).clamp(0, 1)
        index = (torch.searchsorted(cdf, u.contiguous(), right=True) - 1).clamp(0, BINS - 1)
        low, high = cdf.gather(1, index), cdf.gather(1, index + 1)
        fraction = ((u - low) / (high - low).clamp_min(1e-8)).clamp(0, 1)
        return enter[:, None] + (leave - enter)[:, None] * (index + fraction) / BINS


def bin_middles(rays: Rays, enter: Tensor, leave: Tensor) -> Tensor:
    """Points (R, BINS, 3) at the middles of even bins between two t (R,) of each ray."""
    middle = (torch.arange(BINS) + 0.5) / BINS
    t = enter[:, None] + (leave - enter)[:, None] * middle
    return rays.origins[:, None] + rays.directions[:, None] * t[..., None]
