"""Which pixels show a known plane, told by other photos.

A camera that moves sees all of a plane move in one known way (a homography), and all that rises above it move
otherwise: plane plus parallax (Irani, Anandan and Hsu 1995). The field's surfaces are rounded where a thing
meets its table; the photos are not, so where the two meet they say which is which, whatever the colours.
"""

from dataclasses import dataclass, replace

import cv2
import numpy as np

from nerfkit.projection import pixel_directions, project, sample
from nerfkit.scene import View
from nerfkit.segmentation.appearance import lab_image
from nerfkit.segmentation.support import Plane, Support
from nerfkit.views import spread

MOST = 12  # other photos that are asked
FEWEST = 3  # of them that must see a point of the plane to say anything of it
AGREEING = 0.4  # of those photos: the object hides the plane in the others
FITS = 2.5  # mismatch below which a pixel may show the plane; 1 less, and it does
TOLD = 0.05  # share of the object that may fit by chance; with more, photos do not tell it from the plane
HIGHEST = 10.0  # tolerances above the plane up to which the field's surfaces are doubted
BLUR = 1.0  # Gaussian width in pixels before colours are compared: poses are not exact


@dataclass(frozen=True)
class Parallax:
    """A photo's view, and other photos: views with their blurred images in CIELAB (H, W, 3) float32."""

    view: View
    photos: list[tuple[View, np.ndarray]]

    def shown(self, lab: np.ndarray, support: Support, thing: tuple[np.ndarray, ...]) -> np.ndarray:
        """How surely each pixel shows the plane that carries the object, (H, W) in [0, 1].

        Args:
            lab: as for `mismatch`; of the size that `support` has.
            thing: rows and columns of pixels on the object. Where they fit the plane, nothing is said.
        """
        misfit = self.mismatch(lab, support.plane, support.sure)
        if (misfit[thing] < FITS).sum() > TOLD * len(thing[0]):
            return np.zeros(misfit.shape, np.float32)
        return np.where(np.abs(support.heights) < HIGHEST, np.clip(FITS - misfit, 0, 1), 0)

    def mismatch(self, lab: np.ndarray, plane: Plane, sure: np.ndarray) -> np.ndarray:
        """How badly what other photos show on the plane fits each pixel, (H, W) float32.

        Args:
            lab: the photo in CIELAB (H, W, 3), of any size.
            plane: in the photo's camera axes.
            sure: bool (H, W), pixels that show the plane; what a fit is, is learnt from them.
        Returns:
            the colour difference in units of its median over `sure`; FITS where too few see the plane.
        """
        if len(self.photos) <= FEWEST:
            return np.full(lab.shape[:2], FITS, np.float32)
        view = replace(self.view, camera=self.view.camera.resized(lab.shape[1], lab.shape[0]))
        points, own = plane_points(view, plane), blurred(lab)
        others = [pair for pair in self.photos if pair[0].name != view.name]
        differences = np.sort([difference(points, own, sure, *other) for other in others], axis=0)
        count = np.isfinite(differences).sum(axis=0)  # what does not see the point is sorted last
        rank = np.round(AGREEING * (count - 1)).astype(int).clip(0)
        typical, seen = np.take_along_axis(differences, rank[None], axis=0)[0], count >= FEWEST
        if not (seen & sure).any():
            return np.full(lab.shape[:2], FITS, np.float32)
        unit = np.median(typical[seen & sure]) + 1e-6
        return np.where(seen, typical / unit, FITS).astype(np.float32)


def onlookers(views: list[View]) -> list[tuple[View, np.ndarray]]:
    """The photos of some views, spread evenly over their order, as `Parallax` takes them.

    They are one more than are asked, for one of them may be the one that is asked about.
    """
    return [(view, blurred(lab_image(view.image()))) for view in spread(views, MOST + 1)]


def difference(
    points: np.ndarray, own: np.ndarray, sure: np.ndarray, other: View, theirs: np.ndarray
) -> np.ndarray:
    """The colour difference (H, W) between an image and what another view shows at the points, NaN where it
    does not see them; less the one that exposure and white balance make over all that is `sure`."""
    xy, _, inside = project(points, other)
    step = sample(theirs, xy) - own
    if (inside & sure).any():
        step -= np.median(step[inside & sure], axis=0)
    return np.where(inside, np.linalg.norm(step, axis=2), np.nan)


def blurred(lab: np.ndarray) -> np.ndarray:
    """A CIELAB image without what a pixel's error of the pose changes."""
    return cv2.GaussianBlur(lab, (0, 0), BLUR)


def plane_points(view: View, plane: Plane) -> np.ndarray:
    """World points (H, W, 3) float32 where the rays of a view's pixels meet a plane in its camera axes; the
    camera's own place, which no view shows, where they do not."""
    directions = pixel_directions(view.camera).astype(np.float64)
    towards = directions @ plane.normal
    depth = (plane.point @ plane.normal) / np.where(np.abs(towards) < 1e-9, np.inf, towards)
    local = directions * np.where(depth > 0, depth, 0)[:, None]
    pose = view.world_from_cam
    points = local @ pose[:3, :3].T + pose[:3, 3]
    return points.reshape(view.camera.height, view.camera.width, 3).astype(np.float32)
