"""Flat parts of a hole, seen straight on.

A texture on a slanted surface shrinks and turns across a picture, so that no patch of it fits elsewhere. Seen
straight on it only moves, and turned along its own edges, like a cloth's, it goes on along rows and columns
(after Huang et al., "Image completion using planar structure guidance", 2014, where vanishing points tell the
planes; here depth does).
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import cv2
import numpy as np

from nerfkit.cameras import Camera
from nerfkit.inpainting.guide import Guide
from nerfkit.inpainting.planes import (
    faces,
    in_plane,
    pixel_in_plane,
    plane_axes,
    planes_and_labels,
)
from nerfkit.inpainting.regions import grown, shrunk
from nerfkit.inpainting.strips import Strip
from nerfkit.masks import surroundings

SMALLEST = 200  # pixels of a hole that are worth a chart
REACH = 0.5  # of the context: how far a chart goes beyond its part of the hole
GAP = 0.03  # of the image width, up to which a gap in a surface is no gap
RIM = 20  # pixels around the hole that tell how a texture is turned
MIXED = 3  # pixels at a strip's edges, where colours are mixed with what is behind it
SMOOTH = 2.0  # pixels of blur before second derivatives are taken
FINENESS = 0.5  # degrees between the angles that are tried


@dataclass(frozen=True)
class Chart:
    """A plane seen straight on, in camera axes scaled so that depth is 1 / disparity.

    normal: (3,), normal . x = 1 on the plane. axes: (2, 3), unit vectors in it. origin: (2,), where along
    them the chart's corner lies; step: how much a pixel of the chart is; size: (width, height) in pixels.
    """

    normal: np.ndarray
    axes: np.ndarray
    origin: np.ndarray
    step: float
    size: tuple[int, int]

    @classmethod
    def around(
        cls, normal: np.ndarray, axes: np.ndarray, step: float, sights: np.ndarray, reach: int
    ) -> "Chart":
        """The chart of what lines of sight xy (N, 2) meet, and `reach` pixels beyond."""
        along = in_plane(sights, normal, axes)
        low, high = along.min(axis=0) - reach * step, along.max(axis=0) + reach * step
        width, height = np.ceil((high - low) / step).astype(int)
        return cls(normal, axes, low, step, (int(width), int(height)))

    def positions(self, xy: np.ndarray) -> np.ndarray:
        """Normalised coordinates (..., 2) to array positions (..., 2) in the chart, (x, y)."""
        return (in_plane(xy, self.normal, self.axes) - self.origin) / self.step - 0.5

    def in_picture(self, camera: Camera) -> np.ndarray:
        """Array positions in the picture, float32 (h, w, 2), of the chart's pixels; -1e4 behind it."""
        column, row = np.meshgrid(np.arange(self.size[0]) + 0.5, np.arange(self.size[1]) + 0.5)
        along = np.stack([column, row], axis=-1) * self.step + self.origin
        points = along @ self.axes + self.normal / (self.normal @ self.normal)
        before = points[..., 2] > 1e-6
        positions = np.full((*before.shape, 2), -1e4, np.float32)
        positions[before] = camera.project(points[before]) - 0.5
        return positions


