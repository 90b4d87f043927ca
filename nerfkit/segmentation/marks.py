"""What the user marked on one photo, at any resolution."""

from dataclasses import dataclass

import numpy as np

from nerfkit.prompts import Clicks
from nerfkit.segmentation.parts import click_pixels, disks

CLICK_RADIUS = 0.012  # of the disk around a click that is certain, relative to the long side
MIDDLE = np.array([[0.5, 0.5], [0.25, 0.5], [0.75, 0.5], [0.5, 0.25], [0.5, 0.75]])  # of a box


@dataclass(frozen=True)
class Marks:
    """Points on the object (N, 2) and beside it (M, 2), and a box (4,) or None, in pixels."""

    wanted: np.ndarray
    unwanted: np.ndarray
    box: np.ndarray | None

    @classmethod
    def of(cls, clicks: Clicks) -> "Marks":
        """The marks of one object in one photo."""
        return cls(clicks.points[clicks.labels], clicks.points[~clicks.labels], clicks.box)

    @property
    def presumed(self) -> np.ndarray:
        """Points taken to lie on the object: the wanted ones, or five about the middle of the box."""
        if len(self.wanted):
            return self.wanted
        corner, size = self.box[:2], self.box[2:] - self.box[:2]
        return corner + size * MIDDLE

    def scaled(self, x: float, y: float) -> "Marks":
        """The same marks on the image resampled by x and y."""
        box = None if self.box is None else self.box * [x, y, x, y]
        return Marks(self.wanted * [x, y], self.unwanted * [x, y], box)

    def certain(self, shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
        """Masks (H, W) of what is surely object and surely not; at its own pixel every click has its way."""
        radius = CLICK_RADIUS * max(shape)
        inside, outside = disks(self.wanted, radius, shape), disks(self.unwanted, radius, shape)
        inside, outside = inside & ~outside, outside & ~inside
        if self.box is not None:
            beyond = outside_box(self.box, shape)
            inside, outside = inside & ~beyond, outside | beyond
        rest, thing = click_pixels(self.unwanted, shape), click_pixels(self.wanted, shape)
        inside[rest], outside[rest] = False, True
        inside[thing], outside[thing] = True, False
        return inside, outside


def outside_box(box: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Bool (H, W): pixels whose centre lies outside `box` (x0, y0, x1, y1)."""
    x, y = np.arange(shape[1]) + 0.5, np.arange(shape[0]) + 0.5
    return ~np.outer((y >= box[1]) & (y <= box[3]), (x >= box[0]) & (x <= box[2]))
