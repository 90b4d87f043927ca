"""Stage `refinement`: masks made consistent by one objectness in space (SPIn-NeRF, MVSeg).

The propagated masks supervise an objectness logit that is integrated along rays with the scene field's
weights; rendered back to every view and thresholded, it gives masks that all views agree on. Two stages do
it again from the masks of the first.
"""

import logging
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from safetensors.torch import save_file
from tqdm import tqdm

from nerfkit.errors import UserError
from nerfkit.fields import read_field
from nerfkit.fields.hash_grid import HashLayout
from nerfkit.fields.objectness_grid import ObjectnessGrid
from nerfkit.fields.settings import TrainingSettings
from nerfkit.files import read_mask, stage_folder, write_image, write_manifest, write_mask
from nerfkit.objectives.objectness import Objectness
from nerfkit.objectives.photometric import Photometric
from nerfkit.rays import PixelBank
from nerfkit.rendering import Field, render_view
from nerfkit.scene import View, read_scene
from nerfkit.segmentation.appearance import lab_image
from nerfkit.segmentation.band import redraw, signed_distance, surroundings
from nerfkit.training import fit, train

log = logging.getLogger("nerfkit")

LOOKS_REACH = 12.0  # in bands: how far around the object the rest's looks are learnt
DRAFT_SCALE = 0.5  # of the masks that only the second stage learns from
SHARED_WEIGHT = 0.01  # of the cross-entropy beside the photos, as released (SPIn-NeRF)


@dataclass(frozen=True)
class RefinementSettings(TrainingSettings):
    """Multiview segmentation by a semantic field."""

    steps: int = 400  # optimiser steps of one stage
    rays_start: int = 2048  # rays a step
    rays_end: int = 2048
    stages: int = 2  # 1, or 2: the second stage learns from the first one's masks
    trunk: str = "separate"  # separate: a grid of its own | shared: a column of the scene field (the paper)
    sampling: str = "near_object"  # near_object: half of the rays around the mask | uniform (the paper)
    threshold: float = 0.5  # probability from which a pixel is object
    margin: float = 0.03  # share of the width that counts as around the mask
    snap: float = 0.008  # half width of the band in which masks are drawn along edges, of the width; 0: not


def mask_surroundings(masks: list[np.ndarray], margin: float) -> torch.Tensor:
    """Indices, in the order of a PixelBank, of the pixels within `margin` * width of the masks."""
    around = []
    for mask in masks:
        size = 2 * max(1, round(margin * mask.shape[1])) + 1
        around.append(cv2.dilate(mask.astype(np.uint8), np.ones((size, size), np.uint8)).ravel() > 0)
    return torch.from_numpy(np.flatnonzero(np.concatenate(around)))


def semantic_field(path: Path, settings: RefinementSettings) -> Field:
    """What learns the objectness: a grid beside the frozen scene field of a file, or that field itself."""
    scene_field = read_field(path)
    if settings.trunk == "separate":
        return ObjectnessGrid(scene_field, HashLayout(levels=6, features=2, table_log2=17, coarsest=8))
    return scene_field.train()


def objectness_objective(
    pixels: PixelBank, masks: list[np.ndarray], settings: RefinementSettings
) -> Objectness:
    """The labels of one stage."""
    near = settings.sampling == "near_object"
    shared = settings.trunk == "shared"
    return Objectness(
        pixels,
        labels=torch.from_numpy(np.concatenate([mask.ravel() for mask in masks])),
        near_object=mask_surroundings(masks, settings.margin) if near else None,
        photometric=Photometric(pixels) if shared else None,
        weight=SHARED_WEIGHT if shared else 1.0,
    )


