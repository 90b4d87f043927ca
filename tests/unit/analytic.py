"""A scene in closed form, ray-cast exactly: a patterned floor and wall, with or without a red ball on it.

Scene units, OpenCV axes: the floor is y = 0.5 (y points down), the wall z = 1, the ball stands at the origin.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nerfkit.cameras import Camera
from nerfkit.files import write_image, write_json
from nerfkit.scene import OPENCV_FROM_OPENGL, View

LENS = Camera(48, 36, 50.0, 50.0, 24.0, 18.0, k1=0.02)
BALL, NEAR, FAR = 0.35, 0.7, 5.0


@dataclass(frozen=True)
class Shot:
    """One exact photo: rgb (H, W, 3) uint8, z-depth (H, W), and which pixels show the ball."""

    rgb: np.ndarray
    depth: np.ndarray
    ball: np.ndarray


def pose(angle: float, height: float = -0.35) -> np.ndarray:
    """world_from_cam at distance 2, looking at the origin from the wall's open side."""
    centre = np.array([2 * np.sin(angle), height, -2 * np.cos(angle)])
    forward = -centre / np.linalg.norm(centre)
    right = np.cross([0, 1, 0], forward)
    right /= np.linalg.norm(right)
    matrix = np.eye(4)
    matrix[:3, :3] = np.stack([right, np.cross(forward, right), forward], axis=1)
    matrix[:3, 3] = centre
    return matrix


def pattern(points: np.ndarray) -> np.ndarray:
    """Smooth colours of floor and wall by place."""
    return 0.5 + 0.35 * np.sin(1.7 * points @ np.array([[3.0, 5, 2], [4, -2, 5], [2, 4, -3]]) + [0, 1, 2])


def shoot(world_from_cam: np.ndarray, camera: Camera = LENS, ball: bool = True) -> Shot:
    """Cast one ray through every pixel's centre."""
    local = np.concatenate(
        [camera.unproject(camera.pixel_centres()), np.ones((camera.width * camera.height, 1))], 1
    )
    origin, directions = world_from_cam[:3, 3], local @ world_from_cam[:3, :3].T  # z-component of local is 1
    with np.errstate(divide="ignore"):
        floor = (0.5 - origin[1]) / directions[:, 1]
        wall = (1 - origin[2]) / directions[:, 2]
    depth = np.minimum(np.where(floor > 0, floor, np.inf), np.where(wall > 0, wall, np.inf)).clip(0, FAR)
    colour = pattern(origin + depth[:, None] * directions)
    a, b = (directions**2).sum(1), directions @ origin
    root = b * b - a * (origin @ origin - BALL**2)
    t = np.where(root > 0, (-b - np.sqrt(root.clip(0))) / a, np.inf)
    hit = (root > 0) & (t < depth) & ball
    light = np.clip(0.6 - 0.4 * (origin + t[:, None] * directions)[hit][:, 1] / BALL, 0.2, 1)
    colour[hit] = light[:, None] * np.array([0.9, 0.1, 0.1])
    depth = np.where(hit, t, depth)
    shape = (camera.height, camera.width)
    rgb = (colour.clip(0, 1) * 255).round().astype(np.uint8).reshape(*shape, 3)
    return Shot(rgb, depth.reshape(shape).astype(np.float32), hit.reshape(shape))


def angles(count: int, half: float = 0.6) -> np.ndarray:
    """Viewing angles over an arc of twice `half`, 70 degrees if not said otherwise."""
    return np.linspace(-half, half, count)


def views(folder: Path, count: int = 10, half: float = 0.6) -> list[View]:
    """The training views, photos not written."""
    return [
        View(f"v{i:02d}", "train", LENS, pose(angle), NEAR, FAR, folder / "images" / f"v{i:02d}.png")
        for i, angle in enumerate(angles(count, half))
    ]


def sparse_depth(name: str, depth: np.ndarray, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """What `sparse_depth.npz` says of a view of known depth (H, W): 40 keypoints, no edges."""
    row, column = rng.integers(0, LENS.height, 40), rng.integers(0, LENS.width, 40)
    return {
        f"{name}/xy": np.stack([column, row], 1).astype(np.float32) + 0.5,
        f"{name}/z": depth[row, column],
        f"{name}/error": np.full(40, 0.5, np.float32),
        f"{name}/line_xy": np.zeros((0, 2), np.float32),
        f"{name}/line_z": np.zeros(0, np.float32),
    }


def write_capture(root: Path, count: int = 10) -> list[View]:
    """Write what the photos and sfm stages would: <root>/photos and <root>/sfm; the views."""
    made = views(root / "photos", count)
    for folder in ("photos/images", "sfm"):
        (root / folder).mkdir(parents=True)
    rng, sparse = np.random.default_rng(0), {}
    for view in made:
        shot = shoot(view.world_from_cam)
        write_image(view.path, shot.rgb)
        sparse |= sparse_depth(view.name, shot.depth, rng)
    np.savez(root / "sfm" / "sparse_depth.npz", **sparse)
    frames = [
        {
            "file_path": f"images/{view.name}.png",
            "transform_matrix": (view.world_from_cam @ OPENCV_FROM_OPENGL).tolist(),
            "split": "train",
            "near": NEAR,
            "far": FAR,
        }
        for view in made
    ]
    lens = {"w": LENS.width, "h": LENS.height, "fl_x": LENS.fx, "fl_y": LENS.fy, "cx": LENS.cx, "cy": LENS.cy}
    transforms = {**lens, "k1": LENS.k1, "frames": frames, "scene_from_world": np.eye(4).tolist()}
    write_json(root / "sfm" / "transforms.json", {**transforms, "unregistered": []})
    return made
