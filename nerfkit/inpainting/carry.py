"""Carrying a fill from one view into another, through the completed depth of both.

The surfaces that the view before has filled are drawn into the view that is filled now, which completes only
what they leave. A pixel then looks along its ray for the surface of the other view: from its own depth on,
the depth is corrected until the other view has the same point at the same depth. The colour there is taken
over; at the rim of the hole it is made to meet the photo.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from nerfkit.errors import UserError
from nerfkit.inpainting.regions import grown
from nerfkit.membrane import meeting
from nerfkit.projection import lift, project
from nerfkit.scene import View

STEPS = 6  # corrections of the depth along the ray
SAME_DEPTH = 0.01  # relative difference of depth of what counts as the same point
DRIFT = 0.1  # relative change against the own completion beyond which it is another surface
ASIDE = 60  # degrees between two views of a surface, from which on one may see its back
ENOUGH = 0.7  # share of a hole that other views' fills must settle to be taken over
BESIDE = 0.03  # relative difference of disparity within which a surface goes on at the rim
MEETING = 0.75  # share of its rim where their surfaces must meet what the view itself sees around the hole
RIM = 2  # px around the hole where colours are compared
# what is added of the difference to a blur (sigma, px) before colours are carried: between pixels Lanczos's
# kernel keeps 0.88 (leaves) to 0.97 (a bare wall) of a photo's gradient energy, a field 0.92 of its fills'
SHARPENED, BLUR = 0.2, 0.7
SAMPLE_ROW = 1024  # OpenCV samples at tables of positions with no side beyond 32767


@dataclass
class FilledView:
    """A view with its hole and what is known of it; `image` and `disparity` are filled, or about to be."""

    view: View
    xy: np.ndarray  # (H, W, 2) float32 normalised coordinates of the pixels
    hole: np.ndarray  # bool (H, W)
    image: np.ndarray  # uint8 (H, W, 3)
    disparity: np.ndarray  # float32 (H, W), near_scene / z, 0 = unknown
    standing: np.ndarray | None = None  # disparity of what is taken away, 0 elsewhere


def choose_reference(views: list[View], holes: dict[str, np.ndarray], wanted: str) -> View:
    """The view to fill first: the one named, or the nearest to the mean pose that has its hole in frame.

    Raises:
        UserError: there is no such view, or nothing to fill in it.
    """
    with_hole = [view for view in views if holes[view.name].any()]
    if wanted != "auto":
        for view in with_hole:
            if view.name == wanted:
                return view
        names = ", ".join(view.name for view in with_hole)
        raise UserError(
            f"inpainting.reference: '{wanted}' is no registered photo with a hole to fill; "
            f"choose auto or one of {names}."
        )
    whole = [view for view in with_hole if not _touches_border(holes[view.name])] or with_hole
    distances = pose_distances(views, [view.world_from_cam for view in whole])
    return whole[int(np.argmin(distances))]


def _touches_border(hole: np.ndarray) -> bool:
    """Whether part of the hole may lie outside the picture."""
    return bool(hole[[0, -1]].any() or hole[:, [0, -1]].any())


def pose_distances(views: list[View], poses: list[np.ndarray]) -> np.ndarray:
    """Distance of each pose from the mean pose of the views: position and direction, each in typical ones."""
    places = np.array([view.world_from_cam[:3, 3] for view in views])
    gazes = np.array([view.world_from_cam[:3, 2] for view in views])
    far = np.linalg.norm([pose[:3, 3] - places.mean(axis=0) for pose in poses], axis=1)
    off = np.linalg.norm([pose[:3, 2] - gazes.mean(axis=0) for pose in poses], axis=1)
    spread = np.linalg.norm(places - places.mean(axis=0), axis=1).mean()
    turn = np.linalg.norm(gazes - gazes.mean(axis=0), axis=1).mean()
    return far / max(spread, 1e-9) + off / max(turn, 1e-9)


def carry_surfaces(target: FilledView, sources: list[FilledView], near: float) -> np.ndarray:
    """The disparity (H, W) that fills of other views, the first ones first, have in the hole of the target.

    What is hidden is guessed once: were each view to guess for itself where a border runs, no field could
    follow all of them. 0 is left where no source has filled a surface, and everywhere if they leave too much
    or do not meet what the target sees: then its own surroundings tell more.
    """
    told = np.zeros_like(target.disparity)
    for source in sources:
        found = splat(source, target, near)
        told = np.where(target.hole & (told == 0), found, told)
    enough = (told > 0).sum() >= ENOUGH * target.hole.sum()
    return told if enough and meeting_share(told, target) >= MEETING else np.zeros_like(told)


def meeting_share(told: np.ndarray, target: FilledView) -> float:
    """The share of the rim of a hole where carried disparities (H, W) lie among those seen beside it."""
    seen = ~target.hole & (target.disparity > 0)
    square = np.ones((2 * RIM + 1, 2 * RIM + 1), np.uint8)
    nearest = cv2.dilate(np.where(seen, target.disparity, 0), square)
    farthest = cv2.erode(np.where(seen, target.disparity, np.inf).astype(np.float32), square)
    rim = (told > 0) & (nearest > 0)
    meets = (told < (1 + BESIDE) * nearest) & (told > (1 - BESIDE) * farthest)
    return float(meets[rim].mean()) if rim.any() else 0.0


def splat(source: FilledView, target: FilledView, near: float) -> np.ndarray:
    """The disparity (H, W) of what the source has filled as the target sees it, 0 where it sees none of it.

    A pixel of the source covers the four of the target around its place; the nearest one counts.
    """
    result = np.zeros_like(target.disparity)
    filled = source.hole & (source.disparity > 0)
    if not filled.any():
        return result
    points = lift(source.view, near / np.maximum(source.disparity, 1e-6))[filled]
    xy, z, seen = project(points, target.view)
    seen &= same_side(points, source.view, target.view)
    left, top = np.floor(xy[seen] - 0.5).astype(int).T
    height, width = result.shape
    for dx, dy in ((0, 0), (1, 0), (0, 1), (1, 1)):
        x, y = np.clip(left + dx, 0, width - 1), np.clip(top + dy, 0, height - 1)
        np.maximum.at(result, (y, x), (near / z[seen]).astype(np.float32))
    return np.minimum(result, 1)


def same_side(points: np.ndarray, one: View, other: View) -> np.ndarray:
    """Which world points (N, 3) two views look at from directions less than ASIDE apart, (N,)."""
    a, b = (points - view.world_from_cam[:3, 3] for view in (one, other))
    lengths = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    return np.einsum("nk,nk->n", a, b) > np.cos(np.radians(ASIDE)) * lengths


def look_up(target: FilledView, source: FilledView, where: np.ndarray, near: float) -> tuple:
    """Find the pixels `where` (H, W) of the target in the source.

    `near` is the depth of disparity 1, scene units.
    Returns: positions (N, 2) float32 in the source, px, array coordinates; disparity (N,) in the target;
    found (N,), whether both views agree on the point.
    """
    rays = np.concatenate([target.xy[where], np.ones((where.sum(), 1))], axis=1).astype(float)
    source_from_target = np.linalg.inv(source.view.world_from_cam) @ target.view.world_from_cam
    directions, origin = rays @ source_from_target[:3, :3].T, source_from_target[:3, 3]
    own = target.disparity[where].astype(float)
    start = near / np.maximum(own, 1e-6)
    depth = start.copy()
    for _ in range(STEPS):
        positions, seen, surface = _project(directions * depth[:, None] + origin, source, near)
        slope = np.where(np.abs(directions[:, 2]) > 0.1, directions[:, 2], np.inf)
        correction = np.where(seen, (surface - (directions[:, 2] * depth + origin[2])) / slope, 0)
        depth = np.clip(depth + correction, 0.8 * depth, 1.25 * depth)
    points = directions * depth[:, None] + origin
    positions, seen, surface = _project(points, source, near)
    found = seen & (own > 0) & (np.abs(points[:, 2] / surface - 1) < SAME_DEPTH)
    found &= np.abs(depth / start - 1) < DRIFT
    return positions, near / depth, found


def _project(points: np.ndarray, source: FilledView, near: float) -> tuple:
    """Points in the source's camera axes to array positions, whether they are in the picture, and the depth
    of the source's surface there."""
    camera = source.view.camera
    front = points[:, 2] > 1e-6
    safe = np.where(front[:, None], points, [0.0, 0.0, 1.0])
    positions = (camera.project(safe) - 0.5).astype(np.float32)
    cell = np.rint(positions).astype(int)
    inside = (cell >= 1).all(axis=1) & (cell[:, 0] < camera.width - 1) & (cell[:, 1] < camera.height - 1)
    cell = np.where(inside[:, None], cell, 0)
    disparity = source.disparity[cell[:, 1], cell[:, 0]]
    return positions, front & inside & (disparity > 0), near / np.maximum(disparity, 1e-6)


