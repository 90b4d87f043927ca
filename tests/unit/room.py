"""A corner of a room with printed walls, ray-cast exactly: photos for tests of SfM, with true poses, depths.

World axes: x right, y down, z away. Floor y = 1, back wall z = 5, side wall x = -2; all are seen from cameras
on an arc around (0, 0, 4).
"""

from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from nerfkit.cameras import Camera

LENS = Camera(320, 240, 290.0, 290.0, 160.0, 120.0, k1=0.06)
PLANES = ((1, 1.0), (2, 5.0), (0, -2.0))  # (axis, its value)
LOOK_AT = np.array([0.0, 0.0, 4.0])


def texture(seed: int) -> np.ndarray:
    """A print of blobs of several sizes, (1024, 1024, 3) float32 from 0 to 1."""
    rng = np.random.default_rng(seed)
    layers = [
        cv2.GaussianBlur(rng.standard_normal((1024, 1024, 3)), (0, 0), sigma) for sigma in (3, 6, 12, 25)
    ]
    total = sum(layer / layer.std() for layer in layers)
    return np.clip(0.5 + 0.12 * total, 0, 1).astype(np.float32)


TEXTURES = [texture(seed) for seed in range(3)]


def arc_pose(angle: float, height: float, radius: float = 3.5) -> np.ndarray:
    """world_from_cam (4, 4) of a camera at `angle` (radians) on the arc that looks at the arc's centre."""
    return look_at(LOOK_AT + np.array([radius * np.sin(angle), height, -radius * np.cos(angle)]), LOOK_AT)


def look_at(eye: np.ndarray, target: np.ndarray) -> np.ndarray:
    """world_from_cam (4, 4) of an upright camera at `eye` that looks at a target, both (3,)."""
    z = (target - eye) / np.linalg.norm(target - eye)
    x = np.cross([0.0, 1.0, 0.0], z)
    x /= np.linalg.norm(x)
    pose = np.eye(4)
    pose[:3] = np.column_stack([x, np.cross(z, x), z, eye])
    return pose


def arc(count: int) -> list[np.ndarray]:
    """Poses along the arc, nearer and farther, up and down in turn."""
    angles = np.linspace(-0.25, 0.5, count)
    return [
        arc_pose(angle, -0.5 + 0.3 * np.cos(2.4 * i), 3.4 + 0.5 * np.sin(1.9 * i))
        for i, angle in enumerate(angles)
    ]


def rays(camera: Camera, pose: np.ndarray, xy: np.ndarray) -> np.ndarray:
    """World directions (N, 3) of pixels (N, 2), scaled so that their length parameter is z-depth."""
    normalised = camera.unproject(xy)
    return np.column_stack([normalised, np.ones(len(xy))]) @ pose[:3, :3].T


def depth(camera: Camera, pose: np.ndarray, xy: np.ndarray) -> np.ndarray:
    """True z-depth (N,) at pixels (N, 2)."""
    return nearest_plane(pose[:3, 3], rays(camera, pose, xy))[0]


def nearest_plane(eye: np.ndarray, directions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Distance (N,) in units of the directions, and index (N,) of the first plane in front."""
    with np.errstate(divide="ignore"):
        distances = np.stack([(value - eye[axis]) / directions[:, axis] for axis, value in PLANES])
    distances = np.where(distances > 1e-6, distances, np.inf)
    return distances.min(axis=0), distances.argmin(axis=0)


def render(camera: Camera, pose: np.ndarray) -> np.ndarray:
    """The photo, uint8 (H, W, 3)."""
    shape = camera.height, camera.width
    directions = rays(camera, pose, camera.pixel_centres())
    distance, plane = nearest_plane(pose[:3, 3], directions)
    points = pose[:3, 3] + distance[:, None] * directions
    photo = np.zeros((*shape, 3), np.float32)
    for index, (axis, _) in enumerate(PLANES):
        u, v = (np.delete(points, axis, axis=1).T * 170).astype(np.float32).reshape(2, *shape)
        printed = cv2.remap(TEXTURES[index], u, v, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)
        photo = np.where((plane == index).reshape(*shape, 1), printed, photo)
    return (photo * 255).astype(np.uint8)


def write_photos(folder: Path, poses: list[np.ndarray], camera: Camera = LENS, start: int = 0) -> list[Path]:
    """Photograph the room; files are named by their place in the list."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"view {i + start}.png" for i in range(len(poses))]
    for path, pose in zip(paths, poses, strict=True):
        Image.fromarray(render(camera, pose)).save(path)
    return paths
