"""Scores of object masks against the user's, view by view and pooled."""

from pathlib import Path

import cv2
import numpy as np

from nerfkit.evaluation import scores
from nerfkit.evaluation.records import Score, common, size_of
from nerfkit.files import list_images, read_mask

Pair = tuple[np.ndarray, np.ndarray]  # a mask, and the truth at its size


def read_mask_as(path: Path, image: np.ndarray) -> np.ndarray | None:
    """A mask resampled (nearest) to the size of an image; None where the user has none for this view."""
    if not path.is_file():
        return None
    height, width = image.shape[:2]
    mask = read_mask(path).astype(np.uint8)
    return cv2.resize(mask, (width, height), interpolation=cv2.INTER_NEAREST) > 0


def mask_pairs(folder: Path, true_masks: Path | None) -> dict[str, Pair]:
    """stem -> (mask, truth at the mask's size) of all views that have both."""
    if true_masks is None:
        return {}
    stems = [path.stem for path in list_images(true_masks) if (folder / f"{path.stem}.png").is_file()]
    masks = {stem: read_mask(folder / f"{stem}.png") for stem in stems}
    return {stem: (mask, read_mask_as(true_masks / f"{stem}.png", mask)) for stem, mask in masks.items()}


def mask_scores(stage: str, views: dict[str, Pair]) -> list[Score]:
    """Accuracy and IoU of every mask."""
    return [
        Score(stage, "view-mean", "frame", metric, stem, score(mask, truth), size_of(mask), "masks")
        for stem, (mask, truth) in views.items()
        for metric, score in (("accuracy", scores.accuracy), ("iou", scores.iou))
    ]


def pool(stage: str, views: dict[str, Pair]) -> list[dict]:
    """Accuracy and IoU over the pixels of all views together: large objects weigh more than small ones."""
    if not views:
        return []
    mask, truth = (np.concatenate([pair[i].ravel() for pair in views.values()]) for i in (0, 1))
    shared = {"stage": stage, "protocol": "pooled", "region": "frame", "truth": "masks"}
    shared |= {"views": len(views), "resolution": common({size_of(mask) for mask, _ in views.values()})}
    return [
        {**shared, "metric": "accuracy", "value": scores.accuracy(mask, truth)},
        {**shared, "metric": "iou", "value": scores.iou(mask, truth)},
    ]