@dataclass(frozen=True)
class FlatPart:
    """A flat part of a hole in a picture (H, W), and what its chart (h, w) shows.

    hole: bool (H, W). colours: (h, w, 3). known, wanted: bool (h, w), which pixels of the chart show the
    surface beside the hole, and which are to be filled. ends: whether the surface ends inside the hole; if
    so, front: bool (h, w), where the chart shows not the surface but the front below its edge.
    """

    chart: Chart
    hole: np.ndarray
    colours: np.ndarray
    known: np.ndarray
    wanted: np.ndarray
    ends: bool = False
    front: np.ndarray | None = None

    @property
    def surrounded(self) -> float:
        """The share of the rim of what is wanted at which the surface is known; 0 if nothing is wanted."""
        rim = grown(self.wanted, 1) & ~self.wanted
        return float(self.known[rim].mean()) if rim.any() else 0.0

    def sample(self, drawn: np.ndarray, guide: Guide) -> tuple[np.ndarray, np.ndarray]:
        """What is drawn on the chart, (h, w, 3), back in the picture.

        Returns: which pixels (H, W) of the hole the chart reaches, and their colours (N, 3).
        """
        at = self.chart.positions(guide.xy[self.hole]).astype(np.float32)[None]
        inside = cv2.remap(self.wanted.astype(np.float32), at, None, cv2.INTER_NEAREST, borderValue=0)[0] > 0
        reached = self.hole.copy()
        reached[self.hole] = inside
        colours = cv2.remap(drawn, at[:, inside], None, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
        return reached, np.clip(colours[0], 0, 1)


def strip_parts(
    picture: np.ndarray, hole: np.ndarray, guide: Guide, strips: list[Strip], context: float
) -> Iterator[FlatPart]:
    """The strips that end in a hole (H, W), as seen straight on; see `flat_parts`."""
    reach = round(REACH * context * hole.shape[1])
    for strip in strips:
        pure = strip.known & shrunk(strip.known | hole, MIXED)
        part = seen_straight(picture, strip.inside, pure, guide, strip.planes[0], reach)
        front = cv2.remap(
            strip.front(guide.xy).astype(np.float32),
            part.chart.in_picture(guide.camera),
            None,
            cv2.INTER_NEAREST,
            borderValue=0,
        )
        yield replace(part, ends=True, front=front > 0)


def flat_parts(
    picture: np.ndarray, hole: np.ndarray, guide: Guide, context: float, seed: int
) -> Iterator[FlatPart]:
    """The larger connected parts of a hole (H, W) that lie on one plane each, as seen straight on.

    Args:
        picture: float32 (H, W, 3).
        context: how far around the hole planes are looked for, in image widths.
    """
    if not hole.any():
        return
    width = hole.shape[1]
    part = surroundings(hole, max(8, round(context * width)))
    xy, disparity = guide.xy, guide.disparity[part]
    labels = np.full(hole.shape, -1)
    planes, labels[part] = planes_and_labels(xy[part], disparity, disparity > 0, seed)
    for number, plane in enumerate(planes):
        mine = bridged(labels == number, labels < 0)
        count, pieces = cv2.connectedComponents((mine & hole).astype(np.uint8))
        for piece in range(1, count):
            inside = pieces == piece
            if inside.sum() >= SMALLEST and faces(plane, xy[inside]):
                reach = round(REACH * context * width)
                yield seen_straight(picture, inside, mine & ~hole, guide, plane, reach)


def bridged(mine: np.ndarray, doubtful: np.ndarray) -> np.ndarray:
    """A surface (H, W) with those of the `doubtful` pixels that lie in narrow gaps of it.

    Beside a hole depths are foggy with the object, and a strip of the surface would count as none.
    """
    size = 2 * round(GAP * mine.shape[1] / 2) + 1
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
    closed = cv2.morphologyEx(mine.astype(np.uint8), cv2.MORPH_CLOSE, disc) > 0
    return mine | (closed & doubtful)


def seen_straight(
    picture: np.ndarray, inside: np.ndarray, known: np.ndarray, guide: Guide, plane: np.ndarray, reach: int
) -> FlatPart:
    """A part of the hole on its chart, turned so that the edges around it run along rows and columns.

    Args:
        inside, known: bool (H, W), the part of the hole, and what shows its plane beside the hole.
        reach: pixels by which the chart goes beyond the part of the hole.
    """
    step, xy, axes = pixel_in_plane(plane, guide.xy, inside), guide.xy[inside], plane_axes(plane)
    upright = looked_up(Chart.around(plane, axes, step, xy, reach), picture, inside, known, guide)
    angle = np.radians(grain(upright.colours, upright.known & grown(upright.wanted, RIM)))
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    return looked_up(Chart.around(plane, turn @ axes, step, xy, reach), picture, inside, known, guide)


def looked_up(
    chart: Chart, picture: np.ndarray, inside: np.ndarray, known: np.ndarray, guide: Guide
) -> FlatPart:
    """What a chart shows of a picture; see `seen_straight`."""
    at = chart.in_picture(guide.camera)
    colours = cv2.remap(picture, at, None, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    shown, open_pixels = (
        cv2.remap(pixels.astype(np.float32), at, None, cv2.INTER_LINEAR, borderValue=0)
        for pixels in (known, grown(inside, 1))
    )
    sure = shown > 0.999
    wanted = (open_pixels > 0.001) & ~sure
    _, pieces = cv2.connectedComponents(wanted.astype(np.uint8))
    wanted &= np.isin(pieces, pieces[grown(sure, 1) & wanted])  # what hangs together with something known
    return FlatPart(chart, inside, np.clip(colours, 0, 1), sure, wanted)


def grain(colours: np.ndarray, known: np.ndarray) -> float:
    """How far a texture (h, w, 3) is turned, degrees in [0, 90): its stripes run along axes turned so.

    Seen along them, a texture of stripes along both, f(u) + g(v), has no mixed derivative: the angle is taken
    at which the known pixels have the least.
    """
    grey = cv2.GaussianBlur(colours.mean(axis=2), (0, 0), SMOOTH)
    reach = 2 * round(3 * SMOOTH) + 1
    kernel = np.ones((reach, reach), np.uint8)
    sure = cv2.erode(known.astype(np.uint8), kernel, borderType=cv2.BORDER_CONSTANT, borderValue=0) > 0
    xx, yy, xy = (cv2.Sobel(grey, cv2.CV_32F, *order)[sure] for order in ((2, 0), (0, 2), (1, 1)))
    angles = np.arange(0, 90, FINENESS)
    mixed = [np.abs(np.cos(a) * xy + np.sin(a) * (yy - xx) / 2).sum() for a in np.radians(2 * angles)]
    return float(angles[np.argmin(mixed)])
