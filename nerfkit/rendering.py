"""What a field gives for rays, and whole views made of it."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from nerfkit.cameras import Camera
from nerfkit.rays import Rays, view_rays

VIEW_CHUNK = 4096


@dataclass(frozen=True)
class Rendering:
    """R rays of K samples through a field.

    rgb, diffuse (view-independent part): (R, 3) in [0, 1]. depth: (R,) expected z-depth, scene units.
    accumulation: (R,) share of the ray that the field stops before `far`. weights: (R, K), sum to 1 (the last
    sample absorbs). edges: (R, K + 1), t. objectness: (R,) logit composited with detached weights, or None.
    """

    rgb: Tensor
    diffuse: Tensor
    depth: Tensor
    accumulation: Tensor
    weights: Tensor
    edges: Tensor
    objectness: Tensor | None = None


class Field(Protocol):
    """Anything that can be rendered and trained: one call from rays to everything an objective needs."""

    def trace(
        self, rays: Rays, generator: torch.Generator | None = None, live: Tensor | None = None
    ) -> Rendering:
        """Render rays.

        Args:
            generator: jitters the samples, for training; without one, rendering is deterministic and finer.
            live: (R,) 1 where the colour's gradient may move the geometry (default), 0 where it may not.
        """

    def sample(self, points: Tensor, directions: Tensor) -> tuple[Tensor, Tensor]:
        """Density (N,) and colour columns (N, C) at points (N, 3) seen along unit directions (N, 3)."""

    def shade(self, columns: Tensor, directions: Tensor) -> Tensor:
        """Colour (R, 3) of rays from the weighted means (R, C) of their samples' colour columns."""


@dataclass(frozen=True)
class RenderedView:
    """One view: rgb (H, W, 3) in [0, 1], depth (H, W) z-depth in scene units, accumulation, objectness."""

    rgb: np.ndarray
    depth: np.ndarray
    accumulation: np.ndarray
    objectness: np.ndarray | None = None


def composite(values: Tensor, weights: Tensor) -> Tensor:
    """Weighted sum along rays: values (R, K), weights (R, K) -> (R,)."""
    return (values * weights).sum(dim=1)


def expected_depth(weights: Tensor, edges: Tensor, cosines: Tensor) -> Tensor:
    """Expected z-depth (R,) of samples at the middle of their edges."""
    return composite(0.5 * (edges[:, 1:] + edges[:, :-1]), weights) * cosines


@torch.no_grad()
def render_rays(field: Field, rays: Rays) -> Rendering:
    """Render any number of rays, a chunk at a time; weights and edges are not kept."""
    parts = [field.trace(chunk) for chunk in rays.chunks(VIEW_CHUNK)]
    empty = torch.empty(0)
    objectness = None if parts[0].objectness is None else torch.cat([p.objectness for p in parts])
    columns = {
        name: torch.cat([getattr(p, name) for p in parts])
        for name in ("rgb", "diffuse", "depth", "accumulation")
    }
    return Rendering(**columns, weights=empty, edges=empty, objectness=objectness)


def render_view(
    field: Field, camera: Camera, world_from_cam: np.ndarray, near: float, far: float
) -> RenderedView:
    """Render one view through its real lens; near and far are z-depths in scene units."""
    rendering = render_rays(field, view_rays(camera, world_from_cam, near, far))
    shape = (camera.height, camera.width)
    objectness = rendering.objectness
    return RenderedView(
        rgb=rendering.rgb.reshape(*shape, 3).clamp(0, 1).numpy(),
        depth=rendering.depth.reshape(shape).numpy(),
        accumulation=rendering.accumulation.reshape(shape).numpy(),
        objectness=None if objectness is None else objectness.reshape(shape).numpy(),
    )
