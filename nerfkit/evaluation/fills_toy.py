"""Why fills that disagree are compared by a perceptual loss: the toy of SPIn-NeRF's Figures 2 and 3.

    python -m nerfkit.evaluation.fills_toy docs/why_perceptual.png

A hole in a grid is filled 16 times. Every fill is a grid as well, but the bars of no two lie at the same
place. Then one picture is fitted to all fills at once, patch by patch, by a pixel loss and by the perceptual
losses of the pipeline. Sharpness is the gradient energy inside the hole relative to that of a single fill.
"""

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from nerfkit.evaluation import canvas
from nerfkit.evaluation.scores import gradient_energy
from nerfkit.evaluation.sheets import contact_sheet
from nerfkit.files import write_image
from nerfkit.perceptual import BACKBONES, PERCEPTUAL_LOSSES, PerceptualLoss, perceptual_loss
from nerfkit.perceptual.shift import ShiftTolerantLoss
from nerfkit.weights import why_unusable

FILLS, SIZE, HOLE, PERIOD = 16, 96, 48, 12  # lengths in pixels
SHIFT, TURN = 2.0, 0.02  # how far fills are off at most, pixels and radians
BARS, GROUND = (0.23, 0.27, 0.42), (0.93, 0.88, 0.78)  # colours
STEPS, RATE, PATCH = 400, 0.02, 32  # of a fit; the patch is the one of inpainted_field, pixels
BEYOND = 4  # pixels by which patches reach over the edge of the hole, so that fills meet their surroundings
COLUMNS, SHOWN, ENLARGED = 4, 4, 2  # tiles in a row, fills, times that a pixel is repeated


@dataclass(frozen=True)
class Toy:
    """The picture (1, 3, SIZE, SIZE), its fills (FILLS, 3, SIZE, SIZE), and the hole's rows, and columns."""

    truth: Tensor
    fills: Tensor
    hole: slice


def grid(shift: tuple[float, float], angle: float) -> np.ndarray:
    """Bars in both directions, moved and turned, softened over a pixel, (SIZE, SIZE, 3)."""
    y, x = (np.mgrid[:SIZE, :SIZE] - SIZE / 2 + 0.5).astype(float)
    u = np.cos(angle) * x - np.sin(angle) * y + shift[0]
    v = np.sin(angle) * x + np.cos(angle) * y + shift[1]
    to_bar = [np.abs((axis + PERIOD / 2) % PERIOD - PERIOD / 2) for axis in (u, v)]
    bar = np.clip(PERIOD / 10 + 0.5 - np.minimum(*to_bar), 0, 1)[..., None]
    return bar * BARS + (1 - bar) * GROUND


def make_toy(seed: int) -> Toy:
    """The grid and its fills."""
    rng, hole = np.random.default_rng(seed), slice((SIZE - HOLE) // 2, (SIZE + HOLE) // 2)
    truth = grid((0, 0), 0)
    fills = np.stack([truth] * FILLS)
    for fill in fills:
        fill[hole, hole] = grid(rng.uniform(-SHIFT, SHIFT, 2), rng.uniform(-TURN, TURN))[hole, hole]
    pictures = torch.from_numpy(np.concatenate([truth[None], fills])).float().permute(0, 3, 1, 2)
    return Toy(pictures[:1], pictures[1:], hole)


def fitted(toy: Toy, loss: PerceptualLoss, start: Tensor, seed: int) -> Tensor:
    """The picture (1, 3, SIZE, SIZE) whose hole was fitted to the fills from a start of the same shape.

    A step sees one random patch of one random fill, as a field does.
    """
    rng, image = np.random.default_rng(seed), start.clone()
    pixels = start[..., toy.hole, toy.hole].clone().requires_grad_()
    weight = torch.zeros_like(start[:, :1])
    weight[..., toy.hole, toy.hole] = 1
    optimiser = torch.optim.Adam([pixels], RATE)
    rates = torch.optim.lr_scheduler.LinearLR(optimiser, 1, 0, STEPS)
    for _ in range(STEPS):
        row, column = rng.integers(toy.hole.start - BEYOND, toy.hole.stop - PATCH + BEYOND + 1, 2)
        fill = toy.fills[rng.integers(FILLS)][None]
        image = image.detach()
        image[..., toy.hole, toy.hole] = pixels
        optimiser.zero_grad()
        loss(
            cut(image, row, column), cut(fill, row, column, loss.margin), cut(weight, row, column)
        ).backward()
        optimiser.step()
        rates.step()
    image = image.detach()
    image[..., toy.hole, toy.hole] = pixels.detach().clamp(0, 1)
    return image


def cut(image: Tensor, row: int, column: int, margin: int = 0) -> Tensor:
    """A patch of an image (1, C, SIZE, SIZE), wider by `margin` on each side."""
    return image[..., row - margin : row + PATCH + margin, column - margin : column + PATCH + margin]


def sharpness(toy: Toy, image: Tensor) -> float:
    """Gradient energy of an image's hole relative to the mean of the fills'."""
    energy, *single = (
        gradient_energy(each[:, toy.hole, toy.hole].permute(1, 2, 0).numpy()) for each in (*image, *toy.fills)
    )
    return energy / float(np.mean(single))


def distance(toy: Toy, image: Tensor) -> float:
    """Mean squared error inside the hole to the fill that an image resembles most."""
    return float((toy.fills - image)[..., toy.hole, toy.hole].square().mean((1, 2, 3)).min())


def fits(toy: Toy, names: list[str], seed: int) -> dict[str, Tensor]:
    """The picture that each loss makes; the perceptual ones begin with the blur of the pixel loss.

    Args:
        names: of perceptual.PERCEPTUAL_LOSSES.
    """
    grey = toy.truth.clone()
    grey[..., toy.hole, toy.hole] = 0.5
    made = {"pixel loss": fitted(toy, ShiftTolerantLoss(0), grey, seed)}  # which forgives no shift
    return made | {name: fitted(toy, perceptual_loss(name), made["pixel loss"], seed) for name in names}


def picture(toy: Toy, made: dict[str, Tensor]) -> np.ndarray:
    """Grid, hole, some fills and what each loss made of all of them, uint8 RGB."""
    hole = toy.truth.clone()
    hole[..., toy.hole, toy.hole] = 1
    tiles = [("grid", toy.truth), ("its hole", hole)]
    tiles += [(f"fill {k + 1} of {FILLS}", toy.fills[k : k + 1]) for k in range(SHOWN)]
    tiles += [(f"{name}, sharpness {sharpness(toy, image):.2f}", image) for name, image in made.items()]
    enlarged = [
        (caption, canvas.as_bytes(image[0].permute(1, 2, 0).numpy()).repeat(ENLARGED, 0).repeat(ENLARGED, 1))
        for caption, image in tiles
    ]
    return contact_sheet(f"{FILLS} fills that disagree", enlarged, COLUMNS, ENLARGED * SIZE)


def main(arguments: list[str] | None = None) -> None:
    """Write the picture and print what each loss leaves."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("picture", type=Path, help="PNG to write")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    lacking = {name: why_unusable(weight) for name, weight in BACKBONES.items()}
    toy = make_toy(options.seed)
    made = fits(toy, [name for name in PERCEPTUAL_LOSSES if not lacking.get(name)], options.seed)
    write_image(options.picture, picture(toy, made))
    for name, image in made.items():
        print(
            f"{name}: sharpness {sharpness(toy, image):.2f}, {distance(toy, image):.4f} from the closest fill"
        )
    for name, reason in lacking.items():
        if reason:
            print(f"{name}: not tried, {reason}")


if __name__ == "__main__":
    main()
