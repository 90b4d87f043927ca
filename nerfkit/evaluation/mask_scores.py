"""Masks against true masks, by two named protocols.

    view-mean  each view scored for itself, then the mean over the views: every view counts the same
    pooled     one score over the pixels of all views together: where the object is large counts more

In a table of propagation the views that were given count nowhere: `given` leaves them out.
"""

from collections.abc import Collection
from pathlib import Path

import numpy as np

from nerfkit.evaluation.records import common, size_of
from nerfkit.evaluation.scores import accuracy, iou
from nerfkit.files import list_images, read_mask
from nerfkit.masks import resized_mask

VIEW_MEAN, POOLED = "view-mean", "pooled"
METRICS = {"accuracy": accuracy, "iou": iou}
Pairs = dict[str, tuple[np.ndarray, np.ndarray]]  # view -> mask and truth, bool (H, W) each


def mask_pairs(folder: Path, true_masks: Path, given: Collection[str] = ()) -> Pairs:
    """The masks of a folder beside the true ones, at the masks' size, of all views that have both.

    Args:
        given: views that are left out.
    """
    pairs = {}
    for path in list_images(true_masks):
        own = folder / f"{path.stem}.png"
        if path.stem not in given and own.is_file():
            mask = read_mask(own)
            pairs[path.stem] = mask, resized_mask(read_mask(path), mask.shape)
    return pairs


def read_mask_as(path: Path, image: np.ndarray) -> np.ndarray | None:
    """A mask resampled to the size of an image; None where the user has none for this view."""
    return resized_mask(read_mask(path), image.shape[:2]) if path.is_file() else None


def view_scores(pairs: Pairs) -> dict[str, dict[str, float]]:
    """Accuracy and IoU of every view: metric -> view -> score."""
    return {metric: {view: score(*pair) for view, pair in pairs.items()} for metric, score in METRICS.items()}


def view_mean(pairs: Pairs) -> dict[str, float]:
    """Accuracy and IoU, mean over the views; at least one."""
    return {metric: float(np.mean(list(of.values()))) for metric, of in view_scores(pairs).items()}


def pooled(pairs: Pairs) -> dict[str, float]:
    """Accuracy and IoU over the pixels of all views together; at least one."""
    mask, truth = (np.concatenate([pair[i].ravel() for pair in pairs.values()]) for i in (0, 1))
    return {metric: score(mask, truth) for metric, score in METRICS.items()}


PROTOCOLS = {VIEW_MEAN: view_mean, POOLED: pooled}


def resolution(pairs: Pairs) -> str:
    """The size of the masks, `504x284`, or `mixed`."""
    return common({size_of(mask) for mask, _ in pairs.values()})
