"""Which surfaces behind the object other photos show, and how they look.

Every view knows depth and colour beside its own hole. Seen from another view, those surfaces lie at some
depth behind its hole; the nearest on which enough views agree, and through which few of them look, is what
the place shows there without the object. Points are in world axes, depths are z-depths, both in scene units.
"""

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np

from nerfkit.projection import lift, project, sample
from nerfkit.scene import View

CELL = 2  # pixels across of the cells in which surfaces are gathered: surfaces farther off leave gaps in one
LAYERS = 3  # surfaces behind each other that are tried
EDGE = 1.05  # ratio of depths side by side from which both are mixtures of what is before and behind an edge
RIM = 0.012  # of the width, around a hole, where the field is foggy with what it hides
THROUGH = 2.0  # tolerances by which a surface must lie behind a point for a view to look through the point
CLEAR = 2  # times as many views must show a surface as look through it, or be kept from a point
STRIDE = 4  # pixels from one way to a surface behind to the next whose points are asked for
KEPT = 0.25  # of the views that look there must be kept from a point; some masks lack the object
STOPS = 7  # points on a way
FEW = 3  # views whose colours make a surface's; the median of more is blurred by what depth is off


@dataclass(frozen=True)
class Shown:
    """What one view shows: the object's mask and the hole around it, bool (H, W), z-depth (H, W), 0 where
    unknown, and colours (H, W, 3) in [0, 1]."""

    view: View
    mask: np.ndarray
    hole: np.ndarray
    depth: np.ndarray
    rgb: np.ndarray

    @cached_property
    def surface(self) -> np.ndarray:
        """Points (N, 3) of what is beside the hole, less depth edges."""
        kernel = np.ones((3, 3), np.uint8)
        sharp = cv2.dilate(self.depth, kernel) > EDGE * cv2.erode(self.depth, kernel)
        return lift(self.view, self.depth)[(self.depth > 0) & ~sharp & ~self.doubted]

    @cached_property
    def doubted(self) -> np.ndarray:
        """Where the depth is the object's or fog about it: the hole and its rim, bool (H, W)."""
        size = 2 * round(RIM * self.hole.shape[1]) + 1
        return cv2.dilate(self.hole.astype(np.uint8), np.ones((size, size), np.uint8)) > 0

    @property
    def centre(self) -> np.ndarray:
        """Of the camera, (3,)."""
        return self.view.world_from_cam[:3, 3].astype(np.float32)


@dataclass(frozen=True)
class Witnesses:
    """What other views say of points (H, W, 3): how many show each and how many look through it, (H, W), and
    in which colour it is shown, (H, W, 3).

    `steps` (2, H, W, 3) are the differences to the colours of the points above and to the left in views that
    show both, NaN where none does.
    """

    count: np.ndarray
    through: np.ndarray
    rgb: np.ndarray
    steps: np.ndarray


