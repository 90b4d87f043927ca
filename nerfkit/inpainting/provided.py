"""The user's own 2D fills in place of computed ones: read, checked, brought to our size and units.

A folder of fills holds `images/<stem>.*` and `disparity/<stem>.png` (8 or 16 bit grey, larger is nearer, in
any unit) for every photo with a hole.
"""

import logging
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, UnidentifiedImageError

from nerfkit.errors import UserError
from nerfkit.files import list_images, read_image
from nerfkit.inpainting.carry import FilledView
from nerfkit.inpainting.disparity import FARTHEST
from nerfkit.inpainting.regions import grown

log = logging.getLogger("nerfkit")

ASPECT = 0.05  # relative difference of aspect ratio beyond which a fill belongs to another photo
BAND = 0.1  # image widths around the hole where disparities are compared
FIT_ROUNDS = 20  # of the robust fit
WORST_FIT = 0.2  # median relative residual beyond which a provided disparity is not one


def check_names(folder: Path, wanted: list[str], photos: list[str]) -> None:
    """Every photo with a hole has its two fills, and no fill is of something that is not a photo.

    Args:
        wanted: stems of the views with a hole. photos: stems of all photos, registered or not.
    """
    for kind in ("images", "disparity"):
        there = [path.stem for path in list_images(folder / kind)]
        if missing := sorted(set(wanted) - set(there)):
            raise UserError(
                f"{folder / kind} fills {len(set(wanted) & set(there))} of the {len(wanted)} photos with "
                f"a hole; missing: {', '.join(missing[:5])}; add them, or set `fills: computed`."
            )
        if unknown := sorted(set(there) - set(photos)):
            raise UserError(
                f"{folder / kind} holds fills that belong to no photo: {', '.join(unknown[:5])}; "
                "name them as the photos or take them out."
            )


def read_provided(folder: Path, target: FilledView) -> float:
    """Put the provided fill into the hole of `target`, in place.

    Returns: the median relative residual of the disparities around the hole after their alignment.
    """
    name, shape = target.view.name, target.hole.shape
    image = _fit_size(read_image(_named(folder / "images", name)), shape, folder / "images" / name)
    target.image[target.hole] = target.view.equalised(image)[target.hole]
    path = _named(folder / "disparity", name)
    theirs = _fit_size(_read_grey(path), shape, path)
    around = grown(target.hole, round(BAND * shape[1])) & ~target.hole & (target.disparity > 0)
    if np.ptp(theirs[around]) == 0 or theirs.min() < 0 or not np.isfinite(theirs).all():
        raise UserError(f"{path} is no disparity map: its values around the hole are all alike; replace it.")
    scale, offset = fit_affine(theirs[around], target.disparity[around])
    aligned = scale * theirs + offset
    residual = float(np.median(np.abs(aligned[around] / target.disparity[around] - 1)))
    if scale <= 0 or residual > WORST_FIT:
        raise UserError(
            f"{path} does not fit the depth of the scene around the hole (median deviation {residual:.0%}); "
            "it must hold disparity, larger = nearer, of the same photo."
        )
    target.disparity[target.hole] = np.maximum(aligned[target.hole], FARTHEST)
    return residual


def _named(folder: Path, stem: str) -> Path:
    """The image of that stem, whatever its suffix."""
    return next(path for path in list_images(folder) if path.stem == stem)


def _read_grey(path: Path) -> np.ndarray:
    """The first channel of an 8 or 16 bit picture as float32 (H, W), in the file's units."""
    try:
        with Image.open(path) as image:
            values = np.asarray(image)
    except (UnidentifiedImageError, OSError) as error:
        raise UserError(f"{path} cannot be read as an image ({error}); replace it.") from error
    return np.float32(values if values.ndim == 2 else values[..., 0])


def _fit_size(image: np.ndarray, shape: tuple[int, int], path: Path) -> np.ndarray:
    """Resize to (H, W) and say so; refuse another aspect ratio."""
    height, width = image.shape[:2]
    if (height, width) == shape:
        return image
    if abs(width / height * shape[0] / shape[1] - 1) > ASPECT:
        raise UserError(f"{path} measures {width}x{height}, its photo {shape[1]}x{shape[0]}; crop it alike.")
    log.info("%s: resized from %dx%d to %dx%d.", path, width, height, shape[1], shape[0])
    smaller = width > shape[1]
    return cv2.resize(image, shape[::-1], interpolation=cv2.INTER_AREA if smaller else cv2.INTER_LINEAR)


def fit_affine(theirs: np.ndarray, ours: np.ndarray) -> tuple[float, float]:
    """Scale and offset of ours = scale * theirs + offset, (N,) each, robustly (Cauchy weights)."""
    terms = np.stack([theirs, np.ones_like(theirs)], axis=1).astype(float)
    weights = np.ones(len(ours))
    for _ in range(FIT_ROUNDS):
        root = np.sqrt(weights)
        solution = np.linalg.lstsq(terms * root[:, None], ours * root, rcond=None)[0]
        residual = ours - terms @ solution
        spread = 1.4826 * np.median(np.abs(residual)) + 1e-9
        weights = 1 / (1 + (residual / (2 * spread)) ** 2)
    return float(solution[0]), float(solution[1])
