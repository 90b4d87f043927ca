"""Stage `inpainted_field`: the radiance field of the place without the object (SPIn-NeRF, 3D inpainting)."""

import logging
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch

from nerfkit.errors import UserError
from nerfkit.fields import make_field, write_field
from nerfkit.fields.settings import FieldSettings, PhotometricSettings
from nerfkit.files import read_image, read_json, read_mask, stage_folder, write_manifest
from nerfkit.objectives.keypoints import read_keypoints
from nerfkit.objectives.photometric import Photometric
from nerfkit.objectives.removal import HoleColour, HoleDisparity, PatchBank, Perceptual, Removal
from nerfkit.perceptual import perceptual_loss
from nerfkit.rays import PixelBank, opacity_of
from nerfkit.scene import Scene, View, read_scene
from nerfkit.training import fit, train

log = logging.getLogger("nerfkit")


@dataclass(frozen=True)
class InpaintedFieldSettings(PhotometricSettings):
    """The final training. Weights of zero and `none` leave a term out, which gives the paper's baselines."""

    seen: bool = True  # whether what other photos show inside the holes counts like a photo
    disparity: float = 1.0  # weight of the fills' disparity inside the holes
    ring: float = 0.02  # share of the width around a hole where the disparity counts too
    reference: str = (
        "auto"  # fills held to pixel by pixel: auto (inpainting's reference) | none | all | a stem
    )
    reference_weight: float = 1.0
    # shift_tolerant | lpips_vgg | lpips_alex | lpips_squeeze | squeezenet_distance | none
    perceptual: str = "shift_tolerant"
    perceptual_weight: float = 0.5  # in units of squared error; for lpips_* take 0.01 * perceptual_every
    perceptual_every: int = 4  # one patch in so many steps
    perceptual_start: float = 0.15  # share of the training before the first patch
    patch: int = 32  # side of a patch, pixels
    radius: int = 6  # translation that shift_tolerant forgives, pixels
    geometry: bool = False  # whether colour inside the holes may move the geometry


@dataclass(frozen=True)
class Filled:
    """What the earlier stages made of the training views, in the scene's order."""

    views: list[View]
    holes: list[np.ndarray]  # (H, W) bool
    parts: list[np.ndarray]  # (H, W) bool, what was filled of each hole; other photos show the rest
    images: list[np.ndarray]  # (H, W, 3) uint8
    disparities: list[np.ndarray]  # (H, W) float32
    reference: str  # stem of the view that inpainting filled first


def read_filled(scene: Scene, holes: Path, inpainting: Path) -> Filled:
    """Read the folders of holes and inpainting."""
    with np.load(inpainting / "disparity.npz") as file:
        disparities = [file[view.name] for view in scene.train]
    return Filled(
        views=scene.train,
        holes=[read_mask(holes / "holes" / f"{view.name}.png") for view in scene.train],
        parts=[read_mask(inpainting / "filled" / f"{view.name}.png") for view in scene.train],
        images=[read_image(inpainting / "images" / f"{view.name}.png") for view in scene.train],
        disparities=disparities,
        reference=read_json(inpainting / "inpainting.json")["reference"],
    )


def reference_colour(filled: Filled, settings: InpaintedFieldSettings) -> HoleColour | None:
    """The fills that count pixel by pixel.

    Raises:
        UserError: the setting names a view that is not there.
    """
    names = [view.name for view in filled.views]
    wanted = {"auto": [filled.reference], "all": names, "none": []}.get(
        settings.reference, [settings.reference]
    )
    if unknown := set(wanted) - set(names):
        raise UserError(
            f"inpainted_field.reference: {', '.join(unknown)} is no training view; choose auto, none, all "
            f"or one of {', '.join(names)}."
        )
    mask = np.concatenate(
        [(part & (name in wanted)).ravel() for name, part in zip(names, filled.parts, strict=True)]
    )
    if settings.reference_weight == 0 or not mask.any():
        return None
    colours = np.concatenate([image.reshape(-1, 3) for image in filled.images])[mask]
    return HoleColour(
        torch.from_numpy(np.flatnonzero(mask)), torch.from_numpy(colours), settings.reference_weight
    )


