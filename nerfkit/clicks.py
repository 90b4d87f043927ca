"""Stage `clicks`: the user's clicks, checked, in pixels of the prepared photos."""

import logging
from itertools import combinations
from pathlib import Path

import numpy as np

from nerfkit.errors import UserError
from nerfkit.files import read_json, stage_folder, write_manifest
from nerfkit.photos import PhotoSet, read_photos
from nerfkit.prompts import Clicks, PromptedObject, read_prompts

log = logging.getLogger("nerfkit")


def clicks(photos: Path, prompts: Path, out: Path) -> None:
    """Check the clicks as soon as there are photos, long before anything is made of them.

    Args:
        photos: folder of the photos stage.
        prompts: the user's prompts.json.
        out: this stage's folder: clicks.json.
    Raises:
        UserError: the prompts are wrong or contradict each other.
    """
    objects = read_prompts(prompts, read_photos(photos))
    refuse_contradictions(objects)
    with stage_folder(out) as folder:
        write_manifest(folder, "clicks", objects=[record(thing) for thing in objects])
    log.info("clicks: %s", ", ".join(f"{thing.name} in {len(thing.clicks)} photos" for thing in objects))


def record(thing: PromptedObject) -> dict:
    """What the manifest keeps of one object."""
    views = [
        {
            "photo": view.photo.name,
            "points": view.points.tolist(),
            "labels": view.labels.astype(int).tolist(),
            "box": None if view.box is None else view.box.tolist(),
        }
        for view in thing.clicks
    ]
    return {"name": thing.name, "text": thing.text, "clicks": views}


def read_clicks(folder: Path, photos: PhotoSet) -> list[PromptedObject]:
    """The objects that the clicks stage wrote."""
    prepared = {photo.name: photo for photo in photos.split("train")}
    return [
        PromptedObject(
            thing["name"],
            thing["text"],
            [
                Clicks(
                    prepared[view["photo"]],
                    np.array(view["points"], float).reshape(-1, 2),
                    np.array(view["labels"], bool),
                    None if view["box"] is None else np.array(view["box"], float),
                )
                for view in thing["clicks"]
            ],
        )
        for thing in read_json(folder / "clicks.json")["objects"]
    ]


def clicked_pixels(view: Clicks, label: bool) -> set[tuple[int, int]]:
    """Column and row of the prepared photo's pixels that are clicked with a label."""
    return {tuple(np.floor(point).astype(int).tolist()) for point in view.points[view.labels == label]}


def refuse_contradictions(objects: list[PromptedObject]) -> None:
    """Refuse two clicks on one pixel of a prepared photo of which at most one can be right."""
    for thing in objects:
        for view in thing.clicks:
            both = clicked_pixels(view, True) & clicked_pixels(view, False)
            refuse_shared(both, f"The clicks of {thing.name!r}", "a positive and a negative one", view)
    for one, other in combinations(objects, 2):
        named = {view.photo.name: view for view in other.clicks}
        for view in one.clicks:
            if view.photo.name in named:
                both = clicked_pixels(view, True) & clicked_pixels(named[view.photo.name], True)
                whose = f"The clicks of {one.name!r} and {other.name!r}"
                refuse_shared(both, whose, "a positive one of each", view)


def refuse_shared(both: set[tuple[int, int]], whose: str, which: str, view: Clicks) -> None:
    """Refuse the clicks when there is a pixel in `both`."""
    if both:
        column, row = min(both)
        raise UserError(
            f"{whose} in {view.photo.original} contradict each other: {which} share pixel ({column}, {row}) "
            "of the prepared photo; remove one of them."
        )
