"""Cameras that look at the object: between the training cameras, and once around it."""

import numpy as np

from nerfkit.cameras import Camera
from nerfkit.fields.object_box import Box

FACING = 0.3  # cosine between a surface's normal and a camera from which the surface is seen well enough
FILL = 0.9  # share of the picture that the object's sphere takes


def upward(poses: np.ndarray) -> np.ndarray:
    """The scene's upward direction (3,) by its cameras' poses (V, 4, 4), whose y axes point down."""
    up = -poses[:, :3, 1].mean(axis=0)
    return up / np.linalg.norm(up)


def looking_at(centre: np.ndarray, target: np.ndarray, up: np.ndarray) -> np.ndarray:
    """world_from_cam (4, 4) at `centre` with `target` in the middle and `up` upwards."""
    forward = (target - centre) / np.linalg.norm(target - centre)
    right = np.cross(forward, up)
    if np.linalg.norm(right) < 1e-6:
        right = np.cross(forward, np.roll(up, 1) + 0.1)
    right /= np.linalg.norm(right)
    pose = np.eye(4)
    pose[:3, :3] = np.stack([right, np.cross(forward, right), forward], axis=1)
    pose[:3, 3] = centre
    return pose


def square_camera(pose: np.ndarray, box: Box, size: int, zoom: float = 1.0) -> Camera:
    """A square lens at a pose in which the sphere that touches the cube's sides fills the picture."""
    distance = float(np.linalg.norm(pose[:3, 3] - box.centre))
    radius = 0.5 * box.side
    half = np.arcsin(min(radius / max(distance, 1e-6), 0.95))
    focal = FILL * zoom * size / (2 * np.tan(half))
    return Camera(size, size, focal, focal, size / 2, size / 2)


def pose_between(poses: np.ndarray, box: Box, rng: np.random.Generator, jitter: float) -> np.ndarray:
    """A pose between a training camera and one nearby, looking up to `jitter` sides beside the object."""
    centres = poses[:, :3, 3]
    first = int(rng.integers(len(centres)))
    order = np.argsort(np.linalg.norm(centres - centres[first], axis=1))
    second = int(order[min(1 + int(rng.integers(3)), len(order) - 1)])
    share = rng.random()
    place = (1 - share) * centres[first] + share * centres[second]
    target = box.centre + jitter * box.side * (2 * rng.random(3) - 1)
    return looking_at(place, target, upward(poses))


def circle(poses: np.ndarray, box: Box, frames: int) -> np.ndarray:
    """Poses (frames, 4, 4) once around the object, at the cameras' median distance and height above it."""
    up = upward(poses)
    away = poses[:, :3, 3] - box.centre
    height = float(np.median(away @ up))
    flat = away - (away @ up)[:, None] * up
    radius = float(np.median(np.linalg.norm(flat, axis=1)))
    start = flat[0] / np.linalg.norm(flat[0])
    side = np.cross(up, start)
    angles = np.linspace(0, 2 * np.pi, frames, endpoint=False)
    places = [box.centre + height * up + radius * (np.cos(a) * start + np.sin(a) * side) for a in angles]
    return np.stack([looking_at(place, box.centre, up) for place in places])


def seen_along(points: np.ndarray, normals: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """Unit directions (N, 3) along which surface points are best looked at: from the camera they face most.

    A field's colour is known along the directions of the photos alone. Points (N, 3) that face none of the
    camera centres (V, 3) are looked at against their outward normals (N, 3).
    """
    best, cosine = -normals, np.full(len(points), FACING)
    for centre in centres:
        direction = points - centre
        direction /= np.linalg.norm(direction, axis=1, keepdims=True)
        facing = -(direction * normals).sum(axis=1)
        better = facing > cosine
        best, cosine = np.where(better[:, None], direction, best), np.where(better, facing, cosine)
    return best
