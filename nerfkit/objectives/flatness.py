"""Bare surfaces are flat: where a photo shows one colour, its disparity is a plane's.

Colours alone leave a bare wall wherever it likes to be, and each view sees it elsewhere; what is painted and
carried between views through such depths falls apart. In a pinhole picture a plane has a disparity that is
affine, so that three pixels in a row bend it by nothing (compare the depth smoothness of RegNeRF, Niemeyer et
al. 2022, which is of unseen views, prefers surfaces that face the camera, and knows no edges).
"""

import math

import torch
from torch import Tensor

from nerfkit.objectives.parts import Part
from nerfkit.rays import PixelBank
from nerfkit.rendering import Rendering

SHARE = 16  # one line for so many rays through pixels
REACH = 0.125  # of a photo's long side, from the middle of a line to its end
BARE = 0.03  # range of a channel along a line, in [0, 1], at which its say is 1 / e
SQUARE = 0.003  # of a photo's long side, from a stop to the sides of the square whose mean colour counts
LEAST_SAY = 0.1
STOPS = 5  # pixels of a line whose colours are compared; the first, the middle and the last have rays


def lines(pixels: PixelBank, count: int, generator: torch.Generator) -> Tensor:
    """At most `count` straight lines inside photos: indices (L, STOPS) of evenly spaced pixels.

    All directions are equally likely, and short ones as likely as long ones, on a logarithmic scale.
    """
    index = pixels.draw(count, generator)
    view = pixels.view_of(index)
    sizes = pixels.sizes[view]
    longest = REACH * sizes.amax(dim=1)
    angle, share = torch.rand(2, count, generator=generator)
    half = longest**share  # pixels from the middle stop to the next
    direction = torch.stack([torch.sin(2 * math.pi * angle), torch.cos(2 * math.pi * angle)], dim=1)
    step = (0.5 * half[:, None] * direction).round().long()
    local = index - pixels.starts[view]
    middle = torch.stack([local // sizes[:, 1], local % sizes[:, 1]], dim=1)
    stops = middle[:, None] + (torch.arange(STOPS) - STOPS // 2)[:, None] * step[:, None]
    inside = ((stops >= 0) & (stops < sizes[:, None])).all(dim=(1, 2)) & step.any(dim=1)
    flat = pixels.starts[view][:, None] + stops[..., 0] * sizes[:, 1:] + stops[..., 1]
    return flat[inside]


def mean_colours(pixels: PixelBank, index: Tensor) -> Tensor:
    """The colours (..., 3) of squares around pixels (...), which are as large in photos of any size: single
    pixels of large photos have the noise of their sensor, with which nothing is bare."""
    view = pixels.view_of(index)
    starts, sizes = pixels.starts[view], pixels.sizes[view]
    radius = round(SQUARE * int(pixels.sizes.max()))
    offsets = torch.arange(-radius, radius + 1)
    rows = (((index - starts) // sizes[..., 1])[..., None] + offsets).clamp_min(0).minimum(sizes[..., :1] - 1)
    columns = (((index - starts) % sizes[..., 1])[..., None] + offsets).clamp_min(0)
    columns = columns.minimum(sizes[..., 1:] - 1)
    square = rows[..., :, None] * sizes[..., 1, None, None] + columns[..., None, :]
    return pixels.colours(starts[..., None, None] + square).mean(dim=(-3, -2))


def bareness(colours: Tensor) -> Tensor:
    """How much a line of colours (L, STOPS, 3) says that its surface is bare, (L,) in [0, 1]."""
    across = (colours.amax(dim=1) - colours.amin(dim=1)).amax(dim=1)
    return torch.exp(-((across / BARE) ** 2))


def flatness_part(
    pixels: PixelBank,
    count: int,
    generator: torch.Generator,
    nearest: float,
    weight: float,
    allowed: Tensor | None = None,
) -> Part:
    """The mean of how much bare lines bend normalised disparity, for a step of `count` rays through pixels.

    Args:
        nearest: the z-depth, scene units, whose normalised disparity is 1.
        allowed: (N,) bool over the bank's pixels; a line through any other says nothing, and through what is
            transparent neither.
    """
    drawn = count // SHARE
    stops = lines(pixels, drawn, generator)
    say = bareness(mean_colours(pixels, stops))
    if allowed is not None:
        say = say * allowed[stops].all(dim=1)
    if (clear := pixels.clear(stops)) is not None:  # where there is nothing, nothing is flat
        say = say * (1 - clear).amin(dim=1)
    stops, say = stops[say > LEAST_SAY], say[say > LEAST_SAY]

    def error(rendering: Rendering) -> dict[str, Tensor]:
        first, middle, last = (nearest / rendering.depth.clamp_min(1e-6)).chunk(3)
        return {"flatness": weight * (say * (first - 2 * middle + last).abs()).sum() / drawn}

    return Part(pixels.rays(stops[:, :: STOPS // 2].T.flatten().contiguous()), error)