def hole_disparity(filled: Filled, settings: InpaintedFieldSettings) -> HoleDisparity | None:
    """The fills' disparity in the holes and the ring around them."""
    if settings.disparity == 0:
        return None
    around = []
    for hole in filled.holes:
        size = 2 * round(settings.ring * hole.shape[1]) + 1
        around.append(cv2.dilate(hole.astype(np.uint8), np.ones((size, size), np.uint8)).ravel())
    index = np.flatnonzero(np.concatenate(around))
    values = np.concatenate([disparity.ravel() for disparity in filled.disparities])[index]
    chosen, wanted = torch.from_numpy(index), torch.from_numpy(values).float()
    return HoleDisparity(chosen, wanted, settings.disparity, settings.distortion)


def perceptual_term(filled: Filled, pixels: PixelBank, settings: InpaintedFieldSettings) -> Perceptual | None:
    """The perceptual loss on patches of the fills."""
    nothing = not any(part.any() for part in filled.parts)
    if settings.perceptual == "none" or settings.perceptual_weight == 0 or nothing:
        return None
    loss = perceptual_loss(settings.perceptual, settings.radius)
    patches = PatchBank(pixels, filled.images, filled.parts, settings.patch, loss.margin)
    return Perceptual(
        patches, loss, settings.perceptual_weight, settings.perceptual_every, settings.perceptual_start
    )


def what_photos_show(
    scene: Scene, filled: Filled, sparse_depth: Path, settings: InpaintedFieldSettings
) -> Photometric:
    """The photos, the reconstruction's points and bare surfaces outside the holes, and what other photos show
    in them."""
    unknown = filled.parts if settings.seen else filled.holes
    named = {view.name: hole for view, hole in zip(scene.train, filled.holes, strict=True)}
    return Photometric.weighted(
        PixelBank(scene.train, filled.images, opacity_of(scene.train)),
        read_keypoints(sparse_depth, scene.train, named),
        settings,
        scene.nearest,
        allowed=torch.from_numpy(~np.concatenate([part.ravel() for part in unknown])),
    )


def removal_objective(
    scene: Scene, filled: Filled, sparse_depth: Path, settings: InpaintedFieldSettings
) -> Removal:
    """Everything the field is held against."""
    photometric = what_photos_show(scene, filled, sparse_depth, settings)
    return Removal(
        photometric,
        hole_disparity(filled, settings),
        reference_colour(filled, settings),
        perceptual_term(filled, photometric.pixels, settings),
        settings.geometry,
    )


def inpainted_field(
    photos: Path,
    sfm: Path,
    holes: Path,
    inpainting: Path,
    out: Path,
    settings: InpaintedFieldSettings,
    field_settings: FieldSettings,
    seed: int,
) -> None:
    """Train the inpainted field.

    Args:
        photos, sfm, holes, inpainting: folders of those stages.
        out: this stage's folder: inpainted_field.safetensors, .csv (the curve), .json.
        field_settings: of the scene field; the architecture is the same.
    Raises:
        UserError: the holes cover every pixel, or leave none to fill.
    """
    scene = read_scene(sfm / "transforms.json", photos)
    filled = read_filled(scene, holes, inpainting)
    share = float(np.mean([hole.mean() for hole in filled.holes]))
    if not 0 < share < 1:
        raise UserError(f"The holes in {holes / 'holes'} cover {share:.0%} of the photos; check the masks.")
    model = make_field(field_settings, seed)
    objective = removal_objective(scene, filled, sfm / "sparse_depth.npz", settings)
    with stage_folder(out) as folder:
        curve = folder / "inpainted_field.csv"
        last = fit(train(model, objective, settings, seed), settings.steps, curve, "inpainted field")
        write_field(folder / "inpainted_field.safetensors", model)
        terms = sorted(set(last) - {"step", "seconds", "loss", "peak_mb"})
        write_manifest(folder, "inpainted_field", views=len(filled.views), hole_share=share, terms=terms)
