"""Pixels to points and back: a view's depth lifted into the world, and world points projected into a view.

Points are in world axes, scene units; depths are z-depths, 0 = unknown.
"""

from functools import lru_cache

import cv2
import numpy as np

from nerfkit.cameras import Camera
from nerfkit.scene import View


@lru_cache(maxsize=8)
def pixel_directions(camera: Camera) -> np.ndarray:
    """Camera-axes directions (H * W, 3) of all pixels, z = 1; most captures have one lens."""
    flat = camera.unproject(camera.pixel_centres())
    return np.concatenate([flat, np.ones((len(flat), 1))], axis=1).astype(np.float32)


def lift(view: View, depth: np.ndarray) -> np.ndarray:
    """World points (H, W, 3) float32 of a view's pixels."""
    points = pixel_directions(view.camera) * depth.reshape(-1, 1)
    pose = view.world_from_cam.astype(np.float32)
    return (points @ pose[:3, :3].T + pose[:3, 3]).reshape(*depth.shape, 3)


def project(points: np.ndarray, view: View) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Where world points (..., 3) lie in a view: pixel coordinates (..., 2), z-depth (...), and whether they
    are in its frame (...); as precise as the points are."""
    cam_from_world = np.linalg.inv(view.world_from_cam).astype(points.dtype)
    local = points @ cam_from_world[:3, :3].T + cam_from_world[:3, 3]
    xy, inside = view.camera.in_frame(local)
    return xy, local[..., 2], inside


def sample(image: np.ndarray, xy: np.ndarray, method: int = cv2.INTER_LINEAR) -> np.ndarray:
    """An image's values (H, W) at pixel coordinates (H, W, 2); the frame continues beyond itself."""
    x, y = np.moveaxis(xy.astype(np.float32) - 0.5, 2, 0)  # OpenCV has pixel centres at whole numbers
    return cv2.remap(image, x, y, method, borderMode=cv2.BORDER_REPLICATE)
