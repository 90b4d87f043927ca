"""One object's masks made consistent: an objectness in space, learnt from them and rendered back."""

from pathlib import Path

import cv2
import numpy as np
import torch
from tqdm import tqdm

from nerfkit.cameras import Camera
from nerfkit.fields import read_field
from nerfkit.fields.hash_grid import HashLayout
from nerfkit.fields.objectness_grid import ObjectnessGrid
from nerfkit.objectives.objectness import Objectness
from nerfkit.objectives.photometric import Photometric
from nerfkit.rays import PixelBank, view_rays
from nerfkit.rendering import Field, render_rays
from nerfkit.scene import View

GRID = HashLayout(levels=6, features=2, table_log2=17, coarsest=8)  # of the objectness beside the scene field
COARSEST = 128  # pixels of the longer side of the picture that is traced in full
SETTLED = 0.02  # probabilities that differ by less than this say the same
SHARED_WEIGHT = 0.01  # of the cross-entropy beside the photos, as released (SPIn-NeRF)


def semantic_field(path: Path, trunk: str) -> Field:
    """What learns the objectness: a grid beside the frozen scene field of a file, or that field itself.

    Args:
        trunk: `separate` or `shared`.
    """
    scene_field = read_field(path)
    return ObjectnessGrid(scene_field, GRID) if trunk == "separate" else scene_field.train()


def mask_surroundings(masks: list[np.ndarray], margin: float) -> torch.Tensor:
    """Indices, in the order of a PixelBank, of the pixels within `margin` * width of the masks."""
    around = []
    for mask in masks:
        size = 2 * max(1, round(margin * mask.shape[1])) + 1
        around.append(cv2.dilate(mask.astype(np.uint8), np.ones((size, size), np.uint8)).ravel() > 0)
    return torch.from_numpy(np.flatnonzero(np.concatenate(around)))


def objectness_objective(
    pixels: PixelBank,
    masks: list[np.ndarray],
    trust: list[float],
    margin: float | None,
    photometric: Photometric | None = None,
) -> Objectness:
    """The labels of one stage.

    Args:
        pixels: of the views that have labels.
        masks: bool (H, W) of these views in the order of the bank.
        trust: how much each view's labels count, in [0, 1].
        margin: half of the rays are drawn within `margin` * width of the masks; None for the paper's uniform.
        photometric: what the photos ask of a shared trunk at the same time.
    """
    scale = SHARED_WEIGHT if photometric else 1.0
    weights = [torch.full((mask.size,), scale * share) for mask, share in zip(masks, trust, strict=True)]
    return Objectness(
        pixels,
        labels=torch.from_numpy(np.concatenate([mask.ravel() for mask in masks])),
        weights=torch.cat(weights),
        near_object=None if margin is None else mask_surroundings(masks, margin),
        photometric=photometric,
    )


def unsettled(coarse: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Where in a picture of `size` (width, height) a coarse one (h, w) cannot stand for the fine one.

    Returns:
        bool (H, W): pixels about which the coarse ones around them do not all say the same.
    """
    around = np.ones((3, 3), np.uint8)
    differ = cv2.dilate(coarse, around) - cv2.erode(coarse, around) > SETTLED
    return cv2.resize(differ.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST_EXACT) > 0


def render_probability(field: Field, view: View, scale: float) -> np.ndarray:
    """The probability (H, W) that a pixel shows the object, rendered at `scale` times the photo's size.

    Far from an object's edge it is the same for many pixels: rays are traced only where a picture of half the
    size leaves open what lies between its pixels.
    """
    size = (view.camera.width, view.camera.height)
    camera = view.camera.resized(*(max(1, round(scale * length)) for length in size))
    return cv2.resize(traced_probability(field, view, camera), size, interpolation=cv2.INTER_LINEAR)


def traced_probability(field: Field, view: View, camera: Camera) -> np.ndarray:
    """The probability (h, w) of a camera's pixels, from coarse to fine; `view` gives pose and bounds."""
    size = (camera.width, camera.height)
    if max(size) <= COARSEST:
        chance, open_pixels = np.empty(size[::-1], np.float32), np.ones(size[::-1], bool)
    else:
        coarse = traced_probability(field, view, camera.resized(*(max(1, length // 2) for length in size)))
        chance = cv2.resize(coarse, size, interpolation=cv2.INTER_LINEAR)
        open_pixels = unsettled(coarse, size)
    rays = view_rays(camera, view.world_from_cam, view.near, view.far)[torch.from_numpy(open_pixels.ravel())]
    if len(rays):
        chance[open_pixels] = render_rays(field, rays).objectness.sigmoid().numpy()
    return chance


def render_probabilities(field: Field, views: list[View], scale: float) -> list[np.ndarray]:
    """`render_probability` of every view."""
    return [render_probability(field, view, scale) for view in tqdm(views, desc="masks", unit="view")]