def surfaces_behind(one: Shown, others: list[Shown], fewest: int, tolerance: float) -> np.ndarray:
    """z-depths (LAYERS, H, W) behind a view's hole and its rim on which other views agree, nearest first, inf
    for none.

    Args:
        fewest: views that agree.
        tolerance: share by which their depths may differ.
    """
    height, width = one.hole.shape
    shape = (-(-height // CELL), -(-width // CELL))
    cells = np.zeros(shape, bool)
    rows, columns = np.nonzero(one.doubted)
    cells[rows // CELL, columns // CELL] = True
    number = np.where(cells, np.cumsum(cells).reshape(shape) - 1, -1)
    cone = Cone.around(one)
    met = [met_in_cells(one, cone, other, number) for other in others]
    nearest = np.full((len(met), int(cells.sum())), np.inf, np.float32)
    for row, (cell, depth) in zip(nearest, met, strict=True):
        np.minimum.at(row, cell, depth)
    coarse = np.full((LAYERS, *shape), np.inf, np.float32)
    coarse[:, cells] = agreed(np.sort(nearest, axis=0), fewest, tolerance)
    for layer in coarse:
        layer[cells] = averaged(layer[cells], met, tolerance)
    fine = np.stack(
        [cv2.resize(layer, None, fx=CELL, fy=CELL, interpolation=cv2.INTER_NEAREST) for layer in coarse]
    )
    return np.where(one.doubted, fine[:, :height, :width], np.inf)


@dataclass(frozen=True)
class Cone:
    """The narrowest cone from a camera's centre (3,) around a hole and its rim."""

    centre: np.ndarray
    axis: np.ndarray
    cosine: float

    @classmethod
    def around(cls, one: Shown) -> "Cone":
        """The cone of a view."""
        rays = lift(one.view, np.ones(one.hole.shape, np.float32))[one.doubted] - one.centre
        rays /= np.linalg.norm(rays, axis=1, keepdims=True)
        axis = rays.mean(axis=0) / np.linalg.norm(rays.mean(axis=0))
        return cls(one.centre, axis, float((rays @ axis).min()))

    def hold(self, points: np.ndarray) -> np.ndarray:
        """Those of the points (N, 3) that lie in it."""
        away = points - self.centre
        return points[away @ self.axis >= self.cosine * np.sqrt(np.einsum("ij,ij->i", away, away))]


def met_in_cells(one: Shown, cone: Cone, other: Shown, number: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Another view's surface behind a view's hole: for each point there its cell's number and its z-depth.

    Args:
        number: of the hole's cells, -1 elsewhere.
    """
    points = cone.hold(other.surface)
    xy, depth, framed = project(points, one.view)
    column, row = (xy[framed] // CELL).astype(int).T
    cell = number[row, column]
    return cell[cell >= 0], depth[framed][cell >= 0]


def agreed(nearest: np.ndarray, fewest: int, tolerance: float) -> np.ndarray:
    """The nearest depths, (LAYERS, cells), on which so many of the views' depths (V, cells) agree.

    Args:
        nearest: ascending along the views.
    """
    found = np.full((LAYERS, nearest.shape[1]), np.inf, np.float32)
    if len(nearest) < fewest:
        return found
    first, last = nearest[: len(nearest) - fewest + 1], nearest[fewest - 1 :]
    together = np.isfinite(last) & (last <= first * (1 + tolerance))
    before = np.zeros(nearest.shape[1], np.float32)
    for layer in found:
        behind = together & (first > before)
        known = behind.any(axis=0)
        layer[known] = np.take_along_axis(first, behind.argmax(axis=0)[None], axis=0)[0, known]
        before = layer * (1 + tolerance)
    return found


def averaged(depth: np.ndarray, met: list[tuple[np.ndarray, np.ndarray]], tolerance: float) -> np.ndarray:
    """Depths (cells,), each the mean of the surfaces met within the tolerance behind it.

    The nearest alone would be too near: a cell meets a slanted surface at several depths.
    """
    total, weight = np.zeros(len(depth)), np.zeros(len(depth))
    for cell, found in met:
        close = (found >= depth[cell]) & (found <= depth[cell] * (1 + tolerance))
        np.add.at(total, cell[close], found[close])
        np.add.at(weight, cell[close], 1)
    return np.where(weight > 0, total / np.maximum(weight, 1), depth)


def witnesses(points: np.ndarray, others: list[Shown], tolerance: float) -> Witnesses:
    """Ask other views about points (H, W, 3).

    A view shows a point beside its hole at the depth of its surface, and looks through it if its surface is
    clearly behind. Colours and steps are medians of the first FEW views that show them, black for none.

    Args:
        others: the most trusted first.
        tolerance: share by which a point's depth and the view's surface there may differ.
    """
    shape = points.shape[:2]
    count, through = np.zeros((2, *shape), np.uint16)
    colours, steps = Medians(shape), [Medians(shape), Medians(shape)]
    for other in others:
        xy, z, framed = project(points, other.view)
        surface = sample(other.depth, xy)
        beside = framed & (surface > 0) & (sample(other.hole.astype(np.float32), xy) < 0.5)
        shows = beside & (np.abs(z - surface) < tolerance * surface)
        through += beside & (surface > z * (1 + THROUGH * tolerance))
        count += shows
        rgb = sample(other.rgb, xy)
        colours.add(rgb, shows)
        for axis, step in enumerate(steps):
            step.add(rgb - before(rgb, axis), shows & before(shows, axis))
    return Witnesses(count, through, np.nan_to_num(colours.take()), np.stack([step.take() for step in steps]))


def barred(one: Shown, depth: np.ndarray, others: list[Shown], fewest: int, tolerance: float) -> np.ndarray:
    """Where the ways from the object to surfaces behind it lead through other matter, bool (H, W).

    What the object stands on is seen by nobody where it stands, but its sides are: a point from which views
    are kept by surfaces beside their holes, and which few look through, may be inside of it.

    Args:
        depth: z-depth (H, W) of the surfaces, inf for none.
        fewest: views that are kept from a point.
        tolerance: share of its depth by which a point is at least behind what keeps a view from it.
    """
    points = ways(one, depth)
    asked, kept, through = np.zeros((3, *points.shape[:2]), np.uint16)
    for other in others:
        xy, z, framed = project(points, other.view)
        column, row = np.moveaxis(np.where(framed[..., None], xy, 0).astype(int), 2, 0)
        surface = other.depth[row, column]
        beside = framed & (surface > 0) & ~other.doubted[row, column]
        asked += framed
        kept += beside & (surface < z * (1 - THROUGH * tolerance))
        through += beside & (surface > z * (1 + THROUGH * tolerance))
    inside = (kept >= fewest) & (kept > CLEAR * through) & (kept > KEPT * asked)
    found = np.isfinite(depth)
    coarse = np.zeros(found[::STRIDE, ::STRIDE].shape, np.uint8)
    coarse[found[::STRIDE, ::STRIDE]] = inside.any(axis=0)
    whole = cv2.resize(coarse, None, fx=STRIDE, fy=STRIDE, interpolation=cv2.INTER_NEAREST)
    return found & (whole[: found.shape[0], : found.shape[1]] > 0)


def ways(one: Shown, depth: np.ndarray) -> np.ndarray:
    """Points (STOPS, N, 3) between the object and surfaces at depths (H, W) behind it, inf for none."""
    coarse = np.s_[::STRIDE, ::STRIDE]
    found = np.isfinite(depth[coarse])
    far = depth[coarse][found]
    near = np.clip(one.depth[coarse][found], 1e-3 * far, far)
    rays = lift(one.view, np.ones(depth.shape, np.float32))[coarse][found] - one.centre
    share = np.linspace(0, 1, STOPS + 2)[1:-1, None]
    return (one.centre + rays * (near * (far / near) ** share)[..., None]).astype(np.float32)


def before(image: np.ndarray, axis: int) -> np.ndarray:
    """Of every pixel of an image (H, W, ...) the one above (axis 0) or to the left (1); 0 at the border."""
    moved = np.zeros_like(image)
    np.moveaxis(moved, axis, 0)[1:] = np.moveaxis(image, axis, 0)[:-1]
    return moved


class Medians:
    """Medians of the first FEW colours (H, W, 3) that are added to each place."""

    def __init__(self, shape: tuple[int, int]) -> None:
        """Nothing yet, in a picture of the shape (H, W)."""
        self.count = np.zeros(shape, np.uint8)
        self.values = np.full((FEW, *shape, 3), np.inf, np.float32)

    def add(self, values: np.ndarray, known: np.ndarray) -> None:
        """Add values (H, W, 3) where they are `known` (H, W)."""
        early = known & (self.count < FEW)
        self.values[self.count[early], *early.nonzero()] = values[early]
        self.count += early

    def take(self) -> np.ndarray:
        """(H, W, 3), NaN where nothing was added."""
        self.values.sort(axis=0)
        last = np.maximum(self.count.astype(int) - 1, 0)[None, ..., None]
        middle = [np.take_along_axis(self.values, at, axis=0)[0] for at in (last // 2, (last + 1) // 2)]
        return np.where(self.count[..., None] > 0, 0.5 * (middle[0] + middle[1]), np.nan)
