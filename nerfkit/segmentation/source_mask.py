"""Stage `source_mask`: the object's mask in every photo that the user clicked."""

import logging
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from nerfkit.errors import UserError
from nerfkit.files import read_image, stage_folder, write_manifest, write_mask
from nerfkit.photos import read_photos
from nerfkit.prompts import Clicks, read_prompts
from nerfkit.segmentation.grabcut import GrabCutSegmenter
from nerfkit.segmentation.parts import click_pixels
from nerfkit.segmentation.sam import SamSegmenter

log = logging.getLogger("nerfkit")


@dataclass(frozen=True)
class SourceMaskSettings:
    """Who turns clicks into a mask."""

    backend: str = "grabcut"  # grabcut (embedded, honours every click) | sam (needs its weights)
    sam_model: str = "vit_h"  # vit_b | vit_l | vit_h, for the backend sam


class Segmenter(Protocol):
    """Anything that turns clicks on a photo into a mask. `name` says what it is, for the manifest."""

    name: str

    def segment(self, image: np.ndarray, clicks: Clicks) -> np.ndarray:
        """The bool mask (H, W) of the object that `clicks` mean in `image`, uint8 RGB (H, W, 3)."""


def make_segmenter(settings: SourceMaskSettings) -> Segmenter:
    """The segmenter of the settings."""
    return SamSegmenter(settings.sam_model) if settings.backend == "sam" else GrabCutSegmenter()


def source_mask(photos: Path, prompts: Path, out: Path, settings: SourceMaskSettings) -> None:
    """Segment every object in every photo where it is clicked; the mask of a photo is their union.

    Args:
        photos: folder of the photos stage.
        prompts: the user's prompts.json.
        out: this stage's folder: masks/<stem>.png of the clicked photos, source_mask.json with the clicks in
            pixels of the prepared photos.
    Raises:
        UserError: the prompts are wrong, contradict each other or give an empty mask, or the backend's
            weights are missing.
    """
    objects = read_prompts(prompts, read_photos(photos))
    segmenter = make_segmenter(settings)
    masks: dict[str, np.ndarray] = {}
    records: dict[str, list[dict]] = defaultdict(list)
    images: dict[str, np.ndarray] = {}
    for thing in objects:
        for clicks in thing.clicks:
            name = clicks.photo.name
            image = images.setdefault(name, read_image(photos / clicks.photo.file))
            mask = checked_mask(segmenter, image, clicks, f"{thing.name!r} in {clicks.photo.original}")
            masks[name] = masks[name] | mask if name in masks else mask
            records[name].append(record(thing.name, clicks, mask))
    with stage_folder(out) as folder:
        (folder / "masks").mkdir()
        for name, mask in masks.items():
            write_mask(folder / "masks" / f"{name}.png", mask)
        write_manifest(folder, "source_mask", made_by=segmenter.name, views=records)


def checked_mask(segmenter: Segmenter, image: np.ndarray, clicks: Clicks, where: str) -> np.ndarray:
    """The mask of one object in one photo; `where` names both in messages."""
    refuse_contradiction(clicks, image.shape[:2], where)
    mask = segmenter.segment(image, clicks)
    if not mask.any():
        raise UserError(
            f"The mask of {where} is empty: add a positive click in the middle of the object, or a box around"
            " it, and take away negative clicks that lie on it."
        )
    log.info("source mask of %s: %.1f %% of the photo, by %s", where, 100 * mask.mean(), segmenter.name)
    return mask


def refuse_contradiction(clicks: Clicks, shape: tuple[int, int], where: str) -> None:
    """Refuse a positive and a negative click on the same pixel of the prepared photo."""
    wanted, unwanted = (
        set(zip(*click_pixels(clicks.points[chosen], shape), strict=True))
        for chosen in (clicks.labels, ~clicks.labels)
    )
    both = wanted & unwanted
    if both:
        row, column = (int(v) for v in min(both))
        raise UserError(
            f"The clicks of {where} contradict each other: a positive and a negative one share pixel "
            f"({column}, {row}) of the prepared photo; remove one of them."
        )


def record(name: str, clicks: Clicks, mask: np.ndarray) -> dict:
    """What the manifest keeps of one object in one photo: all that an overlay needs."""
    return {
        "object": name,
        "points": clicks.points.round(2).tolist(),
        "labels": clicks.labels.astype(int).tolist(),
        "box": None if clicks.box is None else clicks.box.round(2).tolist(),
        "pixels": int(mask.sum()),
    }
