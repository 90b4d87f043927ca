"""SfM on parts of real captures, against the poses that came with them."""

import json
from pathlib import Path

import numpy as np
import pytest

from nerfkit.files import list_images, read_json
from nerfkit.photos import PhotosSettings, photos
from nerfkit.scene import OPENCV_FROM_OPENGL, read_scene
from nerfkit.sfm import SfmSettings, sfm

pytestmark = [pytest.mark.real, pytest.mark.slow]


def given_rotations(transforms) -> dict[str, np.ndarray]:
    frames = read_json(transforms)["frames"]
    return {
        Path(frame["file_path"]).stem: (frame["transform_matrix"] @ OPENCV_FROM_OPENGL)[:3, :3]
        for frame in frames
    }


def largest_turn(scene, given: dict[str, np.ndarray]) -> float:
    """Largest angle in degrees between the given rotations and ours, after the best common turn."""
    pairs = [(given[view.name], view.world_from_cam[:3, :3]) for view in scene.views]
    u, _, vt = np.linalg.svd(sum(a @ b.T for a, b in pairs))
    common = u @ np.diag([1, 1, np.linalg.det(u @ vt)]) @ vt
    turns = [np.trace(a.T @ common @ b) for a, b in pairs]
    return float(np.degrees(np.arccos(np.clip((np.array(turns) - 1) / 2, -1, 1))).max())


def test_photos_with_and_without_the_object_join(shared, tmp_path):
    data = shared / "data" / "spinnerf-1"
    train, test = list_images(data / "images")[::6], list_images(data / "test" / "images")[::6]
    photos(train, None, test, tmp_path / "photos", PhotosSettings(large=600))
    sfm(tmp_path / "photos", None, tmp_path / "sfm", SfmSettings(features=2000))
    scene = read_scene(tmp_path / "sfm" / "transforms.json", tmp_path / "photos")
    assert (len(scene.train), len(scene.split("test"))) == (10, 4)
    assert largest_turn(scene, given_rotations(data / "transforms.json")) < 0.5
    assert scene.train[0].camera.fx == pytest.approx(767.29 / 2, rel=0.02)


def test_given_poses_of_the_fox(shared, tmp_path):
    """The capture has no points and its lens is distorted: without k1 .. p2 the fit is worse."""
    data = shared / "data" / "fox"
    photos(list_images(data / "images")[:12], None, [], tmp_path / "photos", PhotosSettings(large=600))
    flat = read_json(data / "transforms.json") | {"k1": 0.0, "k2": 0.0, "p1": 0.0, "p2": 0.0}
    (tmp_path / "flat.json").write_text(json.dumps(flat))
    errors = {}
    for name, path in (("lens", data / "transforms.json"), ("flat", tmp_path / "flat.json")):
        sfm(tmp_path / "photos", path, tmp_path / name, SfmSettings(features=1500))
        errors[name] = read_json(tmp_path / name / "sfm.json")["mean_error"]
    scene = read_scene(tmp_path / "lens" / "transforms.json", tmp_path / "photos")
    assert len(scene.train) == 12
    assert scene.train[0].camera.k1 == pytest.approx(0.0578421)
    assert largest_turn(scene, given_rotations(data / "transforms.json")) < 0.1
    assert errors["lens"] < min(0.5, 0.98 * errors["flat"])
