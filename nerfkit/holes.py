"""Stage `holes`: the final masks, and the holes that the later stages fill.

The one place where masks are checked, brought to the size of the prepared photos and dilated. A hole is wider
than its mask because a mask's edge is never exact, the object's last pixels shine through it and its shadow
is darkest where it stands: what stays of them would be continued by the inpainting. Pieces of the object that
a computed mask lacks (remnants.py) are in the hole, too.
"""

import logging
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from nerfkit.errors import UserError, listed
from nerfkit.files import list_images, read_levels, stage_folder, write_manifest, write_mask
from nerfkit.masks import disk, resized_mask
from nerfkit.scene import View, read_scene
from nerfkit.segmentation.appearance import lab_image
from nerfkit.segmentation.object_masks import ObjectMasks, chosen_names, read_object_masks, union
from nerfkit.segmentation.remnants import remnants

log = logging.getLogger("nerfkit")

SAME_SHAPE = 0.02  # aspect ratios that differ by less are the same: a few rows cropped, or rounding
GREY_SHARE = 0.05  # of pixels far from both levels, above which an image is no mask


@dataclass(frozen=True)
class HolesSettings:
    """How much wider than the object a hole is."""

    dilation: float = 0.01  # radius of the disk that a mask is dilated by, relative to the photo's long side
    closing: float = 0.005  # gaps in a mask up to twice this wide are closed, relative to the long side
    shadow: float = 0.01  # how much farther a hole reaches below the object, relative to the long side
    remnants: float = 0.04  # how far from a computed mask pieces of the object are looked for, the same


def holes(
    photos: Path,
    sfm: Path,
    masks: Path,
    provided: bool,
    objects: str | list[str],
    out: Path,
    settings: HolesSettings,
) -> None:
    """Check, resize and dilate the masks.

    Args:
        photos, sfm: folders of those stages.
        masks: folder of the stage refinement, or of <stem>.png, one for each registered training view; empty
            ones are allowed.
        provided: whether they are the user's own, of any size, rather than the pipeline's.
        objects: which of the clicked objects, by name, or `all`.
        out: this stage's folder: masks/<stem>.png, the masks at the photos' size; holes/<stem>.png, dilated;
            holes.json.
    Raises:
        UserError: masks that belong to no photo, views without a mask, images that are no masks, another
            shape than the photo's, or all empty.
    """
    views = read_scene(sfm / "transforms.json", photos).train
    if provided:
        checked = provided_masks(masks, objects, photos, views)
    else:
        checked = union(chosen_objects(masks, objects))
    if not any(mask.any() for mask in checked.values()):
        raise UserError(f"All {len(checked)} masks in {masks} are empty: there is nothing to remove.")
    empty = [name for name, mask in checked.items() if not mask.any()]
    if empty:
        log.info("holes: %d views do not show the object: %s", len(empty), ", ".join(empty))
    with stage_folder(out) as folder:
        for name in ("masks", "holes"):
            (folder / name).mkdir()
        for view in views:
            mask = checked[view.name]
            write_mask(folder / "masks" / f"{view.name}.png", mask)
            if not provided:
                reach = round(settings.remnants * max(mask.shape))
                mask = mask | remnants(lab_image(view.image()), mask, reach)
            write_mask(folder / "holes" / f"{view.name}.png", widened(mask, downwards(view), settings))
        write_manifest(folder, "holes", provided=provided, objects=objects, empty=empty)


def chosen_objects(refinement: Path, objects: str | list[str]) -> ObjectMasks:
    """The refined masks of the chosen objects.

    Raises:
        UserError: an object that was not clicked.
    """
    masks = read_object_masks(refinement)
    return {name: masks[name] for name in chosen_names(objects, list(masks))}


def provided_masks(
    folder: Path, objects: str | list[str], photos: Path, views: list[View]
) -> dict[str, np.ndarray]:
    """The user's own masks by view, checked and at the photos' size."""
    if objects != "all":
        raise UserError(
            f"objects is {objects}, but masks: provided takes {folder} whole; set objects to all, or masks "
            "to clicks."
        )
    files = {path.stem: path for path in list_images(folder)}
    refuse_strays(folder, files, photos)
    refuse_missing(folder, files, views)
    return {view.name: fitted_mask(files[view.name], view) for view in views}


