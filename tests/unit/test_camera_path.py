"""Camera paths: inside the cameras, smooth, looped, and made of rotations."""

import numpy as np
import pytest
from scipy.spatial import ConvexHull
from scipy.spatial.transform import Rotation

from nerfkit.errors import UserError
from nerfkit.evaluation.camera_path import azimuths, camera_path


def looking_at_origin(centre):
    forward = -centre / np.linalg.norm(centre)
    right = np.cross(forward, [0, 0, 1])
    right /= np.linalg.norm(right)
    pose = np.eye(4)
    pose[:3, :3] = np.stack([right, np.cross(forward, right), forward], axis=1)
    pose[:3, 3] = centre
    return pose


def cameras(start, end, count=24, seed=0):
    """Cameras on an arc of azimuths (degrees) around the origin, at changing heights, in a random order."""
    rng = np.random.default_rng(seed)
    angles = np.deg2rad(np.linspace(start, end, count, endpoint=end - start < 360))
    heights = 0.6 + 0.3 * rng.random(count)
    centres = np.stack([2 * np.cos(angles), 2 * np.sin(angles), heights], axis=1)
    return np.stack([looking_at_origin(centre) for centre in rng.permutation(centres)])


def steps(path):
    """Distances between the positions and angles (radians) between the views of successive frames, looped."""
    poses = path.poses[path.order]
    after = np.roll(poses, -1, axis=0)
    moved = np.linalg.norm(after[:, :3, 3] - poses[:, :3, 3], axis=1)
    turned = Rotation.from_matrix(np.swapaxes(poses[:, :3, :3], 1, 2) @ after[:, :3, :3]).magnitude()
    return moved, turned


@pytest.mark.parametrize(("start", "end"), [(-50, 60), (150, 250), (0, 360)])
def test_the_path_stays_inside_the_cameras_and_looks_where_they_look(start, end):
    poses = cameras(start, end)
    path = camera_path(poses, 60)
    hull = ConvexHull(poses[:, :3, 3])
    outside = path.poses[:, :3, 3] @ hull.equations[:, :3].T + hull.equations[:, 3]
    assert outside.max() < 1e-9
    to_origin = -path.poses[:, :3, 3] / np.linalg.norm(path.poses[:, :3, 3], axis=1, keepdims=True)
    assert (to_origin * path.poses[:, :3, 2]).sum(1).min() > np.cos(np.deg2rad(8))


@pytest.mark.parametrize(("start", "end"), [(-50, 60), (0, 360)])
def test_the_path_is_a_smooth_loop_of_rotations(start, end):
    path = camera_path(cameras(start, end), 60)
    assert len(path.order) == 60
    moved, turned = steps(path)
    length = np.deg2rad(end - start) * 2
    assert moved.max() < 4 * length / 60
    assert turned.max() < np.deg2rad(4 * (end - start) / 60)
    assert np.abs(np.diff(moved)).max() < 0.5 * moved.max()
    rotations = path.poses[:, :3, :3]
    np.testing.assert_allclose(
        rotations @ np.swapaxes(rotations, 1, 2), np.broadcast_to(np.eye(3), rotations.shape), atol=1e-9
    )
    np.testing.assert_allclose(np.linalg.det(rotations), 1)


def test_the_path_does_not_wander_between_two_rows_of_cameras():
    rng = np.random.default_rng(3)
    angles, heights = rng.uniform(-0.8, 0.8, 40), np.repeat([-0.6, 0.6], 20)
    centres = np.stack([2 * np.cos(angles), 2 * np.sin(angles), heights], axis=1)
    height = camera_path(np.stack([looking_at_origin(centre) for centre in centres]), 60).poses[:, 2, 3]
    assert np.abs(np.diff(height)).sum() < 0.5  # a path that went from row to row would climb 1.2 each time


def test_a_sweep_renders_half_of_its_frames_and_crosses_most_of_the_arc():
    path = camera_path(cameras(-50, 60), 60)
    assert len(path.poses) == 31
    assert sorted(set(path.order)) == list(range(31))
    centres = path.poses[:, :3, 3]
    swept = np.rad2deg(np.ptp(np.unwrap(np.arctan2(centres[:, 1], centres[:, 0]))))
    assert 80 < swept < 110


def test_cameras_all_around_are_orbited_unless_a_sweep_is_asked_for():
    poses = cameras(0, 360)
    orbit = camera_path(poses, 40)
    assert len(orbit.poses) == 40
    radii = np.linalg.norm(orbit.poses[:, :2, 3], axis=1)
    assert radii.min() > 1.8
    assert len(camera_path(poses, 40, "sweep").poses) == 21


def test_azimuths_start_after_the_largest_gap():
    angles, gap = azimuths(cameras(150, 250, count=11))
    assert np.rad2deg(angles.max()) == pytest.approx(100, abs=10)  # the cameras' mean up is a little tilted
    assert angles.min() == 0
    assert np.rad2deg(gap) == pytest.approx(260, abs=10)


def test_three_cameras_and_one_frame_are_enough():
    assert camera_path(cameras(0, 20, count=3), 1).poses.shape == (1, 4, 4)
    same = np.repeat(cameras(0, 20, count=2)[:1], 3, axis=0)
    np.testing.assert_allclose(camera_path(same, 4).poses, np.repeat(same[:1], 3, axis=0), atol=1e-9)


def test_an_unknown_style_is_answered_with_those_there_are():
    with pytest.raises(UserError, match="no camera path 'spiral'; choose one of auto, sweep, orbit"):
        camera_path(cameras(0, 20), 10, "spiral")
