"""The surfaces in a picture, which tell an inpainter where colours belong."""

from dataclasses import dataclass

import numpy as np

from nerfkit.cameras import Camera


@dataclass(frozen=True)
class Guide:
    """The surfaces in a picture (H, W).

    disparity: normalised, 0 = unknown. xy: (H, W, 2), the normalised coordinates of all pixels. standing: the
    disparity of what is taken out of the picture, 0 where it is not; None if nothing is known of it.
    """

    disparity: np.ndarray
    camera: Camera
    xy: np.ndarray
    standing: np.ndarray | None = None
