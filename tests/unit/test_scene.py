"""transforms.json to views: axes, scale, bounds, lenses."""

import analytic
import numpy as np
import pytest

from nerfkit.errors import UserError
from nerfkit.files import read_json, write_json
from nerfkit.scene import lens_from_frame, read_scene


def test_a_written_capture_reads_back(tmp_path):
    made = analytic.write_capture(tmp_path, 4)
    scene = read_scene(tmp_path / "sfm" / "transforms.json", tmp_path / "photos")
    assert [v.name for v in scene.train] == [v.name for v in made]
    for got, want in zip(scene.train, made, strict=True):
        np.testing.assert_allclose(got.world_from_cam, want.world_from_cam, atol=1e-9)
        assert (got.near, got.far, got.camera) == (want.near, want.far, want.camera)
        assert got.image().shape == (36, 48, 3)
    assert scene.nearest == analytic.NEAR


def test_scene_units_scale_poses_and_bounds_alike(tmp_path):
    analytic.write_capture(tmp_path, 3)
    path = tmp_path / "sfm" / "transforms.json"
    similarity = np.diag([0.5, 0.5, 0.5, 1])
    similarity[:3, 3] = [1, 2, 3]
    write_json(path, {**read_json(path), "scene_from_world": similarity.tolist()})
    scene, view = read_scene(path, tmp_path / "photos"), analytic.views(tmp_path, 3)[1]
    got = scene.train[1]
    np.testing.assert_allclose(got.world_from_cam[:3, 3], 0.5 * view.world_from_cam[:3, 3] + [1, 2, 3])
    np.testing.assert_allclose(got.world_from_cam[:3, :3], view.world_from_cam[:3, :3], atol=1e-9)
    assert got.near == pytest.approx(0.5 * view.near)
    assert scene.scale == pytest.approx(0.5)


def test_a_frames_own_lens_goes_before_the_files():
    shared = {"w": 10, "h": 8, "fl_x": 5, "fl_y": 5, "cx": 5, "cy": 4}
    assert lens_from_frame({"w": 20, "k1": 0.1}, shared).width == 20
    assert lens_from_frame({"k1": 0.1}, shared).k1 == 0.1
    assert lens_from_frame({}, shared).k1 == 0


def test_a_scene_without_training_views_is_refused(tmp_path):
    analytic.write_capture(tmp_path, 2)
    path = tmp_path / "sfm" / "transforms.json"
    data = read_json(path)
    write_json(path, {**data, "frames": [{**f, "split": "test"} for f in data["frames"]]})
    with pytest.raises(UserError, match="no training view"):
        read_scene(path, tmp_path / "photos")
