"""The photos themselves, the reconstruction's points where there are any, and what bare surfaces are like."""

from dataclasses import dataclass

import torch
from torch import Tensor

from nerfkit.fields.settings import PhotometricSettings
from nerfkit.objectives.distortion import distortion_term
from nerfkit.objectives.flatness import flatness_part
from nerfkit.objectives.keypoints import KeypointBank
from nerfkit.objectives.parts import Part, trace_parts
from nerfkit.rays import PixelBank
from nerfkit.rendering import Field, Rendering

KEYPOINT_SHARE = 4  # one ray through a point for so many through pixels


def squared_error(rendering: Rendering, colours: Tensor, diffuse: float) -> dict[str, Tensor]:
    """Mean squared error of the colour, and `diffuse` times that of its view-independent part."""
    return {
        "rgb": (rendering.rgb - colours).square().mean(),
        "diffuse": diffuse * (rendering.diffuse - colours).square().mean(),
    }


def disparity_error(depth: Tensor, disparity: Tensor, nearest: float, weight: Tensor | float = 1.0) -> Tensor:
    """Weighted mean squared error of normalised disparity nearest / z, where far points count little."""
    return (weight * (nearest / depth.clamp_min(1e-6) - disparity).square()).mean()


@dataclass(frozen=True)
class Photometric:
    """Colour at every pixel that is `allowed`, disparity at the reconstruction's points and along bare lines.

    Attributes:
        diffuse, sparse_depth, flatness, distortion, transparent: weights of the terms.
        nearest: the z-depth, scene units, whose normalised disparity is 1.
        allowed: (N,) bool over the bank's pixels, or None for all of them.
    """

    pixels: PixelBank
    keypoints: KeypointBank | None = None
    diffuse: float = 0.1
    sparse_depth: float = 0.1
    flatness: float = 0.0
    distortion: float = 0.0
    transparent: float = 0.0
    nearest: float = 1.0
    allowed: Tensor | None = None

    @staticmethod
    def weighted(
        pixels: PixelBank,
        keypoints: KeypointBank,
        settings: PhotometricSettings,
        nearest: float,
        allowed: Tensor | None = None,
    ) -> "Photometric":
        """With the weights of a training's settings."""
        return Photometric(
            pixels,
            keypoints,
            settings.diffuse,
            settings.sparse_depth,
            settings.flatness,
            settings.distortion,
            settings.transparent,
            nearest,
            allowed,
        )

    def parts(self, count: int, generator: torch.Generator) -> list[Part]:
        """`count` pixels, a quarter as many points, and a sixteenth as many lines."""
        index = self.pixels.draw(count, generator, self.allowed)
        colours = self.pixels.colours(index)
        clear = self.pixels.clear(index)
        parts = [Part(self.pixels.rays(index), lambda r: self.pixel_terms(r, colours, clear))]
        if self.keypoints and self.sparse_depth > 0:
            parts.append(self.points(count // KEYPOINT_SHARE, generator))
        if self.flatness > 0:
            parts.append(
                flatness_part(self.pixels, count, generator, self.nearest, self.flatness, self.allowed)
            )
        return parts

    def pixel_terms(self, rendering: Rendering, colours: Tensor, clear: Tensor | None) -> dict[str, Tensor]:
        """The terms of rays through pixels of these colours (R, 3), `clear` (R,) where transparent."""
        terms = squared_error(rendering, colours, self.diffuse)
        if clear is not None and self.transparent > 0:
            terms["transparent"] = self.transparent * (clear * rendering.accumulation).mean()
        return terms | distortion_term(rendering, self.distortion)

    def points(self, count: int, generator: torch.Generator) -> Part:
        """`count` of the reconstruction's points."""
        chosen = self.keypoints.draw(count, generator)
        truth, weight = self.nearest / self.keypoints.depth[chosen], self.keypoints.confidence[chosen]

        def points_error(rendering: Rendering) -> dict[str, Tensor]:
            error = disparity_error(rendering.depth, truth, self.nearest, weight)
            return {"sparse_depth": self.sparse_depth * error}

        return Part(self.keypoints.rays[chosen], points_error)

    def __call__(
        self, field: Field, count: int, done: float, generator: torch.Generator
    ) -> dict[str, Tensor]:
        """The terms of one step."""
        return trace_parts(field, self.parts(count, generator), generator)
