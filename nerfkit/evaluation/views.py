"""Which views are looked at."""

import numpy as np

from nerfkit.scene import Scene, View


def chosen_views(scene: Scene, max_views: int) -> list[View]:
    """The test views, or the training views when there are none: at most `max_views`, spread evenly."""
    views = scene.split("test") or scene.train
    if len(views) <= max_views:
        return views
    return [views[round(k)] for k in np.linspace(0, len(views) - 1, max_views)]
