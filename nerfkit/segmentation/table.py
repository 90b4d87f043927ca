"""The plane that carries the object, found in a clicked view and recognised in all others.

The field's surfaces are rounded where a thing meets its table, so labels that travel by them take some of the
table along. What other photos show of the table (parallax.py) gives it back.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from nerfkit.masks import resized_mask
from nerfkit.projection import lift
from nerfkit.scene import View
from nerfkit.segmentation.parallax import Parallax
from nerfkit.segmentation.support import REACH, Plane, Support, find_support

RIM = 3  # pixels to either side of a mask's edge that count neither as object nor as what is around it
NOBODY = (np.zeros(0, int), np.zeros(0, int))  # no pixels of the object: it is not known where they are
STRAY = 0.95  # of the object's points that lie nearest to its middle; depths beyond may be of something else


@dataclass(frozen=True)
class Table:
    """A plane in world axes that has the object on it, and the photos that tell the two apart.

    It is `tolerance` scene units thick and looked for within `reach` of the object's middle (3,); `photos`
    are as `Parallax` takes them.
    """

    plane: Plane
    tolerance: float
    middle: np.ndarray
    reach: float
    photos: list[tuple[View, np.ndarray]]

    @classmethod
    def under(
        cls, view: View, depth: np.ndarray, lab: np.ndarray, mask: np.ndarray, photos: list
    ) -> "Table | None":
        """What carries the object of a mask (H, W), or None where nothing does or photos do not tell it.

        Args:
            view: of the size of `depth` (h, w), z-depths.
            lab: the photo in CIELAB, of any size.
        """
        kernel, small = np.ones((2 * RIM + 1, 2 * RIM + 1), np.uint8), resized_mask(mask, depth.shape)
        inner, outer = (change(small.astype(np.uint8), kernel) > 0 for change in (cv2.erode, cv2.dilate))
        pose = view.world_from_cam
        points = lift(view, depth)
        middle = np.median(points[small], axis=0)
        off = np.linalg.norm(points - middle, axis=2)
        radius = np.quantile(off[small], STRAY)
        thing = inner & (off <= radius)
        if not thing.any():
            return None
        local = (points - pose[:3, 3]) @ pose[:3, :3]
        support = find_support(local, local[thing], ~outer)
        if support is None:
            return None
        plane = Plane(pose[:3, :3] @ support.plane.normal, pose[:3, :3] @ support.plane.point + pose[:3, 3])
        shown = Parallax(view, photos).shown(fitted(lab, depth.shape), support, np.nonzero(thing))
        return cls(plane, support.tolerance, middle, REACH * radius, photos) if shown.any() else None

    def shown(self, view: View, depth: np.ndarray, lab: np.ndarray) -> np.ndarray:
        """How surely each pixel of a view shows the table, (h, w) in [0, 1]; arguments as for `under`."""
        points, pose = lift(view, depth), view.world_from_cam
        local = Plane(pose[:3, :3].T @ self.plane.normal, (self.plane.point - pose[:3, 3]) @ pose[:3, :3])
        near = np.linalg.norm(points - self.middle, axis=2) < self.reach
        support = Support(local, self.tolerance, self.plane.heights(points) / self.tolerance, near)
        return Parallax(view, self.photos).shown(fitted(lab, depth.shape), support, NOBODY)


def fitted(lab: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """An image at the size (height, width) of its depth."""
    return cv2.resize(lab, shape[::-1], interpolation=cv2.INTER_AREA)
