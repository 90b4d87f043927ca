"""Masks of several objects in several views, as the segmentation stages keep them.

objects/<object>/<stem>.png holds each object's own masks, masks/<stem>.png their union.
"""

from pathlib import Path

import numpy as np

from nerfkit.errors import UserError, listed
from nerfkit.files import list_images, read_mask, write_mask

ObjectMasks = dict[str, dict[str, np.ndarray]]  # object -> view -> bool (H, W)


def chosen_names(chosen: str | list[str], names: list[str]) -> list[str]:
    """The names of the chosen objects: of `all` every one, of a name or names these.

    Args:
        names: of all objects of prompts.json.
    Raises:
        UserError: a name that is not among them.
    """
    wanted = names if chosen == "all" else [chosen] if isinstance(chosen, str) else chosen
    unknown = [name for name in wanted if name not in names]
    if unknown:
        raise UserError(
            f"objects names {listed(unknown)}, which prompts.json does not; it has {listed(names)}."
        )
    return wanted


def union(masks: ObjectMasks) -> dict[str, np.ndarray]:
    """The masks of all objects together, by view."""
    joined: dict[str, np.ndarray] = {}
    for of_object in masks.values():
        for view, mask in of_object.items():
            joined[view] = joined[view] | mask if view in joined else mask
    return joined


def write_object_masks(folder: Path, masks: ObjectMasks) -> None:
    """Write each object's masks and their union below a stage's folder."""
    for name, of_object in {"masks": union(masks), **{f"objects/{k}": v for k, v in masks.items()}}.items():
        (folder / name).mkdir(parents=True)
        for view, mask in of_object.items():
            write_mask(folder / name / f"{view}.png", mask)


def read_object_masks(folder: Path) -> ObjectMasks:
    """What `write_object_masks` wrote, objects and views in the order of their names."""
    return {
        thing.name: {path.stem: read_mask(path) for path in list_images(thing)}
        for thing in sorted((folder / "objects").iterdir())
    }
