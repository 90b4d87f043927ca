"""Which views are looked at."""

import numpy as np

from nerfkit.scene import Scene, View


def chosen_views(scene: Scene, max_views: int) -> list[View]:
    """The test views, or the training views when there are none: at most `max_views`, spread evenly."""
    return spread(scene.split("test") or scene.train, max_views)


def spread(items: list, count: int) -> list:
    """At most `count` of the items, evenly from the first to the last."""
    if len(items) <= count:
        return items
    return [items[round(k)] for k in np.linspace(0, len(items) - 1, count)]
