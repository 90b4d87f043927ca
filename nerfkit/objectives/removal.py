"""The place without the object: photos outside the holes, fills inside (SPIn-NeRF).

Outside, colour is held to the photos pixel by pixel. Inside, the fills of different views disagree in
detail, so colour is held to them by a perceptual loss on patches, and pixel by pixel to those of the
reference views only; geometry is held to the fills' disparity. Colour inside does not move the geometry
unless asked to: an inconsistent texture would explain itself by wrong depth.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from nerfkit.objectives.distortion import distortion_term
from nerfkit.objectives.parts import Part, due, trace_parts
from nerfkit.objectives.photometric import Photometric, disparity_error
from nerfkit.perceptual import PerceptualLoss
from nerfkit.rays import PixelBank
from nerfkit.rendering import Field, Rendering

HOLE_SHARE = 4  # one ray into the holes, for each of disparity and reference, for so many outside


@dataclass(frozen=True)
class Patch:
    """A square of one view: pixel indices (s * s,), its fill with a margin, and the hole's share of it."""

    index: Tensor
    target: Tensor  # (1, 3, s + 2 margin, s + 2 margin) in [0, 1]
    weight: Tensor  # (1, 1, s, s)


class PatchBank:
    """Patches around hole pixels, each hole pixel of all views equally likely to be a centre."""

    def __init__(
        self, pixels: PixelBank, fills: list[np.ndarray], holes: list[np.ndarray], size: int, margin: int
    ) -> None:
        self.pixels, self.holes, self.margin = pixels, holes, margin
        self.size = min(size, *(min(hole.shape) for hole in holes))
        self.fills = [np.pad(fill, ((margin, margin), (margin, margin), (0, 0)), "edge") for fill in fills]
        self.centres = torch.from_numpy(np.flatnonzero(np.concatenate([hole.ravel() for hole in holes])))

    def draw(self, generator: torch.Generator) -> Patch:
        """One patch, moved into its photo where it would stick out."""
        drawn = self.centres[torch.randint(len(self.centres), (1,), generator=generator)]
        centre, view = int(drawn), int(self.pixels.view_of(drawn))
        start = int(self.pixels.starts[view])
        (height, width), size = self.holes[view].shape, self.size
        row, column = divmod(centre - start, width)
        top = min(max(row - size // 2, 0), height - size)
        left = min(max(column - size // 2, 0), width - size)
        rows, columns = torch.arange(top, top + size), torch.arange(left, left + size)
        wide = size + 2 * self.margin
        fill = torch.from_numpy(self.fills[view][top : top + wide, left : left + wide])
        hole = torch.from_numpy(self.holes[view][top : top + size, left : left + size])
        return Patch(
            index=(start + rows[:, None] * width + columns).flatten(),
            target=fill.permute(2, 0, 1)[None].float() / 255,
            weight=hole[None, None].float(),
        )


@dataclass(frozen=True)
class HoleColour:
    """Pixel loss against the fills of the reference views: pixel indices, colours (N, 3) uint8, weight."""

    index: Tensor
    colours: Tensor
    weight: float

    def part(self, pixels: PixelBank, count: int, generator: torch.Generator, geometry: bool) -> Part:
        """`count` pixels of the reference views' holes."""
        chosen = torch.randint(len(self.index), (count,), generator=generator)
        colours = self.colours[chosen].float() / 255

        def error(rendering: Rendering) -> dict[str, Tensor]:
            return {"reference": self.weight * (rendering.rgb - colours).square().mean()}

        return Part(pixels.rays(self.index[chosen]), error, live=geometry)


@dataclass(frozen=True)
class HoleDisparity:
    """Normalised disparity of the fills in the holes and a ring around them: indices, values, weight, and the
    weight of the rays' distortion."""

    index: Tensor
    values: Tensor
    weight: float
    distortion: float = 0.0

    def part(self, pixels: PixelBank, count: int, generator: torch.Generator, nearest: float) -> Part:
        """`count` pixels of all holes."""
        chosen = torch.randint(len(self.index), (count,), generator=generator)

        def error(rendering: Rendering) -> dict[str, Tensor]:
            missed = disparity_error(rendering.depth, self.values[chosen], nearest)
            fog = distortion_term(rendering, self.distortion, "hole_distortion")
            return {"disparity": self.weight * missed} | fog

        return Part(pixels.rays(self.index[chosen]), error)


@dataclass(frozen=True)
class Perceptual:
    """The perceptual term: now and then a patch; `every` and `start` as `due` takes them."""

    patches: PatchBank
    loss: PerceptualLoss
    weight: float
    every: int
    start: float

    def part(self, pixels: PixelBank, generator: torch.Generator, geometry: bool) -> Part:
        """One patch."""
        patch, size = self.patches.draw(generator), self.patches.size

        def error(rendering: Rendering) -> dict[str, Tensor]:
            image = rendering.rgb.T.reshape(1, 3, size, size)
            return {"perceptual": self.weight * self.loss(image, patch.target, patch.weight)}

        return Part(pixels.rays(patch.index), error, live=geometry)


@dataclass(frozen=True)
class Removal:
    """The whole objective; a term that is None is left out, so that the baselines are settings of this."""

    photometric: Photometric
    disparity: HoleDisparity | None = None
    reference: HoleColour | None = None
    perceptual: Perceptual | None = None
    geometry: bool = False

    def __call__(
        self, field: Field, count: int, done: float, generator: torch.Generator
    ) -> dict[str, Tensor]:
        """The terms of one step."""
        pixels, few = self.photometric.pixels, count // HOLE_SHARE
        parts = self.photometric.parts(count, generator)
        if self.disparity:
            parts.append(self.disparity.part(pixels, few, generator, self.photometric.nearest))
        if self.reference:
            parts.append(self.reference.part(pixels, few, generator, self.geometry))
        term = self.perceptual
        if term and due(term.every, term.start, done, generator):
            parts.append(term.part(pixels, generator, self.geometry))
        return trace_parts(field, parts, generator)
