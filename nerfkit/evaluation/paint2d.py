"""The baseline that knows no 3D: every render of the scene field, its hole filled in 2D.

It is LaMa (2D) of SPIn-NeRF's Table 2 with `backend: lama`. Each view is filled for itself, so views
disagree; it scores what one picture at a time can reach.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from tqdm import tqdm

from nerfkit.errors import UserError
from nerfkit.evaluation import canvas
from nerfkit.files import read_mask
from nerfkit.holes import HolesSettings, downwards, fitted_mask, widened
from nerfkit.inpainting.inpainter import make_inpainter
from nerfkit.inpainting.settings import InpaintingSettings
from nerfkit.rendering import RenderedView
from nerfkit.scene import View


@dataclass(frozen=True)
class Painter:
    """Where the holes of training and test views come from, and the settings of holes and inpainting."""

    holes: Path  # folder of the holes stage
    test_masks: Path | None  # folder of masks that say where the object would be in the test views
    widening: HolesSettings
    inpainting: InpaintingSettings
    seed: int = 0


def hole_of(view: View, painter: Painter) -> np.ndarray:
    """The hole (H, W) of a training or test view.

    Raises:
        UserError: a test view that has no mask.
    """
    if view.split == "train":
        return read_mask(painter.holes / "holes" / f"{view.name}.png")
    path = None if painter.test_masks is None else painter.test_masks / f"{view.name}.png"
    if path is None or not path.is_file():
        raise UserError(
            f"renders.fill: inpaint_2d must know where the object would be in test photo {view.name}: put "
            f"a mask into test/masks/{view.name}.png, or set renders.fill to field."
        )
    return widened(fitted_mask(path, view), downwards(view), painter.widening)


def painted(views: list[View], renders: list[RenderedView], painter: Painter) -> list[RenderedView]:
    """The renders with their holes filled; depth is left as it was, for the baseline has none of its own."""
    inpainter = make_inpainter(painter.inpainting, painter.seed)
    pairs = tqdm(zip(views, renders, strict=True), "renders, 2D fill", len(views), unit="view", disable=None)
    return [
        replace(
            render, rgb=inpainter.fill(canvas.as_bytes(render.rgb), hole_of(view, painter)) / np.float32(255)
        )
        for view, render in pairs
    ]
