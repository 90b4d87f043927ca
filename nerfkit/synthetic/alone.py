"""The truth of a covered subject: as it looks when what covers it is gone, and which of it no photo shows.

The colour is that of the place without the covering things (their shadows go with them), on transparency.
A pixel is hidden where the surface point that it shows was seen by no training photo: it lay outside of the
frame, behind something, or turned away. This is decided by the exact depths, not by any field.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from nerfkit.cameras import Camera
from nerfkit.scene import OPENCV_FROM_OPENGL

# of the depth; a surface that lies this little behind the visible one is the visible one
TOLERANCE = 0.006


@dataclass(frozen=True)
class Shown:
    """What a training photo shows: its lens, its pose (camera-to-world, OpenGL axes), z-depth (H, W) in the
    units of the pose, and the subject's mask (H, W)."""

    camera: Camera
    pose: np.ndarray
    depth: np.ndarray
    mask: np.ndarray


def surface_points(camera: Camera, pose: np.ndarray, depth: np.ndarray, where: np.ndarray) -> np.ndarray:
    """The points (N, 3), world frame, that the pixels `where` (H, W) show at their z-depth (H, W)."""
    rays = camera.unproject(camera.pixel_centres())[where.ravel()]
    local = np.concatenate([rays, np.ones((len(rays), 1))], axis=1) * depth[where][:, None]
    axes = pose @ OPENCV_FROM_OPENGL
    return local @ axes[:3, :3].T + axes[:3, 3]


def seen_in(points: np.ndarray, photo: Shown) -> np.ndarray:
    """Which points (N, 3) of the subject a photo shows, bool (N,).

    A point counts where the photo has the subject at its pixel or right beside it at the point's depth.
    """
    axes = photo.pose @ OPENCV_FROM_OPENGL
    local = (points - axes[:3, 3]) @ axes[:3, :3]
    ahead = local[:, 2] > 0
    place = np.floor(photo.camera.project(np.where(ahead[:, None], local, [0.0, 0.0, 1.0]))).astype(int)
    size = photo.camera.width, photo.camera.height
    inside = ahead & (place >= 0).all(axis=1) & (place < size).all(axis=1)
    column, row = np.where(inside[:, None], place, 0).T
    depth = np.where(photo.mask, photo.depth, 0).astype(np.float32)
    # the deepest of the neighbours: on a slanted surface the pixel's own centre may lie nearer than the point
    deepest = cv2.dilate(depth, np.ones((3, 3), np.uint8))[row, column]
    return inside & (deepest > 0) & (local[:, 2] <= deepest * (1 + TOLERANCE))


def hidden_pixels(
    camera: Camera, pose: np.ndarray, depth: np.ndarray, subject: np.ndarray, photos: list[Shown]
) -> np.ndarray:
    """The pixels (H, W) of a subject whose surface no photo shows.

    Args:
        depth: z-depth (H, W) of the subject alone.
        subject: where it is (H, W).
    """
    points = surface_points(camera, pose, depth, subject)
    seen = np.zeros(len(points), bool)
    for photo in photos:
        seen[~seen] = seen_in(points[~seen], photo)
    hidden = np.zeros_like(subject)
    hidden[subject] = ~seen
    return hidden