def render_probability(field: Field, view: View, scale: float = 1.0) -> np.ndarray:
    """The probability (H, W) that a pixel shows the object, rendered at `scale` times the photo's size."""
    size = (view.camera.width, view.camera.height)
    camera = view.camera.resized(*(max(1, round(scale * length)) for length in size))
    logits = render_view(field, camera, view.world_from_cam, view.near, view.far).objectness
    return cv2.resize(1 / (1 + np.exp(-logits.clip(-30, 30))), size, interpolation=cv2.INTER_LINEAR)


def snapped(image: np.ndarray, chance: np.ndarray, mask: np.ndarray, width: float) -> np.ndarray:
    """The mask (H, W) drawn again along the photo's edges, `width` pixels to either side of its own edge.

    The field's geometry is a little soft, so the rendered probability (H, W) places an edge only roughly.
    """
    if not mask.any():
        return mask
    distance = signed_distance(mask)
    part = surroundings(mask, LOOKS_REACH * width)
    evidence = np.log(chance.clip(1e-3, 1 - 1e-3) / (1 - chance.clip(1e-3, 1 - 1e-3)))
    drawn = np.zeros_like(mask)
    inside, outside = (distance < -width)[part], (distance > width)[part]
    drawn[part] = redraw(lab_image(image[part]), evidence[part], inside, outside)
    return drawn


def refinement(
    photos: Path,
    sfm: Path,
    propagation: Path,
    field: Path,
    out: Path,
    settings: RefinementSettings,
    seed: int,
) -> None:
    """Refine the propagated masks.

    Args:
        photos, sfm, propagation, field: folders of those stages.
        out: this stage's folder: masks/, confidence/ (the probability), objectness.safetensors,
            refinement_<stage>.csv (the curves), refinement.json.
    Raises:
        UserError: no propagated mask holds a pixel, or no refined one does.
    """
    views = read_scene(sfm / "transforms.json", photos).train
    masks = [read_mask(propagation / "masks" / f"{view.name}.png") for view in views]
    if not any(mask.any() for mask in masks):
        raise UserError(f"Every mask in {propagation / 'masks'} is empty: click the object in more views.")
    pixels = PixelBank(views)
    with stage_folder(out) as folder:
        for stage in range(1, settings.stages + 1):
            torch.manual_seed(seed)
            model = semantic_field(field / "field.safetensors", settings)
            objective = objectness_objective(pixels, masks, settings)
            curve = folder / f"refinement_{stage}.csv"
            fit(train(model, objective, settings, seed), settings.steps, curve, f"refinement, stage {stage}")
            model.eval()
            scale = 1.0 if stage == settings.stages else DRAFT_SCALE
            chances = [render_probability(model, v, scale) for v in tqdm(views, desc="masks", unit="view")]
            masks = [chance > settings.threshold for chance in chances]
        if settings.snap > 0:
            images = [view.image() for view in views]
            widths = [settings.snap * view.camera.width for view in views]
            masks = list(map(snapped, images, chances, masks, widths))
        if not any(mask.any() for mask in masks):
            raise UserError("The refined masks are all empty: click the object in more views.")
        write_masks(folder, views, masks, chances)
        trained = {k: v for k, v in model.state_dict().items() if not k.startswith("scene_field.")}
        save_file(trained, folder / "objectness.safetensors")
        empty = [view.name for view, mask in zip(views, masks, strict=True) if not mask.any()]
        log.info("refinement: %d masks, %d of them empty", len(masks), len(empty))
        write_manifest(folder, "refinement", stages=settings.stages, trunk=settings.trunk, empty=empty)


def write_masks(folder: Path, views: list[View], masks: list[np.ndarray], chances: list[np.ndarray]) -> None:
    """Write masks/<name>.png and, beside each, its probability as confidence/<name>.png."""
    for name in ("masks", "confidence"):
        (folder / name).mkdir()
    for view, mask, chance in zip(views, masks, chances, strict=True):
        write_mask(folder / "masks" / f"{view.name}.png", mask)
        write_image(folder / "confidence" / f"{view.name}.png", chance.astype(np.float32))
