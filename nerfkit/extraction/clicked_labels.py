"""Labels straight from the user's clicks: no mask is asked of anyone.

A click on a chosen object is a label of it. What is clicked beside it is another thing, and so is a click on
any other object. A box holds all of the object that its photo shows, as for masks from clicks: the pixels
along its outside are labels of other things. Of those inside it says nothing.
"""

import logging
from collections.abc import Callable
from dataclasses import replace
from functools import reduce

import numpy as np
import torch

from nerfkit.clicks import clicked_pixels
from nerfkit.errors import UserError
from nerfkit.extraction.labels import LabelSet
from nerfkit.extraction.spread import spread_labels
from nerfkit.extraction.visibility import Photographed
from nerfkit.prompts import Clicks, PromptedObject
from nerfkit.scene import View

log = logging.getLogger("nerfkit")

BESIDE, STEP = (
    0.01,
    0.01,
)  # of the photo's width: from a box to the labels around it, and from one to the next


def labelled_by_clicks(
    photographed: list[Photographed], clicked: list[PromptedObject], chosen: str | list[str], spread: bool
) -> tuple[list[Photographed], LabelSet, LabelSet]:
    """The views, the labels that were clicked, and those that are learnt from.

    Spread labels make the views' masks; else the masks stay as they are. Each object's are spread alone: what
    lies beside one may be another that is chosen too.

    Args:
        photographed: all views of the labels' bank, in its order.
        clicked: all objects of prompts.json. chosen: their names, or `all`.
    Raises:
        UserError: an object that is not there or has no click in a registered view, or nothing beside it.
    """
    views = [each.view for each in photographed]
    sets = [object_labels(thing, clicked, views) for thing in chosen_things(clicked, chosen)]
    given = as_clicked(sets)
    if not spread:
        return photographed, given, given
    spreads = [spread_labels(photographed, labels, drawn=False) for labels in sets]
    masks = zip(*(each.masks() for each in spreads), strict=True)
    told = [
        replace(each, mask=np.logical_or.reduce(of_view))
        for each, of_view in zip(photographed, masks, strict=True)
    ]
    return told, given, united([each.labels(own) for each, own in zip(spreads, sets, strict=True)])


def chosen_things(clicked: list[PromptedObject], chosen: str | list[str]) -> list[PromptedObject]:
    """The clicked objects of these names; `all` takes every one.

    Raises:
        UserError: a name that was not clicked.
    """
    names = [thing.name for thing in clicked]
    wanted = names if chosen == "all" else [chosen] if isinstance(chosen, str) else chosen
    unknown = [name for name in wanted if name not in names]
    if unknown:
        raise UserError(
            f"objects names {', '.join(unknown)}, which prompts.json does not; it has {', '.join(names)}."
        )
    return [thing for thing in clicked if thing.name in wanted]


def object_labels(thing: PromptedObject, clicked: list[PromptedObject], views: list[View]) -> LabelSet:
    """The labels of one object: its clicks, what lies around its boxes, and the clicks on other objects.

    Raises:
        UserError: no click on it, or none in a registered view, or nothing that is beside it.
    """
    wanted = [view.photo.original for view in thing.clicks if view.labels.any()]
    if not wanted:
        raise UserError(
            f"prompts.json has no click on {thing.name!r} (label 1), only a box: click on it, or set "
            "object_field.labels_from: masks."
        )
    positive = pixel_indices(thing, views, on_object)
    if not positive:
        raise UserError(
            f"The clicks on {thing.name!r} lie in photos whose pose is not known ({', '.join(wanted)}): "
            f"click on it in one of the {len(views)} registered photos."
        )
    log_left_out(thing, views)
    negative = pixel_indices(thing, views, beside_object) - positive
    for other in clicked:
        negative |= pixel_indices(other, views, on_object) if other is not thing else set()
    if not negative:
        raise UserError(
            f"No registered photo says what is beside {thing.name!r}: add clicks beside it (label 0) or a "
            "box around it to prompts.json."
        )
    return LabelSet(*(torch.tensor(sorted(kind)) for kind in (positive, negative)))


def pixel_indices(
    thing: PromptedObject, views: list[View], labelled: Callable[[Clicks], set[tuple[int, int]]]
) -> set[int]:
    """The indices, in a PixelBank of the views, of the pixels (column, row) that are labelled in each."""
    sizes = [view.camera.width * view.camera.height for view in views]
    starts = dict(zip((view.name for view in views), np.cumsum([0, *sizes]).tolist(), strict=False))
    return {
        starts[clicks.photo.name] + row * clicks.photo.size[0] + column
        for clicks in thing.clicks
        if clicks.photo.name in starts
        for column, row in labelled(clicks)
    }


def on_object(clicks: Clicks) -> set[tuple[int, int]]:
    """Column and row of the pixels of one photo that are clicked as the object's."""
    return clicked_pixels(clicks, True)


def beside_object(clicks: Clicks) -> set[tuple[int, int]]:
    """Column and row of the pixels of one photo that are not: clicked ones, and those around the box."""
    around = set() if clicks.box is None else outline(clicks.box, clicks.photo.size)
    return clicked_pixels(clicks, False) | around


def outline(box: np.ndarray, size: tuple[int, int]) -> set[tuple[int, int]]:
    """Column and row of pixels around a box (4,) in a photo of a size; there are none beyond its border."""
    width, height = size
    left, top, right, bottom = box + BESIDE * width * np.array([-1, -1, 1, 1])
    across, down = (
        np.linspace(start, end, 1 + int(np.ceil((end - start) / max(STEP * width, 1))))
        for start, end in ((left, right), (top, bottom))
    )
    places = [(x, y) for x in across for y in (top, bottom)] + [(x, y) for y in down for x in (left, right)]
    return {(int(x), int(y)) for x, y in places if 0 <= x < width and 0 <= y < height}


def log_left_out(thing: PromptedObject, views: list[View]) -> None:
    """Name the clicked photos of an object that have no pose."""
    registered = {view.name for view in views}
    missing = [view.photo.original for view in thing.clicks if view.photo.name not in registered]
    if missing:
        log.warning("clicks of %r are left out, no pose is known: %s", thing.name, ", ".join(missing))


def as_clicked(sets: list[LabelSet]) -> LabelSet:
    """All clicks together: a pixel that is clicked on one object is positive, whatever the others say."""
    positive, negative = (
        np.unique(np.concatenate([getattr(labels, kind).numpy() for labels in sets]))
        for kind in ("positive", "negative")
    )
    return LabelSet(torch.from_numpy(positive), torch.from_numpy(np.setdiff1d(negative, positive)))


def united(sets: list[LabelSet]) -> LabelSet:
    """Labels of several objects as those of all together: of one of them, or beside every one."""
    positive = np.unique(np.concatenate([labels.positive.numpy() for labels in sets]))
    beside = reduce(np.intersect1d, [labels.negative.numpy() for labels in sets])
    return LabelSet(torch.from_numpy(positive), torch.from_numpy(np.setdiff1d(beside, positive)))
