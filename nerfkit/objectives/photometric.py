"""The photos themselves, and the reconstruction's points (DS-NeRF) where there are any."""

from dataclasses import dataclass

import torch
from torch import Tensor

from nerfkit.rays import PixelBank, Rays
from nerfkit.rendering import Field, Rendering


def squared_error(rendering: Rendering, colours: Tensor, diffuse: float) -> dict[str, Tensor]:
    """Mean squared error of the colour, and `diffuse` times that of its view-independent part."""
    return {
        "rgb": (rendering.rgb - colours).square().mean(),
        "diffuse": diffuse * (rendering.diffuse - colours).square().mean(),
    }


@dataclass(frozen=True)
class KeypointBank:
    """Rays through the reconstruction's points: z-depth (N,) in scene units, and a confidence (N,)."""

    rays: Rays
    depth: Tensor
    confidence: Tensor

    def draw(self, count: int, generator: torch.Generator) -> Tensor:
        """Indices of `count` points, uniform with replacement."""
        return torch.randint(len(self.depth), (count,), generator=generator)


def depth_error(depth: Tensor, truth: Tensor, confidence: Tensor, nearest: float) -> Tensor:
    """Weighted squared error of normalised disparity, nearest / z, so that far points do not dominate."""
    return (confidence * (nearest / depth.clamp_min(1e-6) - nearest / truth).square()).mean()


@dataclass(frozen=True)
class Photometric:
    """Colour at every pixel that is `allowed`, disparity at a quarter as many points.

    Attributes:
        diffuse, sparse_depth: weights of the terms.
        allowed: (N,) bool over the bank's pixels, or None for all of them.
        nearest: the z-depth, scene units, whose disparity is 1.
    """

    pixels: PixelBank
    diffuse: float
    sparse_depth: float = 0.0
    allowed: Tensor | None = None
    keypoints: KeypointBank | None = None
    nearest: float = 1.0

    def __call__(
        self, field: Field, count: int, done: float, generator: torch.Generator
    ) -> dict[str, Tensor]:
        """The terms of one step."""
        index = self.pixels.draw(count, generator, self.allowed)
        rays, colours = self.pixels.rays(index), self.pixels.colours(index)
        if self.keypoints is None or self.sparse_depth == 0:
            return squared_error(field.trace(rays, generator), colours, self.diffuse)
        chosen = self.keypoints.draw(count // 4, generator)
        rendering = field.trace(Rays.cat([rays, self.keypoints.rays[chosen]]), generator)
        terms = squared_error(
            Rendering(rendering.rgb[:count], rendering.diffuse[:count], *[None] * 4), colours, self.diffuse
        )
        error = depth_error(
            rendering.depth[count:],
            self.keypoints.depth[chosen],
            self.keypoints.confidence[chosen],
            self.nearest,
        )
        return {**terms, "sparse_depth": self.sparse_depth * error}
