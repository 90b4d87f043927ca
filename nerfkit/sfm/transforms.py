"""From a model to `transforms.json`: the scene's frame, bounds of every view, nerfstudio's schema.

A similarity is a 4x4 matrix [sR | t]; z is depth along a camera's axis. Bounds from percentiles are LLFF's
idea (Mildenhall et al. 2019), here with wide margins for what no keypoint lies on.
"""

import numpy as np

from nerfkit.cameras import Camera
from nerfkit.scene import LENS_KEYS, OPENCV_FROM_OPENGL
from nerfkit.sfm.model import Model
from nerfkit.sfm.sparse_depth import view_depth

MEDIAN_DISTANCE = 2.0  # scene units from a camera to a point
NEAR_PERCENTILE, NEAR_MARGIN = 1.0, 0.8
FAR_PERCENTILE, FAR_MARGIN = 99.5, 6.0  # what lies far off is often too plain for keypoints
CUTOUT = 0.2  # share of a photo that is transparent; less is a rim that undistortion left
CUTOUT_MARGIN = 1.5  # behind a cutout lies nothing, and samples belong where the thing is


def scene_similarity(model: Model) -> np.ndarray:
    """The similarity `scene_from_world` (4, 4).

    The median point goes to the origin, the median distance from a training camera to a point it sees becomes
    MEDIAN_DISTANCE, and the cameras' mean up becomes -y, so that a camera without rotation stands upright.
    Both medians are over observations: a point counts as often as it is seen.
    """
    seen = np.concatenate([view.point_idx for view in model.train])
    centre = np.median(model.points[seen], axis=0)
    offsets = np.concatenate([model.points[view.point_idx] - view.centre for view in model.train])
    scale = MEDIAN_DISTANCE / np.median(np.linalg.norm(offsets, axis=1))
    rotation = upright_rotation(np.mean([-view.cam_from_world[1, :3] for view in model.train], axis=0))
    similarity = np.eye(4)
    similarity[:3, :3] = scale * rotation
    similarity[:3, 3] = -scale * rotation @ centre
    return similarity


def upright_rotation(up: np.ndarray) -> np.ndarray:
    """The smallest rotation (3, 3) that turns `up` to -y; none where up has no clear direction."""
    length = np.linalg.norm(up)
    if length < 0.1:  # cameras look straight down from all around: their ups cancel
        return np.eye(3)
    a, b = up / length, np.array([0.0, -1.0, 0.0])
    if a @ b < -1 + 1e-9:
        return np.diag([1.0, -1.0, -1.0])
    v = np.cross(a, b)
    cross = np.array([[0, -v[2], v[1]], [v[2], 0, -v[0]], [-v[1], v[0], 0]])
    return np.eye(3) + cross + cross @ cross / (1 + a @ b)  # Rodrigues, sin and cos of the angle put in


def bounds(model: Model, min_points: int) -> list[tuple[float, float]]:
    """(near, far) of every view, z-depths in the reconstruction's unit.

    A view that sees fewer than `min_points` points gets the bounds of all training views' points together.
    """
    cutouts = all(view.clear > CUTOUT for view in model.train)
    margin = CUTOUT_MARGIN if cutouts else FAR_MARGIN
    depths = [view_depth(view, model.points)[1] for view in model.views]
    train = [z for view, z in zip(model.views, depths, strict=True) if view.photo.split == "train"]
    scene = depth_range(np.concatenate(train), margin)
    return [depth_range(z, margin) if len(z) >= max(1, min_points) else scene for z in depths]


def depth_range(z: np.ndarray, margin: float) -> tuple[float, float]:
    """(near, far) around z-depths; `margin` is that of far."""
    near = NEAR_MARGIN * np.percentile(z, NEAR_PERCENTILE)
    return float(near), float(margin * np.percentile(z, FAR_PERCENTILE))


def transforms(model: Model, gains: np.ndarray, unregistered: list[str], min_points: int) -> dict:
    """The content of `transforms.json`; see nerfkit/scene.py for how it is read.

    Args:
        gains: (V, 3), of the views' exposures.
    """
    lenses = [lens_keys(view.camera) for view in model.views]
    one_lens = all(keys == lenses[0] for keys in lenses)
    frames = []
    ranges = bounds(model, min_points)
    for view, keys, gain, (near, far) in zip(model.views, lenses, gains, ranges, strict=True):
        pose = np.linalg.inv(view.cam_from_world) @ OPENCV_FROM_OPENGL
        frame = {"file_path": view.photo.file, "split": view.photo.split, "near": near, "far": far}
        frame["gain"] = [round(float(channel), 4) for channel in gain]
        frames.append({**frame, **({} if one_lens else keys), "transform_matrix": pose.tolist()})
    return {
        "camera_model": "OPENCV",
        **(lenses[0] if one_lens else {}),
        "scene_from_world": scene_similarity(model).tolist(),
        "unregistered": unregistered,
        "frames": frames,
    }


def lens_keys(camera: Camera) -> dict:
    """A lens under nerfstudio's names."""
    keys = ("w", "h", "fl_x", "fl_y", "cx", "cy", "k1", "k2", "p1", "p2")
    return {key: getattr(camera, LENS_KEYS.get(key, key)) for key in keys}
