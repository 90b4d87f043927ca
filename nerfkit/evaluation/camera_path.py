"""A smooth camera path among the training cameras.

Every pose on the path is a weighted mean of training poses, the weights falling off with the difference in
azimuth around what the cameras look at. So the path stays inside the convex hull of the cameras' centres,
where the field was seen, whatever the capture's shape; it needs no radius and no height.
"""

from dataclasses import dataclass

import numpy as np

from nerfkit.errors import UserError

STYLES = ("auto", "sweep", "orbit")
ORBIT_GAP = np.deg2rad(75)  # cameras that leave no larger gap than this surround the scene
SWEEP_RANGE = (0.05, 0.95)  # quantiles of the cameras' azimuths between which a sweep moves
# standard deviation of the weights: less lets the path wander between the rows of a capture that has several
ORBIT_SMOOTHING = np.deg2rad(15)
SWEEP_SMOOTHING = 1 / 7  # as a share of the swept range


@dataclass(frozen=True)
class CameraPath:
    """Different poses (N, 4, 4), `world_from_cam`, and which of them each frame of the video shows."""

    poses: np.ndarray
    order: list[int]


def camera_path(world_from_cam: np.ndarray, frames: int, style: str = "auto") -> CameraPath:
    """The path of a video that can be looped.

    Args:
        world_from_cam: training poses (V, 4, 4), OpenCV axes, scene units (the scene's centre is the origin).
        frames: number of frames of the video.
        style: `sweep` moves to and fro along the arc of the cameras, easing at its ends (so half of its
            frames are new poses); `orbit` goes once around; `auto` orbits when the cameras surround the
            scene.
    """
    if style not in STYLES:
        raise UserError(f"There is no camera path {style!r}; choose one of {', '.join(STYLES)}.")
    angles, gap = azimuths(world_from_cam)
    if style == "orbit" or (style == "auto" and gap < ORBIT_GAP):
        targets = np.linspace(0, 2 * np.pi, frames, endpoint=False)
        order = list(range(frames))
        width = max(ORBIT_SMOOTHING, gap / 2)
    else:
        phase = np.arange(frames // 2 + 1) / frames
        start, end = np.quantile(angles, SWEEP_RANGE)
        targets = start + (end - start) * (1 - np.cos(2 * np.pi * phase)) / 2
        order = [min(k, frames - k) for k in range(frames)]
        width = max((end - start) * SWEEP_SMOOTHING, np.diff(np.sort(angles)).max(initial=1e-6) / 2)
    return CameraPath(np.stack([mean_pose(world_from_cam, angles, t, width) for t in targets]), order)


def azimuths(world_from_cam: np.ndarray) -> tuple[np.ndarray, float]:
    """Angles (V,) of the camera centres around the scene's upward axis, from the end of their largest gap.

    Returns:
        the angles in [0, 2 pi), radians, and the largest gap between neighbours.
    """
    up = -world_from_cam[:, :3, 1].mean(axis=0)  # the cameras' y axes point down
    centres = world_from_cam[:, :3, 3]
    _, _, basis = np.linalg.svd(up[None])  # rows: along up, then two that complete it
    angles = np.arctan2(centres @ basis[2], centres @ basis[1]) % (2 * np.pi)
    ordered = np.sort(angles)
    gaps = np.diff(ordered, append=ordered[0] + 2 * np.pi)
    first = ordered[(gaps.argmax() + 1) % len(ordered)]
    return (angles - first) % (2 * np.pi), float(gaps.max())


def mean_pose(world_from_cam: np.ndarray, angles: np.ndarray, angle: float, width: float) -> np.ndarray:
    """The mean of the poses with Gaussian weights of standard deviation `width` in azimuth.

    Positions are averaged as they are, rotations by projecting their mean to the nearest rotation.
    """
    difference = (angles - angle + np.pi) % (2 * np.pi) - np.pi
    exponent = -0.5 * (difference / width) ** 2
    weights = np.exp(exponent - exponent.max())
    mean = np.einsum("v,vij->ij", weights / weights.sum(), world_from_cam)
    left, _, right = np.linalg.svd(mean[:3, :3])
    mean[:3, :3] = left @ np.diag([1, 1, np.linalg.det(left @ right)]) @ right
    return mean