def carry(target: FilledView, source: FilledView, left: np.ndarray, near: float) -> np.ndarray:
    """Fill what the source knows of the pixels `left` of the target, in place; return what is left then."""
    where = left | (grown(left, RIM) & ~target.hole)
    positions, disparity, found = look_up(target, source, where, near)
    reached = np.zeros_like(left)
    reached[where] = found
    # Lone pixels are accidents of the depth test: the rest is left to the inpainter.
    reached &= cv2.morphologyEx(reached.astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8)) > 0
    wanted, rim = reached & left, reached & ~target.hole
    if not wanted.any():
        return left
    carried = np.zeros((*left.shape, 4))
    carried[where, :3] = sample(sharpened(source.image), positions)
    carried[where, 3] = disparity
    present = np.concatenate([target.image / 255, target.disparity[..., None]], axis=2)
    carried = meeting(carried, present, rim, wanted)
    target.image[wanted] = (np.clip(carried[wanted, :3], 0, 1) * 255 + 0.5).astype(np.uint8)
    target.disparity[wanted] = np.maximum(carried[wanted, 3], 1e-4)
    return left & ~wanted


def sharpened(image: np.ndarray) -> np.ndarray:
    """A uint8 image (H, W, 3) with what sampling and training will take of its texture, float32."""
    image = image.astype(np.float32)
    return image + SHARPENED * (image - cv2.GaussianBlur(image, (0, 0), BLUR))


def sample(image: np.ndarray, positions: np.ndarray) -> np.ndarray:
    """Colours, 1 for 255, of an image (H, W, 3) at positions (N, 2), (N, 3); Lanczos's kernel blurs least.

    Positions have the centre of the first pixel at 0.
    """
    rows = -(-len(positions) // SAMPLE_ROW)
    table = np.zeros((rows * SAMPLE_ROW, 2), np.float32)
    table[: len(positions)] = positions
    table = table.reshape(rows, SAMPLE_ROW, 2)
    colours = cv2.remap(image, table, None, cv2.INTER_LANCZOS4, borderMode=cv2.BORDER_REPLICATE)
    return colours.reshape(-1, 3)[: len(positions)] / 255
