"""Stage `source_mask`: the object's mask in every photo that the user clicked."""

import logging
from collections import defaultdict
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np

from nerfkit.clicks import read_clicks
from nerfkit.errors import UserError
from nerfkit.files import read_arrays, read_image, stage_folder, write_manifest
from nerfkit.photos import read_photos
from nerfkit.projection import pixel_directions
from nerfkit.prompts import Clicks, PromptedObject
from nerfkit.scene import View, read_scene
from nerfkit.segmentation.feature_networks import feature_network
from nerfkit.segmentation.grabcut import GrabCutSegmenter
from nerfkit.segmentation.object_masks import ObjectMasks, write_object_masks
from nerfkit.segmentation.parallax import Parallax, onlookers
from nerfkit.segmentation.sam import SamSegmenter
from nerfkit.segmentation.true_mask import TrueMask

log = logging.getLogger("nerfkit")

SPECKLE = 3  # pixels of the median that takes single stray depths away


@dataclass(frozen=True)
class SourceMaskSettings:
    """Who turns clicks into a mask."""

    backend: str = "grabcut"  # grabcut (embedded) | sam (needs its weights) | truth (the user's masks)
    sam_model: str = "vit_h"  # vit_b | vit_l | vit_h, for the backend sam
    geometry: bool = True  # whether grabcut sees the scene field's surfaces; else the photo alone
    features: str = "none"  # a feature network whose word grabcut takes as well, or none


class Segmenter(Protocol):
    """Anything that turns clicks on a photo into a mask. `name` says what it is, for the manifest."""

    name: str

    def segment(
        self, image: np.ndarray, clicks: Clicks, points: np.ndarray | None, parallax: Parallax | None = None
    ) -> np.ndarray:
        """The bool mask (H, W) of the object that `clicks` mean in `image`, uint8 RGB (H, W, 3).

        `points` (H, W, 3) is the surface behind every pixel in camera axes, and `parallax` other photos of
        the place; None where they are not known. A segmenter may do without.
        """


def make_segmenter(settings: SourceMaskSettings, true_masks: Path | None = None) -> Segmenter:
    """The segmenter of the settings; `true_masks` is the folder of the user's masks, for truth alone.

    Raises:
        UserError: the weights that it needs are missing.
    """
    if settings.backend == "truth":
        return TrueMask(true_masks)
    if settings.backend == "sam":
        return SamSegmenter(settings.sam_model)
    return GrabCutSegmenter(None if settings.features == "none" else feature_network(settings.features))


def source_mask(
    photos: Path,
    clicks: Path,
    sfm: Path,
    depth: Path,
    out: Path,
    settings: SourceMaskSettings,
    true_masks: Path | None = None,
) -> None:
    """Segment every object in every photo where it is clicked.

    Args:
        photos, clicks, sfm, depth: folders of those stages.
        out: this stage's folder: masks/<stem>.png of the clicked photos, objects/<name>/<stem>.png,
            source_mask.json.
        true_masks: folder of the user's masks by stem, for the backend truth: they say what the object is in
            the clicked photos, and the clicks only which photos these are.
    Raises:
        UserError: a mask is empty, the backend's weights are missing, or there is no true mask to take.
    """
    objects = read_clicks(clicks, read_photos(photos))
    if settings.backend == "truth" and len(objects) > 1:
        names = ", ".join(thing.name for thing in objects)
        raise UserError(
            f"source_mask.backend: truth knows one object, but {len(objects)} are clicked ({names}): masks/ "
            "does not tell them apart; leave one in prompts.json, or set source_mask.backend: grabcut."
        )
    segmenter = make_segmenter(settings, true_masks)
    clicked = {view.photo.name for thing in objects for view in thing.clicks}
    views = read_scene(sfm / "transforms.json", photos).train if settings.geometry else []
    surfaces = clicked_surfaces([view for view in views if view.name in clicked], depth)
    others = onlookers(views)
    parallaxes = {view.name: Parallax(view, others) for view in views}
    masks: ObjectMasks = defaultdict(dict)
    for thing in objects:
        for view in thing.clicks:
            name = view.photo.name
            told = with_others(view, [other for other in objects if other is not thing])
            image, points = read_image(photos / view.photo.file), surfaces.get(name)
            where = f"{thing.name!r} in {view.photo.original}"
            masks[thing.name][name] = checked_mask(
                segmenter, where, image, told, points, parallaxes.get(name)
            )
    with stage_folder(out) as folder:
        write_object_masks(folder, masks)
        views = {thing: sorted(of_thing) for thing, of_thing in masks.items()}
        write_manifest(
            folder, "source_mask", made_by=segmenter.name, objects=views, geometry=sorted(surfaces)
        )


def clicked_surfaces(views: list[View], depth: Path) -> dict[str, np.ndarray]:
    """The surface (H, W, 3) in camera axes behind every pixel of the views, by name; see stage `depth`."""
    if not views:
        return {}
    depths = read_arrays(depth / "depth.npz", [view.name for view in views])
    return {view.name: clear_surface(view, depths[view.name]) for view in views}


def clear_surface(view: View, depth: np.ndarray) -> np.ndarray:
    """The surface (H, W, 3) in camera axes behind a view's pixels, by its z-depth (H, W) without specks."""
    depth = cv2.medianBlur(depth.astype(np.float32), SPECKLE)
    return pixel_directions(view.camera).reshape(*depth.shape, 3) * depth[..., None]


def with_others(view: Clicks, others: list[PromptedObject]) -> Clicks:
    """The clicks of one object, with those on other objects in the same photo as clicks beside it."""
    elsewhere = [
        told.points[told.labels]
        for thing in others
        for told in thing.clicks
        if told.photo.name == view.photo.name
    ]
    points = np.concatenate([view.points, *elsewhere])
    labels = np.concatenate([view.labels, np.zeros(len(points) - len(view.labels), bool)])
    return replace(view, points=points, labels=labels)


def checked_mask(
    segmenter: Segmenter,
    where: str,
    image: np.ndarray,
    clicks: Clicks,
    points: np.ndarray | None,
    parallax: Parallax | None,
) -> np.ndarray:
    """The mask of one object in one photo; `where` names both in messages, the rest as in `Segmenter`."""
    mask = segmenter.segment(image, clicks, points, parallax)
    if not mask.any():
        raise UserError(
            f"The mask of {where} is empty: add a positive click in the middle of the object, or a box around"
            " it, and take away negative clicks that lie on it."
        )
    log.info("source mask of %s: %.1f %% of the photo, by %s", where, 100 * mask.mean(), segmenter.name)
    return mask
