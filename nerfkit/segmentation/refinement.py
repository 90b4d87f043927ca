"""Stage `refinement`: masks made consistent by one objectness in space (SPIn-NeRF, MVSeg).

The propagated masks supervise an objectness logit that is integrated along rays with the scene field's
weights; rendered back to every view and thresholded, it gives masks that all views agree on. Two stages do
it again from the masks of the first, in which views that the first disagreed with count less.
"""

import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file

from nerfkit.errors import UserError
from nerfkit.fields.settings import TrainingSettings
from nerfkit.files import stage_folder, write_image, write_manifest
from nerfkit.objectives.photometric import Photometric
from nerfkit.rays import PixelBank
from nerfkit.rendering import Field
from nerfkit.scene import View, read_scene
from nerfkit.segmentation.clean_up import CleanUpSettings, cleaned
from nerfkit.segmentation.object_masks import ObjectMasks, read_object_masks, union, write_object_masks
from nerfkit.segmentation.semantic_field import objectness_objective, render_probabilities, semantic_field
from nerfkit.training import fit, train

log = logging.getLogger("nerfkit")

DRAFT_SCALE = 0.5  # of the masks that only the second stage learns from


@dataclass(frozen=True)
class RefinementSettings(TrainingSettings, CleanUpSettings):
    """Multiview segmentation by a semantic field."""

    steps: int = 400  # optimiser steps of one stage
    rays_start: int = 2048  # rays a step
    rays_end: int = 2048
    stages: int = 2  # 1, or 2: the second stage learns from the first one's masks
    trunk: str = "separate"  # separate: a grid of its own | shared: a column of the scene field (the paper)
    sampling: str = "near_object"  # near_object: half of the rays around the mask | uniform (the paper)
    threshold: float = 0.5  # probability from which a pixel is object
    margin: float = 0.03  # share of the width that counts as around the mask
    doubt: float = 0.6  # IoU of a view's label and the first stage's mask below which the view is doubtful
    doubtful_weight: float = 0.2  # of such a view's pixels in the second stage; 1 for the paper's


@dataclass(frozen=True)
class Refined:
    """What became of one object: the trained field, and masks, probabilities (H, W) and doubts by view."""

    field: Field
    masks: dict[str, np.ndarray]
    chances: dict[str, np.ndarray]
    doubtful: dict[str, float]  # agreement of the views in doubt, IoU


def refinement(
    photos: Path,
    sfm: Path,
    propagation: Path,
    field: Path,
    out: Path,
    settings: RefinementSettings,
    seed: int,
) -> None:
    """Refine the propagated masks of every object.

    Args:
        photos, sfm, propagation, field: folders of those stages.
        out: this stage's folder: masks/ and objects/<name>/, the probability beside each as confidence/ and
            confidences/<name>/, objectness/<name>.safetensors, curves/<name>_<stage>.csv, refinement.json.
    Raises:
        UserError: the propagated masks of an object, or its refined ones, are all empty.
    """
    views = read_scene(sfm / "transforms.json", photos).train
    labels = read_object_masks(propagation)
    pixels = PixelBank(views)
    with stage_folder(out) as folder:
        for name in ("objectness", "curves"):
            (folder / name).mkdir()
        refined = {}
        for name, of_object in labels.items():
            curves = folder / "curves" / name
            refined[name] = refine(views, pixels, of_object, field, curves, settings, seed)
            own = refined[name].field.state_dict().items()
            trained = {key: value for key, value in own if not key.startswith("scene_field.")}
            save_file(trained, folder / "objectness" / f"{name}.safetensors")
        masks: ObjectMasks = {name: of_object.masks for name, of_object in refined.items()}
        write_object_masks(folder, masks)
        write_confidences(folder, {name: of_object.chances for name, of_object in refined.items()})
        empty = sorted(view for view, mask in union(masks).items() if not mask.any())
        log.info("refinement: %d masks, %d of them empty", len(views), len(empty))
        write_manifest(
            folder,
            "refinement",
            stages=settings.stages,
            trunk=settings.trunk,
            empty=empty,
            doubtful={name: of_object.doubtful for name, of_object in refined.items()},
        )


def refine(
    views: list[View],
    pixels: PixelBank,
    given: dict[str, np.ndarray],
    field: Path,
    curves: Path,
    settings: RefinementSettings,
    seed: int,
) -> Refined:
    """Learn one object's masks from those given (view -> bool (H, W)); views that have none teach nothing.

    Args:
        pixels: of all views.
        curves: start of the paths of the stages' training curves; the end of it is the object's name.
    """
    name, taught = curves.name, [view for view in views if view.name in given]
    labels = [given[view.name] for view in taught]
    if not any(mask.any() for mask in labels):
        raise UserError(f"Every propagated mask of {name!r} is empty: click it in more views.")
    trust, doubtful = [1.0] * len(taught), {}
    margin = settings.margin if settings.sampling == "near_object" else None
    bank = pixels if taught == views else PixelBank(taught)
    for stage in range(1, settings.stages + 1):
        torch.manual_seed(seed)
        model = semantic_field(field / "field.safetensors", settings.trunk)
        photometric = Photometric(pixels) if settings.trunk == "shared" else None
        objective = objectness_objective(bank, labels, trust, margin, photometric)
        curve = curves.with_name(f"{name}_{stage}.csv")
        title = f"refinement of {name}, stage {stage}"
        fit(train(model, objective, settings, seed), settings.steps, curve, title)
        scale = 1.0 if stage == settings.stages else DRAFT_SCALE
        chances = render_probabilities(model.eval(), views, scale)
        labels, bank = [chance > settings.threshold for chance in chances], pixels
        if stage == 1:
            doubtful = doubts(given, dict(zip([v.name for v in views], labels, strict=True)), settings.doubt)
            trust = [settings.doubtful_weight if view.name in doubtful else 1.0 for view in views]
    masks = {
        view.name: cleaned(view.image(), chance, mask, settings)
        for view, chance, mask in zip(views, chances, labels, strict=True)
    }
    if not any(mask.any() for mask in masks.values()):
        raise UserError(f"The refined masks of {name!r} are all empty: click it in more views.")
    if doubtful:
        log.warning(
            "masks of %s in doubt: %s", name, ", ".join(f"{v} ({x:.2f})" for v, x in doubtful.items())
        )
    return Refined(model, masks, dict(zip(masks, chances, strict=True)), doubtful)


def doubts(given: dict[str, np.ndarray], rendered: dict[str, np.ndarray], least: float) -> dict[str, float]:
    """The given views in which given and rendered masks agree by less than `least`, with their IoU."""
    agreement = {
        view: float((given[view] & mask).sum() / max((given[view] | mask).sum(), 1))
        for view, mask in rendered.items()
        if view in given and (given[view] | mask).any()
    }
    return {view: round(iou, 4) for view, iou in agreement.items() if iou < least}


def write_confidences(folder: Path, chances: dict[str, dict[str, np.ndarray]]) -> None:
    """Write each object's probabilities, and the largest of all objects, beside the masks."""
    every = {
        view: np.max([of_object[view] for of_object in chances.values()], axis=0)
        for view in next(iter(chances.values()))
    }
    parts = {"confidence": every, **{f"confidences/{name}": views for name, views in chances.items()}}
    for part, views in parts.items():
        (folder / part).mkdir(parents=True)
        for view, chance in views.items():
            write_image(folder / part / f"{view}.png", chance.astype(np.float32))
