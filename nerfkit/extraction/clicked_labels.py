"""Labels straight from the user's clicks: no mask is asked of anyone.

A click on a chosen object is a label of it. What is clicked beside it is another thing, and so is a click on
any other object. Boxes are no labels. The pixels along the outside of a box are not the object's, but near
its edge the field's depth is a blur of both: with these as labels the spread masks were better on one capture
of three and worse on two.
"""

import logging
from dataclasses import replace
from functools import reduce

import numpy as np
import torch

from nerfkit.clicks import clicked_pixels
from nerfkit.errors import UserError
from nerfkit.extraction.labels import LabelSet
from nerfkit.extraction.spread import spread_labels
from nerfkit.extraction.visibility import Photographed
from nerfkit.prompts import PromptedObject
from nerfkit.rays import pixel_starts
from nerfkit.scene import View
from nerfkit.segmentation.object_masks import chosen_names

log = logging.getLogger("nerfkit")


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
    masks = zip(*(each.masks for each in spreads), strict=True)
    told = [
        replace(each, mask=np.logical_or.reduce(of_view))
        for each, of_view in zip(photographed, masks, strict=True)
    ]
    return told, given, united([each.labels(own) for each, own in zip(spreads, sets, strict=True)])


def chosen_things(clicked: list[PromptedObject], chosen: str | list[str]) -> list[PromptedObject]:
    """The clicked objects that are chosen, see `chosen_names`."""
    names = chosen_names(chosen, [thing.name for thing in clicked])
    return [thing for thing in clicked if thing.name in names]


def object_labels(thing: PromptedObject, clicked: list[PromptedObject], views: list[View]) -> LabelSet:
    """The labels of one object: its clicks, and those on other objects, which are beside it.

    Raises:
        UserError: no click on it, or none in a registered view, or nothing that is beside it.
    """
    wanted = [view.photo.original for view in thing.clicks if view.labels.any()]
    if not wanted:
        raise UserError(
            f"prompts.json has no click on {thing.name!r} (label 1), and a box is no label: click on it, or "
            "set object_field.labels_from: masks."
        )
    positive = pixel_indices(thing, True, views)
    if not positive:
        raise UserError(
            f"The clicks on {thing.name!r} lie in photos whose pose is not known ({', '.join(wanted)}): "
            f"click on it in one of the {len(views)} registered photos."
        )
    log_left_out(thing, views)
    negative = pixel_indices(thing, False, views)
    for other in clicked:
        negative |= pixel_indices(other, True, views) if other is not thing else set()
    if not negative:
        raise UserError(
            f"No registered photo has a click beside {thing.name!r}, and nothing else tells where it ends: "
            "add some (label 0) to prompts.json."
        )
    return LabelSet(*(torch.tensor(sorted(kind)) for kind in (positive, negative)))


def pixel_indices(thing: PromptedObject, label: bool, views: list[View]) -> set[int]:
    """The indices, in a PixelBank of the views, of the pixels that an object's clicks of a label hit."""
    starts = dict(zip((view.name for view in views), pixel_starts(views).tolist(), strict=False))
    return {
        starts[clicks.photo.name] + row * clicks.photo.size[0] + column
        for clicks in thing.clicks
        if clicks.photo.name in starts
        for column, row in clicked_pixels(clicks, label)
    }


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