def refuse_strays(masks: Path, files: dict[str, Path], photos: Path) -> None:
    """Refuse a user's masks that belong to no photo; those of views that SfM left out are no error."""
    known = {path.stem for path in list_images(photos / "images")}
    strays = [path.name for stem, path in sorted(files.items()) if stem not in known]
    if strays:
        raise UserError(
            f"{len(strays)} of {len(files)} masks in {masks} belong to no photo: {listed(strays)}; a mask "
            "has the name of its photo, with .png."
        )


def refuse_missing(masks: Path, files: dict[str, Path], views: list[View]) -> None:
    """Refuse a set of masks that leaves a registered view out."""
    missing = [f"{view.name}.png" for view in views if view.name not in files]
    if missing:
        raise UserError(
            f"{masks} has no mask for {len(missing)} of {len(views)} registered views: {listed(missing)}; "
            "add them (all black where the object is not visible) or set masks to clicks."
        )


def fitted_mask(path: Path, view: View) -> np.ndarray:
    """One mask as bool (H, W) of the view's photo; resized where it has another size.

    A mask has two levels, its darkest for the rest and its brightest for the object; anti-aliased edges
    between them are divided in the middle. A mask of one level is empty if that is 0, else full.
    """
    grey = read_levels(path)
    height, width = grey.shape
    size = view.camera.width, view.camera.height
    if abs(width * size[1] / (height * size[0]) - 1) > SAME_SHAPE + 1 / min(size):
        raise UserError(
            f"{path} is {width}x{height} but its photo {size[0]}x{size[1]}: the shapes differ, so it cannot "
            "be resized; save the mask at the size of the original photo."
        )
    top = int(grey.max())
    between = ((grey > 0.25 * top) & (grey < 0.75 * top)).mean()
    if between > GREY_SHARE:
        raise UserError(
            f"{path} is no mask: {100 * between:.0f} % of its pixels are neither dark nor bright; a mask is "
            "0 where the photo stays and 255 on the object."
        )
    mask = 2 * grey.astype(int) > top if top else np.zeros(grey.shape, bool)
    if (width, height) == size:
        return mask
    log.info("%s resized from %dx%d to %dx%d", path.name, width, height, *size)
    return resized_mask(mask, size[::-1])


def stroke(offset: np.ndarray) -> np.ndarray:
    """The structuring element by which a dilation draws pixels out by `offset` (2,), (x, y) in pixels."""
    radius = int(np.ceil(np.abs(offset).max()))
    drawn = np.zeros((2 * radius + 1, 2 * radius + 1), np.uint8)
    end = tuple(int(v) for v in np.rint(radius - offset))
    return cv2.line(drawn, (radius, radius), end, 1)


def downwards(view: View) -> np.ndarray:
    """Where down is in a photo, a vector (2,) that is the shorter the more the camera looks that way.

    A scene's +y is down as far as the photos were taken upright.
    """
    return view.world_from_cam[1, :2]


def widened(mask: np.ndarray, down: np.ndarray, settings: HolesSettings) -> np.ndarray:
    """The hole of a mask: its gaps closed, drawn out along `down` (2,), dilated."""
    long_side = max(mask.shape)
    closing, dilation = (round(share * long_side) for share in (settings.closing, settings.dilation))
    # Beyond the frame there is neither object nor rest: padding keeps the closing from growing towards it.
    padded = np.pad(mask.astype(np.uint8), closing, mode="edge")
    closed = cv2.morphologyEx(padded, cv2.MORPH_CLOSE, disk(closing))
    closed = closed[closing : closing + mask.shape[0], closing : closing + mask.shape[1]]
    shaded = cv2.dilate(closed, stroke(settings.shadow * long_side * down))
    return cv2.dilate(shaded, disk(dilation)) > 0
